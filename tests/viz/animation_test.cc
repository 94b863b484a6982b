#include "viz/animation.h"

#include <gif_lib.h>
#include <gtest/gtest.h>
#include <webp/demux.h>

#include <opencv2/imgproc.hpp>
#include <set>

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

/// The frames of a WebP animation as they are shown: u8 BGR.
std::vector<cv::Mat> shown_webp(const std::string& bytes) {
  const WebPData data{reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  WebPAnimDecoderOptions options;
  WebPAnimDecoderOptionsInit(&options);
  WebPAnimDecoder* decoder = WebPAnimDecoderNew(&data, &options);
  WebPAnimInfo info;
  WebPAnimDecoderGetInfo(decoder, &info);
  std::vector<cv::Mat> shown;
  uint8_t* pixels = nullptr;
  for (int time; WebPAnimDecoderHasMoreFrames(decoder) && WebPAnimDecoderGetNext(decoder, &pixels, &time);) {
    cv::Mat frame;
    cv::cvtColor(cv::Mat(static_cast<int>(info.canvas_height), static_cast<int>(info.canvas_width), CV_8UC4, pixels),
                 frame, cv::COLOR_RGBA2BGR);
    shown.push_back(frame);
  }
  WebPAnimDecoderDelete(decoder);
  return shown;
}

/// The same of a GIF whose frames are whole, and the number of different palettes it has.
std::pair<std::vector<cv::Mat>, size_t> shown_gif(const std::filesystem::path& path) {
  int error = 0;
  GifFileType* gif = DGifOpenFileName(path.c_str(), &error);
  EXPECT_EQ(DGifSlurp(gif), GIF_OK);
  std::vector<cv::Mat> shown;
  std::set<std::string> palettes;
  for (int i = 0; i < gif->ImageCount; ++i) {
    const SavedImage& image = gif->SavedImages[i];
    const auto& [left, top, width, height, interlaced, map] = image.ImageDesc;
    EXPECT_TRUE(map) << "no palette of its own";
    cv::Mat frame(height, width, CV_8UC3);
    for (int p = 0; p < width * height; ++p) {
      const GifColorType& colour = map->Colors[image.RasterBits[p]];
      frame.at<cv::Vec3b>(p / width, p % width) = {colour.Blue, colour.Green, colour.Red};
    }
    palettes.insert({reinterpret_cast<const char*>(map->Colors), 3 * static_cast<size_t>(map->ColorCount)});
    shown.push_back(frame);
  }
  DGifCloseFile(gif, &error);
  return {shown, palettes.size()};
}

/// The largest difference in brightness, and in a channel, of the means over blocks of 16x16 pixels: a ghost is one.
std::pair<double, double> worst_bias(const cv::Mat& a, const cv::Mat& b) {
  double bright = 0, channel = 0;
  for (int y = 0; y + 16 <= a.rows; y += 16)
    for (int x = 0; x + 16 <= a.cols; x += 16) {
      const cv::Rect block(x, y, 16, 16);
      const cv::Scalar difference = cv::mean(a(block)) - cv::mean(b(block));
      bright = std::max(bright, std::abs(difference[0] + difference[1] + difference[2]) / 3);
      for (int c = 0; c < 3; ++c) channel = std::max(channel, std::abs(difference[c]));
    }
  return {bright, channel};
}

TEST(AnimationTest, NoFrameHasGhostsOfAnother) {  // photographs, over which the light moves
  const TemporaryFolder folder;
  for (const char* name : {"cliff.jpg", "chelsea.jpg", "rocket.jpg"}) {
    const Picture picture = read_picture(std::filesystem::path(ATTEND_SOURCE_DIR) / "data/samples" / name);
    const Geometry geometry(picture.full, 64, Resize::squash);
    const auto made = animate(picture.pixels, geometry, words(), {}, {});
    write_animation(folder.path() / "a.webp", made);
    write_animation(folder.path() / "a.gif", made);
    const auto webp = shown_webp(read_file(folder.path() / "a.webp"));
    const auto [gif, palettes] = shown_gif(folder.path() / "a.gif");
    ASSERT_EQ(webp.size(), made.size());
    ASSERT_EQ(gif.size(), made.size());
    EXPECT_GE(palettes, made.size() - 1);  // the first picture and the last are one
    for (size_t i = 0; i < made.size(); ++i) {
      for (const auto& [kind, shown] : {std::pair("webp", webp[i]), std::pair("gif", gif[i])}) {
        const auto [bright, channel] = worst_bias(shown, made[i].picture);
        EXPECT_LE(bright, 2) << kind << name << " " << i;
        EXPECT_LE(channel, 3) << kind << name << " " << i;
      }
      EXPECT_LE(cv::norm(gif[i], made[i].picture, cv::NORM_L1) / static_cast<double>(3 * gif[i].total()), 4) << name;
    }
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
