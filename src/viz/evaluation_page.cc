#include "viz/evaluation_page.h"

#include <cmath>

#include "viz/page_assets.h"

namespace attend {
namespace {

/// {"figures": [{"name", "digits"}], "values": [pictures][figures]} for the page's script.
Json json_of(const EvaluationSummary& summary) {
  Json figures = Json::array(), values = Json::array();
  for (const auto& figure : summary.figures) figures.push_back({{"name", figure.name}, {"digits", figure.digits}});
  for (const auto& of_picture : summary.values) {
    Json& row = values.emplace_back(Json::array());
    for (const double value : of_picture) row.push_back(std::round(value * 1e5) / 1e5);
  }
  return {{"figures", std::move(figures)}, {"values", std::move(values)}};
}

}  // namespace

EvaluationPage::EvaluationPage(const std::filesystem::path& path, const EvaluationSummary& summary)
    : file_(path, "Evaluation"), summary_(summary) {
  std::string html =
      "<header>\n<h1>Evaluation</h1>\n</header>\n<section class=\"summary\">\n<div>\n<h2>Figures</h2>\n<table>\n";
  for (const auto& [name, value] : summary.corpus)
    html += "<tr><th scope=\"row\">" + html_text(name) + "</th><td>" + html_text(value) + "</td></tr>\n";
  html += "</table>\n</div>\n</section>\n<script type=\"application/json\" id=\"evaluation\">" +
          html_json(json_of(summary)) + "</script>\n";
  file_.write(html + colours_element() + "<main>\n<div class=\"pictures\">\n");
}

void EvaluationPage::add(PagePicture picture) {
  picture.figures = summary_.values.at(count_);
  file_.write(picture_article(picture, ++count_, summary_.figures));
}

void EvaluationPage::finish() {
  file_.write("</div>\n</main>\n");
  file_.finish({maps_script(), pictures_script(), evaluation_script()});
}

}  // namespace attend
