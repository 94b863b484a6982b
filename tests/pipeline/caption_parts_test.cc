#include "pipeline/caption_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "data/temporary_folder.h"
#include "pipeline/shard.h"

namespace attend {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

/// Captions of thirty pictures in text files, a file for each of three parts.
class CaptionPartsTest : public ::testing::Test {
 protected:
  CaptionPartsTest() {
    for (int i = 0; i < 30; ++i) pictures_.emplace_back("p/" + std::to_string(i) + ".jpg");
    for (uint64_t shard = 1; shard <= 3; ++shard) {
      std::string text;
      for (const auto& picture : pictures_)
        if (shard_of(picture, 3) == shard) text += picture.string() + "\ta caption\n";
      files_.push_back(folder_.write(std::to_string(shard) + ".txt", text).string());
    }
  }

  static std::vector<fs::path> order(const JoinedCaptions& joined) {
    std::vector<fs::path> pictures;
    for (const auto& entry : joined.entries) pictures.push_back(entry.picture);
    return pictures;
  }

  TemporaryFolder folder_;
  std::vector<fs::path> pictures_;
  std::vector<std::string> files_;
};

TEST_F(CaptionPartsTest, AreInTheOrderOfAFolderOrInThatOfThePictures) {
  const CaptionParts parts({files_[2], files_[0], files_[1]});
  auto by_name = pictures_;
  std::sort(by_name.begin(), by_name.end());
  const auto joined = parts.join({});
  EXPECT_FALSE(joined.faults.any());
  EXPECT_EQ(joined.faults.shards, 3u);
  EXPECT_EQ(order(joined), by_name);
  std::string text;
  parts.write(joined.entries, [&](std::string_view some) { text += some; });
  EXPECT_THAT(text, StartsWith("p/0.jpg\ta caption\np/1.jpg\ta caption\np/10.jpg\t"));

  JoinPlan plan;
  plan.pictures = pictures_;
  EXPECT_EQ(order(parts.join(plan)), pictures_);
}

TEST_F(CaptionPartsTest, LackWhatIsMissing) {
  JoinPlan plan;
  plan.pictures = pictures_;
  plan.pictures->emplace_back("p/more.jpg");
  const CaptionParts two({files_[0], files_[2]});
  const auto faults = two.join(plan).faults;
  EXPECT_FALSE(faults.mixed);
  EXPECT_THAT(faults.missing, ElementsAre(2));
  const auto there =
      std::count_if(pictures_.begin(), pictures_.end(), [](const auto& p) { return shard_of(p, 3) != 2; });
  EXPECT_THAT(faults.without_entry, SizeIs(31 - there));
  const CaptionParts whole({files_[0], files_[2], folder_.write("empty.txt", "\n").string()});
  EXPECT_TRUE(whole.is_empty(2));
  EXPECT_THAT(whole.join({}).faults.missing, IsEmpty());  // a part without pictures
  plan.pictures->resize(29);
  EXPECT_THAT(CaptionParts(files_).join(plan).faults.unknown, ElementsAre(pictures_[29]));
}

TEST_F(CaptionPartsTest, TakeTheLatestOfSeveralWhereAskedTo) {
  const std::string picture = pictures_[4].string();
  const auto again = folder_.write("again.txt", picture + "\tanother\n").string();
  const CaptionParts parts({files_[0], files_[1], files_[2], again});
  const auto faults = parts.join({3, false}).faults;
  ASSERT_THAT(faults.twice, SizeIs(1));
  EXPECT_EQ(faults.twice[0].picture, pictures_[4]);
  EXPECT_EQ(faults.twice[0].file + 1, shard_of(picture, 3));
  EXPECT_EQ(faults.twice[0].last, 3u);
  const auto latest = parts.join({3, true});
  EXPECT_FALSE(latest.faults.any());
  ASSERT_THAT(latest.entries, SizeIs(30));
  for (const auto& entry : latest.entries)
    EXPECT_EQ(entry.lines, entry.picture.string() + (entry.picture == pictures_[4] ? "\tanother\n" : "\ta caption\n"));
  EXPECT_TRUE(CaptionParts({files_[0], files_[1], files_[2], files_[0]}).join({}).faults.mixed);
}

TEST_F(CaptionPartsTest, NameTheLineThatIsWrong) {
  const auto wrong = folder_.write("wrong.txt", "p/a.jpg\ta caption\nno line\n").string();
  try {
    CaptionParts({files_[0], wrong});
    FAIL();
  } catch (const InputError& fault) {
    EXPECT_THAT(fault.what(), StartsWith(wrong + ":2: no line of attend caption"));
  }
}

}  // namespace
}  // namespace attend
