#include "evaluate/page.h"

#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "base/parallel.h"
#include "pipeline/page_record.h"
#include "viz/evaluation_page.h"

namespace attend {
namespace {

/// A figure as the head of the page says it.
std::string text_of(const Json& value) {
  if (value.is_string() || value.is_array()) return joined(value);
  if (!value.is_number_float()) return value.dump();
  if (std::isnan(value.get<double>())) return "n/a";
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value.get<double>());
  return text;
}

/// A measure by its title, anything else by its key.
std::string title_of(const std::string& key, const Evaluation& evaluation) {
  for (const auto& measure : evaluation.measures)
    if (measure.key == key) return measure.title;
  std::string title = key;
  for (char& letter : title)
    if (letter == '_') letter = ' ';
  return title;
}

/// Every picture's figures, those that are defined.
void add_values(EvaluationSummary& summary, const Evaluation& evaluation, size_t pictures) {
  summary.values.resize(pictures);
  for (const auto& measure : evaluation.measures) {
    if (std::isnan(measure.corpus)) continue;
    summary.figures.push_back({measure.title, 3});
    for (size_t i = 0; i < pictures; ++i) summary.values[i].push_back(measure.pictures[i]);
  }
}

Thumbnail thumbnail_or_none(const std::filesystem::path& picture) {
  try {
    return read_thumbnail(PictureSource(picture));
  } catch (const InputError&) {  // captions can be scored where their pictures are not
    return {};
  }
}

}  // namespace

std::vector<std::string> write_evaluation_page(const std::filesystem::path& path, const std::vector<Example>& examples,
                                               const std::vector<std::string>& captions, std::vector<PagePicture> shown,
                                               const Json& figures, const Evaluation& evaluation, int threads) {
  EvaluationSummary summary;
  for (const auto& [key, value] : figures.items())
    if (!value.is_object()) summary.corpus.emplace_back(title_of(key, evaluation), text_of(value));
  add_values(summary, evaluation, examples.size());
  EvaluationPage page(path, summary);
  OrderedPipeline<Thumbnail> thumbnails(examples.size(), threads, 64,
                                        [&](size_t i) { return thumbnail_or_none(examples[i].picture); });
  MapFaultCount map_faults;
  for (size_t i = 0; i < examples.size(); ++i) {
    PagePicture picture{examples[i].picture.filename().native(), *thumbnails.next(), {0, 0, 1, 1}, {}, {}, {}};
    if (shown.empty()) {
      picture.captions.push_back({captions[i], {}, {}, {}, {}, {}});
    } else {
      picture.captions = std::move(shown[i].captions);
      picture.area = shown[i].area;
      map_faults.add(picture.captions.front().faults);
    }
    picture.references = examples[i].captions;
    page.add(std::move(picture));
  }
  page.finish();
  return map_faults.remarks();
}

}  // namespace attend
