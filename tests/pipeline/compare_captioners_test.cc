#include "pipeline/compare_captioners.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/temporary_folder.h"

namespace attend {
namespace {

using ::testing::ElementsAre;

Said said(const std::vector<std::string>& texts) {
  Said all;
  for (const auto& text : texts) {
    auto& one = all.emplace_back();
    if (text.empty()) continue;
    one.emplace();
    one->captions.emplace_back().text = text;
  }
  return all;
}

TEST(Compare, PutsMostDisagreementFirst) {
  const auto compared = compare_said(said({"A dog on grass.", "a dog on grass", "a dog", "", "a red train"}),
                                     said({"a dog on grass", "a dog on sand", "", "a cat", "two cats sleep"}));
  ASSERT_EQ(compared.size(), 3u);
  EXPECT_EQ(compared[0].picture, 4u);
  EXPECT_DOUBLE_EQ(compared[0].disagreement, 1);
  EXPECT_EQ(compared[1].picture, 1u);
  EXPECT_GT(compared[1].disagreement, 0);
  EXPECT_LT(compared[1].disagreement, 1);
  EXPECT_EQ(compared[2].picture, 0u);
  EXPECT_EQ(compared[2].disagreement, 0);
}

TEST(ReadCaptionsOf, FindsThePicturesThatAFileNames) {
  TemporaryFolder folder;
  const std::vector<PictureSource> pictures{std::filesystem::path("in/a.jpg"), std::filesystem::path("in/b.jpg"),
                                            std::filesystem::path("in/c.jpg")};
  PictureIndex index;
  for (size_t i = 0; i < pictures.size(); ++i) index.add_name(pictures[i].name(), static_cast<int64_t>(i));
  const auto file =
      folder.write("said.txt", "in/a.jpg\ta dog\nother/b.jpg\ta cat\nin/d.jpg\ta bird\nin/a.jpg\ta fox\n");
  const auto read = read_captions_of(file, pictures, index, [](const std::string&) { FAIL(); });
  EXPECT_THAT(read.captions, ElementsAre("a fox", "a cat", std::nullopt));
  EXPECT_EQ(read.all, 4u);
  EXPECT_EQ(read.strange, 1u);
  EXPECT_EQ(read.again, 1u);
  EXPECT_EQ(read.elsewhere, 1u);
  EXPECT_EQ(read.named_elsewhere, "other/b.jpg");
  EXPECT_EQ(read.taken_for, "in/b.jpg");
}

}  // namespace
}  // namespace attend
