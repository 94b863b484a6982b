// Captions that don't belong to their picture, through the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <opencv2/imgproc.hpp>
#include <random>
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
  EXPECT_THAT(with_model({"audit", file, "--images", at("in"), "--held-out", at("none")}).err,
              HasSubstr(at("none") + ": No such file"));
}

TEST_F(AuditCommand, SaysTheShareOfWordsThatItDoesNotKnow) {
  data(2);
  const std::string file = write(
      "two.jsonl",
      "{\"file\": \"0.png\", \"caption\": \"a red xyzzy\"}\n{\"file\": \"1.png\", \"caption\": \"a blue dog\"}\n");
  const auto run = with_model({"audit", file, "--images", at("in")});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("1 of 6 words (16.7 %) aren't in the model's vocabulary and were left out\n"));
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
  for (const char* by : {"\"by\":\"given\"", "\"by\":\"the model\""}) EXPECT_THAT(html, HasSubstr(by));
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

TEST_F(AuditCommand, GoesOnFromItsCheckpoint) {
  const std::string file = data(40), kept = at("kept");
  const auto audit = [&](std::vector<std::string> more, const Circumstances& how = {}) {
    more.insert(more.begin(), {"audit", file, "--images", at("in"), "--format", "json", "--batch-size", "8"});
    return with_model(more, how);
  };
  const auto expected = audit({});
  const auto whole = audit({"--checkpoint", kept});
  ASSERT_EQ(whole.status, 0) << whole.err;
  EXPECT_EQ(whole.out, expected.out);
  const std::string bytes = read_file(kept);
  ASSERT_EQ(std::count(bytes.begin(), bytes.end(), '\n'), 1 + 5);
  // Killed anywhere: in the first line, behind it, within a batch, behind one; or the last line is damaged.
  const size_t head = bytes.find('\n') + 1, first = bytes.find('\n', head) + 1;
  std::vector<std::string> stopped;
  for (const size_t length : {size_t{0}, size_t{5}, head, head + 9, first, first + 200, bytes.size() - 1, bytes.size()})
    stopped.push_back(bytes.substr(0, length));
  stopped.push_back(bytes.substr(0, first) + std::string(300, '\0') + "\n");
  for (const auto& begun : stopped) {
    write("kept", begun);
    const auto run = audit({"--checkpoint", kept});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(run.out, expected.out) << begun.size();
    EXPECT_EQ(read_file(kept), bytes) << begun.size();
  }
  // What is in it isn't looked at again.
  std::filesystem::rename(at("in"), at("elsewhere"));
  EXPECT_EQ(audit({"--checkpoint", kept}).out, expected.out);
  std::filesystem::rename(at("elsewhere"), at("in"));
  // A full disk.
  std::filesystem::remove(kept);
  Circumstances full;
  full.largest_file = static_cast<int64_t>(first) + 100;
  const auto failed = audit({"--checkpoint", kept}, full);
  EXPECT_EQ(failed.status, 1);
  EXPECT_THAT(failed.err, HasSubstr(kept + ": "));
  EXPECT_EQ(audit({"--checkpoint", kept}).out, expected.out);
}

TEST_F(AuditCommand, RefusesACheckpointOfSomethingElse) {
  const std::string file = data(12), kept = at("kept");
  const auto audit = [&](const std::string& checkpoint, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"audit", file, "--images", at("in"), "--checkpoint", checkpoint});
    return with_model(more);
  };
  ASSERT_EQ(audit(kept).status, 0);
  const std::string bytes = read_file(kept);
  const auto refused = [&](const Outcome& run, const char* said) {
    EXPECT_EQ(run.status, 1);
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err_lines(), SizeIs(1));
    EXPECT_THAT(run.err, HasSubstr(said));
  };
  refused(audit(kept, {"--seed", "2"}), "is of another audit: seed is 1 there and 2 here");
  refused(audit(kept, {"--others", "2"}), "others is 4 there");
  refused(audit(kept, {"--shard", "1/2"}), "of other pictures or captions");
  refused(attend_command({"audit", file, "--images", at("in"), "--checkpoint", kept, "--model", ATTEND_WIDE_MODEL,
                          "--threads", "1"}),
          "by another model");
  EXPECT_EQ(read_file(kept), bytes);
  const std::string before = read_file(file);
  refused(audit(file), "isn't a checkpoint of attend audit");
  EXPECT_EQ(read_file(file), before);
  write("binary", "\xff\xd8\xff without a line end");
  refused(audit(at("binary")), "isn't a checkpoint of attend audit");
}

