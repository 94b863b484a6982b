// attend merge: parts of many machines as one run would have written them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "app/run_command.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class MergeParts : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    for (int i = 0; i < 14; ++i) {
      cv::Mat pixels = gradient(40, 30);
      cv::circle(pixels, {i * 7 % 40, i * 5 % 30}, 6, {0, double(i * 37 % 256), 255}, -1);
      folder_->write((i % 3   ? "p/"
                      : i % 2 ? "p/a.b/"
                              : "p/a/") +
                         std::string(i == 5 ? "=" : "") + std::to_string(i) + ".png",
                     encoded(".png", pixels));
    }
    folder_->write("p/latin-\xe9.png", encoded(".png", gradient(30, 40)));
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string at(const std::string& name) { return (folder_->path() / name).string(); }
  static Outcome caption(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"caption", "--recursive", "p"});
    return with_model(arguments, {.folder = folder_->path()});
  }
  static Outcome merge(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "merge");
    return attend_command(arguments, {.folder = folder_->path()});
  }
  static void write(const std::string& name, const std::string& text) {
    std::ofstream(at(name), std::ios::binary) << text;
  }
  /// Writes PREFIX1 to PREFIX3.
  static void make_parts(const std::string& prefix, std::vector<std::string> how) {
    for (int i = 1; i <= 3; ++i) {
      auto arguments = how;
      arguments.insert(arguments.end(), {"--shard", std::to_string(i) + "/3"});
      const auto run = caption(arguments);
      ASSERT_EQ(run.status, 0) << run.err;
      write(prefix + std::to_string(i), run.out);
    }
  }
  /// JSON without what depends on which pictures were computed together, in the last digits.
  static std::vector<std::string> names_and_captions(const std::string& lines) {
    std::vector<std::string> list;
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) {
      const Json record = Json::parse(line);
      list.push_back(record["file"].get<std::string>() + ": " + record["caption"].get<std::string>());
    }
    return list;
  }

  static inline TemporaryFolder* folder_;
};

TEST_F(MergeParts, AreInTheOrderOfOneRunInEveryForm) {
  make_parts("json", {"--format", "jsonl"});
  const auto json = merge({"json3", "json1", "json2"});
  ASSERT_EQ(json.status, 0) << json.err;
  EXPECT_EQ(names_and_captions(json.out), names_and_captions(caption({"--format", "jsonl"}).out));
  EXPECT_EQ(json.err, "attend: 15 pictures from 3 files\n");
  EXPECT_EQ(merge({"json2", "json1", "json3", "--pictures", "p", "--recursive"}).out, json.out);

  make_parts("table", {"--format", "csv", "--n-best", "2"});
  const auto table = merge({"table1", "table2", "table3", "--output", "all.csv"});
  ASSERT_EQ(table.status, 0) << table.err;
  const auto first_cells = [](const std::string& text) {
    std::vector<std::string> list;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) list.push_back(line.substr(0, line.find(',', line.find(',') + 1)));
    return list;
  };
  EXPECT_EQ(table.out, "");
  EXPECT_EQ(first_cells(read_file(at("all.csv"))), first_cells(caption({"--format", "csv", "--n-best", "2"}).out));

  make_parts("text", {"--n-best", "2"});
  EXPECT_EQ(merge({"text1", "text2", "text3"}).out, caption({"--n-best", "2"}).out);
}

