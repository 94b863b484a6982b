#include "text/html_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace attend {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> sources(std::string_view page) {
  std::vector<std::string> list;
  for (const auto& image : read_html(page).images) list.push_back(image.source);
  return list;
}

/// The page with "T" as the text of every image.
std::string filled(std::string_view page, const std::string& text = "T") {
  const HtmlPage found = read_html(page);
  std::vector<std::pair<size_t, std::string>> texts;
  for (size_t i = 0; i < found.images.size(); ++i) texts.emplace_back(i, text);
  return with_alt_texts(page, found, texts);
}

TEST(HtmlImages, AreFoundWhereBrowsersFindThem) {
  EXPECT_THAT(sources("<p><img src=a.jpg><IMG SRC='b c.jpg'/><img\n alt=x\tsrc = \"d&amp;e&#46;jpg\" ></p>"),
              ElementsAre("a.jpg", "b c.jpg", "d&e.jpg"));
  EXPECT_THAT(
      sources("<!-- <img src=1> --><script>'<img src=2>'</script><style><img src=3></style><title><img src=4></title>"
              "<textarea><img src=5></textareas></textarea ><img src=6>"),
      ElementsAre("6"));
  EXPECT_THAT(sources("<!--><img src=1><!-- --!><img src=2><!doctype html><?x <img><img src=3><a title='<img src=4>'>"
                      "</img src=5><image src=6><imgs src=7><img src=8"),
              ElementsAre("1", "2", "3"));
  EXPECT_THAT(sources("a < b <img src=1 src=2><noscript><img src=3></noscript><"), ElementsAre("1", "3"));
  EXPECT_TRUE(read_html("<base href=x><img src=y>").has_base);
  const auto page =
      read_html("<img src=1><img src=2 alt><img src=3 alt=\"\"><img src=4 alt='a &quot;b&quot;'><img role=none>");
  EXPECT_EQ(page.images[0].alt, std::nullopt);
  EXPECT_EQ(page.images[1].alt, "");
  EXPECT_EQ(page.images[2].alt, "");
  EXPECT_EQ(page.images[3].alt, "a \"b\"");
  EXPECT_TRUE(page.images[4].decorative);
}

TEST(HtmlImages, AreDecorationWhereTheFirstRoleOrAriaHiddenSaysSo) {
  const auto decorative = [](const std::string& attributes) {
    return read_html("<img src=1 " + attributes + ">").images.front().decorative;
  };
  for (const auto* yes : {"role=presentation", "role=' None img'", "role='x-unknown\tnone'", "aria-hidden=\"True\"",
                          "aria-hidden=true aria-hidden=false", "role=none role=img", "role=img aria-hidden=true"})
    EXPECT_TRUE(decorative(yes)) << yes;
  for (const auto* no : {"", "role", "role=img", "role='img none'", "role='image presentation'", "aria-hidden=false",
                         "aria-hidden", "aria-hidden=yes", "role=nonesuch", "role=img role=none"})
    EXPECT_FALSE(decorative(no)) << no;
}

TEST(HtmlImages, OfLargePagesTakeNoLongerThanTheirLength) {
  std::string page;
  for (int i = 0; i < 1'000'000; ++i) page += "<!-- -->";
  page += "<img src='" + std::string(2'000'000, '&') + "amp;'>";
  const auto found = read_html(page);  // looking through the rest for each would take an hour
  ASSERT_EQ(found.images.size(), 1u);
  EXPECT_EQ(found.images[0].source, std::string(2'000'000, '&'));
}

TEST(HtmlImages, GetTextsAndNothingElseChanges) {
  EXPECT_EQ(filled("<img src=a>\r\n<img src=\"b\" alt=\"\" >x<IMG alt src=c><img alt=old src=d /><img/src=e>"),
            "<img alt=\"T\" src=a>\r\n<img src=\"b\" alt=\"T\" >x<IMG alt=\"T\" src=c><img alt=\"T\" src=d /><img "
            "alt=\"T\"/src=e>");
  const std::string text = "\"a\" & <b> ä 😀";
  const std::string made = filled("<img src=a>", text);
  EXPECT_EQ(made, "<img alt=\"&quot;a&quot; &amp; &lt;b&gt; &#228; &#128512;\" src=a>");
  EXPECT_EQ(*read_html(made).images[0].alt, text);
  const std::string latin = "<p>\xe4<img src=\"\xe4.jpg\">\xff\0x";
  EXPECT_EQ(with_alt_texts(latin, read_html(latin), {}), latin);
}

TEST(HtmlImages, OfAnyBytesAreReadWithoutHarm) {
  const std::string alphabet = "<>!-/= \"'&;#img src alt=a";
  uint64_t state = 1;
  for (int round = 0; round < 20000; ++round) {
    std::string page;
    for (int i = 0; i < 40; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      page += (state >> 60) ? std::string(1, alphabet[(state >> 33) % alphabet.size()]) : "<img src=";
    }
    const HtmlPage before = read_html(page), after = read_html(filled(page));
    ASSERT_EQ(before.images.size(), after.images.size()) << page;
    for (size_t i = 0; i < before.images.size(); ++i) {
      EXPECT_EQ(before.images[i].source, after.images[i].source) << page;
      EXPECT_EQ(after.images[i].alt, "T") << page;
    }
  }
}

TEST(HtmlImages, LieInFilesOrElsewhere) {
  using Place = std::pair<std::string, bool>;
  EXPECT_EQ(local_file("img/a%20b.jpg?v=2#x"), Place("img/a b.jpg", false));
  EXPECT_EQ(local_file(" /img/a.jpg\n"), Place("img/a.jpg", true));
  EXPECT_EQ(local_file("../100%.jpg"), Place("../100%.jpg", false));
  EXPECT_EQ(local_file("a/b:c.jpg"), Place("a/b:c.jpg", false));
  for (const auto* source : {"", "?x", "https://a/b.jpg", "data:image/png;base64,AA", "//host/a.jpg", "file:///a.jpg"})
    EXPECT_EQ(local_file(source), std::nullopt) << source;
}

}  // namespace
}  // namespace attend
