#include "viz/animation.h"

#include <gif_lib.h>
#include <gtest/gtest.h>
#include <webp/demux.h>

#include "base/error.h"
#include "base/files.h"
#include "vision/picture.h"
#include "vision/picture_files.h"

namespace attend {
namespace {

using attend::testing::TemporaryFolder;

std::vector<WordMap> words() {
  std::vector<WordMap> made;
  for (int t = 0; t < 3; ++t) {
    made.push_back({std::string(1, static_cast<char>('a' + t)), cv::Mat(3, 3, CV_32F, cv::Scalar(0))});
    made.back().attention.at<float>(1, t) = 1;
  }
  return made;
}

std::vector<Frame> frames(const AnimationOptions& options) {
  const cv::Mat picture(90, 120, CV_8UC3, cv::Scalar::all(120));
  return animate(picture, Geometry({120, 90}, 64, Resize::squash), words(), {}, options);
}

TEST(AnimationTest, MovesFromWordToWord) {
  AnimationOptions options;
  options.size = 240, options.fade_time = 160;
  const auto made = frames(options);
  ASSERT_EQ(made.size(), 1 + 3 + 2 * 2 + 1u);  // the picture, three words, two steps between them, the picture
  for (const auto& frame : made) EXPECT_EQ(frame.picture.size(), made[0].picture.size());
  EXPECT_EQ(made[0].picture.cols, 240);
  EXPECT_EQ(made[1].milliseconds, options.word_time);
  const auto brightest = [&](size_t i) {
    double most = 0;
    int column = 0;
    for (int c = 0; c < 3; ++c) {
      const double mean = cv::mean(made[i].picture(cv::Rect(80 * c + 20, 80, 40, 20)))[0];
      if (mean > most) most = mean, column = c;
    }
    return column;
  };
  EXPECT_EQ(brightest(1), 0);
  EXPECT_EQ(brightest(4), 1);
  EXPECT_EQ(brightest(7), 2);
}

TEST(AnimationTest, BothFormatsHoldAllFramesAndRepeat) {
  const TemporaryFolder folder;
  AnimationOptions options;
  options.size = 96, options.fade_time = 0;
  const auto made = frames(options);
  write_animation(folder.path() / "a.webp", made);
  const std::string webp = read_file(folder.path() / "a.webp");
  const WebPData data{reinterpret_cast<const uint8_t*>(webp.data()), webp.size()};
  WebPDemuxer* demuxer = WebPDemux(&data);
  ASSERT_TRUE(demuxer);
  EXPECT_EQ(WebPDemuxGetI(demuxer, WEBP_FF_FRAME_COUNT), made.size());
  EXPECT_EQ(WebPDemuxGetI(demuxer, WEBP_FF_LOOP_COUNT), 0u);  // for ever
  WebPIterator at;
  ASSERT_TRUE(WebPDemuxGetFrame(demuxer, 2, &at));
  EXPECT_EQ(at.duration, options.word_time);
  WebPDemuxReleaseIterator(&at);
  WebPDemuxDelete(demuxer);

  write_animation(folder.path() / "a.gif", made);
  int error = 0;
  GifFileType* gif = DGifOpenFileName((folder.path() / "a.gif").c_str(), &error);
  ASSERT_TRUE(gif);
  ASSERT_EQ(DGifSlurp(gif), GIF_OK);
  EXPECT_EQ(gif->ImageCount, static_cast<int>(made.size()));
  GraphicsControlBlock control;
  ASSERT_EQ(DGifSavedExtensionToGCB(gif, 1, &control), GIF_OK);
  EXPECT_EQ(control.DelayTime, options.word_time / 10);
  DGifCloseFile(gif, &error);
  for (const char* name : {"a.webp", "a.gif"}) {
    const cv::Mat first = read_picture(folder.path() / name).pixels;
    EXPECT_LE(cv::norm(first, made[0].picture, cv::NORM_L1) / static_cast<double>(3 * first.total()), 3) << name;
  }
}

TEST(AnimationTest, OddPicturesAndNamesAreHandled) {
  const TemporaryFolder folder;
  for (const cv::Size size : {cv::Size(1, 1), cv::Size(1, 3000), cv::Size(3000, 1)}) {
    const auto made = animate(cv::Mat(size, CV_8UC3, cv::Scalar::all(9)), Geometry(size, 64, Resize::squash),
                              {{"electroencephalographically", cv::Mat(3, 3, CV_32F, cv::Scalar(1))}}, {}, {});
    EXPECT_NO_THROW(write_animation(folder.path() / "odd.webp", made));
  }
  EXPECT_THROW(write_animation(folder.path() / "a.mp4", frames({})), UsageError);
  EXPECT_THROW(write_animation(folder.path() / "no" / "a.webp", frames({})), Error);
}

}  // namespace
}  // namespace attend
