// `attend caption`, run as a user runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <set>

#include "app/run_command.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;
using ::testing::StartsWith;

FileBytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

/// A small photograph, another for each seed.
FileBytes photo(int seed, int width = 64, int height = 48) {
  cv::Mat pixels = gradient(width, height);
  cv::circle(pixels, {width * (seed % 7) / 7, height * (seed % 5) / 5}, height / 4, {0, double(seed * 37 % 256), 255},
             -1);
  return encoded(".jpg", pixels);
}

/// Names of the files below a folder, folders left out, sorted.
std::set<std::string> files_below(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (!entry.is_directory()) names.insert(entry.path().lexically_relative(folder).string());
  return names;
}

std::string file_of(const std::string& line) { return line.substr(0, line.rfind('\t')); }
std::string caption_of(const std::string& line) { return line.substr(line.rfind('\t') + 1); }

class CaptionCommand : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string make(const std::string& name, const FileBytes& bytes) { return folder_.write(name, bytes).string(); }

  TemporaryFolder folder_;
};

TEST_F(CaptionCommand, WritesALineAPictureInTheOrderGivenWhateverTheBatching) {
  std::vector<std::string> arguments{"caption"}, names;
  for (int i = 0; i < 11; ++i) {
    // Large ones between small ones, so that they are read at different speeds.
    names.push_back(make("p" + std::to_string(i * 7 % 11) + ".jpg", i % 3 ? photo(i) : photo(i, 1600, 1200)));
    arguments.push_back(names.back());
  }
  const auto whole = with_model(arguments);
  ASSERT_EQ(whole.status, 0) << whole.err;
  EXPECT_EQ(whole.err, "");
  ASSERT_THAT(whole.out_lines(), SizeIs(names.size()));
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(file_of(whole.out_lines()[i]), names[i]);
    EXPECT_NE(caption_of(whole.out_lines()[i]), "");
  }
  arguments.insert(arguments.end(), {"--batch-size", "3", "--threads", "2"});
  EXPECT_EQ(with_model(arguments).out, whole.out);
}

TEST_F(CaptionCommand, PicturesAreBroughtToTheSizeThatIsAskedFor) {
  const auto picture = make("x.jpg", photo(5));
  const auto run = with_model({"caption", "--format", "jsonl", "--input-size", "64", picture});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(Json::parse(run.out)["grid"], Json({2, 2}));
  const auto refused = with_model({"caption", "--input-size", "31", picture});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("--input-size: 31"));
}

