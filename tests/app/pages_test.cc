// Pages, animations and styles of overlay, made as a user makes them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "app/run_command.h"
#include "vision/picture.h"
#include "vision/picture_files.h"
#include "viz/browser.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class PagesTest : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string photo(const std::string& name) const {
    return folder_.write(name, encoded(".jpg", gradient(90, 60))).string();
  }
  std::string write(const std::string& name, const std::string& bytes) const {
    return folder_.write(name, {bytes.begin(), bytes.end()}).string();
  }
  std::string captions() const {
    return write("captions.json", R"({"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
      "annotations": [{"image_id": 1, "caption": "A dog </script> on grass."}, {"image_id": 1, "caption": "The dog."},
                      {"image_id": 2, "caption": "A red circle"}]})");
  }
  TemporaryFolder folder_;
};

constexpr const char* kLook = R"JS(
  const articles = [...document.querySelectorAll("article")];
  articles.forEach((article) => article.scrollIntoView());
  await until(() => articles.every((article) => article.querySelector(".word")));
  const article = articles[0], word = article.querySelector(".word");
  word.focus();
  const canvas = article.querySelector(".view canvas");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return {names: articles.map((one) => one.querySelector("h2").textContent),
          words: articles.map((one) => one.querySelectorAll(".word").length),
          alternatives: document.querySelectorAll(".alternatives li").length,
          references: document.querySelectorAll(".references li").length,
          bars: document.querySelectorAll(".bar").length, drawn: pixels.some((byte) => byte > 0)};)JS";

TEST_F(PagesTest, CaptionWritesAPageOfEveryPictureThatCanBeRead) {
  const std::string sly = "<img onerror>.jpg";
  photo("in/a.jpg");
  photo("in/" + sly);
  write("in/b.jpg", "no picture");
  const auto run = with_model({"caption", at("in"), "--html", at("page.html"), "--n-best", "3", "--format", "jsonl"});
  EXPECT_EQ(run.status, 1);
  const std::string html = read_file(at("page.html"));
  EXPECT_THAT(html, Not(HasSubstr(sly)));
  EXPECT_THAT(html, HasSubstr("&lt;img onerror&gt;.jpg"));
  std::vector<size_t> words;
  for (const auto& line : run.out_lines()) words.push_back(Json::parse(line)["words"].size());
  ASSERT_THAT(words, SizeIs(2));
  ATTEND_NEEDS_BROWSER();
  const auto seen = visit(at("page.html"), folder_.path(), kLook);
  ASSERT_FALSE(seen.found.is_null()) << ::testing::PrintToString(seen.errors);
  EXPECT_THAT(seen.errors, IsEmpty());
  EXPECT_EQ(seen.found["words"], Json(words));
  EXPECT_THAT(seen.found["names"], Contains(Json(at("in/" + sly))));
  EXPECT_EQ(seen.found["alternatives"], 6);
  EXPECT_TRUE(seen.found["drawn"].get<bool>());
}

TEST_F(PagesTest, APageHasThePicturesWhoseFilesAreThere) {
  photo("a.jpg");
  ASSERT_EQ(with_model({"caption", at("a.jpg"), "--sidecar"}).status, 0);
  const auto run = with_model({"caption", at("a.jpg"), "--sidecar", "--html", at("page.html")});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(read_file(at("page.html")), HasSubstr("a.jpg</h2>"));
}

TEST_F(PagesTest, APageMayLieInAFolderThatIsMadeForOtherFiles) {
  const auto picture = photo("a.jpg");
  const auto run = with_model({"caption", picture, "--overlay", at("seen"), "--html", at("seen/index.html")});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(read_file(at("seen/index.html")), HasSubstr("a.jpg</h2>"));
}

TEST_F(PagesTest, PagesThatCannotBeWrittenAreRefusedAtOnce) {
  const auto picture = photo("a.jpg");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"caption", "--html", picture, picture},
        {"evaluate", "--captions", captions(), "--images", at(""), "--html", at("page")},
        {"report", at("x.jsonl")}}) {
    const auto run = attend_command(arguments);
    EXPECT_EQ(run.status, 2) << run.err;
    EXPECT_THAT(run.err, HasSubstr("html"));
    EXPECT_THAT(run.err_lines(), SizeIs(1));
  }
  const auto unscored = write("none.json", R"({"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": []})");
  const auto none = attend_command(
      {"evaluate", "--captions", unscored, "--images", at(""), "--html", at("p.html"), "--results", at("r.json")});
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, HasSubstr("no captions in it to compare with"));
  EXPECT_FALSE(fs::exists(at("p.html")));
  const auto run = with_model({"caption", picture, "--html", at("missing/page.html")});
  EXPECT_EQ(run.status, 1);
  EXPECT_EQ(run.out, "");
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
  return count;
}

