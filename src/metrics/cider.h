// CIDEr and CIDEr-D (Vedantam, Zitnick and Parikh, "CIDEr: consensus-based image description evaluation", 2015, section
// 4): what coco-caption calls "CIDEr".
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "metrics/caption_pair.h"
#include "metrics/ngrams.h"

namespace attend {

/// The references of a set of pictures with their document frequencies, ready to score any number of candidates.
class Cider {
 public:
  /// references[i]: the captions of picture i, at least one (else InputError). A document is a picture.
  explicit Cider(std::span<const std::vector<Tokens>> references) : Cider(references, references) {}
  /// The same with the document frequencies of other captions; each element of `documents` is a document.
  Cider(std::span<const std::vector<Tokens>> references, std::span<const std::vector<Tokens>> documents);

  /// Whether an n-gram of the references has a weight: not where all documents hold the same ones, as one document does.
  /// Every score is then 0, whatever the candidate.
  bool tells_apart() const { return tells_apart_; }

  /// CIDEr of a caption of picture `picture`, times ten as is the custom: mean cosine of the tf-idf vectors, without
  /// CIDEr-D's clipping and length penalty. Safe to call from several threads at once.
  double plain_score(size_t picture, const Tokens& candidate) const;

  /// CIDEr-D of a caption of picture `picture`, times ten as is the custom. Safe to call from several threads at once.
  double score(size_t picture, const Tokens& candidate) const;

 private:
  /// tf-idf weights of one caption's n-grams of one order that some reference or document holds, by rising n-gram
  /// number.
  struct Vector {
    std::vector<std::pair<uint32_t, double>> weights;
    double norm = 0;  // over all n-grams, the others too
  };
  struct Caption {
    std::array<Vector, kMaxNgram> vectors;
    double length = 0;  // coco-caption measures length in bigrams
  };

  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  Caption weigh(const Tokens& tokens) const;
  template <class Product, class Penalty>
  double compare(size_t picture, const Tokens& tokens, Product product, Penalty penalty) const;

  uint32_t number(int n, std::string_view ngram);

  double log_documents_;
  std::array<std::unordered_map<std::string, uint32_t, Hash, std::equal_to<>>, kMaxNgram>
      numbers_;                                     // n-gram → its number
  std::array<std::vector<double>, kMaxNgram> idf_;  // by number
  std::vector<std::vector<Caption>> references_;    // by picture
  bool tells_apart_ = false;
};

/// CIDEr-D with the document frequencies of the pairs' own references: what coco-caption prints.
Scores cider_d(std::span<const CaptionPair> pairs);

}  // namespace attend
