// The C interface, used as a program uses it: only attend.h is seen here.
#include <attend/attend.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <thread>
#include <vector>

#include "data/temporary_folder.h"
#include "library/c_program.h"

namespace {

using attend::TemporaryFolder;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const char* const kModel = ATTEND_TINY_MODEL;

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// u8 RGB, another for each seed.
cv::Mat pixels_of(int seed, int width = 60, int height = 40) {
  cv::Mat pixels(height, width, CV_8UC3);
  cv::RNG(static_cast<uint64_t>(seed) + 1).fill(pixels, cv::RNG::UNIFORM, 0, 256);
  return pixels;
}

attend_picture picture_of(const cv::Mat& rgb) { return attend_picture_rgb(rgb.data, rgb.cols, rgb.rows, rgb.step); }

/// What was said of each picture: its best caption, or its refusal.
int note_text(void* texts, const attend_seen* seen) {
  attend_seen_info picture;
  attend_caption caption;
  if (attend_seen_picture(seen, &picture) != ATTEND_OK) return 1;
  auto& list = *static_cast<std::vector<std::string>*>(texts);
  EXPECT_EQ(picture.index, list.size());
  if (picture.refusal) return list.push_back(picture.refusal), 0;
  if (attend_seen_caption(seen, 0, &caption) != ATTEND_OK) return 1;
  list.push_back(caption.text);
  return 0;
}

int keep(void* kept, const attend_seen* seen) { return attend_seen_keep(seen, static_cast<attend_seen**>(kept)); }
int go_on(void*, const attend_seen*) { return 0; }

class Attend : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(attend_model_open(&kModel, 1, nullptr, &model_), ATTEND_OK) << attend_message();
    ASSERT_EQ(attend_options_init(model_, &options_), ATTEND_OK);
    options_.threads = 1;
  }
  void TearDown() override {
    attend_seen_free(seen_);
    attend_model_close(model_);
  }

  attend_status caption(const std::vector<attend_picture>& pictures, std::vector<std::string>& texts) {
    return attend_model_caption(model_, pictures.data(), pictures.size(), &options_, note_text, &texts);
  }
  /// Keeps what is seen in a picture.
  const attend_seen* see(const attend_picture& picture) {
    EXPECT_EQ(attend_model_caption(model_, &picture, 1, &options_, keep, &seen_), ATTEND_OK) << attend_message();
    return seen_;
  }

  attend_model* model_ = nullptr;
  attend_options options_;
  attend_seen* seen_ = nullptr;
  const cv::Mat pixels_ = pixels_of(1);
  const attend_picture picture_ = picture_of(pixels_);
};

/// A call with a fault: its status, and what its message begins with.
struct Fault {
  std::string message;
  std::function<attend_status()> call;
};

void expect_faults(attend_status status, const std::vector<Fault>& faults) {
  for (const auto& fault : faults) {
    EXPECT_EQ(fault.call(), status) << fault.message;
    EXPECT_THAT(attend_message(), StartsWith(fault.message));
  }
}

TEST(AttendVersion, HeaderAndLibraryAgree) {
  const std::string version = std::to_string(ATTEND_VERSION_MAJOR) + "." + std::to_string(ATTEND_VERSION_MINOR) + "." +
                              std::to_string(ATTEND_VERSION_PATCH);
  EXPECT_EQ(attend_version(), version);
  EXPECT_EQ(attend_check_abi(ATTEND_ABI), ATTEND_OK);
  EXPECT_EQ(attend_check_abi(ATTEND_ABI + 1), ATTEND_INVALID);
  EXPECT_THAT(attend_message(), HasSubstr("compile it anew"));
}

TEST_F(Attend, CaptionsFilesBytesAndPixelsAlikeAndRefusesTheRest) {
  TemporaryFolder folder;
  cv::Mat bgr;
  std::vector<unsigned char> png;
  cv::mixChannels({pixels_}, {bgr = cv::Mat(pixels_.size(), CV_8UC3)}, {0, 2, 1, 1, 2, 0});
  cv::imencode(".png", bgr, png);
  const std::string file = folder.write("x.png", std::string(png.begin(), png.end()));
  attend_picture named = attend_picture_encoded("no picture", 10);
  named.name = "upload";
  std::vector<std::string> texts;
  ASSERT_EQ(caption({attend_picture_file(file.c_str()), attend_picture_encoded(png.data(), png.size()), picture_, named,
                     attend_picture_encoded("", 0), attend_picture_rgb(pixels_.data, 0, 3, 0),
                     attend_picture_file("/none.jpg")},
                    texts),
            ATTEND_OK)
      << attend_message();
  ASSERT_EQ(texts.size(), 7u);
  EXPECT_NE(texts[0], "");
  EXPECT_EQ(texts[1], texts[0]);
  EXPECT_EQ(texts[2], texts[0]);
  EXPECT_THAT(texts[3], StartsWith("upload: not a picture"));
  EXPECT_THAT(texts[4], StartsWith("picture 5: an empty file"));
  EXPECT_THAT(texts[5], StartsWith("picture 6: an empty picture"));
  EXPECT_THAT(texts[6], StartsWith("/none.jpg: "));
}