TEST_F(CaptionCommand, OddPicturesAreCaptionedLikeAnyOther) {
  const cv::Mat colour = gradient(80, 60);
  cv::Mat grey, deep, clear;
  cv::cvtColor(colour, grey, cv::COLOR_BGR2GRAY);
  colour.convertTo(deep, CV_16U, 257);
  cv::cvtColor(colour, clear, cv::COLOR_BGR2BGRA);
  clear.forEach<cv::Vec4b>(
      [](cv::Vec4b& pixel, const int* place) { pixel[3] = static_cast<unsigned char>(place[1] * 3); });
  make("cmyk.jpg", jpeg(clear, {{}, false, true, JCS_YCCK}));
  make("deep.png", encoded(".png", deep));
  make("deep.tif", encoded(".tif", deep));
  make("grey.jpg", encoded(".jpg", grey));
  make("transparent.png", encoded(".png", clear));
  make("transparent.webp", encoded(".webp", clear));
  make("animated.gif", bytes_of(std::string("GIF89a\1\0\1\0\x80\0\0\377\0\0\0\0\377", 19) +
                                std::string(",\0\0\0\0\1\0\1\0\0\2\2D\1\0", 15) +
                                std::string(",\0\0\0\0\1\0\1\0\0\2\2L\1\0", 15) + ";"));
  make("dot.png", encoded(".png", gradient(1, 1)));
  make("pole.png", encoded(".png", gradient(1, 20000)));
  make("rope.png", encoded(".png", gradient(20000, 1)));
  make("vast.jpg", encoded(".jpg", gradient(6400, 4800)));
  make("truly.jpg", encoded(".png", colour));
  make("caf\xc3\xa9 \xe5\x86\x99\xe7\x9c\x9f.jpg", photo(1));
  make("latin1-\xe9\xff.jpg", photo(2));
  for (int orientation = 1; orientation <= 8; ++orientation)
    make("exif" + std::to_string(orientation) + ".jpg", jpeg(stored_as(colour, orientation), {exif(orientation)}));

  const auto run = with_model({"caption", folder_.path().string(), "--format", "jsonl", "--overlay", at("pages"),
                               "--sidecar-dir", at("texts"), "--overlay-tile", "64"});
  EXPECT_EQ(run.status, 0) << run.err;
  // The tests' model has random weights: it looks everywhere alike.
  EXPECT_THAT(run.err_lines(), ElementsAre(HasSubstr("warning: 22 of 22 captions: the attention is near-uniform"),
                                           HasSubstr("warning: 22 of 22 captions: every word has the same map")));
  ASSERT_THAT(run.out_lines(), SizeIs(22));
  std::map<std::string, Json> records;
  for (const auto& line : run.out_lines()) {
    const Json record = Json::parse(line);
    records[fs::path(record["file"].get<std::string>()).filename()] = record;
    EXPECT_NE(record["caption"], "");
  }
  for (int orientation = 1; orientation <= 8; ++orientation)
    EXPECT_EQ(records["exif" + std::to_string(orientation) + ".jpg"]["size"], Json({80, 60})) << orientation;
  EXPECT_EQ(records["vast.jpg"]["size"], Json({6400, 4800}));
  EXPECT_EQ(records["pole.png"]["size"], Json({1, 20000}));
  EXPECT_THAT(files_below(at("pages")), SizeIs(22));
  EXPECT_THAT(files_below(at("texts")), SizeIs(22));
  EXPECT_THAT(files_below(at("pages")), Contains("latin1-\xe9\xff.jpg"));
}

TEST_F(CaptionCommand, BadPicturesAreNamedAndTheRestIsCaptioned) {
  const FileBytes good = photo(3), png = encoded(".png", gradient(64, 64));
  make("in/a-good.jpg", good);
  make("in/b-empty.jpg", {});
  make("in/c-cut.jpg", {good.begin(), good.begin() + good.size() / 2});
  make("in/d-cut.png", {png.begin(), png.begin() + png.size() / 2});
  make("in/e-renamed.jpg", bytes_of("#!/bin/sh\necho I am no picture\n"));
  FileBytes bomb = png;
  for (const int at : {16, 20}) bomb[at] = 0, bomb[at + 1] = 2, bomb[at + 2] = 0, bomb[at + 3] = 0;  // 131072 a side
  make("in/f-bomb.png", bomb);
  fs::permissions(make("in/g-secret.jpg", good), fs::perms::none);
  fs::create_symlink("nowhere", at("in/h-dangling.jpg"));
  make("in/z-good.jpg", good);
  fs::permissions(at("in"), fs::perms(0755));
  fs::create_directory(at("out"));
  fs::permissions(at("out"), fs::perms(0777));

  Circumstances how;
  how.ordinary_user = true;
  const auto run =
      with_model({"caption", at("in"), at("missing.jpg"), at("*.nothing"), "--sidecar-dir", at("out")}, how);
  if (run.status == 127) GTEST_SKIP() << "the build folder can't be read by an ordinary user";
  EXPECT_EQ(run.status, 1);
  ASSERT_THAT(run.out_lines(), SizeIs(2));
  EXPECT_EQ(file_of(run.out_lines()[0]), at("in/a-good.jpg"));
  EXPECT_EQ(file_of(run.out_lines()[1]), at("in/z-good.jpg"));
  const auto faults = run.err_lines();
  ASSERT_THAT(faults, SizeIs(10)) << run.err;
  EXPECT_EQ(faults.back(), "attend: 9 of 11 pictures failed");
  for (const std::string name : {"in/b-empty.jpg", "in/c-cut.jpg", "in/d-cut.png", "in/e-renamed.jpg", "in/f-bomb.png",
                                 "in/g-secret.jpg", "in/h-dangling.jpg", "missing.jpg", "*.nothing"})
    EXPECT_THAT(faults, Contains(StartsWith("attend: " + at(name) + ": "))) << name;
  EXPECT_THAT(faults, Contains(HasSubstr("Permission denied")));
  EXPECT_THAT(files_below(at("out")), ::testing::ElementsAre("a-good.txt", "z-good.txt"));
}

