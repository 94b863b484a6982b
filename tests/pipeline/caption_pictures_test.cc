#include "pipeline/caption_pictures.h"

#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "base/files.h"
#include "data/temporary_folder.h"
#include "pipeline/open_models.h"

namespace attend {
namespace {

/// A small captioner with random weights.
Captioner random_captioner() {
  torch::manual_seed(4);
  ModelOptions options;
  options.encoder.family = "efficientnet-lite0";
  options.encoder.stages = 3;
  options.encoder.input_size = 48;
  options.attention.size = 6;
  options.decoder.hidden_size = 12;
  options.decoder.embedding_size = 10;
  options.decoder.annotation_size = 8;
  return Captioner(options, Vocabulary({"<pad>", "<start>", "<end>", "<unk>", "a", "red", "dog", "on", "grass"}));
}

Ensemble one_model() {
  std::vector<Captioner> captioners;
  captioners.push_back(random_captioner());
  return make_ensemble(std::move(captioners), {"random"}, {}, torch::kCPU);
}

/// u8 RGB, another for each seed.
cv::Mat pixels_of(int seed) {
  cv::Mat pixels(40, 60, CV_8UC3);
  cv::RNG(static_cast<uint64_t>(seed) + 1).fill(pixels, cv::RNG::UNIFORM, 0, 256);
  return pixels;
}

PictureSource rgb(const cv::Mat& pixels) {
  return RgbPicture{pixels.data, pixels.cols, pixels.rows, pixels.step, "pixels"};
}

std::vector<SeenPicture> caption(Ensemble& ensemble, const std::vector<PictureSource>& sources, const CaptionWork& work,
                                 const Host& host = {}) {
  std::vector<SeenPicture> all;
  caption_pictures(ensemble, sources, work, host, [&](std::vector<SeenPicture>& batch) {
    for (auto& picture : batch) all.push_back(std::move(picture));
  });
  return all;
}

TEST(CaptionPictures, HandsOnEveryPictureInOrderWhereverItComesFrom) {
  Ensemble ensemble = one_model();
  const cv::Mat pixels = pixels_of(1);
  cv::Mat bgr;
  cv::cvtColor(pixels, bgr, cv::COLOR_RGB2BGR);
  std::vector<unsigned char> png;
  cv::imencode(".png", bgr, png);
  TemporaryFolder folder;
  const auto file = folder.write("x.png", std::string(png.begin(), png.end()));
  const auto seen =
      caption(ensemble, {file, EncodedPicture{png, "bytes"}, EncodedPicture{{}, "nothing"}, rgb(pixels)}, {{}, 2});
  ASSERT_EQ(seen.size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(seen[i].index, i);
  EXPECT_EQ(seen[0].name, file.native());
  EXPECT_EQ(seen[2].refusal, "nothing: an empty file");
  EXPECT_TRUE(seen[2].captions.empty());
  for (const size_t i : {1, 3}) {
    EXPECT_EQ(seen[i].size, cv::Size(60, 40));
    EXPECT_EQ(seen[i].best().words, seen[0].best().words);
    EXPECT_EQ(seen[i].best().attention.weights, seen[0].best().attention.weights);
  }
  const auto& best = seen[0].best();
  EXPECT_EQ(best.attention.size(), best.words.size());
  EXPECT_EQ(best.locations.size(), best.words.size());
  EXPECT_FALSE(best.explained());
}

TEST(CaptionPictures, SaysTheSameWhateverTheBatches) {
  Ensemble ensemble = one_model();
  std::vector<cv::Mat> pixels;
  std::vector<PictureSource> sources;
  for (int i = 0; i < 9; ++i) sources.push_back(rgb(pixels.emplace_back(pixels_of(i))));
  const auto whole = caption(ensemble, sources, {{}, 1, 9}), parts = caption(ensemble, sources, {{}, 2, 2});
  ASSERT_EQ(parts.size(), whole.size());
  for (size_t i = 0; i < whole.size(); ++i) EXPECT_EQ(parts[i].best().text, whole[i].best().text);
}

TEST(CaptionPictures, ExplainsWhereAskedTo) {
  Ensemble ensemble = one_model();
  const cv::Mat pixels = pixels_of(2);
  const ExplainOptions explain;
  CaptionWork work{{}, 1};
  work.explain = &explain;
  work.explain_pixels = true;
  const auto seen = caption(ensemble, {rgb(pixels)}, work);
  const auto& best = seen.at(0).best();
  ASSERT_TRUE(best.explained());
  EXPECT_EQ(best.gradient.grid, best.attention.grid);
  EXPECT_EQ(best.gradient.size(), best.words.size());
  EXPECT_EQ(best.pixels.grid, (Grid{48, 48}));
  EXPECT_EQ(best.rank_correlation.size(), best.words.size());
}

TEST(CaptionPictures, TellsTheHostAndStopsWhenItAsks) {
  Ensemble ensemble = one_model();
  const cv::Mat pixels = pixels_of(3);
  const std::vector<PictureSource> sources(12, rgb(pixels));
  Host host;
  std::vector<int64_t> told;
  host.progress = [&](int64_t done, int64_t total) {
    EXPECT_EQ(total, 12);
    told.push_back(done);
  };
  caption(ensemble, sources, {{}, 2, 4}, host);
  EXPECT_EQ(told, (std::vector<int64_t>{4, 8, 12}));
  told.clear();
  host.cancelled = [&] { return told.size() == 1; };
  try {
    caption(ensemble, sources, {{}, 2, 4}, host);
    FAIL() << "wasn't stopped";
  } catch (const Interrupted& stopped) {
    EXPECT_STREQ(stopped.what(), "stopped after 4 of 12 pictures");
  }
}

TEST(OpenModels, AModelInMemoryIsTheSameAsItsFile) {
  TemporaryFolder folder;
  const auto path = folder.path() / "model.safetensors";
  save_captioner(random_captioner(), path, false);
  const std::string bytes = read_file(path);
  const auto from_file = load_captioner(path);
  const auto from_bytes = load_captioner(std::as_bytes(std::span(bytes)), "memory");
  const auto state = captioner_state(from_file), other = captioner_state(from_bytes);
  ASSERT_EQ(state.size(), other.size());
  for (const auto& [name, tensor] : state) EXPECT_TRUE(torch::equal(tensor, other.at(name))) << name;
  try {
    load_captioner(std::as_bytes(std::span(bytes).first(100)), "half of it");
    FAIL() << "was taken";
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()).rfind("half of it: ", 0), 0u) << error.what();
  }
}

}  // namespace
}  // namespace attend