TEST_F(MergeParts, ThatAreMissingOrThereTwiceAreNamed) {
  make_parts("part", {});
  const auto missing = merge({"part1", "part3", "--shards", "3", "--output", "never"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.err_lines(),
              ElementsAre("attend: missing: the output of --shard 2/3", "attend: nothing is written"));
  EXPECT_FALSE(fs::exists(at("never")));
  EXPECT_THAT(merge({"part1", "part3"}).err, HasSubstr("missing: the output of --shard 2/3"));  // found out
  const auto twice = merge({"part1", "part2", "part3", "part2", "--shards", "3"});
  EXPECT_EQ(twice.status, 1);
  EXPECT_EQ(twice.out, "");
  EXPECT_THAT(twice.err, HasSubstr(": is there twice, in part2 and part2; --latest takes the last"));
  EXPECT_EQ(merge({"part1", "part2", "part3", "part2", "--shards", "3", "--latest"}).out, caption({}).out);
  const auto wrong = merge({"part1", "part2", "part3", "--shards", "4"});
  EXPECT_THAT(wrong.err, HasSubstr("holds pictures of more than one of 4 parts"));
  write("all", caption({}).out);
  EXPECT_THAT(merge({"all", "part1"}).err, HasSubstr("aren't the parts of one --shard I/N"));
}

TEST_F(MergeParts, LackPicturesOrHaveOthersThanThoseNamed) {
  make_parts("part", {});
  const std::string whole = read_file(at("part2"));
  write("part2", whole.substr(whole.find('\n') + 1));
  const auto lacks = merge({"part1", "part2", "part3", "--pictures", "p", "--recursive"});
  EXPECT_EQ(lacks.status, 1);
  EXPECT_THAT(lacks.err_lines().front(), "attend: 1 picture has no line: " + whole.substr(0, whole.find('\t')));
  write("part2", whole);
  const auto more = merge({"part1", "part2", "part3", "--pictures", "p", "--recursive", "--exclude", "a"});
  EXPECT_THAT(more.err, HasSubstr("lines are of no picture that is named: p/a/"));
  write("part2", whole.substr(0, whole.size() - 3));
  EXPECT_THAT(merge({"part1", "part2", "part3"}).err, AllOf(StartsWith("attend: part2:"), HasSubstr("is cut short")));
  write("part2", "{\"file\": 1}\n");
  EXPECT_THAT(merge({"part1", "part2", "part3"}).err, HasSubstr("part2: is of another form than part1"));
  EXPECT_EQ(merge({"nowhere"}).status, 1);
  EXPECT_EQ(merge({}).status, 2);
}

/// A part that SIGKILL ended when it had begun to write.
Outcome killed_part(std::vector<std::string> arguments, const fs::path& folder) {
  Outcome run;
  for (int tries = 0; tries < 10 && run.status != 128 + SIGKILL; ++tries)  // it may be faster than the signal
    run = with_model(arguments, {.folder = folder, .signal = SIGKILL});
  EXPECT_EQ(run.status, 128 + SIGKILL);
  return run;
}

TEST_F(MergeParts, ThatWereKilledAndRunAgainAreOneRun) {
  for (int i = 0; i < 120; ++i) {  // each of other content, which an index knows them by
    cv::Mat pixels = gradient(40, 30);
    cv::circle(pixels, {i % 40, i / 4}, 6, {0, double(i), 255}, -1);
    folder_->write("many/" + std::to_string(i) + ".png", encoded(".png", pixels));
  }
  const auto line = [](std::vector<std::string> more) {
    // One picture at a time: which are computed together shows in the last digits.
    more.insert(more.begin(), {"caption", "many", "--recursive", "--format", "jsonl", "--batch-size", "1"});
    return more;
  };
  const auto run = [&](std::vector<std::string> more) {
    const auto done = with_model(line(std::move(more)), {.folder = folder_->path()});
    EXPECT_EQ(done.status, 0) << done.err;
    return done;
  };
  const std::string whole = run({}).out;
  const std::vector<std::string> merging{"half1", "half2", "--pictures", "many", "--recursive", "--output", "halves"};
  write("half2", run({"--shard", "2/2"}).out);
  const auto killed = killed_part(line({"--shard", "1/2"}), folder_->path());
  write("half1", killed.out);
  const auto lacks = merge(merging);
  EXPECT_EQ(lacks.status, 1);
  const auto lines_of = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
  EXPECT_THAT(
      lacks.err_lines(),
      ElementsAre(
          AllOf(StartsWith("attend: " + std::to_string(120 - lines_of(killed.out) - lines_of(read_file(at("half2")))) +
                           " pictures have no line: many/"),
                HasSubstr(" more")),
          "attend: nothing is written"));
  EXPECT_FALSE(fs::exists(at("halves")));
  write("half1", run({"--shard", "1/2"}).out);
  EXPECT_EQ(merge(merging).status, 0);
  EXPECT_TRUE(read_file(at("halves")) == whole);

  // With an index the second run has only what the first didn't.
  const auto first = killed_part(line({"--shard", "1/2", "--only-new", "index"}), folder_->path());
  const auto rest = run({"--shard", "1/2", "--only-new", "index"});
  EXPECT_LT(lines_of(rest.out), lines_of(read_file(at("half1"))));
  write("half1", first.out + rest.out);
  const auto merged = merge({"half1", "half2", "--shards", "2", "--latest", "--pictures", "many", "--recursive"});
  EXPECT_TRUE(merged.out == whole) << merged.err;
}

TEST_F(MergeParts, WithoutPicturesAreEmptyFiles) {
  const auto run = with_model({"caption", "p/1.png", "--format", "csv"}, {.folder = folder_->path()});
  write("one", run.out);
  write("none", run.out.substr(0, run.out.find('\n') + 1));
  write("empty", "");
  const auto merged = merge({"none", "empty", "one"});
  EXPECT_EQ(merged.status, 0) << merged.err;
  EXPECT_EQ(merged.out, run.out);
  EXPECT_THAT(merged.err, HasSubstr("warning: empty: is empty; right where its part had no pictures"));
}

TEST_F(MergeParts, ComeFromWindowsToo) {
  const auto run = with_model({"caption", "p/1.png", "p/2.png", "--format", "csv"}, {.folder = folder_->path()});
  const size_t header = run.out.find('\n') + 1, first = run.out.find('\n', header) + 1;
  write("plain", run.out.substr(0, first));
  std::string other = "\xef\xbb\xbf" + run.out.substr(0, header) + run.out.substr(first);
  for (size_t end = other.find('\n'); end != other.npos; end = other.find('\n', end + 2)) other.insert(end, "\r");
  write("other", other);
  const auto merged = merge({"plain", "other", "--latest", "--shards", "1"});
  EXPECT_EQ(merged.status, 0) << merged.err;
  EXPECT_EQ(std::count(merged.out.begin(), merged.out.end(), '\n'), 3);
  EXPECT_THAT(merged.out, StartsWith("file,caption,"));
}

TEST_F(MergeParts, OfTextHaveLinesAsAttendWritesThem) {
  write("unix", "p/1.png\ta dog\np/1.png\ta cat\n");
  write("windows", "\xef\xbb\xbfp/2.png\ta cow\r\n\r\np/2.png\ta \rhorse\r\np/3.png\t\r\n");
  const auto text = merge({"unix", "windows", "--shards", "1"});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_EQ(text.out, "p/1.png\ta dog\np/1.png\ta cat\np/2.png\ta cow\np/2.png\ta \rhorse\np/3.png\t\n");
  write("lines", "{\"file\": \"p/1.png\"}\r\n");
  EXPECT_EQ(merge({"lines", "--shards", "1"}).out, "{\"file\": \"p/1.png\"}\n");
}

TEST_F(MergeParts, AreNeverTheOutputToo) {
  write("a", "p/1.png\tone\n");
  write("b", "p/2.png\ttwo\n");
  for (const std::string redirection : {"> b", ">> b"}) {
    const auto run = run_command({"/bin/sh", "-c", "exec '" ATTEND_PROGRAM "' merge --shards 1 a b " + redirection},
                                 {.folder = folder_->path()});
    EXPECT_EQ(run.status, 2);
    EXPECT_THAT(run.err, HasSubstr("b: is a part and takes the output, too"));
  }
  write("b", "p/2.png\ttwo\n");
  EXPECT_EQ(merge({"a", "b", "--shards", "1", "--output", "b"}).status, 0);  // which appears when all is read
  EXPECT_EQ(read_file(at("b")), "p/1.png\tone\np/2.png\ttwo\n");
}

TEST_F(MergeParts, OfAnIndexBecomeOne) {
  make_parts("part", {"--only-new", "index-a"});
  EXPECT_EQ(with_model({"caption", "p/1.png", "--only-new", "index-b"}, {.folder = folder_->path()}).status, 0);
  const auto run = merge({"index-a", "index-b", "index-a", "--output", "index-all"});
  EXPECT_EQ(run.status, 0) << run.err;
  const std::string all = read_file(at("index-all"));
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 16);  // 15 pictures; that which is in both has the same line
  EXPECT_EQ(caption({"--only-new", "index-all"}).out, "");
}

