// `attend caption --explain`, run as a user runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>
#include <opencv2/imgcodecs.hpp>

#include "app/run_command.h"
#include "vision/picture_files.h"
#include "viz/browser.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::Each;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class ExplainTest : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string photo(const std::string& name, int seed) const {
    cv::Mat pixels = gradient(64, 48);
    cv::circle(pixels, {10 * (seed % 6), 9 * (seed % 5)}, 12, {0, double(seed * 37 % 256), 255}, -1);
    return folder_.write(name, encoded(".png", pixels)).string();
  }
  TemporaryFolder folder_;
};

/// Ranks from 0, equal values sharing their mean.
std::vector<double> ranks(const float* values, size_t count) {
  std::vector<double> ranks;
  for (size_t i = 0; i < count; ++i) {
    double rank = -0.5;
    for (size_t j = 0; j < count; ++j) rank += values[j] < values[i] ? 1 : values[j] == values[i] ? 0.5 : 0;
    ranks.push_back(rank);
  }
  return ranks;
}

double correlation(const float* a, const float* b, size_t count) {
  const auto x = ranks(a, count), y = ranks(b, count);
  const double mean = (static_cast<double>(count) - 1) / 2;
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  return xy / std::sqrt(xx * yy);
}

/// The shape in the head of a .npy file, and its numbers.
struct Array {
  std::string shape;
  std::vector<float> values;
};

Array read_npy(const fs::path& path) {
  const std::string bytes = read_file(path);
  const size_t begin = bytes.find("'shape': (") + 10, head = bytes.find('\n') + 1;
  Array array{bytes.substr(begin, bytes.find(')', begin) - begin), std::vector<float>((bytes.size() - head) / 4)};
  std::memcpy(array.values.data(), bytes.data() + head, 4 * array.values.size());
  return array;
}

TEST_F(ExplainTest, JsonLinesHoldGradientsAndTheirRankCorrelationWithAttention) {
  for (int i = 0; i < 6; ++i) photo("in/" + std::to_string(i) + ".png", i);
  const std::vector<std::string> plain{"caption", at("in"), "--format", "jsonl", "--n-best", "2"};
  auto explained = plain;
  explained.insert(explained.end(), {"--explain", "plain"});
  const auto before = with_model(plain), run = with_model(explained);
  ASSERT_EQ(run.status, 0) << run.err;
  ASSERT_THAT(run.out_lines(), SizeIs(6));
  for (size_t i = 0; i < 6; ++i) {
    const Json record = Json::parse(run.out_lines()[i]);
    EXPECT_EQ(record["caption"], Json::parse(before.out_lines()[i])["caption"]);  // explaining changes no caption
    double sum = 0;
    for (const auto& word : record["words"]) {
      const auto cells = word["gradient"].get<std::vector<double>>();
      ASSERT_THAT(cells, SizeIs(9));
      EXPECT_THAT(cells, Each(Ge(0)));
      EXPECT_NEAR(std::accumulate(cells.begin(), cells.end(), 0.0), 1, 1e-4);
      const double given = word["rank_correlation"].get<double>();
      sum += given;
      EXPECT_LE(std::abs(given), 1);
    }
    EXPECT_NEAR(record["rank_correlation"].get<double>(), sum / static_cast<double>(record["words"].size()), 1e-5);
    for (const auto& other : record["alternatives"]) EXPECT_FALSE(other["words"][0].contains("gradient"));
    EXPECT_FALSE(Json::parse(before.out_lines()[i])["words"][0].contains("gradient"));
    EXPECT_FALSE(Json::parse(before.out_lines()[i]).contains("rank_correlation"));
  }
}

TEST_F(ExplainTest, KindsDifferAndTheSeedDecidesTheNoise) {
  const auto picture = photo("x.png", 3);
  const auto gradient = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> arguments{"caption", picture, "--format", "jsonl"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const auto run = with_model(arguments);
    EXPECT_EQ(run.status, 0) << run.err;
    return run.status == 0 ? Json::parse(run.out)["words"][0]["gradient"] : Json();
  };
  const std::vector<std::string> smooth{"--explain", "smooth", "--explain-samples", "3"};
  const auto with = [&](const std::string& flag, const std::string& value) {
    auto flags = smooth;
    flags.insert(flags.end(), {flag, value});
    return gradient(flags);
  };
  const Json plain = gradient({"--explain", "plain"}), noisy = gradient(smooth);
  EXPECT_NE(plain, gradient({"--explain", "input"}));
  EXPECT_NE(plain, noisy);
  EXPECT_EQ(noisy, gradient(smooth));
  EXPECT_NE(noisy, with("--explain-seed", "5"));
  EXPECT_NE(noisy, with("--explain-noise", "0.5"));
}

