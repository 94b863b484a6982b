// `attend caption --metadata`: captions in the pictures themselves, and nothing else of them changed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/xattr.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <optional>

#include "app/run_command.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

const fs::path helper = fs::path(ATTEND_PROGRAM).parent_path() / "attend-metadata";

class Metadata : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(helper)) GTEST_SKIP() << "attend-metadata is not built: no Exiv2 (libexiv2-dev)";
  }
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  /// A picture with colours of its own for each seed.
  static cv::Mat pixels(int seed) {
    cv::Mat made = gradient(40, 30);
    cv::circle(made, {seed * 7 % 40, seed * 5 % 30}, 6, {0, double(seed * 37 % 256), 255}, -1);
    return made;
  }
  void make(const std::string& name, int seed = 0) {
    const std::string ending = fs::path(name).extension();
    folder_.write(name, ending == ".jpg" ? jpeg(pixels(seed), {.exif = exif(6)}) : encoded(ending, pixels(seed)));
  }
  std::string bytes_of(const std::string& name) const { return read_file(at(name)); }
  cv::Mat pixels_of(const std::string& name) const { return cv::imread(at(name), cv::IMREAD_UNCHANGED); }
  Outcome caption(std::vector<std::string> arguments, Circumstances how = {}) {
    how.folder = folder_.path();
    arguments.insert(arguments.begin(), {"caption", "--metadata"});
    return with_model(arguments, how);
  }
  std::string caption_of(const std::string& name) {
    const auto run = with_model({"caption", name}, {.folder = folder_.path()});
    return run.out.substr(run.out.find('\t') + 1, run.out.size() - run.out.find('\t') - 2);
  }
  /// How often a text stands in a file.
  size_t count(const std::string& name, const std::string& text) const {
    const std::string bytes = bytes_of(name);
    size_t found = 0;
    for (size_t at = bytes.find(text); at != bytes.npos; at = bytes.find(text, at + 1)) ++found;
    return found;
  }
  /// What exiftool says of a tag, or nothing where it isn't installed.
  std::optional<std::string> exiftool(const std::string& tag, const std::string& name) {
    const auto run = run_command({"/usr/bin/env", "exiftool", "-s3", "-" + tag, at(name)});
    if (run.status == 127) return std::nullopt;
    return run.out.substr(0, run.out.find_last_not_of('\n') + 1);
  }
  void expect_caption(const std::string& name, const std::string& text) {
    for (const auto* tag : {"XMP-dc:Description", "IPTC:Caption-Abstract", "IFD0:ImageDescription"}) {
      if (std::string(tag).starts_with("IPTC") && name.ends_with(".webp")) continue;  // there is no place for it
      const auto said = exiftool(tag, name);
      EXPECT_EQ(said.value_or(text), text) << name << " " << tag;
    }
  }
  /// Asks the helper itself, a line an answer.
  std::vector<std::string> ask(const std::string& requests) {
    return run_command({helper}, {.input = requests, .folder = folder_.path()}).out_lines();
  }

  TemporaryFolder folder_;
};

TEST_F(Metadata, HoldsTheCaptionAndThePictureStaysBitForBit) {
  const std::vector<std::string> names{"a.jpg", "b.png", "c.webp", "d.tiff"};
  std::vector<cv::Mat> before;
  for (size_t i = 0; i < names.size(); ++i) {
    make(names[i], int(i));
    before.push_back(pixels_of(names[i]));
    fs::permissions(at(names[i]), fs::perms(0640));
    fs::last_write_time(at(names[i]), fs::file_time_type::clock::now() - std::chrono::hours(1000));
  }
  const bool attributes = ::setxattr(at("a.jpg").c_str(), "user.rating", "5", 1, 0) == 0;
  const auto time = fs::last_write_time(at("a.jpg"));
  const std::string jpeg_before = bytes_of("a.jpg");
  auto arguments = names;
  arguments.insert(arguments.end(), {"--prefix", "größer: ", "--sentence"});
  const auto run = caption(arguments);
  ASSERT_EQ(run.status, 0) << run.err;
  const auto lines = run.out_lines();
  ASSERT_THAT(lines, SizeIs(4));
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string said = lines[i].substr(lines[i].find('\t') + 1);
    EXPECT_THAT(said, StartsWith("Größer: "));
    EXPECT_EQ(count(names[i], said), names[i] == "a.jpg" || names[i] == "d.tiff" ? 3u : 2u) << names[i];
    EXPECT_EQ(cv::norm(pixels_of(names[i]), before[i], cv::NORM_INF), 0) << names[i];
    EXPECT_EQ(fs::status(at(names[i])).permissions(), fs::perms(0640));
    expect_caption(names[i], said);
  }
  EXPECT_EQ(fs::last_write_time(at("a.jpg")), time);
  char rating = 0;
  EXPECT_TRUE(!attributes || (::getxattr(at("a.jpg").c_str(), "user.rating", &rating, 1) == 1 && rating == '5'));
  // From the first table on it is the same JPEG.
  const std::string jpeg_now = bytes_of("a.jpg");
  const auto tables = [](const std::string& file) { return file.substr(file.find("\xff\xdb")); };
  EXPECT_EQ(tables(jpeg_now), tables(jpeg_before));
  EXPECT_EQ(exiftool("Orientation#", "a.jpg").value_or("6"), "6");

  const auto again = caption(names);
  EXPECT_EQ(again.status, 0);
  EXPECT_EQ(again.out, "");
  EXPECT_THAT(again.err, HasSubstr("4 of 4 pictures skipped: their files or captions are there"));
  EXPECT_EQ(bytes_of("a.jpg"), jpeg_now);
}