TEST_F(CaptionCommand, LinksThatLoopAreWalkedOnce) {
  make("tree/deep/x.jpg", photo(1));
  fs::create_directory_symlink("..", at("tree/deep/up"));
  fs::create_directory_symlink(at("tree"), at("tree/self"));
  const auto run = with_model({"caption", at("tree"), "--recursive"});
  EXPECT_EQ(run.status, 0) << run.err;
  ASSERT_THAT(run.out_lines(), SizeIs(1));
  EXPECT_EQ(file_of(run.out_lines()[0]), at("tree/deep/x.jpg"));
}

TEST_F(CaptionCommand, NamesStandByteForByteInTextAndAsValidUtf8InJson) {
  const std::vector<std::string> names{make("tab\there.jpg", photo(1)), make("line\nhere.jpg", photo(2)),
                                       make("latin1-\xe9.jpg", photo(3)), make("caf\xc3\xa9.jpg", photo(4))};
  std::string list;
  for (const auto& name : names) list += name + '\0';
  const auto text = with_model({"caption", "--null", "--files-from", "-"}, {.input = list});
  ASSERT_EQ(text.status, 0) << text.err;
  std::istringstream records(text.out);
  std::vector<std::string> found;
  for (std::string record; std::getline(records, record, '\0');) found.push_back(file_of(record));
  EXPECT_EQ(found, names);

  const auto json = with_model({"caption", "--null", "--files-from", "-", "--format", "jsonl"}, {.input = list});
  const auto lines = json.out_lines();
  ASSERT_THAT(lines, SizeIs(4)) << json.err;
  EXPECT_EQ(Json::parse(lines[0])["file"], names[0]);
  EXPECT_EQ(Json::parse(lines[1])["file"], names[1]);
  EXPECT_EQ(Json::parse(lines[3])["file"], names[3]);
  EXPECT_FALSE(Json::parse(lines[3]).contains("file_base64"));
  const Json strange = Json::parse(lines[2]);
  EXPECT_EQ(strange["file"], at("latin1-\xef\xbf\xbd.jpg"));
  const auto decoded =
      run_command({"/bin/sh", "-c", "base64 -d"}, {.input = strange["file_base64"].get<std::string>()});
  EXPECT_EQ(decoded.out, names[2]);
}

TEST_F(CaptionCommand, JsonLinesHoldWordsAttentionAndAlternatives) {
  const auto run = with_model({"caption", "--format", "jsonl", "--n-best", "3", make("x.jpg", photo(5))});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json record = Json::parse(run.out);
  EXPECT_EQ(record["grid"], Json({3, 3}));
  EXPECT_EQ(record["size"], Json({64, 48}));
  EXPECT_EQ(record["area"], Json({0.0, 0.0, 64.0, 48.0}));
  double of_words = 0;
  ASSERT_GE(record["words"].size(), 2u);
  for (const auto& word : record["words"]) {
    EXPECT_TRUE(word["word"].is_string());
    of_words += word["log_probability"].get<double>();
    const auto attention = word["attention"].get<std::vector<double>>();
    ASSERT_THAT(attention, SizeIs(9));
    EXPECT_NEAR(std::accumulate(attention.begin(), attention.end(), 0.0), 1, 1e-4);
  }
  EXPECT_LE(record["log_probability"].get<double>(), of_words + 1e-4);  // that of <end> comes on top
  ASSERT_THAT(record["alternatives"], SizeIs(2));
  for (const auto& other : record["alternatives"]) {
    EXPECT_NE(other["caption"], record["caption"]);
    EXPECT_LT(other["log_probability"].get<double>(), 0);
    EXPECT_GE(other["words"].size(), 2u);
  }
  const auto text = with_model({"caption", "--n-best", "3", at("x.jpg")});
  EXPECT_THAT(text.out_lines(), SizeIs(3));
  EXPECT_EQ(caption_of(text.out_lines()[0]), record["caption"].get<std::string>());
}

