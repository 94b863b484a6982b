// What `attend caption` makes of its captions: tables, sidecars, metadata; and which pictures of many it takes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "app/run_command.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class Outputs : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  /// A picture, another for each seed.
  void make(const std::string& name, int seed = 0) {
    cv::Mat pixels = gradient(40, 30);
    cv::circle(pixels, {seed * 7 % 40, seed * 5 % 30}, 6, {0, double(seed * 37 % 256), 255}, -1);
    folder_.write(name, encoded(".png", pixels));
  }
  void write(const std::string& name, const std::string& text) { folder_.write(name, {text.begin(), text.end()}); }
  std::string text_of(const std::string& name) const { return read_file(at(name)); }
  /// In the test's folder.
  Outcome caption(std::vector<std::string> arguments, Circumstances how = {}) {
    how.folder = folder_.path();
    arguments.insert(arguments.begin(), "caption");
    return with_model(arguments, how);
  }
  /// The same by a shell, in which `attend` stands for the beginning of the command.
  Outcome shell(const std::string& script) {
    return run_command({"/bin/bash", "-c",
                        "attend() { '" + std::string(ATTEND_PROGRAM) +
                            "' caption --threads 1 --model '" ATTEND_TINY_MODEL "' \"$@\"; }\n" + script},
                       {.folder = folder_.path()});
  }
  static std::vector<std::string> names(const Outcome& run) {
    std::vector<std::string> list;
    for (const auto& line : run.out_lines()) list.push_back(line.substr(0, line.find('\t')));
    return list;
  }
  std::string caption_of(const std::string& name) {
    const auto run = caption({name});
    return run.out.substr(run.out.find('\t') + 1, run.out.size() - run.out.find('\t') - 2);
  }

  TemporaryFolder folder_;
};

const std::string kHeader =
    "file,caption,rank,confidence,familiar,log_probability,plain_log_probability,width,height,remark\r\n";

TEST_F(Outputs, CsvIsATableWithAHeader) {
  make("a,\"b\".png", 1), make("=x.png", 2);
  const auto run = caption({"a,\"b\".png", "=x.png", "--format", "csv", "--n-best", "2"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, StartsWith(kHeader));
  const auto lines = run.out_lines();
  ASSERT_THAT(lines, SizeIs(5));
  const std::string first = caption_of("a,\"b\".png");
  EXPECT_THAT(lines[1], StartsWith("\"a,\"\"b\"\".png\"," + first + ",1,"));
  EXPECT_THAT(lines[2], AllOf(StartsWith("\"a,\"\"b\"\".png\","), HasSubstr(",2,")));
  EXPECT_THAT(lines[3], StartsWith("'=x.png,"));
  for (const auto& line : lines) EXPECT_TRUE(line.ends_with('\r'));
  EXPECT_TRUE(lines[1].ends_with(",40,30,\r"));
}

TEST_F(Outputs, ATableThatGoesOnHasOneHeader) {
  make("a.png", 1), make("b.png", 2);
  const auto run = shell("attend --format csv a.png >> table.csv; attend --format csv b.png >> table.csv");
  EXPECT_EQ(run.status, 0) << run.err;
  const std::string table = text_of("table.csv");
  EXPECT_THAT(table, StartsWith(kHeader + "a.png,"));
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 3);
  EXPECT_EQ(table.find(kHeader, 1), table.npos);
}