TEST_F(Attend, AProgramInCSaysTheSame) {
  std::vector<std::string> texts;
  ASSERT_EQ(caption({picture_}, texts), ATTEND_OK);
  char text[256];
  EXPECT_EQ(c_program(kModel, pixels_.data, pixels_.cols, pixels_.rows, text), ATTEND_OK) << attend_message();
  EXPECT_EQ(text, texts.at(0));
  EXPECT_EQ(c_program("/none", pixels_.data, 1, 1, text), ATTEND_INPUT);
}

TEST_F(Attend, AModelInMemoryIsTheSame) {
  const std::string bytes = bytes_of(kModel);
  const void* data = bytes.data();
  const size_t size = bytes.size();
  std::vector<std::string> texts, same;
  ASSERT_EQ(caption({picture_}, texts), ATTEND_OK);
  attend_model_close(model_);
  ASSERT_EQ(attend_model_open_bytes(&data, &size, 1, nullptr, &model_), ATTEND_OK) << attend_message();
  ASSERT_EQ(caption({picture_}, same), ATTEND_OK);
  EXPECT_EQ(same, texts);
}

TEST_F(Attend, AllThatWasSeenCanBeRead) {
  options_.n_best = 2;
  const attend_seen* seen = see(picture_);
  attend_model_close(model_);
  model_ = nullptr;  // what was kept outlives it
  attend_seen_info picture;
  ASSERT_EQ(attend_seen_picture(seen, &picture), ATTEND_OK);
  EXPECT_EQ(picture.width, 60);
  EXPECT_EQ(picture.height, 40);
  EXPECT_EQ(picture.refusal, nullptr);
  EXPECT_STREQ(picture.name, "picture 1");
  EXPECT_EQ(picture.caption_count, 2u);
  EXPECT_GT(picture.area_width * picture.area_height, 0);
  EXPECT_EQ(picture.familiar, -1);  // it was never calibrated
  for (size_t which = 0; which < 2; ++which) {
    attend_caption caption;
    ASSERT_EQ(attend_seen_caption(seen, which, &caption), ATTEND_OK);
    EXPECT_TRUE(std::isnan(caption.confidence));
    EXPECT_GE(caption.log_probability_count, caption.word_count);
    double sum = 0, plain = 0;
    for (size_t t = 0; t < caption.log_probability_count; ++t)
      sum += caption.word_log_probability[t], plain += caption.plain_word_log_probability[t];
    EXPECT_NEAR(sum, caption.log_probability, 1e-4);
    EXPECT_NEAR(plain, caption.plain_log_probability, 1e-4);
    for (size_t t = 0; t < caption.word_count; ++t) {
      EXPECT_STRNE(caption.words[t], "");
      EXPECT_EQ(caption.locations[t], -1);
      double all = 0;
      for (int cell = 0; cell < caption.rows * caption.columns; ++cell)
        all += caption.attention[t * static_cast<size_t>(caption.rows * caption.columns) + static_cast<size_t>(cell)];
      EXPECT_NEAR(all, 1, 1e-4);
    }
  }
  const char* json = nullptr;
  ASSERT_EQ(attend_seen_json(seen, &json), ATTEND_OK);
  EXPECT_THAT(json, StartsWith("{\"file\":\"picture 1\""));
}