TEST_F(CaptionCommand, SidecarsAreSkippedWhereTheyAreThereAndMadeAnewOnDemand) {
  make("in/one.jpg", photo(1));
  make("in/two.jpg", photo(2));
  make("in/two.png", encoded(".png", gradient(30, 30)));  // would share two.txt
  make("in/one.txt", bytes_of("my own words\n"));
  const auto first = with_model({"caption", "--sidecar", at("in")});
  EXPECT_EQ(first.status, 0);
  EXPECT_EQ(first.err, "attend: 1 of 3 pictures skipped: their files are there (--overwrite makes them anew)\n");
  EXPECT_THAT(first.out_lines(), SizeIs(2));
  EXPECT_EQ(read_file(at("in/one.txt")), "my own words\n");
  EXPECT_EQ(read_file(at("in/two.jpg.txt")), caption_of(first.out_lines()[0]) + "\n");
  EXPECT_EQ(read_file(at("in/two.png.txt")), caption_of(first.out_lines()[1]) + "\n");
  EXPECT_FALSE(fs::exists(at("in/two.txt")));

  const auto second = attend_command({"caption", "--sidecar", at("in"), "--model", "/nowhere"});  // no model is needed
  EXPECT_EQ(second.status, 0) << second.err;
  EXPECT_EQ(second.out, "");

  const auto third = with_model({"caption", "--sidecar", "--overwrite", at("in")});
  EXPECT_THAT(third.out_lines(), SizeIs(3));
  EXPECT_NE(read_file(at("in/one.txt")), "my own words\n");
  EXPECT_THAT(files_below(at("in")), SizeIs(6));
}

TEST_F(CaptionCommand, PagesWordsAndMapsMirrorTheFolderAndNeverMeet) {
  make("in/x.jpg", photo(1));
  make("in/sub/x.jpg", photo(2));
  make("a/y.jpg", photo(3));
  make("b/y.jpg", photo(4));
  const std::vector<std::string> arguments{"caption",
                                           "--recursive",
                                           "in",
                                           "a",
                                           "b",
                                           "--overlay",
                                           "out",
                                           "--overlay-words",
                                           "--maps",
                                           "maps",
                                           "--overlay-format",
                                           "png",
                                           "--overlay-tile",
                                           "64"};
  const auto run = with_model(arguments, {.folder = folder_.path()});
  ASSERT_EQ(run.status, 0) << run.err;
  const auto pages = files_below(at("out"));
  EXPECT_THAT(pages, IsSupersetOf({"x.png", "sub/x.png", "a/y.jpg.png", "b/y.jpg.png"}));
  EXPECT_THAT(files_below(at("maps")), ::testing::ElementsAre("a/y.jpg.npy", "b/y.jpg.npy", "sub/x.npy", "x.npy"));
  EXPECT_THAT(pages, Contains(StartsWith("x.words/01-")));
  EXPECT_THAT(pages, Contains(StartsWith("b/y.jpg.words/02-")));
  EXPECT_THAT(pages, ::testing::Each(::testing::Not(HasSubstr("tmp"))));
  EXPECT_THAT(read_file(at("maps/x.npy")), StartsWith("\x93NUMPY"));
  const cv::Mat page = cv::imread(at("out/x.png"));
  EXPECT_GT(page.cols, 64);

  // A page gone is made again, and nothing else.
  fs::remove(at("out/sub/x.png"));
  const auto written = fs::last_write_time(at("out/x.png"));
  const auto again = with_model(arguments, {.folder = folder_.path()});
  EXPECT_THAT(again.out_lines(), SizeIs(1));
  EXPECT_EQ(files_below(at("out")), pages);
  EXPECT_EQ(fs::last_write_time(at("out/x.png")), written);

  const auto json =
      with_model({"caption", "in/x.jpg", "--maps", "json", "--maps-format", "json"}, {.folder = folder_.path()});
  EXPECT_EQ(json.status, 0) << json.err;
  const Json map = Json::parse(read_file(at("json/x.json")));
  EXPECT_EQ(map["caption"], caption_of(json.out_lines().at(0)));
  EXPECT_THAT(map["words"][0]["attention"], SizeIs(9));
}

