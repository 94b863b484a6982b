// T words · L = h·w grid cells
#include "app/caption_record.h"

#include <cmath>
#include <cstring>
#include <opencv2/imgproc.hpp>
#include <string_view>

#include "base/base64.h"
#include "model/pictures.h"
#include "text/unicode.h"

namespace attend {
namespace {

/// Side of maps over pixels as they are shown: one pixel's gradient is noise.
constexpr int kPixelMapSide = 48;

bool is_utf8(std::string_view text) {
  std::string again;
  for (size_t at = 0; at < text.size();) append_utf8(again, next_code_point(text, at));
  return again == text;
}

/// Six digits after the point: more than the arithmetic is good for, and a third of the bytes.
double rounded(double value) { return std::round(value * 1e6) / 1e6; }

/// weights [L], scaled by `scale`.
Json rounded(const torch::Tensor& weights, double scale = 1) {
  const auto cells = weights.to(torch::kCPU, torch::kFloat).contiguous();  // [L]
  Json json = Json::array();
  for (int64_t i = 0; i < cells.numel(); ++i) json.push_back(rounded(cells.data_ptr<float>()[i] * scale));
  return json;
}

Json words_of(const Caption& caption, std::array<int64_t, 2> grid) {
  Json words = Json::array();
  for (size_t t = 0; t < caption.words.size(); ++t) {
    words.push_back({{"word", caption.words[t]},
                     {"log_probability", rounded(caption.word_log_probability[t])},
                     {"plain_log_probability", rounded(caption.plain_word_log_probability[t])},
                     {"attention", rounded(caption.alpha[static_cast<int64_t>(t)])}});
    if (const int64_t cell = caption.locations[t]; cell >= 0)
      words.back()["location"] = {cell / grid[1], cell % grid[1]};  // row, column
  }
  return words;
}

/// Adds what the words depend on to what words_of() made.
void add_explanation(Json& words, const Explanation& explanation) {
  for (size_t t = 0; t < words.size(); ++t) {
    const auto cells = explanation.cells[static_cast<int64_t>(t)];  // [L]
    const double sum = cells.sum().item<double>();
    words[t]["gradient"] = rounded(cells, sum > 0 ? 1 / sum : 0);
    words[t]["rank_correlation"] = rounded(explanation.rank_correlation[t]);
  }
}

/// Every map scaled to sum to 1.
std::vector<cv::Mat> normalised(std::vector<cv::Mat> maps) {
  for (auto& map : maps)
    if (const double sum = cv::sum(map)[0]; sum > 0) map *= 1 / sum;
  return maps;
}

}  // namespace

std::vector<cv::Mat> maps_of(const torch::Tensor& weights, std::array<int64_t, 2> grid) {
  const auto cells = weights.to(torch::kCPU, torch::kFloat).contiguous();  // [T, L]
  std::vector<cv::Mat> maps;
  for (int64_t t = 0; t < cells.size(0); ++t) {
    cv::Mat& map = maps.emplace_back(static_cast<int>(grid[0]), static_cast<int>(grid[1]), CV_32F);
    std::memcpy(map.data, cells.data_ptr<float>() + t * cells.stride(0), map.total() * sizeof(float));
  }
  return maps;
}

std::vector<cv::Mat> location_maps(const Caption& caption, std::array<int64_t, 2> grid) {
  const auto columns = static_cast<int>(grid[1]);
  std::vector<cv::Mat> maps;
  for (const int64_t location : caption.locations) {
    const auto cell = static_cast<int>(location);
    maps.push_back(cv::Mat::zeros(static_cast<int>(grid[0]), columns, CV_32F));
    maps.back().at<float>(cell / columns, cell % columns) = 1;
  }
  return maps;
}

std::vector<cv::Mat> gradient_maps(const Explanation& explanation, std::array<int64_t, 2> grid) {
  return normalised(maps_of(explanation.cells, grid));
}

std::vector<cv::Mat> pixel_maps(const Explanation& explanation) {
  auto maps = maps_of(explanation.pixels.flatten(1), {explanation.pixels.size(1), explanation.pixels.size(2)});
  for (auto& map : maps)
    if (map.cols > kPixelMapSide) cv::resize(map, map, {kPixelMapSide, kPixelMapSide}, 0, 0, cv::INTER_AREA);
  return normalised(std::move(maps));
}

Json caption_record(const std::filesystem::path& file, const PictureCaptions& picture, const Captioner& captioner) {
  const auto& encoder = captioner.options.encoder;
  const auto grid = captioner.encoder->grid(encoder.input_size);
  const cv::Rect2d area = input_geometry(picture.size, encoder).input_area();
  const Caption& best = picture.captions.front();
  Json record{{"file", file.string()}};
  if (!is_utf8(file.native())) record["file_base64"] = base64(file.native());
  record["caption"] = best.text;
  record["confidence"] = best.confidence ? Json(rounded(*best.confidence)) : Json();
  record["familiar"] = best.familiar ? Json(*best.familiar) : Json();
  record["log_probability"] = rounded(best.log_probability);
  record["plain_log_probability"] = rounded(best.plain_log_probability());
  record["grid"] = {grid[0], grid[1]};
  record["size"] = {picture.size.width, picture.size.height};
  record["area"] = {area.x, area.y, area.width, area.height};
  record["words"] = words_of(best, grid);
  if (picture.explanation) {
    add_explanation(record["words"], *picture.explanation);
    record["rank_correlation"] = rounded(mean_rank_correlation(*picture.explanation));
  }
  for (size_t i = 1; i < picture.captions.size(); ++i) {
    const Caption& caption = picture.captions[i];
    record["alternatives"].push_back({{"caption", caption.text},
                                      {"log_probability", rounded(caption.log_probability)},
                                      {"plain_log_probability", rounded(caption.plain_log_probability())},
                                      {"words", words_of(caption, grid)}});
  }
  return record;
}

std::string one_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace attend
