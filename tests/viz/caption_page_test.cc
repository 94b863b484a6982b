#include "viz/caption_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "base/said.h"
#include "vision/picture_files.h"
#include "viz/browser.h"

namespace attend {
namespace {

using attend::testing::TemporaryFolder;
using attend::testing::visit;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// `words` words on 3x4 cells; word t looks at cell first + t.
PageCaption caption(const std::string& text, int words, int first) {
  PageCaption made{text, {}, {}, -1.5 - first, {}, {}};
  std::vector<cv::Mat> maps;
  for (int t = 0; t < words; ++t) {
    made.words.push_back("w" + std::to_string(t));
    made.word_log_probability.push_back(std::log(0.5));
    maps.emplace_back(3, 4, CV_32F, cv::Scalar(0.01));
    maps.back().at<float>((first + t) / 4, (first + t) % 4) = 0.89f;
  }
  made.maps.push_back(page_maps("attention", maps));
  made.faults = check_maps(maps);
  return made;
}

PagePicture picture(const std::string& name, std::vector<PageCaption> captions) {
  PagePicture made;
  made.name = name;
  made.thumbnail = make_thumbnail(attend::testing::gradient(200, 150));
  made.captions = std::move(captions);
  return made;
}

class CaptionPageTest : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::vector<PagePicture>& pictures) {
    const auto path = folder_.path() / "page.html";
    CaptionPage page(path, "a test");
    for (const auto& one : pictures) page.add(one);
    page.finish();
    return path;
  }
  TemporaryFolder folder_;
};