TEST_F(CaptionCommand, APageNeverReplacesAPicture) {
  const std::string name = make("x.jpg", photo(1));
  const std::string before = read_file(name);
  const auto run = with_model({"caption", name, "--overlay", folder_.path().string(), "--overwrite"});
  EXPECT_EQ(run.status, 2);
  EXPECT_THAT(run.err, HasSubstr("x.jpg: is one of the pictures"));
  EXPECT_EQ(read_file(name), before);
}

TEST_F(CaptionCommand, AFolderThatCannotBeWrittenIsRefusedBeforeAnyWork) {
  make("x.jpg", photo(1));
  fs::create_directory(at("fixed"));
  fs::permissions(at("fixed"), fs::perms(0555));
  for (const char* flag : {"--overlay", "--sidecar-dir", "--maps"}) {
    const auto run = with_model({"caption", at("x.jpg"), flag, at("fixed")}, {.ordinary_user = true});
    if (run.status == 127) GTEST_SKIP() << "the build folder can't be read by an ordinary user";
    EXPECT_EQ(run.status, 1);
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(run.err, "attend: " + at("fixed") + ": can't be written: Permission denied\n");
  }
  const auto full = with_model({"caption", at("x.jpg"), "--overlay", at("full")}, {.largest_file = 1024});
  EXPECT_EQ(full.status, 1);
  EXPECT_EQ(full.out, "");
  EXPECT_THAT(full.err, StartsWith("attend: " + at("full") + ": can't be written: "));
  EXPECT_THAT(files_below(at("full")), IsEmpty());
}

TEST_F(CaptionCommand, AFolderThatFillsUpLeavesNothingHalfWritten) {
  make("in/1.jpg", photo(1));
  make("in/2.jpg", photo(2));
  const auto run = with_model({"caption", at("in"), "--overlay", at("out"), "--overlay-words", "--overlay-tile", "512"},
                              {.largest_file = 8192});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.out_lines(), SizeIs(2));
  ASSERT_THAT(run.err_lines(), SizeIs(3)) << run.err;
  EXPECT_THAT(run.err_lines()[0], StartsWith("attend: " + at("out/1.jpg") + ": can't be written: "));
  EXPECT_EQ(run.err_lines()[2], "attend: 2 of 2 pictures failed");
  EXPECT_THAT(files_below(at("out")), IsEmpty());
}

TEST_F(CaptionCommand, FullStandardOutputIsAnError) {
  const auto run = with_model({"caption", make("x.jpg", photo(1))}, {.out_to = "/dev/full"});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, StartsWith("attend: standard output: can't be written"));
  EXPECT_THAT(run.err_lines(), SizeIs(1));
}

TEST_F(CaptionCommand, ClosedStandardStreamsAreNoFilesOfItsOwn) {
  const std::string command = std::string("'") + ATTEND_PROGRAM + "' caption --threads 1 --model '" +
                              ATTEND_TINY_MODEL + "' '" + make("x.jpg", photo(1)) + "' /etc/passwd --html '" +
                              at("page.html") + "' ";
  const auto mute = run_command({"/bin/sh", "-c", command + ">&-"});
  EXPECT_EQ(mute.status, 1);
  EXPECT_THAT(mute.err, HasSubstr("standard output: can't be written"));
  const auto page = [&] { return fs::exists(at("page.html")) ? read_file(at("page.html")) : ""; };
  EXPECT_THAT(page(), ::testing::Not(HasSubstr("x.jpg\t")));
  const auto deaf = run_command({"/bin/sh", "-c", command + "2>&- <&-"});
  EXPECT_EQ(deaf.status, 1);
  EXPECT_THAT(page(), AllOf(HasSubstr("x.jpg"), ::testing::Not(HasSubstr("attend: "))));
}