TEST_F(Attend, ScoresCaptionsThatAreGiven) {
  attend_caption said;
  ASSERT_EQ(attend_seen_caption(see(picture_), 0, &said), ATTEND_OK);
  attend_given none;
  EXPECT_EQ(attend_seen_given(seen_, 0, &none), ATTEND_INVALID);  // it was captioned
  const char* const texts[] = {"...", said.text, "a purple dog"};
  const attend_captions captions{texts, 3};
  attend_seen* scored = nullptr;
  ASSERT_EQ(attend_model_score(model_, &picture_, &captions, 1, &options_, keep, &scored), ATTEND_OK)
      << attend_message();
  attend_seen_info info;
  ASSERT_EQ(attend_seen_picture(scored, &info), ATTEND_OK);
  EXPECT_EQ(info.caption_count, 2u);
  attend_given given[3];
  for (size_t i = 0; i < 3; ++i) ASSERT_EQ(attend_seen_given(scored, i, &given[i]), ATTEND_OK);
  EXPECT_EQ(attend_seen_given(scored, 3, &none), ATTEND_INVALID);
  EXPECT_THAT(given[0].refusal, HasSubstr("has no words"));
  EXPECT_EQ(given[1].refusal, nullptr);
  EXPECT_EQ(given[1].caption, 0u);
  EXPECT_EQ(given[2].caption, 1u);
  ASSERT_EQ(given[2].unknown_count, 1u);
  EXPECT_STREQ(given[2].unknown[0], "purple");
  attend_caption again;
  ASSERT_EQ(attend_seen_caption(scored, given[1].caption, &again), ATTEND_OK);
  ASSERT_EQ(again.word_count, said.word_count);
  double sum = 0;
  for (size_t t = 0; t < again.log_probability_count; ++t) {
    sum += again.plain_word_log_probability[t];
    EXPECT_GE(given[1].rank[t], 1);
    EXPECT_GE(given[1].likeliest_log_probability[t], again.word_log_probability[t]);
    if (t < said.log_probability_count) {
      EXPECT_NEAR(again.word_log_probability[t], said.word_log_probability[t], 1e-4);
    }
  }
  EXPECT_NEAR(given[1].perplexity, std::exp(-sum / static_cast<double>(again.log_probability_count)), 1e-9);
  const char* json;
  ASSERT_EQ(attend_seen_json(scored, &json), ATTEND_OK);
  EXPECT_THAT(json, StartsWith("[{"));
  attend_seen_free(scored);
}

TEST_F(Attend, OptionsBeginAsTheModelHasThemAndAreHeeded) {
  options_.max_length = 2;
  options_.min_length = 2;
  const attend_seen* seen = see(picture_);
  attend_caption caption;
  ASSERT_EQ(attend_seen_caption(seen, 0, &caption), ATTEND_OK);
  EXPECT_EQ(caption.word_count, 2u);
}

TEST_F(Attend, CaptionsSayWhatTheyMustAndDifferWhereAsked) {
  const char* const must[] = {"dogs", "red circle"};
  const char* const must_not[] = {"a"};
  EXPECT_EQ(options_.must_count, 0u);
  EXPECT_EQ(options_.beam_groups, 1);
  options_.must = must, options_.must_count = 2;
  options_.must_not = must_not, options_.must_not_count = 1;
  options_.beam_width = options_.n_best = 4;
  options_.beam_groups = 2;
  options_.diversity = 1;
  const attend_seen* seen = see(picture_);
  attend_seen_info info;
  ASSERT_EQ(attend_seen_picture(seen, &info), ATTEND_OK);
  EXPECT_GT(info.caption_count, 1u);
  for (size_t i = 0; i < info.caption_count; ++i) {
    attend_caption caption;
    ASSERT_EQ(attend_seen_caption(seen, i, &caption), ATTEND_OK);
    EXPECT_THAT(caption.text, ::testing::AllOf(HasSubstr("dog"), HasSubstr("red circle")));
    EXPECT_THAT(std::vector<std::string>(caption.words, caption.words + caption.word_count),
                ::testing::Not(::testing::Contains("a")));
  }
}

TEST_F(Attend, ACallbackStopsTheWork) {
  const std::vector<attend_picture> pictures(12, picture_);
  struct Count {
    int taken = 0;
    static int stop_at_three(void* count, const attend_seen*) { return ++static_cast<Count*>(count)->taken == 3; }
    static int take(void* count, const attend_seen*) { return ++static_cast<Count*>(count)->taken, 0; }
    static int after_four(void* count) { return static_cast<Count*>(count)->taken >= 4; }
  } first, second;
  options_.batch_size = 4;
  EXPECT_EQ(attend_model_caption(model_, pictures.data(), 12, &options_, Count::stop_at_three, &first),
            ATTEND_CANCELLED);
  EXPECT_STREQ(attend_message(), "stopped after 3 of 12 pictures");
  EXPECT_EQ(first.taken, 3);
  options_.cancelled = Count::after_four;
  options_.context = &second;
  EXPECT_EQ(attend_model_caption(model_, pictures.data(), 12, &options_, Count::take, &second), ATTEND_CANCELLED);
  EXPECT_EQ(second.taken, 4);
  options_.cancelled = nullptr;
  std::vector<std::string> texts;
  EXPECT_EQ(caption(pictures, texts), ATTEND_OK);  // the handle is as good as before
  EXPECT_EQ(texts.size(), 12u);
}

