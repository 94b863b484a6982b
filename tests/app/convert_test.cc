// `attend convert` and `attend check`, run as a user runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/run_command.h"
#include "base/json.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ConvertCommand : public ::testing::Test {
 protected:
  ConvertCommand() {
    for (const char* name : {"photos/a.png", "photos/b.png", "photos/c.png"})
      folder_.write(name, encoded(".png", gradient(20 + name[7], 16)));
    write("photos/a.txt", "A dog runs\n");
    write("photos/b.txt", "A cat\nA kitten\n");
    write("photos/c.txt", "A bird\n");
  }
  void write(const std::string& name, const std::string& text) const {
    folder_.write(name, {text.begin(), text.end()});
  }
  Outcome attend(const std::vector<std::string>& arguments) const {
    return attend_command(arguments, {.folder = folder_.path()});
  }
  std::string read(const std::string& name) const { return read_file(folder_.path() / name); }

  TemporaryFolder folder_;
};

TEST_F(ConvertCommand, GoesThereAndBackAgain) {
  const auto first = attend({"convert", "photos", "photos.json"});
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_EQ(first.out, "photos.json: 3 pictures, 4 captions, names below photos\n");
  EXPECT_EQ(attend({"convert", "photos.json", "photos.tar", "--images", "photos"}).out,
            "photos.tar: 3 pictures, 4 captions\n");
  EXPECT_EQ(attend({"convert", "photos.tar", "folder"}).status, 0);
  EXPECT_EQ(read("folder/b.png"), read("photos/b.png"));
  EXPECT_EQ(attend({"convert", "folder", "table.csv"}).status, 0);
  EXPECT_THAT(read("table.csv"), HasSubstr("a.png,A dog runs"));
  EXPECT_EQ(attend({"convert", "folder", "of-two.json", "--to", "karpathy", "--val-share", "0.5"}).status, 0);
  EXPECT_THAT(read("of-two.json"), HasSubstr("\"tokens\":[\"a\",\"dog\",\"runs\"]"));
  EXPECT_EQ(attend({"convert", "folder", "flickr8k", "--to", "flickr8k"}).out, "flickr8k: 3 pictures, 4 captions\n");
  EXPECT_THAT(read("flickr8k/Flickr8k.token.txt"), HasSubstr("b.png#1\tA kitten\n"));
  EXPECT_EQ(attend({"convert", "flickr8k", "again", "--to", "sidecars"}).status, 0);
  for (const char* name : {"a.txt", "b.txt", "c.txt", "a.png", "b.png", "c.png"})
    EXPECT_EQ(read("again/" + std::string(name)), read("photos/" + std::string(name))) << name;
}

TEST_F(ConvertCommand, SaysWhatItCannotDo) {
  EXPECT_EQ(attend({"convert", "photos", "photos.xyz"}).status, 2);
  write("there.json", "mine");
  const auto there = attend({"convert", "photos", "there.json"});
  EXPECT_EQ(there.status, 1);
  EXPECT_THAT(there.err, HasSubstr("there.json: is there already"));
  EXPECT_EQ(read("there.json"), "mine");
  EXPECT_EQ(attend({"convert", "photos", "there.json", "--overwrite"}).status, 0);
  EXPECT_THAT(attend({"convert", "none", "x.json"}).err, HasSubstr("none: No such file"));
  EXPECT_EQ(
      attend({"convert", "photos", "k.json", "--to", "karpathy"}).err,
      "attend: photos: says no splits: all 3 pictures count as \"train\"; --val-share takes some to validate on\n");
}

TEST_F(ConvertCommand, CheckSaysAllThatIsWrong) {
  const auto sound = attend({"check", "photos"});
  EXPECT_EQ(sound.status, 0) << sound.err;
  EXPECT_THAT(sound.out, HasSubstr("pictures  3: of no split 3\n"));
  EXPECT_THAT(sound.out, HasSubstr("Nothing is wrong."));
  write("photos/d.jpg", "no picture");
  write("photos/d.txt", "Nothing to see");
  const auto faulty = attend({"check", "photos"});
  EXPECT_EQ(faulty.status, 1);
  EXPECT_THAT(faulty.out, HasSubstr("pictures that can't be read: 1\n    photos/d.jpg: not a picture"));
  const auto machine = attend({"check", "photos", "--json"});
  EXPECT_EQ(machine.status, 1);
  const Json json = Json::parse(machine.out);
  EXPECT_EQ(json["pictures"], 4);
  EXPECT_EQ(json["problems"][0]["count"], 1);
  EXPECT_EQ(attend({"check", "photos", "--no-pictures"}).status, 0);
}

}  // namespace
}  // namespace attend::testing