TEST_F(PagesTest, AnInterruptedRunLeavesAPageOfWhatIsDone) {
  std::vector<std::string> arguments{"caption", "--batch-size", "2", "--html", at("page.html")};
  const auto picture = photo("a.jpg");
  for (int i = 0; i < 400; ++i) arguments.push_back(picture);
  Circumstances how;
  how.signal = SIGINT;
  const auto run = with_model(arguments, how);
  EXPECT_EQ(run.status, 130);
  const std::string html = read_file(at("page.html"));
  EXPECT_GE(run.out_lines().size(), 2u);
  EXPECT_EQ(count_of(html, "<article "), run.out_lines().size());
  const std::string says = "stopped after " + std::to_string(run.out_lines().size()) + " of 400 pictures";
  EXPECT_THAT(run.err, HasSubstr(says));
  EXPECT_THAT(html, HasSubstr("id=\"stopped\">" + says));
}

/// What is wider than the window: nothing. `scrollWidth <= innerWidth` wouldn't tell: a phone's browser makes the window wider.
constexpr const char* kWidth = R"JS(
  for (const details of document.querySelectorAll("details")) details.open = true;
  [...document.querySelectorAll("article")].forEach((article) => article.scrollIntoView());
  await until(() => [...document.querySelectorAll("article")].every((one) => one.querySelector(".word")));
  for (const details of document.querySelectorAll("details")) details.open = true;
  await settled();
  const styles = [...document.querySelectorAll(".tools select")][0];
  if (styles) {
    styles.value = "heat";
    styles.dispatchEvent(new Event("change"));
    document.querySelector(".word").click();
    await settled();
  }
  const rows = new Map(), uneven = [], shapes = [];
  for (const article of document.querySelectorAll("article")) {
    const box = article.getBoundingClientRect(), top = Math.round(box.top);
    if (rows.has(top) && Math.abs(rows.get(top) - box.height) > 1) uneven.push(article.id);
    rows.set(top, box.height);
    const image = article.querySelector("img");
    if (image) shapes.push(image.clientWidth / image.clientHeight);
  }
  return {width: document.documentElement.scrollWidth, uneven, shapes,
          bar: document.querySelector(".picture .scale")?.textContent ?? ""};)JS";

TEST_F(PagesTest, FitEveryWidthAndKeepProportions) {
  folder_.write("in/a.jpg", encoded(".jpg", gradient(90, 60)));
  folder_.write("in/panorama.jpg", encoded(".jpg", gradient(600, 60)));
  folder_.write("in/strip.jpg", encoded(".jpg", gradient(60, 600)));
  folder_.write("in/tiny.png", encoded(".png", gradient(8, 8)));
  const auto file =
      write("captions.json", R"({"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "tiny.png"},
      {"id": 3, "file_name": "panorama.jpg"}, {"id": 4, "file_name": "strip.jpg"}],
      "annotations": [{"image_id": 1, "caption": "A dog on grass."}, {"image_id": 2, "caption": "A very-long-word-without-end"},
      {"image_id": 3, "caption": "A red circle"}, {"image_id": 4, "caption": "The sky"}]})");
  ASSERT_EQ(
      with_model({"caption", at("in"), "--html", at("captions.html"), "--n-best", "2", "--explain", "plain"}).status,
      0);
  ASSERT_EQ(with_model({"evaluate", "--captions", file, "--images", at("in"), "--html", at("evaluation.html")}).status,
            0);
  write("log.jsonl", R"({"step":20,"epoch":1,"loss":7.5}
{"step":20,"epoch":1,"validation_cider":0.25,"best":true}
{"step":40,"epoch":2,"loss":6.5}
{"step":40,"epoch":2,"validation_cider":0.75,"best":true}
{"step":60,"epoch":3,"loss":5.5}
{"step":60,"epoch":3,"validation_cider":0.5,"best":false}
)");
  ASSERT_EQ(attend_command({"report", at("log.jsonl"), "--html", at("curves.html")}).status, 0);
  ATTEND_NEEDS_BROWSER();
  for (const int width : {320, 390, 1280})
    for (const char* page : {"captions.html", "evaluation.html", "curves.html"}) {
      const auto seen = visit(at(page), folder_.path(), kWidth, {width, 900, false, {}});
      ASSERT_FALSE(seen.found.is_null()) << page << ::testing::PrintToString(seen.errors);
      EXPECT_THAT(seen.errors, IsEmpty()) << page;
      EXPECT_LE(seen.found["width"].get<int>(), width) << page;
      EXPECT_THAT(seen.found["uneven"], IsEmpty()) << page << width;
      for (const double shape : seen.found["shapes"].get<std::vector<double>>()) {
        const double longer = std::max(shape, 1 / shape);
        EXPECT_TRUE(std::abs(longer - 1) < 0.05 || std::abs(longer - 1.5) < 0.05 || std::abs(longer - 10) < 1)
            << page << width << " " << shape;
      }
      EXPECT_EQ(seen.found["bar"].get<std::string>().find(" %") != std::string::npos,
                page != std::string("curves.html"));
    }
}

