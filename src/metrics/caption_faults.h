// Faults of captions that metrics of n-grams hardly see, and that training on such metrics brings about.
#pragma once

#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "metrics/caption_pair.h"

namespace attend {

/// Captions with a fault / captions; zero of none.
struct FaultShares {
  double bad_endings = 0;  // cut off: "a man in a"
  double repetitions = 0;  // a word or two said again at once: "a dog dog", "in the in the"
};

class CaptionFaults {
 public:
  /// `references`: of each picture, captions written by people. A word can end a caption if at least one in 200 of its
  /// uses there does; people too leave a caption unfinished now and then.
  explicit CaptionFaults(std::span<const std::vector<Tokens>> references);

  /// Whether the last word can't end a caption; true of an empty one.
  bool ends_badly(const Tokens& caption) const;
  /// Whether a word or a pair of words follows itself.
  static bool repeats(const Tokens& caption);

  FaultShares shares(std::span<const Tokens> captions) const;

 private:
  std::unordered_set<std::string> endings_;
};

}  // namespace attend