TEST_F(ExplainTest, PagesGainRowsAndMapsGainFiles) {
  const auto picture = photo("x.png", 2);
  const std::vector<std::string> plain{"caption", picture, "--overlay-tile", "64", "--overlay-format", "png"};
  auto before = plain, after = plain;
  before.insert(before.end(), {"--overlay", at("before"), "--maps", at("maps")});
  ASSERT_EQ(with_model(before).status, 0);
  after.insert(after.end(),
               {"--overlay", at("after"), "--maps", at("maps"), "--explain", "plain", "--format", "jsonl"});
  const auto run = with_model(after);  // the attention's maps are there, those of gradients are not
  ASSERT_EQ(run.status, 0) << run.err;
  const cv::Mat small = cv::imread(at("before/x.png")), tall = cv::imread(at("after/x.png"));
  EXPECT_EQ(small.cols, tall.cols);
  EXPECT_GT(tall.rows, 2 * small.rows);
  const Json words = Json::parse(run.out)["words"];
  const auto count = std::to_string(words.size());
  const Array attention = read_npy(at("maps/x.npy")), cells = read_npy(at("maps/x.gradient.npy")),
              pixels = read_npy(at("maps/x.pixels.npy"));
  EXPECT_EQ(attention.shape, count + ", 3, 3");
  EXPECT_EQ(cells.shape, attention.shape);
  EXPECT_EQ(pixels.shape, count + ", 96, 96");
  for (size_t t = 0; t < words.size(); ++t) {  // the same maps, there normalised, here not
    const auto* map = cells.values.data() + 9 * t;
    const double sum = std::accumulate(map, map + 9, 0.0);
    EXPECT_GT(sum, 0);
    for (size_t cell = 0; cell < 9; ++cell)
      EXPECT_NEAR(words[t]["gradient"][cell].get<double>(), map[cell] / sum, 2e-6);
    EXPECT_NEAR(words[t]["rank_correlation"].get<double>(), correlation(map, attention.values.data() + 9 * t, 9), 2e-6);
  }
  EXPECT_THAT(pixels.values, Each(Ge(0)));
  const auto again = with_model(after);
  EXPECT_THAT(again.err, HasSubstr("1 of 1 picture skipped"));
  const auto json =
      with_model({"caption", picture, "--maps", at("json"), "--maps-format", "json", "--explain", "plain"});
  EXPECT_EQ(json.status, 0) << json.err;
  EXPECT_EQ(Json::parse(read_file(at("json/x.json")))["words"], words);
  EXPECT_FALSE(fs::exists(at("json/x.gradient.npy")));
}

TEST_F(ExplainTest, MistakesAreRefusedBeforeAnyWorkAndNamed) {
  const auto x = photo("in/x.png", 1);
  photo("in/x.gradient.png", 2);
  const std::vector<std::string> json{"caption", x, "--format", "jsonl"};
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes{
      {{"--explain", "magic"}, "--explain: \"magic\" is not allowed"},
      {{"--explain", "gradient"},
       "--explain: \"gradient\" is not allowed; it takes a string, one of plain, input, smooth"},
      {{"--explain-samples", "3"}, "--explain-samples: is of --explain smooth only"},
      {{"--explain", "plain", "--explain-noise", "0.1"}, "--explain-noise: is of"},
      {{"--explain", "smooth", "--explain-noise", "-1"}, "--explain-noise: -1"},
      {{"--explain", "smooth", "--explain-samples", "0"}, "--explain-samples: 0"},
      {{"--explain", "plain", "--format", "text"}, "--explain: say where it is to be shown"},
      {{"--explain", "plain", "--format", "text", "--animate", at("out")}, "--explain: say where"},
      {{"--explain", "plain", at("in/x.gradient.png"), "--maps", at("out")},
       at("out/x.gradient.npy") + ": would be written for"}};
  for (const auto& [flags, says] : mistakes) {
    auto arguments = json;
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const auto run = with_model(arguments);
    EXPECT_EQ(run.status, 2) << says << ": " << run.err;
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err_lines(), SizeIs(1)) << run.err;
    EXPECT_THAT(run.err, HasSubstr(says));
    EXPECT_FALSE(fs::exists(at("out")));
  }
}

