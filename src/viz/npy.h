// NumPy's file of one array.
#pragma once

#include <filesystem>
#include <opencv2/core.hpp>
#include <vector>

namespace attend {

/// Writes T maps (f32, all rows x cols) as one little-endian float32 array [T, rows, cols] in NumPy's format 1.0
/// (numpy.lib.format), atomically. No maps make an array [0, 0, 0]. Throws Error when it can't be written.
void write_npy(const std::filesystem::path& path, const std::vector<cv::Mat>& maps);

}  // namespace attend