TEST_F(AuditCommand, FindsCaptionsWithoutAWordOfTheOthersAndThoseOfAnotherLanguage) {
  const std::string file = data(4), chinese = "\xe4\xb8\x80\xe5\x8f\xaa\xe7\x8b\x97";
  folder_.write("in/4.png", encoded(".png", gradient(80, 90)));
  write("data.jsonl", read_file(file) +
                          Json({{"file", "4.png"},
                                {"captions",
                                 {"a red dog", "a dog on grass", "a blue square", "zwei Hunde im hohen Gras",
                                  "eine Katze a red", "rojo perro", chinese}}})
                              .dump() +
                          "\n");
  const auto run = with_model({"audit", file, "--images", at("in"), "--format", "json"});
  const Json report = Json::parse(run.out);
  std::vector<std::string> apart, foreign;
  for (const auto& one : report["apart_captions"])
    if (one["file"] == at("in/4.png")) apart.push_back(one["caption"]);
  for (const auto& one : report["foreign_captions"]) foreign.push_back(one["caption"]);
  EXPECT_THAT(apart, ::testing::ElementsAre("a blue square", "zwei Hunde im hohen Gras", "rojo perro", chinese));
  EXPECT_THAT(foreign, ::testing::ElementsAre("zwei Hunde im hohen Gras", chinese));
  EXPECT_THAT(run.err, HasSubstr("captions have no word in common with the picture's others"));
  EXPECT_THAT(run.err, HasSubstr("2 captions are likely of another language"));
}

TEST_F(AuditCommand, FindsPicturesThatLookTheSameAndThoseThatLeaked) {
  std::string lines;
  std::mt19937 generator(7);
  for (int i = 0; i < 6; ++i) {
    cv::Mat blocks(6, 8, CV_8UC3), picture;
    for (auto block = blocks.begin<cv::Vec3b>(); block != blocks.end<cv::Vec3b>(); ++block)
      for (int c = 0; c < 3; ++c) (*block)[c] = static_cast<unsigned char>(generator() % 256);
    cv::resize(blocks, picture, {240, 180}, 0, 0, cv::INTER_CUBIC);
    const std::string name = std::to_string(i) + ".png";
    folder_.write("in/" + name, encoded(".png", picture));
    lines += Json({{"file", name}, {"caption", "a red dog"}}).dump() + "\n";
    cv::Mat small;
    cv::resize(picture, small, {}, 0.5, 0.5, cv::INTER_AREA);
    if (i == 1) folder_.write("test/other.jpg", encoded(".jpg", small));
    if (i != 2) continue;
    folder_.write("in/again.jpg", encoded(".jpg", small));
    lines += "{\"file\": \"again.jpg\", \"caption\": \"a red dog\"}\n";
  }
  const std::string file = write("data.jsonl", lines);
  const std::vector<std::string> arguments{"audit", file, "--images", at("in"), "--held-out", at("test"), "--format"};
  auto as_json = arguments, as_lines = arguments;
  as_json.push_back("json"), as_lines.push_back("jsonl");
  const auto run = with_model(as_json);
  ASSERT_EQ(run.status, 0) << run.err;
  const Json report = Json::parse(run.out);
  EXPECT_EQ(report["same_pictures"], Json::array());
  EXPECT_EQ(report["alike_pictures"], Json::array({{at("in/2.png"), at("in/again.jpg")}}));
  EXPECT_EQ(report["leaked_pictures"],
            Json::array({Json({{"file", at("in/1.png")}, {"held_out", at("test/other.jpg")}})}));
  EXPECT_THAT(run.err, HasSubstr("2 pictures look like others"));
  EXPECT_THAT(run.err, HasSubstr("pictures that look like one of those held out (1): 1"));
  // As lines the same, but for captions that aren't doubtful.
  std::map<std::string, size_t> counts;
  for (const auto& line : with_model(as_lines).out_lines()) ++counts[Json::parse(line)["finding"]];
  EXPECT_EQ(counts["alike_pictures"], 1u);
  EXPECT_EQ(counts["leaked_pictures"], 1u);
  EXPECT_EQ(counts["alike_captions"], report["alike_captions"].size());
  size_t doubtful = 0;
  for (const auto& one : report["doubtful"]) doubtful += one["score"] >= 0.5;
  EXPECT_EQ(counts["doubtful"], doubtful);
  // What is held out and can't be read is said.
  folder_.write("test/bad.jpg", {'b', 'a', 'd'});
  const auto bad = with_model(as_json);
  EXPECT_EQ(bad.status, 1);
  EXPECT_THAT(bad.err, HasSubstr("1 of those held out can't be read"));
}

TEST_F(AuditCommand, NeedsTwoPictures) {
  EXPECT_THAT(with_model({"audit", data(1), "--images", at("in")}).err, HasSubstr("two pictures or more"));
  EXPECT_EQ(with_model({"audit"}).status, 2);
}

}  // namespace
}  // namespace attend::testing
