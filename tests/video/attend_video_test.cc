// `attend caption --frame-every`, with videos that OpenCV writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <opencv2/videoio.hpp>

#include "app/captioning.h"
#include "base/json.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kRate = 10;  // frames a second

class Video : public Captioning {
 protected:
  /// Frame i is of one grey, 2 · i.
  std::string video(const std::string& name, int frames, cv::Size size = {64, 48}) {
    fs::create_directories(fs::path(at(name)).parent_path());
    cv::VideoWriter writer(at(name), cv::CAP_OPENCV_MJPEG, cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), kRate, size);
    EXPECT_TRUE(writer.isOpened());
    for (int i = 0; i < frames; ++i) writer.write(cv::Mat(size, CV_8UC3, cv::Scalar::all(2 * i)));
    return at(name);
  }
};

/// Reads what the helper writes: each frame is the one that is due at its time.
TEST_F(Video, FramesAreThoseOfTheirTimes) {
  const auto path = video("clip.avi", 47);
  for (const double every : {0.5, 2.0, 0.25, 100.0}) {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%g", every);
    const auto run = run_command({(fs::path(ATTEND_PROGRAM).parent_path() / "attend-video").string(), path, seconds});
    EXPECT_EQ(run.status, 0);
    size_t place = 0, count = 0;
    double due = 0;
    for (double time; std::sscanf(run.out.c_str() + place, "frame %lf 64 48\n", &time) == 1; ++count) {
      EXPECT_NEAR(time, std::ceil(due * kRate - 1e-6) / kRate, 1e-3) << every;
      place = run.out.find('\n', place) + 1;
      EXPECT_NEAR(static_cast<unsigned char>(run.out[place + 3 * (64 * 24 + 32)]), 2 * std::lround(time * kRate), 2);
      place += 3 * 64 * 48;
      due += every;
    }
    EXPECT_EQ(count, static_cast<size_t>(std::ceil(4.7 / every - 1e-6))) << every;
    EXPECT_EQ(run.out.substr(place), "end 47 47\n");
  }
}

/// A file that FFmpeg wrote (tools/golden/community.py), with frames at 0, 0.1, 0.2, 1.5, 1.6, 3.0, 3.1 and 5.0 s, each 20 brighter
/// than the one before.
TEST_F(Video, FramesAtUnevenTimesAreThoseOfTheirTimes) {
  const auto run = run_command({(fs::path(ATTEND_PROGRAM).parent_path() / "attend-video").string(),
                                ATTEND_SOURCE_DIR "/tests/video/data/uneven.mp4", "1"});
  if (run.out.starts_with("fault")) GTEST_SKIP() << "OpenCV is built without FFmpeg";
  std::vector<double> times;
  std::vector<int> greys;
  size_t place = 0;
  for (double time; std::sscanf(run.out.c_str() + place, "frame %lf 160 96\n", &time) == 1; place += 3 * 160 * 96) {
    place = run.out.find('\n', place) + 1;
    times.push_back(time);
    greys.push_back(static_cast<unsigned char>(run.out[place + 3 * (160 * 48 + 80)]));
  }
  EXPECT_EQ(run.out.substr(place), "end 8 8\n");
  ASSERT_GE(times.size(), 3u);
  const double due[] = {0, 1.5, 3.0};
  const int grey[] = {0, 60, 100};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(times[i], due[i], 1e-3);
    EXPECT_NEAR(greys[i], grey[i], 6);
  }
}

