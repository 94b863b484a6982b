#include "vision/mark.h"

#include <gtest/gtest.h>

#include "vision/kind.h"
#include "vision/picture.h"
#include "vision/picture_files.h"

namespace attend {
namespace {

using namespace attend::testing;

std::string text_of(const FileBytes& bytes) { return {bytes.begin(), bytes.end()}; }
FileBytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

TEST(Mark, LeavesPixelsAsTheyAreAndIsFound) {
  const TemporaryFolder folder;
  const cv::Mat large = gradient(400, 300);
  for (const auto& [extension, options] :
       std::vector<std::pair<std::string, std::vector<int>>>{{".jpg", {}},
                                                             {".png", {}},
                                                             {".webp", {cv::IMWRITE_WEBP_QUALITY, 90}},
                                                             {".webp", {cv::IMWRITE_WEBP_QUALITY, 101}}}) {
    const FileBytes plain = encoded(extension, large, options), page = bytes_of(marked(text_of(plain)));
    EXPECT_EQ(cv::norm(decode_picture(plain, "").pixels, decode_picture(page, "").pixels, cv::NORM_INF), 0)
        << extension;
    const auto found = [&](const FileBytes& bytes) {
      const auto path = folder.write("x", bytes);
      return is_marked(path, text_of(bytes).substr(0, kKindBytes));
    };
    EXPECT_TRUE(found(page)) << extension;
    EXPECT_FALSE(found(plain)) << extension;
  }
}

TEST(Mark, StandsBehindWhatReadersExpectFirst) {
  JpegStyle style;
  style.exif = exif(6);
  const auto page = bytes_of(marked(text_of(jpeg(gradient(20, 10), style))));
  EXPECT_EQ(decode_picture(page, "").full, cv::Size(10, 20));
}

TEST(Mark, OtherFilesComeBackAsTheyAre) {
  const std::string begun[] = {"a dog runs",
                               "\xff\xd8\xfe\xe0 no JPEG",
                               "\xff\xd8\xff\xe0\xff\xff",
                               "\x89PNG\r\n\x1a\n",
                               "\x89PNG, no PNG",
                               "GIF89a",
                               "GIF89a\1\1\1\1\xff",
                               "RIFF"};
  for (const std::string& bytes : begun) EXPECT_EQ(marked(bytes), bytes);
}

}  // namespace
}  // namespace attend
