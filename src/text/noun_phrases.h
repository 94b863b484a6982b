// The noun phrases of an English caption.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace attend {

/// Words begin to end - 1 of a caption.
struct WordSpan {
  size_t begin, end;
  bool operator==(const WordSpan&) const = default;
};

/// The base noun phrases (those without another in them, as in Ramshaw and Marcus 1995) of a caption's tokens (caption_tokens()), in
/// their order: articles, number words and what describes a noun, up to the noun. "a man in a red hat" has "a man" and "a red hat".
/// Pronouns are none, and neither is a preposition's noun ("in front of"). Without a dictionary of English: words are known by
/// closed classes (articles, prepositions, pronouns, conjunctions, auxiliaries, number words), some hundred verbs and adjectives that
/// captions are full of, and endings; all others are taken for nouns or what stands before one.
std::vector<WordSpan> noun_phrases(const std::vector<std::string>& tokens);

}  // namespace attend
