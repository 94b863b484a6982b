// T words · L = h·w grid cells
#include "app/caption_record.h"

#include <cmath>
#include <cstring>
#include <string_view>

#include "base/base64.h"
#include "model/pictures.h"
#include "text/unicode.h"

namespace attend {
namespace {

bool is_utf8(std::string_view text) {
  std::string again;
  for (size_t at = 0; at < text.size();) append_utf8(again, next_code_point(text, at));
  return again == text;
}

/// Six digits after the point: more than the arithmetic is good for, and a third of the bytes.
double rounded(double value) { return std::round(value * 1e6) / 1e6; }

Json words_of(const Caption& caption, std::array<int64_t, 2> grid) {
  const auto maps = attention_maps(caption, grid);
  Json words = Json::array();
  for (size_t t = 0; t < caption.words.size(); ++t) {
    Json attention = Json::array();
    for (auto cell = maps[t].begin<float>(); cell != maps[t].end<float>(); ++cell) attention.push_back(rounded(*cell));
    words.push_back({{"word", caption.words[t]},
                     {"log_probability", rounded(caption.word_log_probability[t])},
                     {"attention", std::move(attention)}});
    if (const int64_t cell = caption.locations[t]; cell >= 0)
      words.back()["location"] = {cell / grid[1], cell % grid[1]};  // row, column
  }
  return words;
}

}  // namespace

std::vector<cv::Mat> attention_maps(const Caption& caption, std::array<int64_t, 2> grid) {
  const auto alpha = caption.alpha.to(torch::kCPU, torch::kFloat).contiguous();  // [T, L]
  std::vector<cv::Mat> maps;
  for (int64_t t = 0; t < alpha.size(0); ++t) {
    cv::Mat& map = maps.emplace_back(static_cast<int>(grid[0]), static_cast<int>(grid[1]), CV_32F);
    std::memcpy(map.data, alpha.data_ptr<float>() + t * alpha.size(1), map.total() * sizeof(float));
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

Json caption_record(const std::filesystem::path& file, const PictureCaptions& picture, const Captioner& captioner) {
  const auto& encoder = captioner.options.encoder;
  const auto grid = captioner.encoder->grid(encoder.input_size);
  const cv::Rect2d area = input_geometry(picture.size, encoder).input_area();
  const Caption& best = picture.captions.front();
  Json record{{"file", file.string()}};
  if (!is_utf8(file.native())) record["file_base64"] = base64(file.native());
  record["caption"] = best.text;
  record["log_probability"] = rounded(best.log_probability);
  record["grid"] = {grid[0], grid[1]};
  record["size"] = {picture.size.width, picture.size.height};
  record["area"] = {area.x, area.y, area.width, area.height};
  record["words"] = words_of(best, grid);
  for (size_t i = 1; i < picture.captions.size(); ++i) {
    const Caption& caption = picture.captions[i];
    record["alternatives"].push_back({{"caption", caption.text},
                                      {"log_probability", rounded(caption.log_probability)},
                                      {"words", words_of(caption, grid)}});
  }
  return record;
}

std::string one_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace attend
