#include "viz/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/files.h"
#include "vision/picture_files.h"

namespace attend {
namespace {

using attend::testing::TemporaryFolder;

std::vector<cv::Mat> maps(int count, int rows, int cols) {
  std::vector<cv::Mat> list;
  for (int t = 0; t < count; ++t) {
    list.emplace_back(rows, cols, CV_32F);
    for (int i = 0; i < rows * cols; ++i)
      list.back().at<float>(i / cols, i % cols) = static_cast<float>(100 * t + i) / 8;
  }
  return list;
}

TEST(NpyTest, IsNumpysFormat) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "maps.npy";
  write_npy(path, maps(3, 2, 4));
  const std::string bytes = read_file(path);
  ASSERT_EQ(bytes.size(), 128u + 3 * 2 * 4 * 4);  // a header padded to a multiple of 64
  EXPECT_EQ(bytes.substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_EQ(bytes.substr(10, 60), "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2, 4),");
  EXPECT_EQ(bytes[127], '\n');
  float value;
  std::memcpy(&value, bytes.data() + 128 + 4 * (8 + 5), 4);
  EXPECT_EQ(value, 105.0f / 8);
}

TEST(NpyTest, PartsOfLargerMatricesAreWrittenRowByRow) {
  const TemporaryFolder folder;
  const auto whole = maps(1, 4, 6);
  write_npy(folder.path() / "part.npy", {whole[0](cv::Rect(1, 1, 3, 2))});
  const std::string bytes = read_file(folder.path() / "part.npy");
  float values[6];
  ASSERT_EQ(bytes.size(), 128u + sizeof values);
  std::memcpy(values, bytes.data() + 128, sizeof values);
  EXPECT_THAT(values, ::testing::ElementsAre(7 / 8.f, 8 / 8.f, 9 / 8.f, 13 / 8.f, 14 / 8.f, 15 / 8.f));
}

TEST(NpyTest, NumpyReadsIt) {
  if (std::system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") != 0) GTEST_SKIP() << "no NumPy here";
  const TemporaryFolder folder;
  write_npy(folder.path() / "maps.npy", maps(3, 2, 4));
  write_npy(folder.path() / "none.npy", {});
  const std::string script =
      "import numpy, sys; a = numpy.load(sys.argv[1] + '/maps.npy'); b = numpy.load(sys.argv[1] + '/none.npy'); "
      "assert a.dtype == numpy.float32 and a.shape == (3, 2, 4) and a[2, 1, 3] * 8 == 207 and b.shape == (0, 0, 0)";
  EXPECT_EQ(std::system(("/usr/bin/python3 -c \"" + script + "\" " + folder.path().string()).c_str()), 0);
}

TEST(NpyTest, AFolderThatIsNotThereIsAnError) {
  const TemporaryFolder folder;
  EXPECT_THROW(write_npy(folder.path() / "missing" / "maps.npy", maps(1, 1, 1)), Error);
}

}  // namespace
}  // namespace attend