TEST_F(PagesTest, AnEvaluationIsToldAsTheConsoleTellsIt) {
  photo("images/a.jpg");
  photo("images/b.jpg");
  const auto run =
      with_model({"evaluate", "--captions", captions(), "--images", at("images"), "--html", at("page.html")});
  ASSERT_EQ(run.status, 0) << run.err;
  const std::string html = read_file(at("page.html"));
  EXPECT_THAT(html, HasSubstr("95 % interval"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"row\">distinct captions</th>"));
  size_t told = 0;
  for (const auto& line : run.out_lines()) {  // "BLEU-1    45.4   38.3 to 53.2"
    if (!line.starts_with("BLEU") && !line.starts_with("ROUGE")) continue;
    std::istringstream words(line);
    std::string name, value, low, to, high;
    words >> name >> value >> low >> to >> high;
    EXPECT_THAT(html, HasSubstr("<th scope=\"row\">" + name + "</th><td>" + value + "</td><td class=\"soft\">" + low +
                                " to " + high + "</td>"));
    ++told;
  }
  EXPECT_EQ(told, 5u);
}

TEST_F(PagesTest, TheBestEpochIsMarkedAndInTheTable) {
  const auto log = write("log.jsonl", R"({"step":20,"epoch":1,"loss":7.5}
{"step":20,"epoch":1,"validation_cider":0.25,"validation_loss":3.5,"best":true}
{"step":40,"epoch":2,"validation_cider":0.75,"validation_loss":2.5,"best":true}
{"step":60,"epoch":3,"validation_cider":0.5,"validation_loss":4.5,"best":false}
)");
  const auto run = attend_command({"report", log, "--html", at("page.html"), "--png", at("page.png")});
  ASSERT_EQ(run.status, 0) << run.err;
  const std::string html = read_file(at("page.html"));
  for (const char* says : {"<td>epoch 2</td>", "<td>0.75 (epoch 2)</td>", "<td>2.5 (epoch 2)</td>",
                           "best: 0.75, epoch 2", "best: 2.5, epoch 2", "<circle class=\"best\""})
    EXPECT_THAT(html, HasSubstr(says));
}

TEST_F(PagesTest, EvaluateShowsReferencesAndFiguresWithAModelAndWithout) {
  photo("images/a.jpg");
  photo("images/b.jpg");
  const auto file = captions();
  const auto run = with_model({"evaluate", "--captions", file, "--images", at("images"), "--html", at("page.html"),
                               "--results", at("results.json")});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(read_file(at("page.html")), HasSubstr("A dog &lt;/script&gt; on grass."));
  const auto scored =
      attend_command({"evaluate", "--captions", file, "--candidates", at("results.json"), "--html", at("scored.html")});
  ASSERT_EQ(scored.status, 0) << scored.err;
  EXPECT_THAT(read_file(at("scored.html")), HasSubstr("no picture"));
  ATTEND_NEEDS_BROWSER();
  const auto seen = visit(at("page.html"), folder_.path(), kLook);
  ASSERT_FALSE(seen.found.is_null()) << ::testing::PrintToString(seen.errors);
  EXPECT_THAT(seen.errors, IsEmpty());
  EXPECT_EQ(seen.found["names"], (Json{"a.jpg", "b.jpg"}));
  EXPECT_EQ(seen.found["references"], 3);
  EXPECT_EQ(seen.found["bars"], 8 * 16);
  EXPECT_TRUE(seen.found["drawn"].get<bool>());
}