TEST_F(Metadata, ThatIsThereStaysGrowsOrIsReplaced) {
  for (const auto* name : {"a.jpg", "b.png", "c.webp", "d.tiff"}) {
    make(name, 3);
    const std::string said = caption_of(name);
    const auto stamp = [&] {
      const auto time = fs::last_write_time(at(name)).time_since_epoch();
      const auto unix_time = std::chrono::file_clock::to_sys(fs::file_time_type(time)).time_since_epoch();
      return std::to_string(fs::file_size(at(name))) + "\t" +
             std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(unix_time).count());
    };
    ASSERT_THAT(ask("write\tskip\t" + stamp() + "\t" + name + "\tmine\n"), ElementsAre("written"));
    EXPECT_THAT(ask("write\tskip\t" + stamp() + "\t" + name + "\tother\n"), ElementsAre("kept"));
    expect_caption(name, "mine");
    EXPECT_EQ(caption({name, "--if-exists", "append"}).status, 0);
    EXPECT_EQ(caption({name, "--if-exists", "append"}).status, 0);  // it is there
    expect_caption(name, "mine." + said);                           // exiftool shows a new line so
    EXPECT_GE(count(name, "mine\n" + said), 1u);
    EXPECT_EQ(caption({name, "--overwrite"}).status, 0);
    EXPECT_EQ(count(name, "mine"), 0u);
    expect_caption(name, said);
    EXPECT_EQ(caption({name, "--if-exists", "prepend", "--prefix", "new: "}).status, 0);
    EXPECT_GE(count(name, "new: " + said + "\n" + said), 1u);
  }
  EXPECT_EQ(count("b.png", "eXIf"), 1u);
  EXPECT_EQ(count("b.png", "Raw profile type exif"), 0u);
}

