// Confidence and familiarity: `attend calibrate`, and what `attend caption` does with what it wrote.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "app/run_command.h"
#include "app/tiny_model.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class Confidence : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }

  /// Draws pictures of shapes, and calibrates the tests' model on them.
  Outcome calibrate(const std::vector<std::string>& more = {}) {
    if (!fs::exists(at("shapes"))) {
      const auto drawn = attend_command(
          {"shapes", at("shapes"), "--train", "80", "--val", "120", "--test", "6", "--picture-size", "48"});
      EXPECT_EQ(drawn.status, 0) << drawn.err;
    }
    std::vector<std::string> arguments{"calibrate",  ATTEND_TINY_MODEL,
                                       "--captions", at("shapes/captions_val.json"),
                                       "--images",   at("shapes/images"),
                                       "--output",   at("calibrated.safetensors"),
                                       "--threads",  "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return attend_command(arguments);
  }
  Outcome calibrate_whole() { return calibrate({"--training-captions", at("shapes/captions_train.json")}); }

  Outcome caption(std::vector<std::string> more, const std::string& model = "calibrated.safetensors") const {
    std::vector<std::string> arguments{"caption", "--model", at(model), "--threads", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return attend_command(arguments);
  }
  static std::vector<Json> records(const Outcome& run) {
    std::vector<Json> all;
    for (const auto& line : run.out_lines()) all.push_back(Json::parse(line));
    return all;
  }
  std::vector<std::string> pictures() const {
    std::vector<std::string> all;
    for (const auto& file : fs::directory_iterator(at("shapes/images"))) all.push_back(file.path().string());
    std::sort(all.begin(), all.end());
    all.resize(6);
    return all;
  }

  TemporaryFolder folder_;
};

TEST_F(Confidence, IsGivenByACalibratedModelAndDecidesWhatIsWritten) {
  const auto run =
      calibrate({"--training-captions", at("shapes/captions_train.json"), "--reliability", at("plot.png")});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("120 pictures   calibration error"));
  EXPECT_THAT(run.out, HasSubstr("unfamiliar"));
  EXPECT_GT(fs::file_size(at("plot.png")), 1000u);
  const Json about = Json::parse(attend_command({"inspect", "--json", at("calibrated.safetensors")}).out)["confidence"];
  EXPECT_EQ(about["pictures"], 120);
  EXPECT_EQ(about["files"][0]["captions"], "shapes/captions_val.json");
  EXPECT_LE(about["expected_calibration_error"].get<double>(), 0.5);

  auto arguments = pictures();
  arguments.insert(arguments.end(), {"--format", "jsonl"});
  auto said = records(caption(arguments));
  ASSERT_THAT(said, SizeIs(6));
  std::vector<double> confidence;
  for (const auto& record : said) {
    confidence.push_back(record["confidence"]);
    EXPECT_GE(confidence.back(), 0);
    EXPECT_LE(confidence.back(), 1);
    EXPECT_TRUE(record["familiar"].is_boolean());
    EXPECT_FALSE(record.contains("below_min_confidence"));
  }
  auto sorted = confidence;
  std::sort(sorted.begin(), sorted.end());
  ASSERT_LT(sorted[2], sorted[3]);
  const std::string least = std::to_string((sorted[2] + sorted[3]) / 2);

  arguments = pictures();
  arguments.insert(arguments.end(), {"--min-confidence", least, "--sidecar-dir", at("sidecars"), "--maps", at("maps"),
                                     "--overlay", at("pages")});
  const auto text = caption(arguments);
  EXPECT_EQ(text.status, 0);
  EXPECT_THAT(text.err, HasSubstr("3 of 6 pictures less sure than --min-confidence"));
  ASSERT_THAT(text.out_lines(), SizeIs(6));
  for (size_t i = 0; i < 6; ++i) {
    const bool sure = confidence[i] > (sorted[2] + sorted[3]) / 2;
    const std::string name = fs::path(pictures()[i]).stem();
    EXPECT_EQ(text.out_lines()[i], pictures()[i] + "\t" + (sure ? said[i]["caption"].get<std::string>() : ""));
    EXPECT_EQ(fs::exists(at("sidecars/" + name + ".txt")), sure);
    EXPECT_EQ(fs::exists(at("maps/" + name + ".npy")), sure);
    EXPECT_EQ(fs::exists(at("pages/" + name + ".jpg")), sure);
  }
  arguments = pictures();
  arguments.insert(arguments.end(),
                   {"--min-confidence", least, "--format", "jsonl", "--n-best", "3", "--html", at("page.html")});
  const auto marked = records(caption(arguments));
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(marked[i]["caption"], said[i]["caption"]);
    EXPECT_NEAR(marked[i]["confidence"].get<double>(), confidence[i], 1e-4);  // whatever else is asked for
    EXPECT_EQ(marked[i]["below_min_confidence"], confidence[i] < (sorted[2] + sorted[3]) / 2);
  }
  EXPECT_THAT(read_file(at("page.html")), AllOf(HasSubstr("<p class=\"confidence\""), HasSubstr(": confidence ")));
}

