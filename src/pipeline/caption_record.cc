#include "pipeline/caption_record.h"

#include <cmath>
#include <numeric>
#include <string_view>

#include "base/base64.h"
#include "decode/rank_correlation.h"
#include "text/unicode.h"

namespace attend {
namespace {

bool is_utf8(std::string_view text) {
  std::string again;
  for (size_t at = 0; at < text.size();) append_utf8(again, next_code_point(text, at));
  return again == text;
}

/// A map [rows · columns], scaled by `scale`.
Json map_record(std::span<const float> map, double scale = 1) {
  Json json = Json::array();
  for (const float weight : map) json.push_back(rounded(weight * scale));
  return json;
}

Json words_of(const SeenCaption& caption) {
  const int64_t columns = caption.attention.grid.columns;
  Json words = Json::array();
  for (size_t t = 0; t < caption.words.size(); ++t) {
    words.push_back({{"word", caption.words[t]},
                     {"log_probability", rounded(caption.word_log_probability[t])},
                     {"plain_log_probability", rounded(caption.plain_word_log_probability[t])},
                     {"attention", map_record(caption.attention.map(t))}});
    if (const int64_t cell = caption.locations[t]; cell >= 0)
      words.back()["location"] = {cell / columns, cell % columns};
    if (!caption.explained()) continue;
    const auto gradient = caption.gradient.map(t);
    const double sum = std::accumulate(gradient.begin(), gradient.end(), 0.0);
    words.back()["gradient"] = map_record(gradient, sum > 0 ? 1 / sum : 0);
    words.back()["rank_correlation"] = rounded(caption.rank_correlation[t]);
  }
  return words;
}

/// A phrase has what its words have: log-probabilities are their sums, maps their means.
Json phrases_of(const SeenCaption& caption) {
  const auto attention = maps_of(caption.attention), gradient = gradient_maps(caption);
  const auto sum_over = [](const std::vector<double>& of_words, const std::vector<size_t>& words) {
    double sum = 0;
    for (const size_t t : words) sum += of_words[t];
    return rounded(sum);
  };
  const auto mean = [](const std::vector<cv::Mat>& maps, const std::vector<size_t>& words) {
    const cv::Mat map = mean_map(maps, words);
    return map_record(std::span(map.ptr<float>(), map.total()));
  };
  Json phrases = Json::array();
  for (const auto& [text, words] : caption.phrases) {
    Json& phrase = phrases.emplace_back(Json{{"phrase", text}, {"words", words}});
    if (words.empty()) continue;
    phrase["log_probability"] = sum_over(caption.word_log_probability, words);
    phrase["plain_log_probability"] = sum_over(caption.plain_word_log_probability, words);
    if (!attention.empty()) phrase["attention"] = mean(attention, words);
    if (caption.explained()) phrase["gradient"] = mean(gradient, words);
  }
  return phrases;
}

}  // namespace

double rounded(double value) { return std::round(value * 1e6) / 1e6; }

Json name_record(const std::string& name) {
  Json record{{"file", name}};
  if (!is_utf8(name)) record["file_base64"] = base64(name);
  return record;
}

Json caption_record(const SeenPicture& picture) {
  const cv::Rect2d area = picture.area();
  const SeenCaption& best = picture.best();
  Json record = name_record(picture.name);
  if (picture.time) record["time"] = rounded(*picture.time);
  record["caption"] = best.text;
  record["confidence"] = best.confidence ? Json(rounded(*best.confidence)) : Json();
  record["familiar"] = picture.familiar ? Json(*picture.familiar) : Json();
  record["log_probability"] = rounded(best.log_probability);
  record["plain_log_probability"] = rounded(best.plain_log_probability);
  record["grid"] = {best.attention.grid.rows, best.attention.grid.columns};
  record["size"] = {picture.size.width, picture.size.height};
  record["area"] = {area.x, area.y, area.width, area.height};
  record["words"] = words_of(best);
  if (!best.phrases.empty()) record["phrases"] = phrases_of(best);
  if (best.explained()) record["rank_correlation"] = rounded(mean_rank_correlation(best.rank_correlation));
  for (size_t i = 1; i < picture.captions.size(); ++i) {
    const SeenCaption& caption = picture.captions[i];
    record["alternatives"].push_back({{"caption", caption.text},
                                      {"log_probability", rounded(caption.log_probability)},
                                      {"plain_log_probability", rounded(caption.plain_log_probability)},
                                      {"words", words_of(caption)}});
  }
  return record;
}

std::string one_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace attend
