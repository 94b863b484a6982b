// Maps of attention that say nothing.
#pragma once

#include <cstddef>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

namespace attend {

/// A word's attention counts as even from this share of the largest entropy, log L, up. A map that gives half of the
/// cells everything and the others nothing has .84 on 9x9 cells; one of a few cells has .3.
constexpr double kEvenEntropy = 0.98;

/// Words count as looking alike when their maps differ from their mean by no more than this total variation distance
/// (half the sum of absolute differences: the share of attention that would have to move) on average.
constexpr double kAlikeDistance = 0.05;

/// Why the maps of a caption shouldn't be read as where it looked.
struct MapFaults {
  bool even = false;   // at least half of the words look everywhere alike (kEvenEntropy)
  bool alike = false;  // all words, two or more, look at the same places (kAlikeDistance)
  bool any() const { return even || alike; }
};

/// maps: one a word, f32, all of one size, not negative; need not sum to one. A map of zeros is even.
MapFaults check_maps(const std::vector<cv::Mat>& maps);

/// Counts captions whose maps say nothing.
class MapFaultCount {
 public:
  void add(const MapFaults& faults);
  /// What is to be said of them in the end, one line per fault.
  std::vector<std::string> remarks() const;

 private:
  size_t captions_ = 0, even_ = 0, alike_ = 0;
};

}  // namespace attend