TEST_F(MergeParts, ComeFromTheEnvironmentToo) {
  const auto with = [&](const std::string& variables) {
    return run_command(
        {"/bin/sh", "-c",
         "unset RANK WORLD_SIZE SLURM_ARRAY_TASK_ID SLURM_ARRAY_TASK_MIN SLURM_ARRAY_TASK_MAX; " + variables +
             " exec '" ATTEND_PROGRAM "' caption --threads 1 --model '" ATTEND_TINY_MODEL
             "' --recursive p --shard auto"},
        {.folder = folder_->path()});
  };
  const std::string second = caption({"--shard", "2/3"}).out;
  const auto slurm = with("SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_COUNT=3");
  EXPECT_EQ(slurm.out, second);
  EXPECT_EQ(slurm.err, "attend: part 2 of 3, as SLURM_ARRAY_TASK_ID says\n");
  EXPECT_EQ(with("SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_MIN=0").out, second);
  EXPECT_EQ(with("SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=9 "
                 "SLURM_ARRAY_TASK_STEP=4")
                .out,
            second);
  EXPECT_EQ(with("RANK=1 WORLD_SIZE=3").out, second);
  for (const auto* mistake :
       {"", "RANK=1", "RANK=3 WORLD_SIZE=3", "RANK=x WORLD_SIZE=3", "SLURM_ARRAY_TASK_ID=4 SLURM_ARRAY_TASK_COUNT=3",
        // --array=4, --array=1,5 and --array=2,3: some tasks that are submitted again
        "SLURM_ARRAY_TASK_ID=4 SLURM_ARRAY_TASK_COUNT=1 SLURM_ARRAY_TASK_MIN=4 SLURM_ARRAY_TASK_MAX=4",
        "SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=2 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=5",
        "SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_COUNT=2 SLURM_ARRAY_TASK_MIN=2 SLURM_ARRAY_TASK_MAX=3",
        "RANK=1 WORLD_SIZE=3 SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_COUNT=3"}) {
    const auto run = with(mistake);
    EXPECT_EQ(run.status, 2) << mistake;
    EXPECT_THAT(run.err, StartsWith("attend: --shard auto: "));
  }
}

}  // namespace
}  // namespace attend::testing
