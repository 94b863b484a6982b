// Everything that is wrong with a data set, found before training does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "data/dataset.h"

namespace attend {

struct CheckOptions {
  std::filesystem::path images;  // that names start from; empty: beside the captions
  bool pictures = true;          // each is decoded
  int min_word_count = 5;        // a word that stands less often is unknown to a model
  int threads = 1;
};

/// What a data set holds, and what is wrong with it.
struct DatasetReport {
  std::string form;
  std::filesystem::path images;                   // empty: nobody looked for the pictures
  int64_t pictures = 0, captions = 0;             // that can be used
  std::map<std::string, int64_t> splits;          // pictures of each; "" where none is named
  int64_t least_captions = 0, most_captions = 0;  // of a picture
  int64_t words = 0, different_words = 0;         // of all captions
  int64_t words_once = 0, vocabulary = 0;         // words that stand once; those that stand often enough
  double unknown_share = 0;                       // of all words, with that vocabulary
  Findings problems;                              // a kind → its entries

  bool sound() const { return problems.empty(); }
};

/// Reads all of it, decodes the pictures on some threads, and compares them by their bytes. Throws InputError where
/// nothing can be read at all, and Interrupted.
DatasetReport check_dataset(const std::filesystem::path& data, const CheckOptions& options);

}  // namespace attend
