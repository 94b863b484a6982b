// Every figure of a set of captions, of the set and of each picture, in a form that can be computed on resamples.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "metrics/bootstrap.h"
#include "metrics/caption_pair.h"
#include "metrics/meteor_tables.h"

namespace attend {

struct Measure {
  std::string key;               // "bleu_1"
  std::string title;             // "BLEU-1"
  double corpus = 0;             // over all pictures; NaN, as those of the pictures, where it isn't defined
  std::vector<double> pictures;  // in the order of the pairs
  FigureOf of;                   // the corpus figure of some of the pictures; keeps what it needs
};

struct MeasureOptions {
  std::shared_ptr<const MeteorTables> meteor;           // without them METEOR goes by another key and another title
  std::span<const std::vector<Tokens>> documents = {};  // captions that CIDEr counts document frequencies in; none:
                                                        // the references
  int threads = 1;
};

/// BLEU-1 to BLEU-4, METEOR, ROUGE-L, CIDEr and CIDEr-D; the latter two are defined where Cider::tells_apart() is so. Throws InputError where a pair has no reference.
std::vector<Measure> measure(std::span<const CaptionPair> pairs, const MeasureOptions& options);

}  // namespace attend
