#include "vision/find_pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vision/mark.h"
#include "vision/picture_files.h"

namespace attend {
namespace {

namespace fs = std::filesystem;
using namespace attend::testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

const FileBytes kPng{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
const FileBytes kRaw{'I', 'I', '*', 0, 16, 0, 0, 0, 'C', 'R', 2, 0};

class FindPicturesTest : public ::testing::Test {
 protected:
  void make(const std::string& name, const FileBytes& bytes = kPng) { folder_.write(name, bytes); }
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }

  FoundPictures look(const std::vector<std::string>& names, bool recursive = false) const {
    std::vector<std::string> arguments;
    for (const auto& name : names) arguments.push_back(name.empty() ? folder_.path().string() : at(name));
    return find_pictures(arguments, recursive);
  }

  /// The pictures that are found, relative to the folder.
  std::vector<std::string> find(const std::vector<std::string>& names, bool recursive = false) const {
    std::vector<std::string> found;
    const size_t prefix = folder_.path().string().size() + 1;
    for (const auto& picture : look(names, recursive).pictures) found.push_back(picture.path.string().substr(prefix));
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
  for (const auto* name :
       {"b.PNG", "B.png", "a.jpeg", "ä.webp", "\xff.gif", ".hidden.png", "c.tif", "d.bmp", "sub/e.jpg"})
    make(name);
  EXPECT_THAT(find({""}), ElementsAre("B.png", "a.jpeg", "b.PNG", "c.tif", "d.bmp", "ä.webp", "\xff.gif"));
}

TEST_F(FindPicturesTest, ContentTellsWhatIsAPictureWhateverItsName) {
  for (const auto* name : {"3f2a9c", "photo.jpg_large", "picture.txt", "x.MPO"}) make(name);
  make("notes.txt", {'n', 'o', 't', 'e'});
  make("damaged.jpg", {'x'});  // says that it is a picture: its reader will say what is wrong with it
  make("empty.jpg", {});
  make("empty", {});
  EXPECT_THAT(find({""}), ElementsAre("3f2a9c", "damaged.jpg", "empty.jpg", "photo.jpg_large", "picture.txt", "x.MPO"));
  EXPECT_THAT(look({""}).remarks(), IsEmpty());
}

TEST_F(FindPicturesTest, PicturesOfKindsThatAreNotReadAreCountedAndNamed) {
  make("a.jpg");
  for (const auto* name : {"IMG_1.CR2", "IMG_2.cr2", "IMG_3.cr2", "IMG_4.jpg"}) make(name, kRaw);
  make("b.xcf", {'g', 'i', 'm', 'p', ' ', 'x', 'c', 'f', ' '});
  const auto found = look({""});
  EXPECT_THAT(found.pictures, SizeIs(1));
  EXPECT_THAT(
      found.remarks(),
      ElementsAre("1 picture passed over: GIMP (XCF) is not read; convert to JPEG or PNG first (" + at("b.xcf") + ")",
                  "4 pictures passed over: camera raw (CR2) is not read; convert to JPEG or PNG first (" +
                      at("IMG_1.CR2") + ", " + at("IMG_2.cr2") + ", " + at("IMG_3.cr2") + ", …)"));
  EXPECT_THAT(find({"IMG_1.CR2"}), ElementsAre("IMG_1.CR2"));  // one that is named is for the reader to refuse
}

TEST_F(FindPicturesTest, WhatIsCalledAPictureAndIsNoneIsNamed) {
  make("a.jpg");
  for (const auto* name : {"empty.PSD", "torn.nef"}) make(name, {});
  make("note", {'n', 'o', 't', 'e'});
  EXPECT_THAT(look({""}).remarks(),
              ElementsAre("1 picture passed over: Photoshop (PSD) is not read; convert to JPEG or PNG first (" +
                              at("empty.PSD") + ")",
                          "1 picture passed over: camera raw (NEF) is not read; convert to JPEG or PNG first (" +
                              at("torn.nef") + ")"));
  for (const auto* name : {"empty.mpo", "empty.dib"}) make(name, {});
  EXPECT_THAT(find({""}), ElementsAre("a.jpg", "empty.dib", "empty.mpo"));  // for their reader to refuse
}

TEST_F(FindPicturesTest, WhatAttendWroteItselfIsPassedOver) {
  const cv::Mat picture = gradient(20, 20);
  make("a.png", encoded(".png", picture));
  for (const std::string extension : {".jpg", ".png", ".webp"}) {
    const FileBytes plain = encoded(extension, picture);
    const std::string page = marked({plain.begin(), plain.end()});
    make("page" + extension, {page.begin(), page.end()});
    make("a.words/01-a" + extension, {page.begin(), page.end()});
  }
  make("a.txt", {'a', ' ', 'd', 'o', 'g', '\n'});
  make("b.txt", {'n', 'o', 't', 'e'});
  EXPECT_THAT(find({""}, true), ElementsAre("a.png"));
  EXPECT_THAT(look({""}, true).own, SizeIs(6));
  EXPECT_THAT(look({""}, true).remarks(), ElementsAre(StartsWith("6 files passed over: written by attend itself (")));
  EXPECT_THAT(find({"*"}), ElementsAre("a.png", "b.txt"));  // the caption of a.png is no picture that somebody meant
}

TEST_F(FindPicturesTest, RecursionWalksSubfoldersInPlace) {
  for (const auto* name : {"a.png", "m/2.png", "m/1.png", "m/n/3.png", "z.png", ".git/4.png"}) make(name);
  EXPECT_THAT(find({""}, true), ElementsAre("a.png", "m/1.png", "m/2.png", "m/n/3.png", "z.png"));
}

TEST_F(FindPicturesTest, PicturesHaveNamesBelowTheFolderThatWasNamed) {
  for (const auto* name : {"a/1.png", "a/b/2.png", "3.png"}) make(name);
  std::vector<std::string> names;
  for (const auto& picture : look({"a", "?", "3.png"}, true).pictures) names.push_back(picture.name.string());
  EXPECT_THAT(names, ElementsAre("1.png", "b/2.png", "1.png", "b/2.png", "3.png"));
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

TEST_F(FindPicturesTest, PipesAreNotWaitedFor) {
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo(at("pipe.jpg").c_str(), 0600), 0);
  EXPECT_THAT(find({""}), ElementsAre("pipe.jpg"));
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

TEST_F(FindPicturesTest, ArgumentsThatNameNothingAreRefusedAndTheOthersFound) {
  make("a.png");
  const auto found = look({"missing.png", "a.png", "*.gif"});
  EXPECT_THAT(found.pictures, SizeIs(1));
  EXPECT_THAT(found.refusals, ElementsAre(at("missing.png") + ": no such file or folder",
                                          at("*.gif") + ": no file matches this pattern"));
}

TEST_F(FindPicturesTest, NamesThatAreNearlyThoseOfFilesAreAdvisedOf) {
  make("Beach.PNG");
  make("own.png");
  const auto advice = [&](const std::string& name) { return look({name}).refusals.at(0); };
  const std::string none = ": no such file or folder";
  EXPECT_EQ(advice("beach.png"), at("beach.png") + none + "; there is " + at("Beach.PNG"));
  EXPECT_EQ(advice("own.png "), at("own.png ") + none + "; there is " + at("own.png"));
  EXPECT_EQ(advice("own.png\tlabel"), at("own.png\tlabel") + none + "; there is " + at("own.png"));
  EXPECT_EQ(advice("own.png,a caption"), at("own.png,a caption") + none + "; there is " + at("own.png"));
  EXPECT_EQ(advice("own.jpg"), at("own.jpg") + none + "; there is " + at("own.png"));
  EXPECT_EQ(find_pictures({"\"" + at("own.png") + "\""}, false).refusals.at(0),
            "\"" + at("own.png") + "\"" + none + "; there is " + at("own.png"));
  EXPECT_EQ(find_pictures({"file://" + at("own%2epng")}, false).refusals.at(0),
            "file://" + at("own%2epng") + none + "; there is " + at("own.png"));
  EXPECT_EQ(
      find_pictures({"https://a.org/b.png"}, false).refusals.at(0),
      "https://a.org/b.png" + none + "; what lies on the web has to be fetched first (curl -s URL | attend caption -)");
}

TEST_F(FindPicturesTest, HiddenPicturesAndSubfoldersWithPicturesAreTold) {
  make("a.png");
  make(".b.png");
  make("._a.png", {0, 5, 0x16, 7, 0, 2, 0, 0});  // of macOS: no picture
  make("sub/c.png");
  make("notes/c.txt", {'x'});
  const auto found = look({""});
  EXPECT_THAT(found.pictures, SizeIs(1));
  EXPECT_THAT(
      found.remarks(),
      ElementsAre("1 picture passed over: hidden by its name; name one to caption it (" + at(".b.png") + ")",
                  "1 subfolder passed over: with pictures; --recursive looks in them, too (" + at("sub") + ")"));
  EXPECT_THAT(look({""}, true).remarks(), SizeIs(1));
  EXPECT_THAT(find({".b.png"}), ElementsAre(".b.png"));
}

TEST_F(FindPicturesTest, EmptyFoldersAreTold) {
  make("a/b/1.png");
  make("c/2.png");
  const auto found = look({"a", "c"});
  ASSERT_THAT(found.empty, SizeIs(1));
  EXPECT_EQ(found.empty[0].path, at("a"));
  EXPECT_TRUE(found.empty[0].deeper);
  EXPECT_THAT(look({"a", "c"}, true).empty, IsEmpty());
}

TEST_F(FindPicturesTest, FoldersThatCannotBeReadCostTheirOwnPicturesOnly) {
  make("locked/1.png");
  make("z.png");
  make("secret.png");
  make("secret");
  for (const auto* name : {"locked", "secret.png", "secret"}) ::chmod(at(name).c_str(), 0);
  {
    const WithoutPrivileges ordinary_user;
    const auto found = look({""}, true);
    EXPECT_THAT(found.refusals, ElementsAre(at("locked") + ": the folder can't be read: Permission denied"));
    EXPECT_THAT(found.remarks(), ElementsAre("1 file passed over: can't be opened to see whether it is a picture (" +
                                             at("secret") + ")"));
    EXPECT_THAT(find({""}, true), ElementsAre("secret.png", "z.png"));
  }
  ::chmod(at("locked").c_str(), 0700);
}

}  // namespace
}  // namespace attend