TEST(PageMapsTest, EveryMapIsScaledToItsPeak) {
  cv::Mat first(2, 3, CV_32F, cv::Scalar(0)), second(2, 3, CV_32F, cv::Scalar(0));
  first.at<float>(1, 2) = 0.5f, first.at<float>(0, 0) = 0.25f;
  second.at<float>(0, 1) = 0.02f;
  const PageMaps maps = page_maps("attention", {first, second, cv::Mat::zeros(2, 3, CV_32F)});
  EXPECT_EQ(maps.grid, cv::Size(3, 2));
  EXPECT_THAT(maps.peaks, ::testing::ElementsAre(0.5, ::testing::DoubleNear(0.02, 1e-6), 0));
  const std::string expected{'\x80', 0, 0, 0, 0, '\xff', 0, '\xff', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(maps.weights, expected);
}

TEST(PageMapsTest, RankCorrelationsStandWithTheMapsTheyBelongTo) {
  PagePicture made = picture("a.jpg", {caption("a dog", 2, 0)});
  PageMaps gradient = made.captions[0].maps[0];
  gradient.name = "gradient";
  gradient.rank_correlation = {0.5, std::nan("")};
  made.captions[0].maps.push_back(gradient);
  const std::string html = picture_article(made, 1, {});
  EXPECT_THAT(html, HasSubstr("\"rank_correlation\":[0.5,null]"));
  EXPECT_EQ(html.find("rank_correlation"), html.rfind("rank_correlation"));  // attention has none with itself
}

TEST(ThumbnailTest, KeepsTheShapeAndNeverEnlarges) {
  for (const auto& [from, to] : std::vector<std::pair<cv::Size, cv::Size>>{
           {{640, 480}, {320, 240}}, {{100, 50}, {100, 50}}, {{1, 20000}, {1, 960}}, {{600, 1200}, {160, 320}}}) {
    const Thumbnail made = make_thumbnail(cv::Mat(from, CV_8UC3, cv::Scalar::all(90)));
    EXPECT_EQ(made.size, to);
    const cv::Mat again =
        cv::imdecode(std::vector<unsigned char>(made.jpeg.begin(), made.jpeg.end()), cv::IMREAD_COLOR);
    EXPECT_EQ(again.size(), to);
    EXPECT_NEAR(cv::mean(again)[0], 90, 2);
  }
}

TEST(HtmlTest, TextAndJsonCannotLeaveTheirPlace) {
  EXPECT_EQ(html_text("<img onerror=\"x\">'&\xff\x01"),
            "&lt;img onerror=&quot;x&quot;&gt;&#39;&amp;\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(html_json({{"a", "</script><!--"}, {"b", "\xff"}}),
            "{\"a\":\"\\u003c/script>\\u003c!--\",\"b\":\"\xef\xbf\xbd\"}");
}

TEST_F(CaptionPageTest, IsThereOnlyWhenItIsWhole) {
  const auto path = folder_.path() / "page.html";
  {
    CaptionPage page(path, "a test");
    page.add(picture("a.jpg", {caption("a dog", 2, 0)}));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  EXPECT_THROW(CaptionPage(folder_.path() / "no" / "page.html", ""), Error);
}

TEST_F(CaptionPageTest, WarnsOfOneTooLargeForBrowsers) {
  const std::string filling(kLargePage / 100, ' ');
  for (const int parts : {50, 100}) {
    HtmlFile file(folder_.path() / "large.html", "large");
    for (int i = 0; i < parts; ++i) file.write(filling);
    Said said;
    file.finish({});
    EXPECT_EQ(said.text.find("fewer pictures") != std::string::npos, parts == 100);
  }
}

TEST_F(CaptionPageTest, NeedsNoNetworkAndReadsWithoutAScript) {
  PagePicture made = picture("a.jpg", {caption("a dog & a cat", 2, 0)});
  made.references = {"two \"animals\""};
  const std::string html = read_file(write({made}));
  EXPECT_THAT(html, HasSubstr("<p class=\"caption\">a dog &amp; a cat</p>"));
  EXPECT_THAT(html, HasSubstr("<li>two &quot;animals&quot;</li>"));
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  EXPECT_THAT(html, Not(HasSubstr("http://")));
  EXPECT_THAT(html, Not(HasSubstr("https://")));
}

TEST_F(CaptionPageTest, SaysWhereMapsSayNothing) {
  PagePicture fine = picture("a.jpg", {caption("fine", 2, 0)}), even = fine, alike = fine;
  even.captions[0].faults.even = true;
  alike.captions[0].faults.alike = true;
  EXPECT_THAT(picture_article(fine, 1, {}), Not(HasSubstr("class=\"note\"")));
  EXPECT_THAT(picture_article(even, 1, {}), HasSubstr("<p class=\"note\">Most words look everywhere alike"));
  EXPECT_THAT(picture_article(alike, 1, {}), HasSubstr("<p class=\"note\">Every word looks at the same places"));
}

TEST_F(CaptionPageTest, AFocusedWordShowsWhereItLookedAndARegionItsWords) {
  ATTEND_NEEDS_BROWSER();
  const auto page = write({picture("a.jpg", {caption("first", 5, 2), caption("second", 3, 7)}),
                           picture("b.jpg", {caption("third", 4, 0)})});
  const auto seen = visit(page, folder_.path(), R"JS(
    await settled();
    const article = document.querySelector("article"), canvas = article.querySelector(".view canvas");
    const light = (cell) => {  // how much less the map darkens that cell's middle
      const x = (cell % 4 + .5) / 4 * canvas.width, y = (Math.floor(cell / 4) + .5) / 3 * canvas.height;
      return canvas.getContext("2d").getImageData(x, y, 1, 1).data;
    };
    const words = () => [...article.querySelectorAll(".word")];
    const found = {words: words().length, before: [...light(4)],
      second: document.querySelectorAll("article")[1].querySelectorAll(".word").length};
    words()[2].focus();
    found.peak = [...light(4)];
    found.elsewhere = [...light(11)];
    found.reading = article.querySelector(".reading").textContent;
    const key = (target, name) => target.dispatchEvent(new KeyboardEvent("keydown", {key: name, bubbles: true,
      cancelable: true}));
    key(words()[2], "ArrowRight");
    found.right = document.activeElement.textContent;
    found.rightPeak = [...light(5)];
    key(document.activeElement, "End");
    found.end = document.activeElement.textContent;
    key(document.activeElement, "ArrowDown");
    found.down = document.activeElement.closest("article").id;
    key(document.activeElement, "Escape");
    found.cleared = [...light(5)];
    const box = canvas.getBoundingClientRect();
    const point = (type, cell) => canvas.dispatchEvent(new PointerEvent(type, {bubbles: true, pointerType: "mouse",
      clientX: box.left + box.width * (cell % 4 + .5) / 4,
        clientY: box.top + box.height * (Math.floor(cell / 4) + .5) / 3}));
    point("pointermove", 5);
    found.used = words().map((word) => word.style.getPropertyValue("--use"));
    found.region = article.querySelector(".reading").textContent;
    point("pointermove", 0);
    found.unused = article.querySelector(".reading").textContent;
    found.marked = [...canvas.getContext("2d").getImageData(0, 0, 12, 12).data].filter((byte) => byte === 255).length;
    words()[0].click();
    found.pressed = words()[0].getAttribute("aria-pressed");
    found.pinned = canvas.dataset.word;
    words()[0].click();
    found.unpinned = canvas.dataset.word ?? null;
    article.querySelectorAll(".alternatives button")[1].click();
    found.alternative = words().length;
    words()[0].focus();
    found.alternativePeak = [...light(7)];
    const details = article.querySelector(".alignment");
    details.open = true;
    await settled();
    const plot = details.querySelector(".plot canvas");
    found.plot = [plot.width, plot.height];
    found.axis = [...details.querySelectorAll(".axis span")].map((one) => one.textContent);
    found.axisTitle = details.querySelector(".axis-title").textContent;
    point("pointermove", 6);
    const column = details.querySelector(".column").getBoundingClientRect(), whole = plot.getBoundingClientRect();
    found.column = (column.left + column.width / 2 - whole.left) / whole.width * 12;
    found.log = [...article.querySelectorAll(".number")].map((one) => one.textContent);
    return found;)JS");
  ASSERT_FALSE(seen.found.is_null()) << ::testing::PrintToString(seen.errors);
  EXPECT_THAT(seen.errors, IsEmpty());
  const Json& found = seen.found;
  const Json nothing{0, 0, 0, 0};
  EXPECT_EQ(found["words"], 5);
  EXPECT_EQ(found["second"], 4);
  EXPECT_EQ(found["before"], nothing);
  EXPECT_GE(found["peak"][0].get<int>(), 170);      // a cell at the border: its peak lies at the border
  EXPECT_LE(found["elsewhere"][0].get<int>(), 16);  // dark
  EXPECT_NEAR(found["elsewhere"][3].get<int>(), 166, 6);
  EXPECT_EQ(found["reading"], "w2 probability 50 %, looked at the left, 89 % of it in one cell");
  EXPECT_EQ(found["right"], "w3");
  EXPECT_EQ(found["rightPeak"][0], 255);                  // white laid over the cell
  EXPECT_NEAR(found["rightPeak"][3].get<int>(), 102, 6);  // 0.4 of it
  EXPECT_EQ(found["end"], "w4");
  EXPECT_EQ(found["down"], "p2");
  EXPECT_EQ(found["cleared"], nothing);
  EXPECT_EQ(found["used"], (Json{"", "", "", "1.000", ""}));
  EXPECT_THAT(found["region"].get<std::string>(), HasSubstr("used by w3 (89 %)"));
  EXPECT_THAT(found["unused"].get<std::string>(), HasSubstr("no word looked here"));
  EXPECT_EQ(found["pressed"], "true");
  EXPECT_EQ(found["pinned"], "0");
  EXPECT_TRUE(found["unpinned"].is_null());
  EXPECT_EQ(found["alternative"], 3);
  EXPECT_GE(found["alternativePeak"][0].get<int>(), 170);
  EXPECT_EQ(found["plot"], (Json{12, 3}));
  EXPECT_EQ(found["axis"], (Json{"1", "2", "3"}));
  EXPECT_THAT(found["axisTitle"].get<std::string>(), HasSubstr("12 cells"));
  EXPECT_NEAR(found["column"].get<double>(), 6.5, 0.1);  // the region pointed at, in the alignment
  EXPECT_GT(found["marked"].get<int>(), 50);             // and on the picture
  EXPECT_EQ(found["log"], (Json{"-3.50", "-8.50"}));
}

TEST_F(CaptionPageTest, ConfidenceIsSaidInWords) {
  for (const auto& [sure, says] : std::vector<std::pair<double, std::string>>{{0.06, "Very unsure: confidence 6 %"},
                                                                              {0.4, "Unsure: confidence 40 %"},
                                                                              {0.6, "Fairly sure: confidence 60 %"},
                                                                              {0.9, "Sure: confidence 90 %"}}) {
    PagePicture made = picture("a.jpg", {caption("a dog", 2, 0)});
    made.captions[0].confidence = sure;
    EXPECT_THAT(picture_article(made, 1, {}), HasSubstr(">" + says + "</p>"));
  }
}

TEST_F(CaptionPageTest, OneScaleAPageDimsWeakerWords) {
  ATTEND_NEEDS_BROWSER();
  PageCaption weak = caption("weak", 2, 0);
  for (auto& peak : weak.maps[0].peaks) peak /= 4;
  const auto seen =
      visit(write({picture("a.jpg", {caption("strong", 2, 0)}), picture("b.jpg", {weak})}), folder_.path(), R"JS(
    await settled();
    const article = document.querySelectorAll("article")[1], canvas = article.querySelector(".view canvas");
    const alpha = () => canvas.getContext("2d").getImageData(canvas.width / 8, canvas.height / 6, 1, 1).data[3];
    article.querySelector(".word").click();
    const own = alpha(), scales = [...document.querySelectorAll(".tools select")].find((one) => one.value === "word");
    scales.value = "page";
    scales.dispatchEvent(new Event("change"));
    return {own, page: alpha(), bar: article.querySelector(".scale").textContent};)JS");
  ASSERT_FALSE(seen.found.is_null()) << ::testing::PrintToString(seen.errors);
  EXPECT_THAT(seen.errors, IsEmpty());
  EXPECT_GT(seen.found["page"].get<int>(), seen.found["own"].get<int>() + 20);  // darker
  EXPECT_THAT(seen.found["bar"].get<std::string>(), HasSubstr("89 %"));
}

TEST_F(CaptionPageTest, NamesAndCaptionsStayText) {
  ATTEND_NEEDS_BROWSER();
  PageCaption sly = caption("</script><script>document.title='gone'</script>", 2, 0);
  sly.words = {"</script><img src=x onerror=alert(1)>", "<!--<script>"};
  PagePicture made = picture("<img src=x onerror=\"document.title='gone'\">.jpg", {sly});
  made.references = {"<b>bold</b>"};
  const auto seen = visit(write({made, picture("b", {caption("fine", 2, 0)})}), folder_.path(), R"JS(
    await settled();
    document.querySelector(".word").focus();
    return {title: document.title, images: document.images.length,
      name: document.querySelector("article h2").textContent,
            words: [...document.querySelectorAll("#p1 .word")].map((word) => word.textContent),
            references: document.querySelector(".references").textContent,
              bold: document.querySelectorAll("li b").length};)JS");
  ASSERT_FALSE(seen.found.is_null()) << ::testing::PrintToString(seen.errors);
  EXPECT_THAT(seen.errors, IsEmpty());
  EXPECT_EQ(seen.found["title"], "Captions and where they looked");
  EXPECT_EQ(seen.found["images"], 2);
  EXPECT_EQ(seen.found["name"], made.name);
  EXPECT_EQ(seen.found["words"], Json(sly.words));
  EXPECT_EQ(seen.found["references"], "<b>bold</b>");
  EXPECT_EQ(seen.found["bold"], 0);
}

TEST_F(CaptionPageTest, OnlyPicturesNearTheWindowAreBuiltAndTheFilterFindsTheRest) {
  ATTEND_NEEDS_BROWSER();
  std::vector<PagePicture> pictures;
  for (int i = 0; i < 120; ++i)
    pictures.push_back(
        picture("photo" + std::to_string(i) + ".jpg", {caption("caption " + std::to_string(i), 3, i % 8)}));
  for (const int width : {1280, 390}) {
    const auto seen = visit(write(pictures), folder_.path(), R"JS(
      await settled();
      const found = {built: document.querySelectorAll(".words").length,
        count: document.querySelector(".count").textContent,
                     width: document.documentElement.scrollWidth};
      const search = document.querySelector("input[type=search]");
      search.value = "PHOTO117";
      search.dispatchEvent(new Event("input"));
      await until(() => document.querySelector("#p118 .word"));
      found.shown = [...document.querySelectorAll("article:not([hidden])")].map((article) => article.id);
      found.filtered = document.querySelector(".count").textContent;
      found.words = document.querySelectorAll("#p118 .word").length;
      return found;)JS",
                            {width, 900, true, {}});
    ASSERT_FALSE(seen.found.is_null()) << ::testing::PrintToString(seen.errors);
    EXPECT_THAT(seen.errors, IsEmpty());
    EXPECT_GE(seen.found["built"].get<int>(), 2);
    EXPECT_LT(seen.found["built"].get<int>(), 60);
    EXPECT_EQ(seen.found["count"], "120 pictures");
    EXPECT_EQ(seen.found["filtered"], "1 of 120 pictures");
    EXPECT_EQ(seen.found["shown"], Json{"p118"});
    EXPECT_EQ(seen.found["words"], 3);
    EXPECT_LE(seen.found["width"].get<int>(), width);  // no scrolling sideways
  }
}

}  // namespace
}  // namespace attend