TEST_F(Attend, ThreadsShareAModel) {
  std::vector<cv::Mat> pixels;
  std::vector<attend_picture> pictures;
  for (int i = 0; i < 6; ++i) pictures.push_back(picture_of(pixels.emplace_back(pixels_of(i))));
  std::vector<std::string> alone;
  ASSERT_EQ(caption(pictures, alone), ATTEND_OK);
  const std::string before = attend_message();
  std::vector<std::string> said[2];
  std::string messages[2];
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&, i] {
      for (int again = 0; again < 3; ++again) {
        said[i].clear();
        EXPECT_EQ(caption(pictures, said[i]), ATTEND_OK);
        attend_texts* texts;
        EXPECT_EQ(attend_tokenize(nullptr, i, &texts), ATTEND_INVALID);
        EXPECT_EQ(attend_seen_json(nullptr, nullptr), ATTEND_INVALID);
        messages[i] = attend_message();
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(said[0], alone);
  EXPECT_EQ(said[1], alone);
  EXPECT_EQ(messages[0], "json: is NULL");
  EXPECT_EQ(attend_message(), before);  // of this thread, where nothing failed meanwhile
}

TEST_F(Attend, DrawsPagesAndWords) {
  const attend_seen* seen = see(picture_);
  attend_image* page = nullptr;
  attend_image* word = nullptr;
  attend_style style;
  ASSERT_EQ(attend_style_init(&style), ATTEND_OK);
  style.style = "heat";
  const cv::Mat large = pixels_of(1, 600, 400);
  const attend_picture copy = picture_of(large);
  ASSERT_EQ(attend_draw_page(seen, &picture_, nullptr, &page), ATTEND_OK) << attend_message();
  ASSERT_EQ(attend_draw_word(seen, 0, 0, &copy, &style, &word), ATTEND_OK) << attend_message();
  int width, height;
  const unsigned char* rgb;
  ASSERT_EQ(attend_image_pixels(page, &width, &height, &rgb), ATTEND_OK);
  EXPECT_GT(width, 256);
  EXPECT_GT(height, 100);
  TemporaryFolder folder;
  const std::string file = folder / "page.png";
  ASSERT_EQ(attend_image_write(page, file.c_str()), ATTEND_OK) << attend_message();
  const cv::Mat read = cv::imread(file);
  ASSERT_EQ(read.size(), cv::Size(width, height));
  const auto last = read.at<cv::Vec3b>(height - 1, width - 1);
  const unsigned char* pixel = rgb + 3 * (static_cast<size_t>(width) * static_cast<size_t>(height) - 1);
  EXPECT_EQ(last, cv::Vec3b(pixel[2], pixel[1], pixel[0]));
  ASSERT_EQ(attend_image_pixels(word, &width, &height, &rgb), ATTEND_OK);
  EXPECT_GE(width, 600);
  const std::string other = folder / "page.bmp";
  EXPECT_EQ(attend_image_write(page, other.c_str()), ATTEND_INVALID);
  EXPECT_EQ(attend_image_write(page, "/none/page.png"), ATTEND_FAILED);
  attend_image_free(page);
  attend_image_free(word);
}

TEST_F(Attend, RefusesPicturesOfAnotherShape) {
  const attend_seen* seen = see(picture_);
  const cv::Mat square = pixels_of(1, 40, 40);
  const attend_picture other = picture_of(square), broken = attend_picture_encoded("", 0);
  attend_image* image = nullptr;
  EXPECT_EQ(attend_draw_page(seen, &other, nullptr, &image), ATTEND_INPUT);
  EXPECT_STREQ(attend_message(), "picture 1: is 40x40 pixels, another shape than the 60x40 that were captioned");
  EXPECT_EQ(attend_draw_page(seen, &broken, nullptr, &image), ATTEND_INPUT);
  EXPECT_EQ(image, nullptr);
}

TEST_F(Attend, EveryFunctionRefusesNull) {
  const attend_seen* seen = see(picture_);
  const char* text;
  const char* const* items;
  const unsigned char* rgb;
  int number;
  size_t count, size = 1;
  attend_model* model;
  attend_seen* kept;
  attend_image* image = nullptr;
  attend_texts* texts = nullptr;
  attend_figures figures;
  attend_caption caption;
  attend_seen_info info;
  const char* const no_path = nullptr;
  const void* const no_bytes = nullptr;
  ASSERT_EQ(attend_draw_page(seen, &picture_, nullptr, &image), ATTEND_OK);
  ASSERT_EQ(attend_tokenize("a dog", 0, &texts), ATTEND_OK);
  const attend_picture none = attend_picture_file(nullptr);
  const attend_captions no_texts{nullptr, 1}, no_captions{nullptr, 0};
  attend_given given;
  const attend_candidate no_references{"a", nullptr, 1}, no_caption{nullptr, &kModel, 1};
  expect_faults(
      ATTEND_INVALID,
      {{"model: is NULL", [&] { return attend_model_open(&kModel, 1, nullptr, nullptr); }},
       {"paths: is NULL", [&] { return attend_model_open(nullptr, 1, nullptr, &model); }},
       {"paths: is NULL", [&] { return attend_model_open(&no_path, 1, nullptr, &model); }},
       {"model: is NULL", [&] { return attend_model_open_bytes(&no_bytes, &size, 1, nullptr, nullptr); }},
       {"bytes: is NULL", [&] { return attend_model_open_bytes(nullptr, &size, 1, nullptr, &model); }},
       {"bytes: is NULL", [&] { return attend_model_open_bytes(&no_bytes, &size, 1, nullptr, &model); }},
       {"sizes: is NULL", [&] { return attend_model_open_bytes(&no_bytes, nullptr, 1, nullptr, &model); }},
       {"count: at least one", [&] { return attend_model_open_bytes(&no_bytes, &size, 0, nullptr, &model); }},
       {"model: is NULL", [&] { return attend_model_about(nullptr, &text); }},
       {"json: is NULL", [&] { return attend_model_about(model_, nullptr); }},
       {"captions: is NULL",
        [&] { return attend_model_score(model_, &picture_, nullptr, 1, &options_, go_on, nullptr); }},
       {"captions.texts: is NULL",
        [&] { return attend_model_score(model_, &picture_, &no_texts, 1, &options_, go_on, nullptr); }},
       {"captions.count: at least one",
        [&] { return attend_model_score(model_, &picture_, &no_captions, 1, &options_, go_on, nullptr); }},
       {"seen: is NULL", [&] { return attend_seen_given(nullptr, 0, &given); }},
       {"given: is NULL", [&] { return attend_seen_given(seen, 0, nullptr); }},
       {"model: is NULL", [&] { return attend_model_grid(nullptr, &number, &number); }},
       {"rows: is NULL", [&] { return attend_model_grid(model_, nullptr, &number); }},
       {"columns: is NULL", [&] { return attend_model_grid(model_, &number, nullptr); }},
       {"model: is NULL", [&] { return attend_options_init(nullptr, &options_); }},
       {"options: is NULL", [&] { return attend_options_init(model_, nullptr); }},
       {"model: is NULL", [&] { return attend_model_caption(nullptr, &picture_, 1, nullptr, go_on, nullptr); }},
       {"pictures: is NULL", [&] { return attend_model_caption(model_, nullptr, 1, nullptr, go_on, nullptr); }},
       {"picture.data: is NULL", [&] { return attend_model_caption(model_, &none, 1, nullptr, go_on, nullptr); }},
       {"take: is NULL", [&] { return attend_model_caption(model_, &picture_, 1, nullptr, nullptr, nullptr); }},
       {"seen: is NULL", [&] { return attend_seen_picture(nullptr, &info); }},
       {"info: is NULL", [&] { return attend_seen_picture(seen, nullptr); }},
       {"seen: is NULL", [&] { return attend_seen_caption(nullptr, 0, &caption); }},
       {"caption: is NULL", [&] { return attend_seen_caption(seen, 0, nullptr); }},
       {"caption 1: there are only 1", [&] { return attend_seen_caption(seen, 1, &caption); }},
       {"seen: is NULL", [&] { return attend_seen_json(nullptr, &text); }},
       {"json: is NULL", [&] { return attend_seen_json(seen, nullptr); }},
       {"seen: is NULL", [&] { return attend_seen_keep(nullptr, &kept); }},
       {"kept: is NULL", [&] { return attend_seen_keep(seen, nullptr); }},
       {"style: is NULL", [&] { return attend_style_init(nullptr); }},
       {"seen: is NULL", [&] { return attend_draw_page(nullptr, &picture_, nullptr, &image); }},
       {"picture: is NULL", [&] { return attend_draw_page(seen, nullptr, nullptr, &image); }},
       {"image: is NULL", [&] { return attend_draw_page(seen, &picture_, nullptr, nullptr); }},
       {"seen: is NULL", [&] { return attend_draw_word(nullptr, 0, 0, &picture_, nullptr, &image); }},
       {"picture: is NULL", [&] { return attend_draw_word(seen, 0, 0, nullptr, nullptr, &image); }},
       {"image: is NULL", [&] { return attend_draw_word(seen, 0, 0, &picture_, nullptr, nullptr); }},
       {"caption 9: there are only 1", [&] { return attend_draw_word(seen, 9, 0, &picture_, nullptr, &image); }},
       {"word 99: there are only", [&] { return attend_draw_word(seen, 0, 99, &picture_, nullptr, &image); }},
       {"image: is NULL", [&] { return attend_image_pixels(nullptr, &number, &number, &rgb); }},
       {"width: is NULL", [&] { return attend_image_pixels(image, nullptr, &number, &rgb); }},
       {"height: is NULL", [&] { return attend_image_pixels(image, &number, nullptr, &rgb); }},
       {"rgb: is NULL", [&] { return attend_image_pixels(image, &number, &number, nullptr); }},
       {"image: is NULL", [&] { return attend_image_write(nullptr, "x.png"); }},
       {"corpus: is NULL", [&] { return attend_evaluate(&no_references, 1, nullptr, 1, nullptr, nullptr); }},
       {"candidates: is NULL", [&] { return attend_evaluate(nullptr, 1, nullptr, 1, &figures, nullptr); }},
       {"count: at least one", [&] { return attend_evaluate(&no_references, 0, nullptr, 1, &figures, nullptr); }},
       {"candidates[0].references: is NULL",
        [&] { return attend_evaluate(&no_references, 1, nullptr, 1, &figures, nullptr); }},
       {"candidates[0].caption: is NULL",
        [&] { return attend_evaluate(&no_caption, 1, nullptr, 1, &figures, nullptr); }},
       {"line: is NULL", [&] { return attend_tokenize(nullptr, 0, &texts); }},
       {"tokens: is NULL", [&] { return attend_tokenize("a", 0, nullptr); }},
       {"texts: is NULL", [&] { return attend_texts_items(nullptr, &items, &count); }},
       {"items: is NULL", [&] { return attend_texts_items(texts, nullptr, &count); }},
       {"count: is NULL", [&] { return attend_texts_items(texts, &items, nullptr); }}});
  attend_model_close(nullptr);
  attend_seen_free(nullptr);
  attend_image_free(nullptr);
  attend_texts_free(nullptr);
}

TEST_F(Attend, RefusesOptionsThatCannotBe) {
  const auto with = [&](const std::function<void(attend_options&)>& change) {
    return [this, change] {
      attend_options changed = options_;
      change(changed);
      return attend_model_caption(model_, &picture_, 1, &changed, go_on, nullptr);
    };
  };
  expect_faults(ATTEND_INVALID,
                {{"options: decode.beam_width", with([](auto& o) { o.beam_width = 0; })},
                 {"decode.n_best", with([](auto& o) { o.n_best = o.beam_width + 1; })},
                 {"options: decode.length_exponent", with([](auto& o) { o.length_exponent = -1; })},
                 {"options.length_exponent: must be", with([](auto& o) { o.length_exponent = NAN; })},
                 {"options: decode.frequency_exponent", with([](auto& o) { o.frequency_exponent = 3; })},
                 {"options: decode.temperature", with([](auto& o) { o.temperature = 0; })},
                 {"options.temperature: must be", with([](auto& o) { o.temperature = INFINITY; })},
                 {"decode.min_length", with([](auto& o) { o.min_length = o.max_length + 1; })},
                 {"options: decode.max_length", with([](auto& o) { o.max_length = 0; })},
                 {"options: decode.repetition_penalty", with([](auto& o) { o.repetition_penalty = -1; })},
                 {"options: decode.no_repeat_ngram", with([](auto& o) { o.no_repeat_ngram = -1; })},
                 {"decode.locations", with([](auto& o) { o.locations = ATTEND_ARGMAX; })},
                 {"decode.beam_groups", with([](auto& o) { o.beam_groups = 2; })},
                 {"options: decode.beam_groups", with([](auto& o) { o.beam_groups = 0; })},
                 {"options.diversity: must be", with([](auto& o) { o.diversity = NAN; })},
                 {"options.must: is NULL", with([](auto& o) { o.must = nullptr, o.must_count = 1; })},
                 {"options.must_not[0]: is NULL", with([](auto& o) {
                    static const char* const none[] = {nullptr};
                    o.must_not = none, o.must_not_count = 1;
                  })},
                 {"decode.must: \"hippopotamus\" is no word", with([](auto& o) {
                    static const char* const unknown[] = {"hippopotamus"};
                    o.must = unknown, o.must_count = 1;
                  })},
                 {"threads: -1", with([](auto& o) { o.threads = -1; })},
                 {"options.batch_size: 0", with([](auto& o) { o.batch_size = 0; })}});
}

TEST_F(Attend, RefusesStylesThatCannotBe) {
  const attend_seen* seen = see(picture_);
  attend_image* image = nullptr;
  const auto with = [&](const std::function<void(attend_style&)>& change) {
    return [&, change] {
      attend_style changed;
      attend_style_init(&changed);
      change(changed);
      return attend_draw_page(seen, &picture_, &changed, &image);
    };
  };
  expect_faults(ATTEND_INVALID, {{"style: overlay.style", with([](auto& s) { s.style = "neon"; })},
                                 {"style.style: is NULL", with([](auto& s) { s.style = nullptr; })},
                                 {"style: overlay.tile", with([](auto& s) { s.tile = 1; })},
                                 {"style: overlay.columns", with([](auto& s) { s.columns = 0; })},
                                 {"style: overlay.darken", with([](auto& s) { s.darken = 2; })},
                                 {"style: overlay.glow", with([](auto& s) { s.glow = -1; })},
                                 {"style.alpha: must be", with([](auto& s) { s.alpha = NAN; })},
                                 {"style: overlay.smoothing", with([](auto& s) { s.smoothing = 11; })},
                                 {"style: overlay.font_scale", with([](auto& s) { s.font_scale = 0; })}});
  EXPECT_EQ(image, nullptr);
}

TEST(AttendModel, RefusesFilesBytesAndSettingsThatCannotBe) {
  attend_model* model = nullptr;
  TemporaryFolder folder;
  const std::string text = folder.write("model.safetensors", "this is no model, whatever its name");
  const char* const none = "/none.safetensors";
  const char* const garbage = text.c_str();
  const void* const bytes = garbage;
  const size_t size = text.size();
  const std::string whole = bytes_of(kModel);
  const void* const cut = whole.data();
  const size_t half = whole.size() / 2;
  expect_faults(ATTEND_INPUT,
                {{"/none.safetensors: ", [&] { return attend_model_open(&none, 1, nullptr, &model); }},
                 {text + ": ", [&] { return attend_model_open(&garbage, 1, nullptr, &model); }},
                 {"model 1: ", [&] { return attend_model_open_bytes(&bytes, &size, 1, nullptr, &model); }},
                 {"model 1: ", [&] { return attend_model_open_bytes(&cut, &half, 1, nullptr, &model); }}});
  const auto with = [&](attend_settings settings) {
    return [&model, settings] { return attend_model_open(&kModel, 1, &settings, &model); };
  };
  expect_faults(ATTEND_INVALID, {{"settings.precision: \"fp64\"", with({"fp64", nullptr, 0})},
                                 {"settings.device: \"tpu\"", with({nullptr, "tpu", 0})},
                                 {"settings.input_size: 31", with({nullptr, nullptr, 31})},
                                 {"settings.input_size: -1", with({nullptr, nullptr, -1})}});
  EXPECT_EQ(model, nullptr);
}

TEST(AttendModel, SettingsAreHeeded) {
  const attend_settings settings{"fp32", "cpu", 64};
  attend_model* model = nullptr;
  ASSERT_EQ(attend_model_open(&kModel, 1, &settings, &model), ATTEND_OK) << attend_message();
  int rows = 0, columns = 0;
  EXPECT_EQ(attend_model_grid(model, &rows, &columns), ATTEND_OK);
  EXPECT_EQ(rows, 2);
  EXPECT_EQ(columns, 2);
  const char* about;
  EXPECT_EQ(attend_model_about(model, &about), ATTEND_OK);
  EXPECT_THAT(about, StartsWith("{"));
  attend_model_close(model);
}

/// What was said in a call's log.
void note_line(void* lines, attend_level level, const char* message) {
  EXPECT_EQ(level, ATTEND_WARNING);
  static_cast<std::vector<std::string>*>(lines)->push_back(message);
}

TEST(AttendModel, TheOneThatComesWithAttendKnowsHowSureItIs) {
  attend_model* model = nullptr;
  ASSERT_EQ(attend_model_open(nullptr, 0, nullptr, &model), ATTEND_OK) << attend_message();
  const cv::Mat pixels = pixels_of(1, 320, 240);
  const attend_picture picture = picture_of(pixels);
  attend_options options;
  ASSERT_EQ(attend_options_init(model, &options), ATTEND_OK);
  std::vector<std::string> log;
  options.log = note_line;
  options.context = &log;
  const auto see = [&](double& confidence, int& familiar) {
    attend_seen* seen = nullptr;
    EXPECT_EQ(attend_model_caption(model, &picture, 1, &options, keep, &seen), ATTEND_OK) << attend_message();
    attend_caption caption;
    attend_seen_info info;
    EXPECT_EQ(attend_seen_caption(seen, 0, &caption), ATTEND_OK);
    EXPECT_EQ(attend_seen_picture(seen, &info), ATTEND_OK);
    confidence = caption.confidence;
    familiar = info.familiar;
    attend_seen_free(seen);
  };
  double confidence;
  int familiar;
  see(confidence, familiar);
  EXPECT_GE(confidence, 0);
  EXPECT_LE(confidence, 1);
  EXPECT_EQ(familiar, 0);  // noise is like no photograph
  EXPECT_TRUE(log.empty());
  options.beam_width += 1;  // it was calibrated with another
  see(confidence, familiar);
  EXPECT_TRUE(std::isnan(confidence));
  ASSERT_EQ(log.size(), 1u);
  EXPECT_THAT(log[0], StartsWith("no confidence is given: "));
  EXPECT_THAT(log[0], HasSubstr("beam_width"));
  EXPECT_EQ(attend_model_caption(model, nullptr, 0, &options, go_on, nullptr), ATTEND_OK);  // nothing to do
  options.beam_width = 0;
  EXPECT_EQ(attend_model_caption(model, nullptr, 0, &options, go_on, nullptr), ATTEND_INVALID);
  attend_model_close(model);
}

TEST(AttendModel, SeveralSayEachWordTogether) {
  const char* const models[] = {kModel, ATTEND_WIDE_MODEL};
  attend_model* model = nullptr;
  ASSERT_EQ(attend_model_open(models, 2, nullptr, &model), ATTEND_OK) << attend_message();
  const cv::Mat pixels = pixels_of(1);
  const attend_picture picture = picture_of(pixels);
  std::vector<std::string> texts;
  EXPECT_EQ(attend_model_caption(model, &picture, 1, nullptr, note_text, &texts), ATTEND_OK);
  EXPECT_EQ(texts.size(), 1u);
  attend_model_close(model);
}

TEST_F(Attend, PrintsNothing) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  std::vector<std::string> texts;
  attend_model* model;
  const char* const none = "/none.safetensors";
  attend_model_open(&none, 1, nullptr, &model);
  const std::string cut("\xff\xd8\xff\xe0\0\x10JFIF", 10);
  EXPECT_EQ(caption({attend_picture_encoded(cut.data(), cut.size()), picture_}, texts), ATTEND_OK);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(AttendFigures, AreThoseOfCocoCaption) {
  const char* const dogs[] = {"a dog runs on the grass", "a brown dog is running"};
  const char* const boats[] = {"two boats on a lake", "boats float on the water"};
  const attend_candidate candidates[] = {{"A dog runs on the grass.", dogs, 2}, {"a cat", boats, 2}};
  attend_figures corpus, each[2];
  ASSERT_EQ(attend_evaluate(candidates, 2, nullptr, 1, &corpus, each), ATTEND_OK) << attend_message();
  EXPECT_NEAR(each[0].bleu[0], 1, 1e-9);
  EXPECT_NEAR(each[0].bleu[3], 1, 1e-9);
  EXPECT_NEAR(each[0].rouge_l, 1, 1e-9);
  EXPECT_LT(each[1].bleu[0], 0.6);
  EXPECT_GT(each[0].cider_d, each[1].cider_d);
  EXPECT_NEAR(corpus.cider, (each[0].cider + each[1].cider) / 2, 1e-9);
  EXPECT_GT(corpus.meteor, 0);
  ASSERT_EQ(attend_evaluate(candidates, 1, nullptr, 1, &corpus, nullptr), ATTEND_OK);
  EXPECT_TRUE(std::isnan(corpus.cider));  // a single picture's references can't be told apart from others
  const attend_candidate lonely{"a dog", dogs, 0};
  EXPECT_EQ(attend_evaluate(&lonely, 1, nullptr, 1, &corpus, nullptr), ATTEND_INVALID);
  EXPECT_STREQ(attend_message(), "candidates[0]: at least one reference is needed");
  EXPECT_EQ(attend_evaluate(candidates, 2, "/none.meteor", 1, &corpus, nullptr), ATTEND_INPUT);
  EXPECT_EQ(attend_evaluate(candidates, 2, nullptr, 5000, &corpus, nullptr), ATTEND_INVALID);
}

TEST(AttendFigures, AreMadeOfTokens) {
  const auto tokens_of = [](const char* line, int keep_punctuation) {
    attend_texts* texts;
    EXPECT_EQ(attend_tokenize(line, keep_punctuation, &texts), ATTEND_OK);
    const char* const* items;
    size_t count;
    EXPECT_EQ(attend_texts_items(texts, &items, &count), ATTEND_OK);
    const std::vector<std::string> tokens(items, items + count);
    attend_texts_free(texts);
    return tokens;
  };
  EXPECT_EQ(tokens_of("A dog's bone.", 0), (std::vector<std::string>{"a", "dog", "'s", "bone"}));
  EXPECT_EQ(tokens_of("A dog's bone.", 1), (std::vector<std::string>{"a", "dog", "'s", "bone", "."}));
  EXPECT_TRUE(tokens_of("", 0).empty());
}

}  // namespace
