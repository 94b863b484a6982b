#include "viz/chart_axes.h"
#include "viz/curves.h"
#include "viz/html.h"
#include "viz/page_assets.h"

namespace attend {
namespace {

std::string colour_of(size_t run) {
  const auto& rgb = kRunColours[run % kRunColours.size()];
  char text[16];
  std::snprintf(text, sizeof text, "#%02x%02x%02x", rgb[0], rgb[1], rgb[2]);
  return text;
}

/// A coordinate to a tenth of a pixel.
std::string at(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string svg_of(const Chart& chart) {
  const Axes axes(chart, 56, 10, 560, 246);
  std::string svg = "<svg viewBox=\"0 0 640 290\" role=\"img\" aria-label=\"" + html_text(chart.title) +
                    " over the steps of training\">";
  for (const double tick : axes.y_ticks)
    svg += "<line class=\"grid\" x1=\"56\" x2=\"616\" y1=\"" + at(axes.py(tick)) + "\" y2=\"" + at(axes.py(tick)) +
           "\"/><text text-anchor=\"end\" x=\"50\" y=\"" + at(axes.py(tick) + 4) + "\">" + short_number(tick) +
           "</text>";
  for (const double tick : axes.x_ticks)
    svg += "<text text-anchor=\"middle\" x=\"" + at(axes.px(tick)) + "\" y=\"274\">" + short_number(tick) + "</text>";
  svg += "<text text-anchor=\"end\" x=\"616\" y=\"288\">step</text>";
  for (const auto& whole : chart.curves) {
    const Curve curve = thinned(whole, kCurvePoints);
    const std::string colour = colour_of(curve.run);
    const auto mark_best = [&] {
      if (!curve.best) return;
      svg += "<circle class=\"best\" r=\"5\" fill=\"" + colour + "\" cx=\"" + at(axes.px(curve.best->x)) + "\" cy=\"" +
             at(axes.py(curve.best->y)) + "\"><title>" + html_text(curve.best->label) + "</title></circle>";
      if (chart.curves.size() > 1) return;
      const auto [x, y] = label_place(axes, *curve.best, 6.2 * static_cast<double>(curve.best->label.size()));
      svg += "<text class=\"best\" x=\"" + at(x) + "\" y=\"" + at(y) + "\">" + html_text(curve.best->label) + "</text>";
    };
    if (curve.x.size() == 1) {
      svg += "<circle r=\"4\" fill=\"" + colour + "\" cx=\"" + at(axes.px(curve.x[0])) + "\" cy=\"" +
             at(axes.py(curve.y[0])) + "\"/>";
      mark_best();
      continue;
    }
    svg += "<polyline class=\"curve\" stroke=\"" + colour + "\" points=\"";
    for (size_t i = 0; i < curve.x.size(); ++i) svg += at(axes.px(curve.x[i])) + "," + at(axes.py(curve.y[i])) + " ";
    svg += "\"/>";
    mark_best();
  }
  return svg + "<line class=\"cursor\" y1=\"10\" y2=\"256\" hidden=\"\"/></svg>";
}

/// The values behind a chart, for reading them off: {"x": [left, width, x0, x1] of the plot, "curves": [{"run", "x",
/// "y"}]}.
Json json_of(const Chart& chart) {
  const Axes axes(chart, 56, 10, 560, 246);
  Json curves = Json::array();
  for (const auto& whole : chart.curves) {
    const Curve curve = thinned(whole, kCurvePoints);
    curves.push_back({{"run", curve.run}, {"x", curve.x}, {"y", curve.y}});
  }
  return {{"x", {axes.left, axes.width, axes.x0, axes.x1}}, {"curves", std::move(curves)}};
}

std::string table_of(const Curves& curves) {
  std::string html =
      "<div class=\"runs\" tabindex=\"0\" role=\"region\" aria-label=\"Runs\"><table>\n<tr><th scope=\"col\">run</th>";
  for (const auto& column : curves.columns) html += "<th scope=\"col\">" + html_text(column) + "</th>";
  html += "</tr>\n";
  for (const auto& run : curves.runs) {
    html += "<tr><th scope=\"row\">" + html_text(run.name) + "</th>";
    for (const auto& cell : run.cells) html += "<td>" + html_text(cell) + "</td>";
    html += "</tr>\n";
  }
  return html + "</table></div>\n";
}

}  // namespace

void write_curves_page(const std::filesystem::path& path, const Curves& curves) {
  HtmlFile file(path, "Training curves");
  std::string names = "<header>\n<h1>Training curves</h1>\n<ul class=\"legend\">\n";
  for (size_t run = 0; run < curves.runs.size(); ++run)
    names +=
        "<li><svg viewBox=\"0 0 36 16\" aria-hidden=\"true\"><line x1=\"0\" x2=\"36\" y1=\"8\" y2=\"8\" "
        "stroke-width=\"4\" stroke=\"" +
        colour_of(run) + "\"/></svg> <span>" + html_text(curves.runs[run].name) + "</span></li>\n";
  file.write(names + "</ul>\n</header>\n<main>\n<div class=\"charts\">\n");
  for (const auto& chart : curves.charts)
    file.write("<figure>\n<figcaption>" + html_text(chart.title) + "</figcaption>\n" + svg_of(chart) +
               "\n<p class=\"reading\" role=\"status\"></p>\n<script type=\"application/json\">" +
               html_json(json_of(chart)) + "</script>\n</figure>\n");
  file.write("</div>\n" + table_of(curves) + "</main>\n");
  file.finish({curves_script()});
}

}  // namespace attend
