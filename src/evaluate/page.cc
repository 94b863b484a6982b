#include "evaluate/page.h"

#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "base/parallel.h"
#include "vision/picture.h"
#include "viz/caption_page.h"
#include "viz/evaluation_page.h"

namespace attend {
namespace {

/// Every picture's figures, those that are defined.
void add_values(EvaluationSummary& summary, const Evaluation& evaluation, size_t pictures) {
  summary.values.resize(pictures);
  for (const auto& measure : evaluation.measures) {
    if (std::isnan(measure.corpus)) continue;
    const FigureForm form = figure_form(measure.key);
    summary.figures.push_back({measure.title, form.digits});
    for (size_t i = 0; i < pictures; ++i) summary.values[i].push_back(form.factor * measure.pictures[i]);
  }
}

Thumbnail thumbnail_or_none(const std::filesystem::path& picture) {
  try {
    return make_thumbnail(read_picture(picture, kThumbnailSide).pixels);
  } catch (const InputError&) {  // captions can be scored where their pictures are not
    return {};
  }
}

}  // namespace

std::vector<std::string> write_evaluation_page(const std::filesystem::path& path, const std::vector<Example>& examples,
                                               const std::vector<std::string>& captions, std::vector<PagePicture> shown,
                                               const Json& figures, const Evaluation& evaluation, int threads,
                                               const std::string& stopped) {
  EvaluationSummary summary;
  for (const auto& row : figure_rows(figures, evaluation))
    summary.corpus.push_back(
        {row.title, row.value + row.unit, row.range, row.other.empty() ? "" : row.other + ", " + row.p_value});
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
  page.finish(stopped);
  return map_faults.remarks();
}

}  // namespace attend
