// What METEOR knows of English: function words, synonyms and paraphrases, in one compact file that is mapped, not read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace attend {

/// The tables of METEOR 1.5 for English. Words and phrases are numbers; a phrase is a node of a tree whose edges are
/// words. Safe to use from several threads at once.
class MeteorTables {
 public:
  /// Maps a file that write_meteor_tables() made. Throws InputError where it is none or is cut short.
  explicit MeteorTables(const std::filesystem::path& file);

  /// The number of a word; nothing for words that no table holds.
  std::optional<uint32_t> word(std::string_view text) const;

  bool is_function_word(uint32_t word) const;
  /// Numbers of the WordNet synonym sets of a word and of its base form, rising. Works for unknown words too
  /// ("kayakers").
  std::vector<uint32_t> synonym_sets(std::string_view text) const;

  static constexpr uint32_t kNoPhrase = 0;  // also where every phrase begins
  /// The phrase that a phrase becomes with a word behind it; kNoPhrase where no entry begins like that.
  uint32_t longer(uint32_t phrase, uint32_t word) const;
  /// How often the table holds one of two phrases as a paraphrase of the other: 2 for both ways round.
  int times_paraphrased(uint32_t a, uint32_t b) const { return lists(a, b) + lists(b, a); }

 private:
  std::string_view text(uint32_t word) const;
  bool lists(uint32_t phrase, uint32_t paraphrase) const;
  void add_own_sets(uint32_t word, std::vector<uint32_t>& sets) const;

  MappedFile file_;
  std::span<const uint32_t> function_words_, text_begin_, set_begin_, sets_, base_begin_, bases_;
  std::span<const uint32_t> node_word_, node_child_, paraphrase_begin_, paraphrases_;
  std::span<const char> text_;
};

/// METEOR's tables: those named, or those that tools/fetch-meteor has left in data_folder("meteor"), or else null.
/// Throws InputError where those named can't be read.
std::shared_ptr<const MeteorTables> find_meteor_tables(std::filesystem::path file);

/// Makes such a file of METEOR's own data, unpacked in `folder`: english.words (function words), english.synsets and
/// english.exceptions (from WordNet 3.0), paraphrase-en (the paraphrase table as text). Throws InputError that names
/// the file and the line.
void write_meteor_tables(const std::filesystem::path& folder, const std::filesystem::path& file);

}  // namespace attend
