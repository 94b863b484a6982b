#include "viz/evaluation_page.h"

#include <algorithm>
#include <cmath>
#include <utility>

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
  const auto any = [&](const std::string SummaryFigure::*text) {
    return std::any_of(summary.corpus.begin(), summary.corpus.end(),
                       [&](const auto& one) { return !(one.*text).empty(); });
  };
  const bool ranges = any(&SummaryFigure::range), comparisons = any(&SummaryFigure::comparison);
  std::string titles;  // of the columns of ranges and comparisons, above the first that has some
  if (ranges || comparisons)
    titles = std::string("<tr><th scope=\"col\"></th><th scope=\"col\"></th>") +
             (ranges ? "<th scope=\"col\">95 % interval</th>" : "") +
             (comparisons ? "<th scope=\"col\">the other file</th>" : "") + "</tr>\n";
  for (const auto& [name, value, range, comparison] : summary.corpus) {
    // Names of files and pictures have the whole width.
    const int more = ranges + comparisons;
    const bool alone = more > 0 && range.empty() && comparison.empty();
    if (!alone) html += std::exchange(titles, "");
    html += "<tr><th scope=\"row\">" + html_text(name) + "</th><td" +
            (alone ? " colspan=\"" + std::to_string(1 + more) + "\"" : "") + ">" + html_text(value) + "</td>";
    if (ranges && !alone) html += "<td class=\"soft\">" + html_text(range) + "</td>";
    if (comparisons && !alone) html += "<td class=\"soft\">" + html_text(comparison) + "</td>";
    html += "</tr>\n";
  }
  html += "</table>\n</div>\n</section>\n<script type=\"application/json\" id=\"evaluation\">" +
          html_json(json_of(summary)) + "</script>\n";
  file_.write(html + colours_element() + "<main>\n<div class=\"pictures\">\n");
}

void EvaluationPage::add(PagePicture picture) {
  picture.figures = summary_.values.at(count_);
  file_.write(picture_article(picture, ++count_, summary_.figures));
}

void EvaluationPage::finish(const std::string& stopped) {
  file_.write("</div>\n" + stopped_element(stopped) + "</main>\n");
  file_.finish({maps_script(), pictures_script(), evaluation_script()});
}

}  // namespace attend
