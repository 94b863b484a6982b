// Penn Treebank tokens of a line of English, as the evaluation of captions has always taken them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attend {

/// The lower-cased Penn Treebank tokens of one line, as Stanford's PTBTokenizer 3.4.1 makes them with
/// `-preserveLines -lowerCase` (coco-caption's tokenizer). Takes any bytes: what is not UTF-8 and what has no place in
/// text (pictograms, control characters) is left out. Time is linear in the length of the line.
std::vector<std::string> ptb_tokenize(std::string_view line);

/// Whether coco-caption drops this token from captions before it scores them: '' ' `` ` . ? ! , : - -- ... ;
/// It lists the brackets too, but as -LRB-, which a lower-cased token never is: -lrb- stays.
bool is_dropped_punctuation(std::string_view token);

/// ptb_tokenize() without the dropped punctuation: the words of a caption for the vocabulary and for every metric.
std::vector<std::string> caption_tokens(std::string_view line);

}  // namespace attend
