#include "viz/evaluation_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vision/picture_files.h"
#include "viz/browser.h"

namespace attend {
namespace {

using attend::testing::TemporaryFolder;
using ::testing::IsEmpty;

TEST(EvaluationPageTest, SortsFiltersAndShowsDistributionsWorstAndBest) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "page.html";
  EvaluationSummary summary{
      {{"CIDEr-D", "0.5", "0.4 to 0.6", ""}, {"<b>", "</td>", "", ""}}, {{"BLEU-4", 2}, {"CIDEr-D", 3}}, {}};
  const std::vector<double> cider{0.3, 0.9, 0.1, 2.5, 0.2, 0.4, 0.6, 0.7};
  for (const double value : cider) summary.values.push_back({value / 10, value});
  EvaluationPage page(path, summary);
  for (size_t i = 0; i < cider.size(); ++i) {
    PagePicture picture;
    picture.name = std::to_string(i) + ".jpg";
    picture.captions.push_back({"caption " + std::to_string(i), {}, {}, {}, {}, {}});
    picture.references = {"one reference", "another <one>"};
    if (i % 2) picture.thumbnail = make_thumbnail(attend::testing::gradient(40, 30));
    page.add(std::move(picture));
  }
  page.finish();
  ATTEND_NEEDS_BROWSER();
  for (const bool dark : {false, true}) {
    const auto seen = attend::testing::visit(path, folder.path(), R"JS(
      const ids = () => [...document.querySelectorAll("article:not([hidden])")].map((article) => article.id).join(" ");
      const found = {first: ids(), references: document.querySelector("#p1 .references").textContent,
        figures: document.querySelector("#p4 .figures").textContent, bars: document.querySelectorAll(".bar").length,
        corpus: document.querySelector(".summary table").textContent.replace(/\s+/g, " ").trim(),
        best: document.querySelector(".extremes ol").textContent, images: document.images.length,
        width: document.documentElement.scrollWidth};
      const sorting = [...document.querySelectorAll(".tools select")].at(-1);
      sorting.value = "1 up";
      sorting.dispatchEvent(new Event("change"));
      found.worstFirst = ids();
      sorting.value = "1 down";
      sorting.dispatchEvent(new Event("change"));
      found.bestFirst = ids();
      const bars = document.querySelectorAll(".distributions figure:nth-child(2) .bar");
      bars[bars.length - 1].dispatchEvent(new MouseEvent("click"));
      found.last = ids();
      found.count = document.querySelector(".count").textContent;
      bars[bars.length - 1].dispatchEvent(new MouseEvent("click"));
      found.all = ids().split(" ").length;
      return found;)JS",
                                             {dark ? 390 : 1280, 900, dark, {}});
    ASSERT_FALSE(seen.found.is_null()) << ::testing::PrintToString(seen.errors);
    EXPECT_THAT(seen.errors, IsEmpty());
    const Json& found = seen.found;
    EXPECT_EQ(found["first"], "p1 p2 p3 p4 p5 p6 p7 p8");
    EXPECT_EQ(found["references"], "one referenceanother <one>");
    EXPECT_EQ(found["figures"], "BLEU-40.25CIDEr-D2.500");
    EXPECT_EQ(found["bars"], 32);
    EXPECT_EQ(found["corpus"], "95 % interval CIDEr-D0.50.4 to 0.6 <b></td>");
    EXPECT_THAT(found["best"].get<std::string>(), ::testing::StartsWith("2.500caption 3"));
    EXPECT_EQ(found["images"], 4);
    EXPECT_EQ(found["worstFirst"], "p3 p5 p1 p6 p7 p8 p2 p4");
    EXPECT_EQ(found["bestFirst"], "p4 p2 p8 p7 p6 p1 p5 p3");
    EXPECT_EQ(found["last"], "p4");
    EXPECT_EQ(found["count"], "1 of 8 pictures");
    EXPECT_EQ(found["all"], 8);
    EXPECT_LE(found["width"].get<int>(), dark ? 390 : 1280);
  }
}

}  // namespace
}  // namespace attend