TEST_F(Confidence, IsNullWhereItIsNotKnown) {
  ASSERT_EQ(calibrate_whole().status, 0);
  const std::string picture = pictures().front();
  const auto null = [&](const Outcome& run, const char* key) {
    EXPECT_EQ(run.status, 0) << run.err;
    const auto all = records(run);
    return all.size() == 1 && all[0].contains(key) && all[0][key].is_null();
  };
  const auto plain = with_model({"caption", picture, "--format", "jsonl"});
  EXPECT_TRUE(null(plain, "confidence"));
  EXPECT_TRUE(null(plain, "familiar"));
  EXPECT_EQ(plain.err, "");
  const auto refused = with_model({"caption", picture, "--min-confidence", "0.5"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("isn't calibrated"));

  const auto greedy = caption({picture, "--format", "jsonl", "--beam-width", "1"});
  EXPECT_TRUE(null(greedy, "confidence"));
  EXPECT_THAT(greedy.err, HasSubstr("calibrated with beam_width 3, now 1"));
  EXPECT_FALSE(null(greedy, "familiar"));  // that is known of the picture
  const auto small = caption({picture, "--format", "jsonl", "--input-size", "64"});
  EXPECT_TRUE(null(small, "confidence"));
  EXPECT_TRUE(null(small, "familiar"));
  EXPECT_EQ(caption({picture, "--beam-width", "1", "--min-confidence", "0.5"}).status, 2);
  const auto two = caption({picture, "--format", "jsonl", "--model", ATTEND_TINY_MODEL});
  EXPECT_TRUE(null(two, "confidence"));
  EXPECT_THAT(two.err, HasSubstr("several models"));

  ASSERT_EQ(calibrate().status, 0);  // without training pictures
  const auto unfamiliar = caption({picture, "--format", "jsonl"});
  EXPECT_FALSE(null(unfamiliar, "confidence"));
  EXPECT_TRUE(null(unfamiliar, "familiar"));
}

TEST_F(Confidence, StaysWithACopyThatDecodesAlikeAndWithNoOther) {
  ASSERT_EQ(calibrate_whole().status, 0);
  const auto known = [&](const std::string& model) {
    return !Json::parse(attend_command({"inspect", "--json", at(model)}).out)["confidence"].is_null();
  };
  ASSERT_EQ(attend_command({"average", at("calibrated.safetensors"), "--output", at("copy.safetensors")}).status, 0);
  EXPECT_TRUE(known("copy.safetensors"));
  const auto wider = attend_command(
      {"average", at("calibrated.safetensors"), "--output", at("wider.safetensors"), "--beam-width", "4"});
  EXPECT_EQ(wider.status, 0);
  EXPECT_THAT(wider.err, HasSubstr("calibrated with beam_width 3, now 4"));
  EXPECT_FALSE(known("wider.safetensors"));
  ASSERT_EQ(
      attend_command({"average", at("calibrated.safetensors"), ATTEND_TINY_MODEL, "--output", at("mean.safetensors")})
          .status,
      0);
  EXPECT_FALSE(known("mean.safetensors"));

  // A file whose numbers don't fit is refused, in one line that names it.
  TinyModel broken(at("calibrated.safetensors"));
  broken.edit("confidence", [](Json& confidence) { confidence["weights"].erase(0); });
  const std::string bytes = broken.bytes();
  folder_.write("broken.safetensors", {bytes.begin(), bytes.end()});
  const auto refused = caption({pictures().front()}, "broken.safetensors");
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err_lines(), SizeIs(1));
  EXPECT_THAT(refused.err, HasSubstr("broken.safetensors: its confidence"));
}

TEST_F(Confidence, CalibratingRefusesWhatCannotBeAndWritesNothing) {
  ASSERT_EQ(calibrate().status, 0);
  fs::remove(at("calibrated.safetensors"));
  const auto refused = [&](std::vector<std::string> more, int status, const std::string& says) {
    std::vector<std::string> arguments{
        "calibrate", ATTEND_TINY_MODEL, "--output", at("calibrated.safetensors"), "--threads", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto run = attend_command(arguments);
    EXPECT_EQ(run.status, status) << run.err;
    EXPECT_THAT(run.err, HasSubstr(says));
    EXPECT_FALSE(fs::exists(at("calibrated.safetensors")));
  };
  refused({}, 2, "--captions");
  refused({"--captions", at("shapes/captions_val.json")}, 2, "--images");
  refused({"--captions", at("shapes/captions_val.json"), "--images", "a", "--images", "b"}, 2,
          "2 folders for 1 captions file;");
  refused({"--captions", at("shapes/captions_test.json"), "--images", at("shapes/images")}, 1,
          "6 pictures that can be captioned");
  const auto itself = attend_command({"calibrate", ATTEND_TINY_MODEL, "--output", ATTEND_TINY_MODEL, "--captions",
                                      at("shapes/captions_val.json"), "--images", at("shapes/images")});
  EXPECT_EQ(itself.status, 2);
  EXPECT_THAT(itself.err, HasSubstr("is read by this command and would be replaced"));
}

}  // namespace
}  // namespace attend::testing