TEST_F(Video, FramesAreCaptionedInTheirPlace) {
  folder_.write("p/a.png", encoded(".png", gradient(40, 30)));
  folder_.write("p/z.png", encoded(".png", gradient(50, 30)));
  video("p/clip.avi", 45);
  const auto run = caption({"p", "--frame-every", "2", "--format", "jsonl", "--overlay", "seen", "--sidecar-dir",
                            "texts", "--html", "page.html"});
  EXPECT_EQ(run.status, 0) << run.err;
  std::vector<std::string> files;
  std::vector<Json> times;
  for (const auto& line : run.out_lines()) {
    const Json record = Json::parse(line);
    files.push_back(record["file"]);
    times.push_back(record.value("time", Json()));
  }
  EXPECT_THAT(files, ElementsAre("p/a.png", "p/clip.avi#t=0.0", "p/clip.avi#t=2.0", "p/clip.avi#t=4.0", "p/z.png"));
  EXPECT_THAT(times, ElementsAre(Json(), Json(0.0), Json(2.0), Json(4.0), Json()));
  for (const auto* name : {"a", "clip.avi#t=0.0", "clip.avi#t=2.0", "clip.avi#t=4.0", "z"}) {
    EXPECT_TRUE(fs::exists(at("seen/" + std::string(name) + ".jpg"))) << name;
    EXPECT_TRUE(fs::exists(at("texts/" + std::string(name) + ".txt"))) << name;
  }
  const std::string page = read_file(at("page.html"));
  for (const auto& file : files) EXPECT_THAT(page, HasSubstr(file));
  const auto again = caption({"p", "--frame-every", "2", "--sidecar-dir", "texts"});
  EXPECT_THAT(again.out, IsEmpty());
  EXPECT_THAT(names(caption({"p/clip.avi", "--frame-every", "0.1"})), SizeIs(45));
}

TEST_F(Video, AFrameIsCaptionedAsAPictureOfItWouldBe) {
  video("clip.avi", 3);
  cv::VideoCapture reader(at("clip.avi"));
  cv::Mat frame;
  ASSERT_TRUE(reader.read(frame));
  folder_.write("frame.png", encoded(".png", frame));
  const auto of_file = caption({"frame.png", "--format", "jsonl"}),
             of_video = caption({"clip.avi", "--frame-every", "9", "--format", "jsonl"});
  Json picture = Json::parse(of_file.out), still = Json::parse(of_video.out);
  for (auto* record : {&picture, &still}) record->erase("file"), record->erase("time");
  EXPECT_EQ(picture, still);
}

TEST_F(Video, WithoutTheFlagTheyAreNamed) {
  video("p/clip.avi", 2);
  folder_.write("p/a.png", encoded(".png", gradient(40, 30)));
  const auto run = caption({"p"});
  EXPECT_EQ(run.status, 0);
  EXPECT_THAT(run.err_lines(),
              ElementsAre("attend: warning: 1 video passed over: attend caption --frame-every SECONDS captions its "
                          "frames (p/clip.avi)"));
  const auto named = caption({"p/clip.avi"});
  EXPECT_EQ(named.status, 1);
  EXPECT_THAT(named.err, HasSubstr("attend: p/clip.avi: a video (AVI); attend caption --frame-every SECONDS captions "
                                   "its frames\n"));
}

TEST_F(Video, DamagedOnesAreSaidAndTheRestIsCaptioned) {
  const std::string whole = read_file(video("clip.avi", 40));
  folder_.write("cut.avi", {whole.begin(), whole.begin() + static_cast<long>(whole.size() / 2)});
  folder_.write("head.avi", {whole.begin(), whole.begin() + 60});
  folder_.write("a.png", encoded(".png", gradient(40, 30)));
  const auto run = caption({"head.avi", "cut.avi", "a.png", "--frame-every", "1"});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, HasSubstr("attend: head.avi: "));
  EXPECT_THAT(run.err, HasSubstr("attend: cut.avi: "));
  EXPECT_EQ(names(run).back(), "a.png");
  const auto answered = caption({"head.avi", "a.png", "--frame-every", "1", "--answer-all", "--format", "jsonl"});
  ASSERT_THAT(answered.out_lines(), SizeIs(2));
  EXPECT_TRUE(Json::parse(answered.out_lines()[0]).contains("error"));
  EXPECT_EQ(caption({"cut.avi", "--frame-every", "1", "--ignore-bad"}).status, 0);
}

TEST_F(Video, WhatHasNoPlaceIsRefused) {
  video("clip.avi", 2);
  for (const std::vector<std::string>& flags : std::vector<std::vector<std::string>>{
           {"--sidecar"}, {"--xmp"}, {"--only-new", "index"}, {"--frame-every", "0.001"}}) {
    std::vector<std::string> arguments{"clip.avi", "--frame-every", "1"};
    if (flags[0] == "--frame-every") arguments.resize(1);
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const auto run = caption(arguments);
    EXPECT_EQ(run.status, 2) << flags[0];
    EXPECT_THAT(run.err, HasSubstr("--frame-every")) << flags[0];
    EXPECT_THAT(run.out, IsEmpty());
  }
}

}  // namespace
}  // namespace attend::testing
