#include "viz/npy.h"

#include <bit>
#include <string>

#include "base/files.h"

namespace attend {

static_assert(std::endian::native == std::endian::little, "the array is written as it lies in memory");

void write_npy(const std::filesystem::path& path, const std::vector<cv::Mat>& maps) {
  const int rows = maps.empty() ? 0 : maps[0].rows, cols = maps.empty() ? 0 : maps[0].cols;
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(maps.size()) + ", " +
                       std::to_string(rows) + ", " + std::to_string(cols) + "), }";
  constexpr size_t before = 10;  // magic string, version and the header's length
  header.append(63 - (before + header.size()) % 64, ' ');
  header += '\n';
  std::string start("\x93NUMPY\x01\x00", 8);
  start += static_cast<char>(header.size() & 0xff);
  start += static_cast<char>(header.size() >> 8);

  AtomicFile file(path);
  file.write(start + header);
  for (const auto& map : maps) {
    CV_Assert(map.type() == CV_32F && map.rows == rows && map.cols == cols);
    for (int row = 0; row < rows; ++row) file.write(map.ptr(row), static_cast<size_t>(cols) * sizeof(float));
  }
  file.commit();
}

}  // namespace attend
