// What `attend caption` takes for pictures: folders, lists and what else lies there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "app/captioning.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Inputs : public Captioning {
 protected:
  std::string make(const std::string& name) { return folder_.write(name, encoded(".png", gradient(40, 30))).string(); }
  std::string write(const std::string& name, const std::string& text) {
    return folder_.write(name, {text.begin(), text.end()}).string();
  }
};

TEST_F(Inputs, WhatLiesInAFolderIsReadOrNamed) {
  for (const auto* name : {"p/a.png", "p/3f2a9c", "p/b.jpg_large"}) make(name);
  write("p/c.psd", "8BPS\0\x01"s);
  write("p/notes.txt", "notes");
  const auto run = caption({"p"});
  EXPECT_EQ(run.status, 0);
  EXPECT_THAT(names(run), ElementsAre("p/3f2a9c", "p/a.png", "p/b.jpg_large"));
  EXPECT_THAT(run.err_lines(),
              ElementsAre("attend: warning: 1 picture passed over: Photoshop (PSD) is not read; convert to "
                          "JPEG or PNG first (p/c.psd)"));
  write("psd/c.psd", "8BPS\0\x01"s);
  const auto none = caption({"psd"});
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err_lines(), SizeIs(2));
  EXPECT_THAT(none.err, HasSubstr("Photoshop (PSD) is not read"));
  EXPECT_THAT(none.err, HasSubstr("attend: psd: no pictures there\n"));
  EXPECT_EQ(caption({"psd/c.psd"}).status, 1);
}

TEST_F(Inputs, ListsOfWindowsAreRead) {
  make("a.png"), make("b.png");
  write("list",
        "\xef\xbb\xbf"
        "a.png\r\nb.png\r\n");
  EXPECT_THAT(names(caption({"--files-from", "list"})), ElementsAre("a.png", "b.png"));
  const auto gone = caption({"gone.png\r"});
  EXPECT_EQ(gone.err_lines().front(), "attend: gone.png\\r: no such file or folder");
}

TEST_F(Inputs, ListsWithTheOtherEndAreRefusedWhole) {
  make("a.png"), make("b.png");
  for (const auto& [arguments, list] : {std::pair{std::vector<std::string>{"--files-from", "-"}, "a.png\0b.png\0"s},
                                        {{"--null", "--files-from", "-"}, "a.png\nb.png\n"s}}) {
    const auto run = caption(arguments, {.input = list});
    EXPECT_EQ(run.status, 1);
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err_lines(), SizeIs(1));
    EXPECT_THAT(run.err, HasSubstr("--null"));
  }
}

TEST_F(Inputs, OverlaysAmongThePicturesArePassedOver) {
  make("p/a.png");
  for (const std::string format : {"jpg", "webp"}) {
    const auto first = caption(
        {"p", "--overlay", "p", "--overlay-format", format, "--animate", "p/moving", "--sidecar", "--overwrite"});
    ASSERT_EQ(first.status, 0) << first.err;
    EXPECT_THAT(names(first), ElementsAre("p/a.png"));
  }
  EXPECT_THAT(names(caption({"p"})), ElementsAre("p/a.png"));
  EXPECT_THAT(names(caption({"--recursive", "p"})), ElementsAre("p/a.png"));
  make("p/new.png");
  const auto second = caption({"--recursive", "p", "--overlay", "p", "--sidecar"});
  EXPECT_EQ(second.status, 0) << second.err;
  EXPECT_THAT(names(second), ElementsAre("p/new.png"));
  EXPECT_THAT(names(caption({"p/*"})), ElementsAre("p/a.png", "p/new.png"));
}

TEST_F(Inputs, AFolderThatCannotBeReadCostsItsOwnPicturesOnly) {
  make("p/a/1.png");
  fs::create_directory(at("p/lost+found"));
  ::chmod(at("p/lost+found").c_str(), 0);
  ::chmod(at("p/a").c_str(), 0777);
  const auto run = caption({"--recursive", "p", "--sidecar"}, {.ordinary_user = true});
  EXPECT_EQ(run.status, 1);
  EXPECT_TRUE(fs::exists(at("p/a/1.txt")));
  EXPECT_THAT(run.err_lines(), ElementsAre("attend: p/lost+found: the folder can't be read: Permission denied",
                                           "attend: 1 of 2 pictures failed"));
  ::chmod(at("p/lost+found").c_str(), 0700);
}

TEST_F(Inputs, NamesMayBeAsLongAsTheFileSystemAllows) {
  const std::string longest(251, 'x');
  make(longest + ".png"), make(longest + ".jpg");  // whose files need the whole names, and more
  const auto run = caption({".", "--sidecar", "--overlay", "seen", "--overlay-words", "--maps", "maps"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out_lines(), SizeIs(2));
  const auto count = [&](const std::string& folder) {
    return std::distance(fs::directory_iterator(at(folder)), fs::directory_iterator());
  };
  EXPECT_EQ(count("seen"), 4);
  EXPECT_EQ(count("maps"), 2);
  const auto again = caption({".", "--sidecar", "--overlay", "seen", "--overlay-words", "--maps", "maps"});
  EXPECT_EQ(again.out, "");
  EXPECT_THAT(again.err, HasSubstr("2 of 2 pictures skipped"));
}

}  // namespace
}  // namespace attend::testing
