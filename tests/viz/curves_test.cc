#include "viz/curves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "vision/picture_files.h"
#include "viz/browser.h"

namespace attend {
namespace {

using attend::testing::TemporaryFolder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Curves two_runs() {
  Curves curves{{{"runs/a", {"100", "3"}}, {"<img src=x onerror=alert(1)>", {"50", "2"}}}, {"steps", "best"}, {}};
  Chart loss{"Loss", {{0, {}, {}}, {1, {}, {}}}};
  for (int i = 1; i <= 100; ++i) {
    loss.curves[0].x.push_back(i), loss.curves[0].y.push_back(8.0 / i);
    if (i <= 50) loss.curves[1].x.push_back(i), loss.curves[1].y.push_back(4.0);
  }
  curves.charts = {loss, {"Validation CIDEr-D", {{1, {50}, {0.5}, Mark{50, 0.5, "best: 0.5, epoch 2"}}}}};
  return curves;
}

TEST(TicksTest, AreRoundWithinTheRangeAndFew) {
  for (const auto& [least, most] : std::vector<std::pair<double, double>>{
           {0, 1}, {3.2, 7.7}, {1e-9, 4e-4}, {-2, 5}, {1880, 2000}, {0, 1e7}, {0.999, 1.001}}) {
    const auto values = ticks(least, most);
    EXPECT_GE(values.size(), 3u) << least;
    EXPECT_LE(values.size(), 9u) << least;
    for (const double value : values) {
      EXPECT_GE(value, least - 1e-9 * (most - least));
      EXPECT_LE(value, most + 1e-9 * (most - least));
    }
  }
  EXPECT_THAT(ticks(0, 10), ::testing::ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(ticks(5, 5), ::testing::ElementsAre(5));
}

TEST(ThinnedTest, KeepsPeaksAndOrder) {
  Curve curve{0, {}, {}};
  for (int i = 0; i < 50000; ++i)
    curve.x.push_back(i), curve.y.push_back(i == 12345 ? 99 : i == 40001 ? -99 : std::sin(i));
  const Curve thin = thinned(curve, 1000);
  EXPECT_EQ(thin.x.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(thin.x.begin(), thin.x.end()));
  EXPECT_EQ(*std::max_element(thin.y.begin(), thin.y.end()), 99);
  EXPECT_EQ(*std::min_element(thin.y.begin(), thin.y.end()), -99);
  EXPECT_EQ(thinned(two_runs().charts[0].curves[0], 1000).x.size(), 100u);
}

TEST(CurvesPictureTest, DrawsEveryRunInItsColour) {
  const cv::Mat page = draw_curves(two_runs());
  EXPECT_GT(page.cols, 1000);
  for (const cv::Scalar& colour : {cv::Scalar(178, 114, 0), cv::Scalar(0, 94, 213)}) {
    cv::Mat same;
    cv::inRange(page, colour, colour, same);
    EXPECT_GT(cv::countNonZero(same), 100);
  }
}

TEST(CurvesPageTest, NamesStayTextAndValuesAreReadOff) {
  const TemporaryFolder folder;
  const auto page = folder.path() / "curves.html";
  write_curves_page(page, two_runs());
  const std::string html = read_file(page);
  EXPECT_THAT(html, HasSubstr("&lt;img src=x onerror=alert(1)&gt;"));
  EXPECT_THAT(html, HasSubstr("<polyline"));
  EXPECT_THAT(html, HasSubstr(">best: 0.5, epoch 2</text>"));
  ATTEND_NEEDS_BROWSER();
  for (const int width : {1280, 390}) {
    const auto seen = attend::testing::visit(page, folder.path(), R"JS(
      const svg = document.querySelector(".charts svg"), box = svg.getBoundingClientRect();
      svg.dispatchEvent(new PointerEvent("pointermove", {clientX: box.left + box.width * (56 + 560 * 25 / 100) / 640,
        clientY: box.top + 5}));
      return {reading: document.querySelector(".reading").textContent, images: document.images.length,
              width: document.documentElement.scrollWidth,
                charts: document.querySelectorAll("figure").length,
              cursor: svg.querySelector(".cursor").hasAttribute("hidden")};)JS",
                                             {width, 800, true, {}});
    ASSERT_FALSE(seen.found.is_null()) << ::testing::PrintToString(seen.errors);
    EXPECT_THAT(seen.errors, IsEmpty());
    EXPECT_EQ(seen.found["reading"], "runs/a: 0.32 at step 25 · <img src=x onerror=alert(1)>: 4 at step 25");
    EXPECT_EQ(seen.found["images"], 0);
    EXPECT_EQ(seen.found["charts"], 2);
    EXPECT_LE(seen.found["width"].get<int>(), width);
    EXPECT_FALSE(seen.found["cursor"].get<bool>());
  }
}

}  // namespace
}  // namespace attend