TEST_F(Outputs, CaptionsAreWordedAsAskedWhereverTheyAreWritten) {
  make("a.png", 1);
  const std::string plain = caption_of("a.png");
  const auto run = caption({"a.png", "--prefix", "ähnlich: ", "--suffix", " & <more>", "--sentence", "--sidecar",
                            "--sidecar-ending", "caption", "--xmp", "--format", "jsonl"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(Json::parse(run.out)["caption"], "Ähnlich: " + plain + " & <more>.");
  EXPECT_EQ(text_of("a.caption"), "Ähnlich: " + plain + " & <more>.\n");
  EXPECT_THAT(text_of("a.xmp"),
              HasSubstr("<rdf:li xml:lang=\"x-default\">Ähnlich: " + plain + " &amp; &lt;more&gt;.</rdf:li>"));
  EXPECT_FALSE(fs::exists(at("a.txt")));
  EXPECT_THAT(caption({"a.png", "--suffix", "!", "--sentence"}).out, HasSubstr("!\n"));
  for (const auto& mistake :
       std::vector<std::vector<std::string>>{{"--prefix", "a\nb"},
                                             {"--sidecar-ending", "jpg"},
                                             {"--sidecar-ending", "a/b"},
                                             {"--sidecar-ending", ""},
                                             {"--if-exists", "append"},
                                             {"--sidecar", "--overwrite", "--if-exists", "append"}}) {
    auto arguments = mistake;
    arguments.push_back("a.png");
    EXPECT_EQ(caption(arguments).status, 2) << mistake[0];
  }
}

TEST_F(Outputs, SidecarsThatAreThereStayGrowOrAreMadeAnew) {
  make("a.png", 1);
  const std::string said = caption_of("a.png");
  const auto run = [&](const std::string& what) {
    write("a.txt", "mine");
    const auto once = caption({"a.png", "--sidecar", "--if-exists", what}),
               twice = caption({"a.png", "--sidecar", "--if-exists", what});
    EXPECT_EQ(once.status + twice.status, 0) << once.err << twice.err;
    return text_of("a.txt");
  };
  EXPECT_EQ(run("skip"), "mine");
  EXPECT_EQ(run("append"), "mine\n" + said + "\n");
  EXPECT_EQ(run("prepend"), said + "\nmine\n");
  EXPECT_EQ(run("overwrite"), said + "\n");
}

TEST_F(Outputs, MetadataOfOtherProgramsIsNeverReplaced) {
  make("a.png", 1), make("b.png", 2);
  write("a.xmp", "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\" x:xmptk=\"Somebody's Studio\"/>");
  const std::string before = text_of("a.xmp");
  const auto skipped = caption({"a.png", "b.png", "--xmp"});
  EXPECT_EQ(skipped.status, 0);
  EXPECT_THAT(names(skipped), ElementsAre("b.png"));
  const auto forced = caption({"a.png", "b.png", "--xmp", "--overwrite"});
  EXPECT_EQ(forced.status, 1);
  EXPECT_THAT(forced.err_lines(), ElementsAre("attend: a.xmp: has other programs' metadata; not replaced",
                                              "attend: 1 of 2 pictures failed"));
  EXPECT_EQ(text_of("a.xmp"), before);
}

TEST_F(Outputs, PhotoManagersReadTheMetadata) {
  if (run_command({"/bin/sh", "-c", "exiftool -ver"}).status != 0)
    GTEST_SKIP() << "exiftool (libimage-exiftool-perl) is not installed";
  make("a.png", 1);
  const std::string said = caption_of("a.png");
  ASSERT_EQ(caption({"a.png", "--xmp", "--prefix", "<\"é\" & 'co'> "}).status, 0);
  const auto read =
      run_command({"/bin/sh", "-c", "exiftool -validate -warning -s3 -XMP-dc:Description '" + at("a.xmp") + "'"});
  EXPECT_EQ(read.out, "OK\n<\"é\" & 'co'> " + said + "\n") << read.err;
}

TEST_F(Outputs, WhatIsExcludedIsPassedOverAndProgramsFoldersAreSaid) {
  for (const auto* name :
       {"p/a.png", "p/b-draft.png", "p/old/c.png", "p/new/d.png", "p/new/@eaDir/e.png", "p/.hidden/f.png"})
    make(name);
  const auto run = caption({"--recursive", "p"});
  EXPECT_THAT(names(run), ElementsAre("p/a.png", "p/b-draft.png", "p/new/d.png", "p/old/c.png"));
  EXPECT_THAT(run.err_lines(),
              ElementsAre("attend: warning: 2 folders passed over: hidden, or thumbnails and bins; name one to go into "
                          "it (p/.hidden, p/new/@eaDir)"));
  EXPECT_THAT(names(caption({"--recursive", "p", "--exclude", "*-draft.*", "--exclude", "old"})),
              ElementsAre("p/a.png", "p/new/d.png"));
  EXPECT_THAT(names(caption({"--recursive", "p", "--exclude", "new/*", "p/b-draft.png", "--exclude", "b-*"})),
              ElementsAre("p/a.png", "p/old/c.png"));
  EXPECT_THAT(names(caption({"p/new/@eaDir"})), ElementsAre("p/new/@eaDir/e.png"));
  const auto none = caption({"p/a.png", "--exclude", "*"});
  EXPECT_EQ(none.status, 1);
  EXPECT_EQ(none.err, "attend: no pictures: --exclude passes over all of them\n");
}

TEST_F(Outputs, NightlyRunsMayIgnoreWhatCannotBeReadAndSayHowItWent) {
  make("p/a.png", 1), make("p/b.png", 2);
  write("p/c.png", "no picture");
  write("p/d.psd", "8BPS");
  write("p/b.txt", "there");
  EXPECT_EQ(caption({"p"}).status, 1);
  EXPECT_EQ(caption({"p", "--ignore-bad"}).status, 0);
  EXPECT_EQ(caption({"p", "gone.png", "--ignore-bad"}).status, 1);  // no bad picture: a mistake
  const auto run = caption({"p", "--ignore-bad", "--sidecar", "--summary"});
  EXPECT_EQ(run.status, 0);
  EXPECT_THAT(run.err_lines().back(), StartsWith("attend: 1 captioned, 1 skipped, 1 failed, in 0:"));
  const auto quiet = caption({"p", "--ignore-bad", "--sidecar", "--quiet"});
  EXPECT_THAT(quiet.err_lines(), ElementsAre(StartsWith("attend: p/c.png: "), "attend: 1 of 3 pictures failed"));
}

TEST_F(Outputs, EveryPictureMayHaveALineInItsPlace) {
  make("a.png", 1), make("c.png", 2), make("d.png", 3);
  write("b.png", "no picture");
  write("c.txt", "there");
  const std::vector<std::string> given{"a.png", "gone.png", "b.png", "c.png", "d.png", "--sidecar", "--answer-all"};
  EXPECT_THAT(names(caption(given)), ElementsAre("a.png", "gone.png", "b.png", "c.png", "d.png"));
  for (const auto* text : {"a.txt", "d.txt"}) fs::remove(at(text));
  auto arguments = given;
  arguments.insert(arguments.end(), {"--format", "jsonl"});
  const auto run = caption(arguments);
  ASSERT_THAT(run.out_lines(), SizeIs(5)) << run.err;
  std::vector<Json> records;
  for (const auto& line : run.out_lines()) records.push_back(Json::parse(line));
  EXPECT_TRUE(records[0].contains("caption"));
  EXPECT_EQ(records[1], Json({{"file", "gone.png"}, {"error", "gone.png: no such file or folder"}}));
  EXPECT_THAT(records[2]["error"].get<std::string>(), StartsWith("b.png: "));
  EXPECT_EQ(records[3]["skipped"], "its files are there");
  EXPECT_EQ(records[4]["file"], "d.png");
}

TEST_F(Outputs, AListOnStandardInputIsAnsweredLineByLine) {
  make("a.png", 1), make("b.png", 2);
  // Each line is written only when the one before is answered; `read` gives up where it never is.
  const std::string ask =
      "say() { echo \"$1\" >&${A[1]}; IFS= read -r -t 120 answer <&${A[0]} || exit 9; echo \"$answer\"; }\n";
  const auto run = shell("coproc A { attend --files-from - --sidecar --answer-all 2>faults; }\n" + ask +
                         "P=$A_PID; say a.png; test -s a.txt || exit 8; say gone.png; say b.png; say b.png\n"
                         "eval \"exec ${A[1]}>&-\"; wait $P; echo status $?");
  EXPECT_EQ(run.status, 0);
  const auto lines = run.out_lines();
  ASSERT_THAT(lines, SizeIs(5)) << run.out << text_of("faults");
  EXPECT_EQ(lines[0], "a.png\t" + caption_of("a.png"));
  EXPECT_EQ(lines[1], "gone.png\t");
  EXPECT_EQ(lines[2], "b.png\t" + caption_of("b.png"));
  EXPECT_EQ(lines[3], "b.png\t");  // its file is there by now
  EXPECT_EQ(lines[4], "status 1");
  EXPECT_EQ(text_of("faults"),
            "attend: gone.png: no such file or folder\nattend: 1 of 4 pictures skipped: their files are there "
            "(--overwrite makes them anew)\nattend: 1 of 4 pictures failed\n");
}

TEST_F(Outputs, ListsOfAnyLengthComeInTheirOrder) {
  for (int i = 0; i < 5; ++i) make(std::to_string(i) + ".png", i);
  std::string list;
  std::vector<std::string> expected;
  for (int i = 0; i < 1100; ++i) {
    expected.push_back(std::to_string(i * i % 5) + ".png");
    list += expected.back() + "\n";
  }
  list.pop_back();  // the last line has no end
  const auto run = caption({"--files-from", "-"}, {.input = list});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(names(run), expected);
  EXPECT_EQ(caption({"--files-from", "-"}).err, "attend: -: no names in it\n");
}

TEST_F(Outputs, TwinsInAListKeepTheirOwnFiles) {
  make("a/x.png", 1), make("b/x.png", 2), make("a/x.jpg", 3);
  const std::string list = "a/x.png\nb/x.png\na/x.jpg\n";
  EXPECT_EQ(caption({"--files-from", "-", "--sidecar", "--maps", "maps"}, {.input = list}).status, 0);
  for (const auto* name :
       {"maps/a/x.png.npy", "maps/b/x.png.npy", "maps/a/x.jpg.npy", "a/x.png.txt", "b/x.txt", "a/x.jpg.txt"})
    EXPECT_TRUE(fs::exists(at(name))) << name;
  make("c/y.png", 1), make("c/y.jpg", 2);
  EXPECT_THAT(caption({"--files-from", "-", "--sidecar"}, {.input = "c/y.png\nc/y.jpg\n"}).out_lines(), SizeIs(2));
  EXPECT_TRUE(fs::exists(at("c/y.txt")) && fs::exists(at("c/y.jpg.txt")));
}

TEST_F(Outputs, APictureMayComeOnStandardInput) {
  make("a.png", 1);
  const std::string bytes = text_of("a.png");
  const auto run = caption({"-", "--overlay", "seen"}, {.input = bytes});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, "-\t" + caption_of("a.png") + "\n");
  EXPECT_TRUE(fs::exists(at("seen/stdin.jpg")));
  const auto empty = caption({"-"});
  EXPECT_EQ(empty.status, 1);
  EXPECT_THAT(empty.err_lines().front(), StartsWith("attend: -: "));
  EXPECT_EQ(caption({"-", "--sidecar"}, {.input = bytes}).status, 2);
  EXPECT_EQ(caption({"-", "--files-from", "-"}, {.input = bytes}).status, 2);
  EXPECT_THAT(names(caption({"./-", "a.png"})), ElementsAre("a.png"));
}

TEST_F(Outputs, PartsArePicturesOfTheirOwnAndTogetherAll) {
  std::set<std::string> all;
  for (int i = 0; i < 20; ++i)
    make("p/" + std::to_string(i) + ".png", i), all.insert("p/" + std::to_string(i) + ".png");
  std::set<std::string> found;
  size_t count = 0;
  std::vector<std::string> second;
  for (const auto* part : {"1/3", "2/3", "3/3"}) {
    const auto run = caption({"p", "--shard", part});
    EXPECT_EQ(run.status, 0) << run.err;
    const auto some = names(run);
    if (std::string(part) == "2/3") second = some;
    found.insert(some.begin(), some.end());
    count += some.size();
    EXPECT_LT(some.size(), 20u);
  }
  EXPECT_EQ(found, all);
  EXPECT_EQ(count, all.size());
  fs::remove(at(*std::find_if(all.begin(), all.end(),
                              [&](const auto& name) { return std::count(second.begin(), second.end(), name) == 0; })));
  EXPECT_EQ(names(caption({"p", "--shard", "2/3"})), second);  // whatever the others are
  for (const auto* mistake : {"0/3", "4/3", "3", "1/", "a/b", "-1/2", "1/2/3"})
    EXPECT_EQ(caption({"p", "--shard", mistake}).status, 2) << mistake;
}

TEST_F(Outputs, OnlyWhatIsNewOrChangedIsCaptioned) {
  make("p/a.png", 1), make("p/b\t\\.png", 2);
  const std::vector<std::string> again{"p", "--only-new", "seen.index"};
  EXPECT_THAT(caption(again).out_lines(), SizeIs(2));
  const std::string index = text_of("seen.index");
  EXPECT_EQ(std::count(index.begin(), index.end(), '\n'), 3);
  const auto second = caption(again);
  EXPECT_EQ(second.status, 0);
  EXPECT_EQ(second.out, "");
  EXPECT_EQ(second.err, "attend: 2 of 2 pictures skipped: captioned before, as seen.index says\n");
  EXPECT_EQ(text_of("seen.index"), index);

  fs::rename(at("p/a.png"), at("p/renamed.png"));
  make("p/b\t\\.png", 2);  // written anew, the same
  EXPECT_EQ(caption(again).out, "");
  make("p/b\t\\.png", 3);
  make("p/new.png", 4);
  write("p/bad.png", "no picture");
  const auto third = caption(again);
  EXPECT_EQ(third.status, 1);
  EXPECT_THAT(third.out_lines(), SizeIs(2));
  EXPECT_THAT(text_of("seen.index"), StartsWith(index));
  EXPECT_THAT(caption(again).err_lines(),
              ElementsAre(StartsWith("attend: p/bad.png: "), HasSubstr("3 of 4"), HasSubstr("1 of 4 pictures failed")));
}

TEST_F(Outputs, AnIndexThatIsCutOrJoinedIsReadAndOtherFilesAreLeftAlone) {
  make("a.png", 1), make("b.png", 2), make("c.png", 3);
  EXPECT_EQ(caption({"a.png", "b.png", "--only-new", "one"}).status, 0);
  EXPECT_EQ(caption({"c.png", "--only-new", "two"}).status, 0);
  write("both", text_of("one") + text_of("two"));
  EXPECT_EQ(caption({"a.png", "b.png", "c.png", "--only-new", "both"}).out, "");
  const std::string whole = text_of("one");
  write("one", whole.substr(0, whole.rfind('\t')));
  const auto cut = caption({"a.png", "b.png", "--only-new", "one"});
  EXPECT_THAT(names(cut), ElementsAre("b.png"));
  EXPECT_THAT(cut.err_lines().front(), HasSubstr("one: 1 line is incomplete"));
  EXPECT_EQ(caption({"a.png", "b.png", "--only-new", "one"}).out, "");
  const std::string before = text_of("a.png");
  const auto wrong = caption({"b.png", "--only-new", "a.png"});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, HasSubstr("a.png: is no index of captioned pictures"));
  EXPECT_EQ(text_of("a.png"), before);
  EXPECT_EQ(caption({"a.png", "--only-new", "no/folder"}).status, 1);
}