TEST_F(Metadata, OfOtherProgramsAndLanguagesIsKept) {
  make("a.jpg", 1);
  if (!exiftool("Make", "a.jpg")) GTEST_SKIP() << "exiftool (libimage-exiftool-perl) is not installed";
  ASSERT_EQ(run_command({"/usr/bin/env", "exiftool", "-q", "-overwrite_original", "-Make=Acme", "-GPSLatitude=48.1",
                         "-GPSLatitudeRef=N", "-XMP-dc:Description-de=ein Hund", "-XMP:Rating=4", "-IPTC:Keywords=dog",
                         "-XMP-dc:Subject=dog", "-Comment=a remark", "-IFD0:ImageDescription=OLYMPUS DIGITAL CAMERA",
                         "-ThumbnailImage<=" + at("a.jpg"), at("a.jpg")})
                .status,
            0);
  // The only words in another language are a caption, too.
  EXPECT_THAT(caption({"a.jpg"}).err, HasSubstr("1 of 1 picture skipped"));
  const std::string said = caption_of("a.jpg");
  ASSERT_EQ(caption({"a.jpg", "--overwrite"}).status, 0);
  expect_caption("a.jpg", said);
  EXPECT_EQ(*exiftool("XMP-dc:Description-de", "a.jpg"), "ein Hund");
  EXPECT_EQ(*exiftool("Make", "a.jpg"), "Acme");
  EXPECT_EQ(*exiftool("XMP:Rating", "a.jpg"), "4");
  EXPECT_EQ(*exiftool("IPTC:Keywords", "a.jpg"), "dog");
  EXPECT_EQ(*exiftool("XMP-dc:Subject", "a.jpg"), "dog");
  EXPECT_EQ(*exiftool("Comment", "a.jpg"), "a remark");
  EXPECT_EQ(*exiftool("GPSLatitude#", "a.jpg"), "48.1");
  EXPECT_THAT(*exiftool("ThumbnailImage", "a.jpg"), HasSubstr("Binary data"));

  make("p.png", 4);
  ASSERT_EQ(run_command({"/usr/bin/env", "exiftool", "-q", "-overwrite_original", "-PNG:Description=old",
                         "-PNG:Title=a title", "-Orientation#=6", "-XMP:Rating=3", at("p.png")})
                .status,
            0);
  ASSERT_EQ(caption({"p.png", "--overwrite"}).status, 0);
  EXPECT_EQ(*exiftool("PNG:Description", "p.png"), "old");
  EXPECT_EQ(*exiftool("PNG:Title", "p.png"), "a title");
  EXPECT_EQ(*exiftool("Orientation#", "p.png"), "6");
  EXPECT_EQ(*exiftool("XMP:Rating", "p.png"), "3");
  EXPECT_EQ(count("p.png", "eXIf"), 1u);  // where browsers look for it
  expect_caption("p.png", caption_of("p.png"));

  make("b.jpg", 2);  // what cameras fill in by themselves is no caption
  ASSERT_EQ(run_command({"/usr/bin/env", "exiftool", "-q", "-overwrite_original",
                         "-IFD0:ImageDescription=OLYMPUS DIGITAL CAMERA", at("b.jpg")})
                .status,
            0);
  ASSERT_EQ(caption({"b.jpg"}).status, 0);
  expect_caption("b.jpg", caption_of("b.jpg"));
}

TEST_F(Metadata, IsLeftAloneWhereWritingItWouldBreakSomething) {
  make("ok.jpg", 1), make("locked.jpg", 2), make("twin.jpg", 3), make("far/away.jpg", 4);
  folder_.write("moving.gif", {'G', 'I',  'F', '8', '9', 'a', 1, 0, 1, 0, 0x80, 0, 0, 0,    0, 0, 255, 255,
                               255, 0x2c, 0,   0,   0,   0,   1, 0, 1, 0, 0,    2, 2, 0x44, 1, 0, 0x3b});
  ASSERT_TRUE(cv::imwritemulti(at("pages.tiff"), std::vector<cv::Mat>(6, pixels(5))));
  fs::permissions(at("locked.jpg"), fs::perms(0444));
  fs::create_hard_link(at("twin.jpg"), at("twin-2.jpg"));
  fs::create_symlink("far/away.jpg", at("link.jpg"));
  std::vector<std::string> names{"locked.jpg", "twin.jpg", "link.jpg", "moving.gif", "pages.tiff"}, before;
  for (const auto& name : names) before.push_back(bytes_of(name));
  auto arguments = names;
  arguments.push_back("ok.jpg");
  const auto run = caption(arguments);
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.out_lines(), SizeIs(6));  // standard output has them all
  EXPECT_THAT(
      run.err_lines(),
      ElementsAre(
          "attend: locked.jpg: is read-only; no caption is written into it",
          "attend: twin.jpg: is one file under 2 names (hard links), which would part; no caption is written into it",
          "attend: link.jpg: is a link to far/away.jpg; name that file to have the caption written into it",
          "attend: moving.gif: captions are written into JPEG, PNG, WebP and TIFF files only; an .xmp file beside it "
          "can hold its caption",
          "attend: pages.tiff: what isn't metadata would not stay bit for bit as it is; nothing was written to it",
          "attend: 5 of 6 pictures failed"));
  for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(bytes_of(names[i]), before[i]) << names[i];
  expect_caption("ok.jpg", caption_of("ok.jpg"));
  for (const auto& entry : fs::directory_iterator(folder_.path()))
    EXPECT_FALSE(entry.path().filename().string().starts_with(".attend")) << entry.path();

  // Beside a picture that has no place for it, where that is asked for too.
  const auto beside = caption({"moving.gif", "ok.jpg", "--xmp"});
  EXPECT_EQ(beside.status, 0) << beside.err;
  EXPECT_TRUE(fs::exists(at("moving.xmp")) && !fs::exists(at("ok.xmp")));
  EXPECT_EQ(caption({"-"}, {.input = bytes_of("ok.jpg")}).status, 2);
}

