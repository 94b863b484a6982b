// attend alt: captions as alternative texts in HTML pages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "app/run_command.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Alt : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  void write(const std::string& name, const std::string& text) { folder_.write(name, {text.begin(), text.end()}); }
  void make(const std::string& name, int seed) {
    cv::Mat pixels = gradient(40, 30);
    cv::circle(pixels, {seed * 7 % 40, 15}, 6, {0, double(seed * 37 % 256), 255}, -1);
    folder_.write(name, encoded(".png", pixels));
  }
  Outcome alt(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "alt");
    return with_model(arguments, {.folder = folder_.path()});
  }
  std::string caption_of(const std::string& name) {
    const auto run = with_model({"caption", name}, {.folder = folder_.path()});
    return run.out.substr(run.out.find('\t') + 1, run.out.size() - run.out.find('\t') - 2);
  }

  TemporaryFolder folder_;
};

TEST_F(Alt, FillsPagesOfAFolderIntoAnother) {
  make("site/img/a b.png", 1), make("site/sub/c.png", 2);
  const std::string index =
      "<!doctype html>\r\n<p>\xe4<img src=\"img/a%20b.png\"><img src='sub/c.png' alt=''><img src=sub/c.png "
      "alt=\"mine\">"
      "<img src=https://example.org/x.png><img src=sub/c.png role=presentation><!-- <img src=no.png> -->";
  write("site/index.html", index);
  write("site/sub/page.HTM", "<img src=c.png><img src=/img/a%20b.png alt>");
  write("site/notes.txt", "<img src=c.png>");
  const std::string a = caption_of("site/img/a b.png"), c = caption_of("site/sub/c.png");
  const auto run = alt({"site", "--output", "out"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, "2 pages: 4 alternative texts written, 2 kept, 1 elsewhere, 0 failed\n");
  EXPECT_EQ(read_file(at("out/index.html")),
            "<!doctype html>\r\n<p>\xe4<img alt=\"" + a + "\" src=\"img/a%20b.png\"><img src='sub/c.png' alt=\"" + c +
                "\"><img src=sub/c.png alt=\"mine\"><img src=https://example.org/x.png><img src=sub/c.png "
                "role=presentation><!-- <img src=no.png> -->");
  EXPECT_EQ(read_file(at("out/sub/page.HTM")),
            "<img alt=\"" + c + "\" src=c.png><img src=/img/a%20b.png alt=\"" + a + "\">");
  EXPECT_EQ(read_file(at("site/index.html")), index);
  EXPECT_FALSE(fs::exists(at("out/notes.txt")));

  EXPECT_THAT(alt({"site", "--output", "out"}).err, HasSubstr("out/index.html: is there already"));
  const auto again = alt({"site", "--output", "out", "--overwrite", "--missing-only", "--replace", "--sentence"});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.out, StartsWith("2 pages: 3 alternative texts written, 3 kept"));
  EXPECT_THAT(read_file(at("out/index.html")), HasSubstr("<img src='sub/c.png' alt=''><img src=sub/c.png alt=\""));
}

TEST_F(Alt, SaysWhatCannotBeDoneAndNeverWritesInPlace) {
  make("a.png", 1);
  write("bad.png", "no picture");
  write("page.html", "<img src=a.png><img src=gone.png><img src=bad.png>");
  const auto run = alt({"page.html", "--output", "out"});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, HasSubstr("attend: page.html: gone.png: no such file\n"));
  EXPECT_THAT(run.err, HasSubstr("attend: bad.png: "));
  EXPECT_EQ(run.out, "1 page: 1 alternative text written, 0 kept, 0 elsewhere, 2 failed\n");
  EXPECT_THAT(alt({"page.html", "--output", ".", "--overwrite"}).err, HasSubstr("page.html: is the page itself"));
  EXPECT_EQ(read_file(at("page.html")), "<img src=a.png><img src=gone.png><img src=bad.png>");
  EXPECT_EQ(alt({"page.html"}).status, 2);
  fs::create_directory(at("empty"));
  EXPECT_THAT(alt({"empty", "--output", "x"}).err, HasSubstr("empty: no .html or .htm files in it"));
  write("base.html", "<base href=/there/><img src=a.png>");
  const auto based = alt({"base.html", "--output", "y"});
  EXPECT_THAT(based.err, HasSubstr("has <base href>"));
  EXPECT_EQ(read_file(at("y/base.html")), read_file(at("base.html")));
}

TEST_F(Alt, OneBadPageCostsItsOwnTextsOnly) {
  make("site/a.png", 1);
  write("site/good.html", "<img src=a.png>");
  write("site/wide.html", std::string("\xff\xfe<\0i\0", 6));
  const auto run = alt({"site", "--output", "out"});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, HasSubstr("site/wide.html: is UTF-16"));
  EXPECT_EQ(run.out, "1 page: 1 alternative text written, 0 kept, 0 elsewhere, 1 failed\n");
  EXPECT_TRUE(fs::exists(at("out/good.html")));
  EXPECT_FALSE(fs::exists(at("out/wide.html")));
  const auto picture = alt({"site/a.png", "--output", "none"});
  EXPECT_EQ(picture.status, 1);
  EXPECT_THAT(picture.err, HasSubstr("site/a.png: has NUL bytes; it is no HTML page"));
  EXPECT_FALSE(fs::exists(at("none")));
}

TEST_F(Alt, GoesIntoLinkedFoldersOnce) {
  make("site/a.png", 1), make("other/a.png", 2);
  write("site/page.html", "<img src=a.png>");
  write("other/page.html", "<img src=a.png>");
  fs::create_directory_symlink("../other", at("site/linked"));
  fs::create_directory_symlink("..", at("other/round"));
  fs::create_directory_symlink(".", at("site/self"));
  const auto run = alt({"site", "--output", "out"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_TRUE(fs::exists(at("out/page.html")) && fs::exists(at("out/linked/page.html"))) << run.out;
}

TEST_F(Alt, LeavesDecorationAloneHoweverItIsMarked) {
  make("a.png", 1);
  const std::string page =
      "<img src=a.png role=presentation><img src=a.png role='separator NONE'><img src=a.png aria-hidden=TRUE>"
      "<img src=a.png aria-hidden=true alt=''>";
  write("page.html", page + "<img src=a.png aria-hidden=false><img src=a.png role=img>");
  const auto run = alt({"page.html", "--output", "out", "--replace"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, "1 page: 2 alternative texts written, 4 kept, 0 elsewhere, 0 failed\n");
  EXPECT_THAT(read_file(at("out/page.html")), StartsWith(page + "<img alt=\""));
}

TEST_F(Alt, SaysBeforeAnyWorkThatTheOutputCannotBeWritten) {
  make("site/a.png", 1);
  write("site/good.html", "<img src=a.png>");
  write("file", "no folder");
  const auto run = alt({"site", "--output", "file"});
  EXPECT_EQ(run.status, 1);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, StartsWith("attend: file: "));
  EXPECT_EQ(run.err.find("filesystem error"), std::string::npos) << run.err;
}

}  // namespace
}  // namespace attend::testing
