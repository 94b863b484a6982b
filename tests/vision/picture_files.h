// Picture files of every kind, made in memory for the tests.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

// clang-format off: jpeglib.h needs FILE
#include <jpeglib.h>
// clang-format on

namespace attend::testing {

using FileBytes = std::vector<unsigned char>;

/// A folder of its own for one test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = ::testing::TempDir() + "/attend-XXXXXX";
    path_ = ::mkdtemp(name.data());
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
  }
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  std::filesystem::path write(const std::string& name, const FileBytes& bytes) const {
    const auto path = path_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path;
  }

 private:
  std::filesystem::path path_;
};

/// While it lives, file permissions hold for the process, even if it is root's.
class WithoutPrivileges {
 public:
  WithoutPrivileges() { EXPECT_EQ(::getuid() == 0 ? ::seteuid(65534) : 0, 0); }
  ~WithoutPrivileges() { EXPECT_EQ(::getuid() == 0 ? ::seteuid(0) : 0, 0); }
  WithoutPrivileges(const WithoutPrivileges&) = delete;
};

/// Smooth colours (so that JPEG keeps them) that differ in every corner.
inline cv::Mat gradient(int width, int height) {
  cv::Mat picture(height, width, CV_8UC3);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      picture.at<cv::Vec3b>(y, x) = {static_cast<unsigned char>(255 * x / std::max(width - 1, 1)),
                                     static_cast<unsigned char>(255 * y / std::max(height - 1, 1)),
                                     static_cast<unsigned char>(128 + (x + y) % 3)};
  return picture;
}

inline FileBytes encoded(const std::string& extension, const cv::Mat& picture, const std::vector<int>& options = {}) {
  FileBytes bytes;
  EXPECT_TRUE(cv::imencode(extension, picture, bytes, options));
  return bytes;
}

/// EXIF with nothing but an orientation, in either byte order.
inline FileBytes exif(int orientation, bool big_endian = true, bool prefix = true) {
  FileBytes bytes = prefix ? FileBytes{'E', 'x', 'i', 'f', 0, 0} : FileBytes{};
  const auto value = static_cast<unsigned char>(orientation);
  const FileBytes big{'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, value, 0, 0, 0, 0, 0, 0};
  const FileBytes little{'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, value, 0, 0, 0, 0, 0, 0, 0};
  const auto& body = big_endian ? big : little;
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

struct JpegStyle {
  FileBytes exif;
  bool progressive = false;
  bool adobe_marker = true;  // for four channels
  J_COLOR_SPACE stored = JCS_YCbCr;
};

/// A JPEG of `picture`: BGR, grey, or four channels of CMYK as they are to be stored.
inline FileBytes jpeg(const cv::Mat& picture, const JpegStyle& style = {}) {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &data, &size);
  info.image_width = static_cast<JDIMENSION>(picture.cols);
  info.image_height = static_cast<JDIMENSION>(picture.rows);
  info.input_components = picture.channels();
  info.in_color_space = picture.channels() == 1 ? JCS_GRAYSCALE : picture.channels() == 3 ? JCS_EXT_BGR : JCS_CMYK;
  jpeg_set_defaults(&info);
  if (picture.channels() != 1) jpeg_set_colorspace(&info, style.stored);
  jpeg_set_quality(&info, 95, TRUE);
  if (picture.channels() == 4) info.write_Adobe_marker = style.adobe_marker;
  if (style.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  if (!style.exif.empty())
    jpeg_write_marker(&info, JPEG_APP0 + 1, style.exif.data(), static_cast<unsigned>(style.exif.size()));
  for (int y = 0; y < picture.rows; ++y) {
    auto* row = const_cast<unsigned char*>(picture.ptr(y));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  FileBytes bytes(data, data + size);
  jpeg_destroy_compress(&info);
  std::free(data);
  return bytes;
}

/// The stored pixels that `orientation` turns into `upright`: EXIF says which visual side row 0 and column 0 are.
inline cv::Mat stored_as(const cv::Mat& upright, int orientation) {
  cv::Mat stored;
  switch (orientation) {
    case 2:
      cv::flip(upright, stored, 1);
      return stored;
    case 3:
      cv::rotate(upright, stored, cv::ROTATE_180);
      return stored;
    case 4:
      cv::flip(upright, stored, 0);
      return stored;
    case 5:
      cv::transpose(upright, stored);
      return stored;
    case 6:
      cv::rotate(upright, stored, cv::ROTATE_90_COUNTERCLOCKWISE);
      return stored;
    case 7:
      cv::transpose(upright, stored);
      cv::rotate(stored, stored, cv::ROTATE_180);
      return stored;
    case 8:
      cv::rotate(upright, stored, cv::ROTATE_90_CLOCKWISE);
      return stored;
    default:
      return upright.clone();
  }
}

}  // namespace attend::testing