TEST_F(PagesTest, ReportDrawsRunsThatWereResumedAndThatStillGoOn) {
  write("run/log.jsonl", R"({"step":20,"epoch":1,"loss":7.5,"learning_rate":1e-4,"tokens_per_second":2000}
{"step":40,"epoch":1,"loss":99,"learning_rate":2e-4,"tokens_per_second":2000}
{"step":40,"epoch":1,"validation_cider":0.75}
{"step":30,"epoch":1,"loss":6.5,"learning_rate":2e-4,"tokens_per_second":2100}
{"step":40,"epo)");
  const auto run =
      attend_command({"report", at("run"), at("run/log.jsonl"), "--html", at("page.html"), "--png", at("page.png")});
  ASSERT_EQ(run.status, 0) << run.err;
  const std::string html = read_file(at("page.html"));
  for (const char* says :
       {"<figcaption>Loss<", "<figcaption>Learning rate<", "<figcaption>Tokens a second<", "<td>6.5</td>"})
    EXPECT_THAT(html, HasSubstr(says));
  EXPECT_THAT(html, Not(HasSubstr("0.75")));  // done again from step 30 on
  EXPECT_GT(read_picture(at("page.png")).pixels.cols, 600);
}

TEST_F(PagesTest, TornLinesOfALogArePassedOverAndSaid) {
  const auto log = write("log.jsonl",
                         "{\"step\": 1, \"loss\": 2}\n{\"step\": 2, \"lo{\"step\": 3, \"loss\": 1}\n"
                         "{\"step\": 4, \"loss\": 0.5}\n");
  const auto run = attend_command({"report", log, "--html", at("page.html")});
  EXPECT_EQ(run.status, 0);
  EXPECT_THAT(run.err_lines(), ElementsAre(AllOf(HasSubstr(log), HasSubstr("passed over line 2"))));
  EXPECT_THAT(read_file(at("page.html")), HasSubstr("<td>0.5</td>"));
}

TEST_F(PagesTest, LogsThatAreNoneAreRefusedWithTheirLine) {
  for (const auto& [text, says] : std::vector<std::pair<std::string, std::string>>{
           {"nonsense\n{\"step\": 1, \"lo\n", ":1: not a line of a training log"},
           {"{\"loss\": 2}\n", ":1: no \"step\""},
           {"", "no figures in this log"}}) {
    const auto log = write("log.jsonl", text);
    const auto run = attend_command({"report", log, "--png", at("page.png")});
    EXPECT_EQ(run.status, 1) << text;
    EXPECT_THAT(run.err, HasSubstr(log));
    EXPECT_THAT(run.err, HasSubstr(says));
    EXPECT_THAT(run.err_lines(), SizeIs(1));
    EXPECT_FALSE(fs::exists(at("page.png")));
  }
}

TEST_F(PagesTest, AnimationsAndStylesAreWrittenWhereAsked) {
  const auto picture = photo("a.jpg");
  const auto run =
      with_model({"caption", picture, "--animate", at("moving"), "--animate-format", "gif", "--animate-size", "96",
                  "--overlay", at("seen"), "--overlay-style", "heat", "--overlay-format", "png", "--overlay-words"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(read_picture(at("moving/a.gif")).pixels.cols, 96);
  EXPECT_TRUE(fs::exists(at("seen/a.png")));
  EXPECT_TRUE(fs::exists(at("seen/a.words")));
  EXPECT_THAT(with_model({"caption", picture, "--animate", at("moving"), "--animate-format", "gif"}).err,
              HasSubstr("1 of 1 picture skipped"));
  EXPECT_EQ(with_model({"caption", picture, "--overlay-style", "rainbow"}).status, 2);
}

}  // namespace
}  // namespace attend::testing
