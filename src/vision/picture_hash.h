// Pictures that look the same: what scaling, another compression and small changes of colour leave as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <opencv2/core.hpp>
#include <span>
#include <utility>
#include <vector>

namespace attend {

/// Which of the 64 lowest frequencies (discrete cosine transform of 32 x 32 grey pixels, those without a change across or down left
/// out) are above their median: Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, section 3.2.1.
/// picture: u8 RGB.
uint64_t perceptual_hash(const cv::Mat& picture);

/// Bits by which the hashes of pictures that look the same differ, at most.
constexpr int kMostBitsApart = 6;

/// Finds hashes near others, without comparing all.
class HashIndex {
 public:
  /// The hashes must outlive it. Memory: 60 bytes a hash.
  explicit HashIndex(std::span<const uint64_t> hashes);

  /// Those (indices, rising) that differ from `hash` in kMostBitsApart or fewer.
  std::vector<size_t> near(uint64_t hash) const;
  /// Groups (indices, rising) that are joined by a chain of such, of two at least, in the order of their first ones.
  std::vector<std::vector<size_t>> groups() const;

 private:
  std::span<const uint64_t> hashes_;
  // Of hashes that differ in d bits at least one of d + 1 bands is the same: of each band, its value and the hash, sorted.
  std::vector<std::vector<std::pair<uint16_t, uint32_t>>> bands_;
};

}  // namespace attend
