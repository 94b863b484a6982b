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

/// Groups of hashes (indices, rising) that are joined by a chain of such as differ in kMostBitsApart or fewer, of two at least, in the
/// order of their first ones. Doesn't compare all. Memory: 24 bytes a hash.
std::vector<std::vector<size_t>> alike_groups(std::span<const uint64_t> hashes);

/// All pairs (of `hashes`, of `others`) that differ in kMostBitsApart or fewer; rising.
std::vector<std::pair<size_t, size_t>> alike_pairs(std::span<const uint64_t> hashes, std::span<const uint64_t> others);

}  // namespace attend