TEST_F(Metadata, OfAPictureThatWasChangedMeanwhileIsNotWritten) {
  make("a.jpg", 1);
  const std::string before = bytes_of("a.jpg");
  EXPECT_THAT(ask("write\tskip\t" + std::to_string(before.size()) + "\t12345\ta.jpg\tmine\n"),
              ElementsAre("fault\ta.jpg: was changed since it was looked at; nothing was written to it"));
  EXPECT_EQ(bytes_of("a.jpg"), before);
  make("b.jpg", 2);
  const auto twice = caption({"b.jpg", "b.jpg", "--overwrite"});  // its own change is none
  EXPECT_EQ(twice.status, 0) << twice.err;
}

TEST_F(Metadata, IsKnownToAnIndex) {
  make("p/a.jpg", 1), make("p/b.png", 2);
  EXPECT_THAT(caption({"p", "--only-new", "index"}).out_lines(), SizeIs(2));
  const auto again = caption({"p", "--only-new", "index"});
  EXPECT_EQ(again.out, "");
  EXPECT_THAT(again.err, HasSubstr("2 of 2 pictures skipped: captioned before"));
  make("p/c.jpg", 3);
  EXPECT_THAT(caption({"p", "--only-new", "index"}).out_lines(), ElementsAre(StartsWith("p/c.jpg\t")));
}

TEST_F(Metadata, OfDamagedPicturesIsRefusedAndEndsNothing) {
  make("whole.jpg", 1), make("whole.png", 2), make("whole.webp", 3), make("whole.tiff", 4);
  std::string requests;
  size_t count = 0;
  for (const auto* ending : {".jpg", ".png", ".webp", ".tiff"}) {
    const std::string whole = bytes_of(std::string("whole") + ending);
    for (size_t size = 0; size < std::min<size_t>(whole.size(), 600); size += 7, ++count) {
      const std::string name = "cut" + std::to_string(size) + ending, cut = whole.substr(0, size);
      folder_.write(name, {cut.begin(), cut.end()});
      requests += "look\t" + name + "\n";
    }
  }
  const auto answers = ask(requests);
  ASSERT_THAT(answers, SizeIs(count));
  for (const auto& answer : answers) EXPECT_TRUE(answer == "none" || answer.starts_with("fault\tcut")) << answer;
}

TEST_F(Metadata, IsWrittenByOneProcessThatIsStartedAgainWhereItDies) {
  const std::string program = install_attend(folder_.path() / "bin");
  for (int i = 0; i < 12; ++i) make("p/" + std::to_string(10 + i) + ".jpg", i);
  const auto with_helper = [&](const std::string& script) {
    const auto file = folder_.path() / "bin/attend-metadata";
    std::ofstream(file) << "#!/bin/sh\n" << script << "\nexec '" << helper.string() << "'\n";
    fs::permissions(file, fs::perms(0755));
    return run_command({program, "caption", "--model", ATTEND_TINY_MODEL, "--threads", "2", "--metadata", "p"},
                       {.folder = folder_.path()});
  };
  const auto missing =
      run_command({program, "caption", "--model", ATTEND_TINY_MODEL, "--metadata", "p"}, {.folder = folder_.path()});
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.err, HasSubstr("isn't there, and writes captions into pictures; it is built where Exiv2 is"));
  EXPECT_EQ(missing.out, "");
  const std::string counts = "echo started >> " + at("starts");
  const auto dies =
      with_helper(counts + "; n=$(wc -l < " + at("starts") +
                  "); [ $n -gt 1 ] || { while read -r what rest; do [ \"$what\" = look ] || exit 1; echo empty; "
                  "done; }");
  EXPECT_EQ(dies.status, 1);
  EXPECT_THAT(dies.err_lines(),
              ElementsAre("attend: p/10.jpg: attend-metadata ended while it was at this picture, which is as it was",
                          "attend: 1 of 12 pictures failed"));
  const std::string starts = bytes_of("starts");
  EXPECT_EQ(std::count(starts.begin(), starts.end(), '\n'), 2);
  const auto rest = with_helper(counts);
  EXPECT_EQ(rest.status, 0) << rest.err;
  EXPECT_THAT(rest.out_lines(), ElementsAre(StartsWith("p/10.jpg\t")));
  expect_caption("p/10.jpg", caption_of("p/10.jpg"));
}

}  // namespace
}  // namespace attend::testing
