#include "pipeline/alt_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "data/temporary_folder.h"

namespace attend {
namespace {

using ::testing::EndsWith;

SeenPicture seen(size_t index, const std::string& text) {
  SeenPicture picture;
  picture.index = index;
  if (text.empty())
    picture.refusal = "it can't be read";
  else
    picture.captions.emplace_back().text = text;
  return picture;
}

TEST(AltPages, GiveEveryPictureOneText) {
  TemporaryFolder folder;
  for (const char* picture : {"in/a.jpg", "in/b.jpg"}) folder.write(picture, "");
  const auto page =
      folder.write("in/x.html", R"(<p><img src=a.jpg><img src=b.jpg><img src="./a.jpg" alt=""><img src=no.jpg>)");
  std::vector<std::string> refusals;
  AltWork work;
  work.output = folder / "out";
  work.refuse = [&](const std::string& refusal) { refusals.push_back(refusal); };
  AltPages pages(work);
  pages.add(folder / "in");
  ASSERT_EQ(pages.pictures().size(), 2u);
  EXPECT_EQ(pages.pictures()[0].name(), (folder / "in/a.jpg").string());
  pages.take(seen(0, "a dog"));
  pages.take(seen(1, ""));
  pages.write();
  EXPECT_EQ(read_file(folder / "out/x.html"),
            R"(<p><img alt="a dog" src=a.jpg><img src=b.jpg><img src="./a.jpg" alt="a dog"><img src=no.jpg>)");
  EXPECT_EQ(pages.counts().pages, 1u);
  EXPECT_EQ(pages.counts().written, 2u);
  EXPECT_EQ(pages.counts().failed, 2u);
  ASSERT_EQ(refusals.size(), 2u);
  EXPECT_THAT(refusals[0], EndsWith("no.jpg: no such file"));
}

TEST(AltPages, AreNeverWrittenOverWhatTheyWereReadFrom) {
  TemporaryFolder folder;
  const auto page = folder.write("x.html", "<p>");
  AltWork work;
  work.output = folder.path();
  work.overwrite = true;
  try {
    AltPages(work).add(page);
    FAIL();
  } catch (const PageIsThere& fault) {
    EXPECT_TRUE(fault.is_source());
    EXPECT_THAT(fault.what(), EndsWith("x.html: is the page itself"));
  }
}

}  // namespace
}  // namespace attend