TEST_F(Outputs, BecomeADataSetOfAnotherForm) {
  make("p/a.png", 1), make("p/b/c.png", 2);
  for (const auto* form : {"csv", "jsonl"}) {
    write("captions." + std::string(form), caption({"--recursive", "p", "--format", form}).out);
    const auto run =
        attend_command({"convert", "captions." + std::string(form), std::string(form) + ".tar", "--images", "."},
                       {.folder = folder_.path()});
    EXPECT_EQ(run.status, 0) << run.err;
    const std::string archive = text_of(std::string(form) + ".tar");
    for (const auto& part :
         {std::string("p/a.png"), text_of("p/a.png"), std::string("p/b/c.txt"), caption_of("p/b/c.png")})
      EXPECT_THAT(archive, HasSubstr(part));
  }
}

TEST_F(Outputs, CaptionsThatDidNotGetOutAreNotInTheIndex) {
  make("a.png", 1);
  const auto run = caption({"a.png", "--only-new", "index", "--sidecar"}, {.out_to = "/dev/full"});
  EXPECT_EQ(run.status, 1);
  EXPECT_FALSE(fs::exists(at("index")));
  EXPECT_THAT(caption({"a.png", "--only-new", "index"}).out_lines(), SizeIs(1));
}

}  // namespace
}  // namespace attend::testing
