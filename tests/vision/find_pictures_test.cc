#include "vision/find_pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "vision/picture_files.h"

namespace attend {
namespace {

namespace fs = std::filesystem;
using attend::testing::TemporaryFolder;
using attend::testing::WithoutPrivileges;
using ::testing::ElementsAre;

class FindPicturesTest : public ::testing::Test {
 protected:
  void make(const std::string& name) { folder_.write(name, {'x'}); }
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }

  /// What is found, relative to the folder.
  std::vector<std::string> find(const std::vector<std::string>& names, bool recursive = false) const {
    std::vector<std::string> arguments, found;
    for (const auto& name : names) arguments.push_back(name.empty() ? folder_.path().string() : at(name));
    const size_t prefix = folder_.path().string().size() + 1;
    for (const auto& path : find_pictures(arguments, recursive)) found.push_back(path.string().substr(prefix));
    return found;
  }

  TemporaryFolder folder_;
};

TEST_F(FindPicturesTest, FilesStandForThemselvesInTheirOrder) {
  make("b.txt");
  make("a.jpg");
  EXPECT_THAT(find({"b.txt", "a.jpg", "b.txt"}), ElementsAre("b.txt", "a.jpg", "b.txt"));
}

TEST_F(FindPicturesTest, FoldersStandForTheirPicturesSortedByBytes) {
  for (const auto* name : {"b.PNG", "B.png", "a.jpeg", "ä.webp", "\xff.gif", "notes.txt", ".hidden.png", "c.tif",
                           "d.bmp", "noextension", "sub/e.jpg"})
    make(name);
  EXPECT_THAT(find({""}), ElementsAre("B.png", "a.jpeg", "b.PNG", "c.tif", "d.bmp", "ä.webp", "\xff.gif"));
}

TEST_F(FindPicturesTest, RecursionWalksSubfoldersInPlace) {
  for (const auto* name : {"a.png", "m/2.png", "m/1.png", "m/n/3.png", "z.png", ".git/4.png"}) make(name);
  EXPECT_THAT(find({""}, true), ElementsAre("a.png", "m/1.png", "m/2.png", "m/n/3.png", "z.png"));
}

TEST_F(FindPicturesTest, LinksThatLoopAreWalkedOnce) {
  make("a/1.png");
  fs::create_directory_symlink("..", at("a/up"));
  fs::create_directory_symlink(".", at("a/self"));
  fs::create_directory_symlink("a", at("b"));
  EXPECT_THAT(find({""}, true), ElementsAre("a/1.png"));
}

TEST_F(FindPicturesTest, DeadLinksAreLeftForTheReaderToReport) {
  fs::create_symlink("nowhere", at("dead.png"));
  EXPECT_THAT(find({""}), ElementsAre("dead.png"));
  EXPECT_THAT(find({"dead.png"}), ElementsAre("dead.png"));
}

TEST_F(FindPicturesTest, PatternsTheShellLeftAreExpanded) {
  for (const auto* name : {"1.png", "2.png", "10.jpg", "sub/3.png"}) make(name);
  EXPECT_THAT(find({"*.png"}), ElementsAre("1.png", "2.png"));
  EXPECT_THAT(find({"?0.jpg", "[2-9].png"}), ElementsAre("10.jpg", "2.png"));
  EXPECT_THAT(find({"s*"}), ElementsAre("sub/3.png"));
}

TEST_F(FindPicturesTest, AnExistingNameIsNoPattern) {
  make("[1].png");
  make("1.png");
  EXPECT_THAT(find({"[1].png"}), ElementsAre("[1].png"));
}

TEST_F(FindPicturesTest, ArgumentsThatNameNothingAreRefused) {
  EXPECT_THROW(find({"missing.png"}), InputError);
  EXPECT_THROW(find({"*.png"}), InputError);
}

TEST_F(FindPicturesTest, AnEmptyFolderHoldsNothing) { EXPECT_TRUE(find({""}, true).empty()); }

TEST_F(FindPicturesTest, FoldersThatCannotBeReadStandInTheList) {
  make("locked/1.png");
  make("z.png");
  ::chmod(at("locked").c_str(), 0);
  {
    const WithoutPrivileges ordinary_user;
    EXPECT_THAT(find({""}, true), ElementsAre("locked", "z.png"));
  }
  ::chmod(at("locked").c_str(), 0700);
}

}  // namespace
}  // namespace attend
