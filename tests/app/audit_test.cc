// Captions that don't belong to their picture, through the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "app/run_command.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class AuditCommand : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string write(const std::string& name, const std::string& bytes) const {
    return folder_.write(name, {bytes.begin(), bytes.end()}).string();
  }
  /// `count` pictures with three captions each; those of `same` are the first one's again.
  std::string data(int count, int same = 0) const {
    const std::vector<std::string> nouns{"dog", "circle", "square", "grass", "caf\xc3\xa9"}, adjectives{"red", "blue"};
    std::string lines;
    for (int i = 0; i < count; ++i) {
      const int shape = i < count - same ? i : 0;
      folder_.write("in/" + std::to_string(i) + ".png",
                    encoded(".png", gradient(60 + 7 * shape, 50 + 5 * (shape % 9))));
      const std::string noun = nouns[static_cast<size_t>(i) % 5], adjective = adjectives[static_cast<size_t>(i) % 2];
      lines +=
          Json({{"file", std::to_string(i) + ".png"},
                {"captions", {"a " + adjective + " " + noun, "a " + noun + " on grass", adjective + " is a " + noun}}})
              .dump() +
          "\n";
    }
    return write("data.jsonl", lines);
  }

  TemporaryFolder folder_;
};

TEST_F(AuditCommand, ScoresEveryCaptionOnceWorstFirstTheSameEveryTime) {
  const std::string file = data(40);
  const std::vector<std::string> arguments{"audit", file,           "--images", at("in"),      "--format",
                                           "json",  "--batch-size", "8",        "--precision", "fp32"};
  const auto run = with_model(arguments);
  ASSERT_EQ(run.status, 0) << run.err;
  const Json report = Json::parse(run.out);
  EXPECT_EQ(report["pictures"], 40);
  EXPECT_EQ(report["captions"], 120);
  EXPECT_EQ(report["fitted"], true);
  ASSERT_THAT(report["doubtful"], SizeIs(120));
  std::set<std::pair<std::string, std::string>> seen;
  double last = 1, sum = 0;
  for (const auto& one : report["doubtful"]) {
    EXPECT_TRUE(seen.emplace(one["file"], one["caption"]).second);
    const double score = one["score"];
    EXPECT_LE(score, last);
    EXPECT_GE(score, 0);
    EXPECT_LE(one["log_probability"], 0);
    sum += last = score;
  }
  EXPECT_NEAR(sum / 120, report["share_of_strangers"].get<double>(), 1e-3);
  EXPECT_THAT(run.err, HasSubstr("% of 120 captions are estimated to belong to another picture"));
  EXPECT_EQ(with_model(arguments).out, run.out);
}

TEST_F(AuditCommand, FindsPicturesThatAreThereTwiceAndCaptionsThatAreAlike) {
  const auto run = with_model({"audit", data(12, 2), "--images", at("in"), "--format", "json"});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json report = Json::parse(run.out);
  EXPECT_EQ(report["same_pictures"], Json::array({{at("in/0.png"), at("in/10.png"), at("in/11.png")}}));
  EXPECT_EQ(report["fitted"], false);
  EXPECT_THAT(run.err, HasSubstr("3 pictures are there more than once"));
  EXPECT_THAT(run.err, HasSubstr("captions are equal to others"));
  bool found = false;  // pictures 0 and 10 have the same words, and the same captions
  for (const auto& group : report["alike_captions"]) {
    EXPECT_EQ(group["equal"], true);
    found = found || (group["captions"][0]["file"] == at("in/0.png") && group["captions"][0]["caption"] == "a red dog");
  }
  EXPECT_TRUE(found);
}

TEST_F(AuditCommand, ReportsWhatCannotBeReadAndAuditsTheRest) {
  const std::string file = data(6);
  write("in/3.png", "no picture");
  write(
      "data.jsonl",
      read_file(file) + "{\"file\": \"0.png\", \"caption\": \"...\"}\n{\"file\": \"1.png\", \"caption\": \"xyzzy\"}\n");
  const auto run = with_model({"audit", file, "--images", at("in"), "--least", "0", "--format", "csv"});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.out_lines(), SizeIs(1 + 15));
  for (const char* said :
       {"3.png: ", "without a word", "none of its words is in the model's vocabulary", "5 of 20 captions failed"})
    EXPECT_THAT(run.err, HasSubstr(said));
}

TEST_F(AuditCommand, ShowsTheWorstOnAPageBesideWhatTheModelSays) {
  const std::string file = data(6), page = at("worst.html");
  const auto run =
      with_model({"audit", file, "--images", at("in"), "--html", page, "--worst", "4", "--format", "json"});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json report = Json::parse(run.out);
  const std::string html = read_file(page);
  size_t last = 0;
  for (size_t i = 0; i < 4; ++i) {  // in the order of the list
    const size_t found =
        html.find("class=\"caption\">" + report["doubtful"][i]["caption"].get<std::string>(), last + 1);
    ASSERT_NE(found, html.npos) << i;
    last = found;
  }
  EXPECT_THAT(html, HasSubstr("<dt>score</dt>"));
  EXPECT_EQ(html.find("<article id=\"p5\""), html.npos);
  EXPECT_NE(with_model({"audit", file, "--images", at("in"), "--html", at("worst.txt")}).status, 0);
}

TEST_F(AuditCommand, OfShardsEveryCaptionIsInOne) {
  const std::string file = data(24);
  std::set<std::string> all;
  for (const char* part : {"1/2", "2/2"}) {
    const auto run =
        with_model({"audit", file, "--images", at("in"), "--shard", part, "--least", "0", "--format", "csv"});
    ASSERT_EQ(run.status, 0) << run.err;
    const auto lines = run.out_lines();
    for (size_t i = 1; i < lines.size(); ++i) EXPECT_TRUE(all.insert(lines[i]).second);
  }
  EXPECT_THAT(all, SizeIs(72));
}

TEST_F(AuditCommand, NeedsTwoPictures) {
  EXPECT_THAT(with_model({"audit", data(1), "--images", at("in")}).err, HasSubstr("two pictures or more"));
  EXPECT_EQ(with_model({"audit"}).status, 2);
}

}  // namespace
}  // namespace attend::testing