TEST_F(CaptionCommand, WhatTheDeadLeftIsSweptAndLinksStay) {
  make("there/.attend-0123456789abcdef.tmp", {});
  make("there/.attend-fedcba9876543210.tmp/01-old.jpg", photo(1));
  make("there/page.html", {});
  fs::create_symlink("there/page.html", at("link.html"));
  const auto run = with_model(
      {"caption", make("x.jpg", photo(1)), "--html", at("link.html"), "--overlay", at("there"), "--overlay-words"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_TRUE(fs::is_symlink(at("link.html")));
  EXPECT_THAT(read_file(at("there/page.html")), HasSubstr("x.jpg"));
  std::set<std::string> top;
  for (const auto& entry : fs::directory_iterator(at("there"))) top.insert(entry.path().filename());
  EXPECT_THAT(top, ElementsAre("page.html", "x.jpg", "x.words"));
}

TEST_F(CaptionCommand, AFolderThatCannotBeWrittenCostsItsOwnPictures) {
  for (const char* name : {"in/a/1.jpg", "in/b/2.jpg", "in/c/3.jpg"}) make(name, photo(1));
  fs::permissions(folder_.path(), fs::perms::all);
  for (const char* name : {"in", "in/a", "in/b", "in/c"}) fs::permissions(at(name), fs::perms::all);
  fs::permissions(at("in/b"),
                  fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
  const auto run = with_model({"caption", "--recursive", at("in"), "--sidecar"}, {.ordinary_user = true});
  if (run.status == 127) GTEST_SKIP() << "the build folder can't be read by an ordinary user";
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.out_lines(), SizeIs(3));
  EXPECT_THAT(run.err_lines(), ElementsAre(AllOf(HasSubstr("/in/b: can't be written: "), HasSubstr("1 picture ")),
                                           "attend: 1 of 3 pictures failed"));
  EXPECT_THAT(files_below(at("in")), ElementsAre("a/1.jpg", "a/1.txt", "b/2.jpg", "c/3.jpg", "c/3.txt"));
}

TEST_F(CaptionCommand, LettersThatNoFontHasAreSaid) {
  const std::string x = make("x.jpg", photo(1));
  const auto plain = with_model({"caption", x, "--overlay", at("plain")});
  EXPECT_THAT(plain.err, ::testing::Not(HasSubstr("--font")));
  const auto none = with_model({"caption", x, "--overlay", at("font"), "--font", x});
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, HasSubstr(x + ": is no font"));
  EXPECT_EQ(with_model({"caption", x, "--font", x}).status, 2);
}

TEST_F(CaptionCommand, AReaderThatLeavesEndsItQuietly) {
  for (int i = 0; i < 12; ++i) make(std::to_string(i) + ".jpg", photo(i));
  const std::string command = std::string("'") + ATTEND_PROGRAM + "' caption --threads 1 --batch-size 1 --model '" +
                              ATTEND_TINY_MODEL + "' '" + folder_.path().string() + "' | head -n 1";
  const auto run = run_command({"/bin/bash", "-c", "set -o pipefail; " + command});
  EXPECT_EQ(run.status, 128 + SIGPIPE);
  EXPECT_THAT(run.out_lines(), SizeIs(1));
  EXPECT_EQ(run.err, "");
}

TEST_F(CaptionCommand, CtrlCEndsItBetweenBatches) {
  std::vector<std::string> arguments{"caption", "--batch-size", "1", "--sidecar-dir", at("out")};
  const FileBytes bytes = photo(1);
  for (int i = 0; i < 300; ++i) arguments.push_back(make("in/" + std::to_string(i) + ".jpg", bytes));
  const auto run = with_model(arguments, {.signal = SIGINT});
  EXPECT_EQ(run.status, 130);
  EXPECT_THAT(run.err, HasSubstr("of 300 pictures"));
  const auto done = run.out_lines().size();
  EXPECT_GE(done, 1u);
  EXPECT_LT(done, 300u);
  EXPECT_THAT(files_below(at("out")), SizeIs(done));
}

TEST_F(CaptionCommand, SignalsThatEndItAreItsExitStatusAndLeaveNothingBehindButThePage) {
  std::vector<std::string> arguments{"caption", "--batch-size", "1", "--html", at("page.html")};
  const FileBytes bytes = photo(1);
  for (int i = 0; i < 100; ++i) arguments.push_back(make("in/" + std::to_string(i) + ".jpg", bytes));
  std::set<std::string> files = files_below(folder_.path());
  files.insert("page.html");  // of what is done
  for (const int signal : {SIGTERM, SIGHUP}) {
    EXPECT_EQ(with_model(arguments, {.signal = signal}).status, 128 + signal);
    EXPECT_EQ(files_below(folder_.path()), files);
  }
}

TEST_F(CaptionCommand, ListsOfNamesMayComeFromAFile) {
  make("x.jpg", photo(1));
  make("more/y.jpg", photo(2));
  make("list", bytes_of("x.jpg\n\nmore\nx.jpg"));
  const auto run = with_model({"caption", "--files-from", "list"}, {.folder = folder_.path()});
  ASSERT_THAT(run.out_lines(), SizeIs(3)) << run.err;
  EXPECT_EQ(file_of(run.out_lines()[1]), "more/y.jpg");
  EXPECT_EQ(run.out_lines()[2], run.out_lines()[0]);
  make("none", {});
  EXPECT_THAT(with_model({"caption", "--files-from", at("none")}).err, HasSubstr("no names in it"));
  EXPECT_THAT(with_model({"caption", "--files-from", at("gone")}).err, HasSubstr("No such file"));
}

TEST_F(CaptionCommand, OptionsComeFromTheModelThenTheConfigurationThenFlags) {
  const auto config = make("c.json", bytes_of(R"({"decode": {"beam_width": 7}, "overlay": {"columns": 3}})"));
  const auto run = with_model({"caption", "--dump-config", "--config", config, "--n-best", "2"});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json options = Json::parse(run.out);
  EXPECT_EQ(options["decode"]["max_length"], 6);  // the model's own
  EXPECT_EQ(options["decode"]["beam_width"], 7);
  EXPECT_EQ(options["decode"]["n_best"], 2);
  EXPECT_EQ(options["overlay"]["columns"], 3);
}

TEST_F(CaptionCommand, MistakesAreRefusedBeforeAnyWorkAndNamed) {
  const std::string x = make("x.jpg", photo(1));
  const auto typo = make("typo.json", bytes_of(R"({"decode": {"beam_widht": 7}})"));
  const auto type = make("type.json", bytes_of(R"({"decode": {"beam_width": 2.5}})"));
  const auto cut = make("cut.json", bytes_of("{\"decode\": {\n\"beam_width\": "));
  fs::create_directory(at("empty"));
  fs::create_directories(at("deep/er"));
  struct Mistake {
    std::vector<std::string> arguments;
    int status;
    std::string says;
  };
  const std::vector<Mistake> mistakes{
      {{"caption"}, 2, "no pictures"},
      {{"caption", x, "--beam", "3"}, 2, "--beam: unknown option; did you mean --beam-width?"},
      {{"caption", x, "--n-best", "5", "--beam-width", "2"}, 2, "n_best"},
      {{"caption", x, "--overlay-words"}, 2, "--overlay DIR"},
      {{"caption", x, "--overlay-style", "heat"}, 2, "--overlay-style: say with --overlay DIR"},
      {{"caption", x, "--overlay-format", "png", "--animate", at("moving")}, 2, "--overlay DIR"},
      {{"caption", x, "--animate-format", "gif"}, 2, "--animate DIR"},
      {{"caption", x, "--maps-format", "json"}, 2, "--maps DIR"},
      {{"caption", x, "--sidecar-ending", "caption"}, 2, "say --sidecar"},
      {{"caption", x, "--config", typo}, 2, typo + ": decode: unknown key \"beam_widht\""},
      {{"caption", x, "--config", type}, 2, type + ": decode.beam_width: 2.5"},
      {{"caption", x, "--config", cut}, 1, cut + ":2:"},
      {{"caption", x, "--device", "cuda"}, 2, "--device cuda"},
      {{"caption", at("empty")}, 1, at("empty") + ": no pictures there"},
      {{"caption", at("deep")}, 1, at("deep") + ": no pictures there; --recursive"}};
  for (const auto& mistake : mistakes) {
    const auto run = with_model(mistake.arguments);
    if (run.status == 0 && mistake.says == "--device cuda") continue;  // there is a card
    EXPECT_EQ(run.status, mistake.status) << mistake.says << ": " << run.err;
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err_lines(), SizeIs(1)) << run.err;
    EXPECT_THAT(run.err, HasSubstr(mistake.says));
  }
}

}  // namespace
}  // namespace attend::testing
