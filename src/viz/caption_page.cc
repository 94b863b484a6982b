#include "viz/caption_page.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <opencv2/imgproc.hpp>

#include "base/base64.h"
#include "base/error.h"
#include "vision/encode.h"
#include "viz/page_assets.h"

namespace attend {
namespace {

/// At this quality 1,000 photographs take 20 to 30 MB on a page.
constexpr int kThumbnailQuality = 80;

double rounded(double value, double steps) { return std::round(value * steps) / steps; }

Json json_of(const PageMaps& maps) {
  Json peaks = Json::array();
  for (const double peak : maps.peaks) peaks.push_back(rounded(peak, 1e5));
  Json json{{"name", maps.name},
            {"grid", {maps.grid.height, maps.grid.width}},
            {"peaks", std::move(peaks)},
            {"weights", base64(maps.weights)}};
  for (const double correlation : maps.rank_correlation)
    json["rank_correlation"].push_back(rounded(correlation, 1e3));  // NaN becomes null
  return json;
}

Json json_of(const PageCaption& caption) {
  Json json{{"text", caption.text}};
  if (caption.confidence) json["confidence"] = rounded(*caption.confidence, 1e3);
  if (caption.familiar) json["familiar"] = *caption.familiar;
  if (caption.log_probability) json["log_probability"] = rounded(*caption.log_probability, 1e3);
  if (!caption.by.empty()) json["by"] = caption.by;
  if (caption.words.empty()) return json;
  json["words"] = caption.words;
  Json& probabilities = json["log_probabilities"] = Json::array();
  for (size_t t = 0; t < caption.words.size(); ++t)
    probabilities.push_back(rounded(caption.word_log_probability[t], 1e3));
  if (!caption.left_out.empty()) json["left_out"] = caption.left_out;
  for (const auto& [text, words] : caption.phrases) json["phrases"].push_back({{"text", text}, {"words", words}});
  Json& maps = json["maps"] = Json::array();
  for (const auto& kind : caption.maps) maps.push_back(json_of(kind));
  return json;
}

std::string confidence_of(const PageCaption& caption) {
  if (!caption.confidence) return "";
  const double sure = *caption.confidence;
  const char* words = sure < 0.25 ? "Very unsure" : sure < 0.5 ? "Unsure" : sure < 0.75 ? "Fairly sure" : "Sure";
  char text[192];
  std::snprintf(text, sizeof text,
                "<p class=\"confidence\" title=\"The probability that it is among the better half of its model's "
                "captions\">%s: confidence %.0f %%</p>\n",
                words, 100 * sure);
  return text;
}

/// What the page says where the picture is unlike those of training, or the maps say nothing.
std::string note_of(const PageCaption& caption) {
  const MapFaults& faults = caption.faults;
  std::string says;
  if (!caption.familiar.value_or(true))
    says += "Unlike the pictures it was trained on: it may not know what this shows. ";
  if (faults.even) says += "Most words look everywhere alike: these maps don't tell where the model looked. ";
  if (faults.alike) says += "Every word looks at the same places: these maps don't tell the words apart. ";
  if (says.empty()) return "";
  says.pop_back();
  return "<p class=\"note\">" + says + "</p>\n";
}

std::string figures_of(const PagePicture& picture, const std::vector<PageFigure>& figures) {
  std::string html = "<dl class=\"figures\">";
  for (size_t i = 0; i < figures.size(); ++i) {
    char value[64];
    std::snprintf(value, sizeof value, "%.*f", figures[i].digits, picture.figures[i]);
    html += "<div><dt>" + html_text(figures[i].name) + "</dt><dd>" + value + "</dd></div>";
  }
  return html + "</dl>\n";
}

}  // namespace

PageMaps page_maps(std::string name, const std::vector<cv::Mat>& maps) {
  PageMaps page{std::move(name), maps.empty() ? cv::Size() : maps[0].size(), {}, {}, {}};
  for (const auto& map : maps) {
    CV_Assert(map.type() == CV_32F && map.size() == page.grid);
    double peak = 0;
    cv::minMaxLoc(map, nullptr, &peak);
    page.peaks.push_back(peak);
    for (auto cell = map.begin<float>(); cell != map.end<float>(); ++cell)
      page.weights.push_back(static_cast<char>(cv::saturate_cast<unsigned char>(peak > 0 ? 255 * *cell / peak : 0)));
  }
  return page;
}

Thumbnail make_thumbnail(const cv::Mat& picture) {
  const double longer = std::max(picture.cols, picture.rows), shorter = std::min(picture.cols, picture.rows);
  const double scale =
      std::min({1.0, std::max(kThumbnailSide / longer, kThumbnailSide / 6.0 / shorter), 3 * kThumbnailSide / longer});
  const auto side = [&](int length) { return std::max(1, static_cast<int>(std::lround(length * scale))); };
  cv::Mat small = picture;
  if (scale < 1) cv::resize(picture, small, {side(picture.cols), side(picture.rows)}, 0, 0, cv::INTER_AREA);
  const auto bytes = encode_jpeg(small, kThumbnailQuality, true);
  return {std::string(bytes.begin(), bytes.end()), small.size()};
}

std::string picture_article(const PagePicture& picture, size_t number, const std::vector<PageFigure>& figures) {
  const std::string id = "p" + std::to_string(number);
  const PageCaption& best = picture.captions.front();
  const cv::Size size = picture.thumbnail.size;
  // A panorama has its text below it, a strip that stands on end has it closer.
  const char* shape = size.width > 2 * size.height   ? " class=\"wide\""
                      : size.height > 2 * size.width ? " class=\"tall\""
                                                     : "";
  std::string html = "<article id=\"" + id + "\"" + shape + " aria-labelledby=\"" + id + "-name\">\n<h2 id=\"" + id +
                     "-name\">" + html_text(picture.name) + "</h2>\n<div class=\"picture\">";
  if (picture.thumbnail.jpeg.empty()) {
    html += "<p class=\"absent\">no picture</p>";
  } else {
    html += "<div class=\"view\" style=\"--w:" + std::to_string(size.width) + ";--h:" + std::to_string(size.height) +
            "\"><img width=\"" + std::to_string(size.width) + "\" height=\"" + std::to_string(size.height) +
            "\" alt=\"" + html_text(best.text) +
            "\" loading=\"lazy\" decoding=\"async\" src=\"data:image/jpeg;base64," + base64(picture.thumbnail.jpeg) +
            "\"></div>";
  }
  html += "</div>\n<div class=\"text\">\n<p class=\"caption\">" + html_text(best.text) + "</p>\n";
  html += confidence_of(best) + note_of(best);
  if (!figures.empty()) html += figures_of(picture, figures);
  if (!picture.references.empty()) {
    html += "<ul class=\"references\" aria-label=\"References\">";
    for (const auto& reference : picture.references) html += "<li>" + html_text(reference) + "</li>";
    html += "</ul>\n";
  }
  Json captions = Json::array();
  for (const auto& caption : picture.captions) captions.push_back(json_of(caption));
  const auto share = [](double value) { return rounded(value, 1e6); };
  const Json record{
      {"area", {share(picture.area.x), share(picture.area.y), share(picture.area.width), share(picture.area.height)}},
      {"captions", std::move(captions)}};
  return html + "</div>\n<script type=\"application/json\">" + html_json(record) + "</script>\n</article>\n";
}

std::string colours_element() {
  cv::Mat steps(1, 256, CV_8U), colours;
  for (int i = 0; i < 256; ++i) steps.at<unsigned char>(0, i) = static_cast<unsigned char>(i);
  cv::applyColorMap(steps, colours, cv::COLORMAP_VIRIDIS);
  cv::cvtColor(colours, colours, cv::COLOR_BGR2RGB);
  const std::string_view bytes(reinterpret_cast<const char*>(colours.data), 3 * 256);
  return "<script type=\"application/json\" id=\"colours\">\"" + base64(bytes) + "\"</script>\n";
}

CaptionPage::CaptionPage(const std::filesystem::path& path, const std::string& source, std::vector<PageFigure> figures)
    : file_(path, "Captions and where they looked"), figures_(std::move(figures)) {
  file_.write("<header>\n<h1>Captions and where they looked</h1>\n<p class=\"source\">" + html_text(source) +
              "</p>\n</header>\n" + colours_element() + "<main>\n<div class=\"pictures\">\n");
}

void CaptionPage::add(const PagePicture& picture) { file_.write(picture_article(picture, ++count_, figures_)); }

void CaptionPage::add_pair(const PagePicture& left, const PagePicture& right) {
  file_.write("<div class=\"pair\">\n");
  add(left);
  add(right);
  file_.write("</div>\n");
}

std::string stopped_element(const std::string& stopped) {
  if (stopped.empty()) return "";
  return "<p class=\"note\" id=\"stopped\">" + html_text(stopped) + ": the others aren't on this page.</p>\n";
}

void CaptionPage::finish(const std::string& stopped) {
  file_.write("</div>\n" + stopped_element(stopped) + "</main>\n");
  file_.finish({maps_script(), pictures_script()});
}

}  // namespace attend