TEST_F(ExplainTest, AnInterruptEndsItWithinAPicture) {  // which would take minutes
  const auto bad = (folder_.write("bad.png", {'n', 'o'})).string();
  Circumstances how;
  how.signal = SIGINT;  // at the line of the bad one
  const auto run = with_model({"caption", bad, photo("a.png", 1), "--answer-all", "--explain", "smooth",
                               "--explain-samples", "10000", "--html", at("page.html"), "--maps", at("maps")},
                              how);
  EXPECT_EQ(run.status, 130) << run.err;
  EXPECT_THAT(run.err, HasSubstr("stopped after 1 of 2 pictures"));
  EXPECT_THAT(read_file(at("page.html")), HasSubstr("stopped after 1 of 2 pictures: the others aren"));
  EXPECT_TRUE(fs::is_empty(at("maps")));
}

TEST_F(ExplainTest, ThePageSwitchesBetweenAttentionAndGradientOfTheSameWord) {
  photo("in/a.png", 1);
  photo("in/b.png", 4);
  const auto run = with_model(
      {"caption", at("in"), "--html", at("page.html"), "--explain", "plain", "--n-best", "2", "--format", "jsonl"});
  ASSERT_EQ(run.status, 0) << run.err;
  ASSERT_EQ(with_model({"caption", at("in"), "--html", at("plain.html")}).status, 0);
  ATTEND_NEEDS_BROWSER();
  const auto seen = visit(at("page.html"), folder_.path(), R"JS(
    await settled();
    const article = document.querySelector("article"), canvas = article.querySelector(".view canvas");
    const words = () => [...article.querySelectorAll(".word")];
    const kinds = [...document.querySelectorAll(".tools select")].find((one) => one.options[1].value === "gradient");
    const drawn = () => canvas.toDataURL();
    const reading = () => article.querySelector(".reading").textContent;
    const choose = (kind) => { kinds.value = kind; kinds.dispatchEvent(new Event("change")); };
    const found = {offered: kinds.closest("label").textContent.includes("gradient"), idle: reading()};
    words()[1].click();
    found.attention = reading();
    const first = drawn();
    choose("gradient");
    found.gradient = reading();
    found.label = words()[1].getAttribute("aria-label");
    const second = drawn();
    choose("pixels");
    found.pixels = reading();
    const third = drawn();
    choose("attention");
    found.differ = first !== second && second !== third && first !== third;
    found.back = drawn() === first;
    choose("gradient");
    article.querySelectorAll(".alternatives button")[1].click();
    words()[0].click();
    found.alternative = reading();
    return found;)JS");
  ASSERT_FALSE(seen.found.is_null()) << ::testing::PrintToString(seen.errors);
  EXPECT_THAT(seen.errors, IsEmpty());
  const Json record = Json::parse(run.out_lines()[0]);
  const auto figure = [](double value) {
    char text[16];
    std::snprintf(text, sizeof text, "%.2f", value);
    return std::string(text);
  };
  EXPECT_TRUE(seen.found["offered"].get<bool>());
  EXPECT_THAT(seen.found["idle"].get<std::string>(), HasSubstr("rank correlation of attention and gradient "));
  EXPECT_THAT(seen.found["attention"].get<std::string>(), HasSubstr("looked"));
  EXPECT_THAT(seen.found["gradient"].get<std::string>(), HasSubstr("moved most by the "));
  EXPECT_THAT(seen.found["gradient"].get<std::string>(),
              HasSubstr("rank correlation with attention " + figure(record["words"][1]["rank_correlation"])));
  EXPECT_THAT(seen.found["label"].get<std::string>(), HasSubstr("moved most by the "));
  EXPECT_THAT(seen.found["pixels"].get<std::string>(), HasSubstr("moved most by the "));
  EXPECT_TRUE(seen.found["differ"].get<bool>());
  EXPECT_TRUE(seen.found["back"].get<bool>());
  EXPECT_THAT(seen.found["alternative"].get<std::string>(), HasSubstr("looked"));  // it isn't explained
  const auto plain = visit(at("plain.html"), folder_.path(), R"JS(
    await settled();
    return [...document.querySelectorAll(".tools label")].map((one) => one.textContent);)JS");
  ASSERT_FALSE(plain.found.is_null()) << ::testing::PrintToString(plain.errors);
  EXPECT_THAT(plain.found.dump(), Not(HasSubstr("gradient")));
}

}  // namespace
}  // namespace attend::testing
