#include "app/evaluate_page.h"

#include <cstdio>

#include "app/page_record.h"
#include "base/error.h"
#include "base/parallel.h"
#include "metrics/figures.h"
#include "viz/evaluation_page.h"

namespace attend {
namespace {

/// A figure as the head of the page says it.
std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number_float()) return value.dump();
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value.get<double>());
  return text;
}

std::string title_of(const std::string& key) {
  static const std::pair<const char*, const char*> titles[] = {
      {"bleu_1", "BLEU-1"}, {"bleu_2", "BLEU-2"},   {"bleu_3", "BLEU-3"},   {"bleu_4", "BLEU-4"},
      {"meteor", "METEOR"}, {"rouge_l", "ROUGE-L"}, {"cider_d", "CIDEr-D"}, {"cider", "CIDEr"}};
  for (const auto& [known, title] : titles)
    if (key == known) return title;
  std::string title = key;
  for (char& letter : title)
    if (letter == '_') letter = ' ';
  return title;
}

/// Every picture's figures.
void add_values(EvaluationSummary& summary, const std::vector<Example>& examples,
                const std::vector<std::string>& captions) {
  std::vector<std::vector<std::string>> references;
  for (const auto& example : examples) references.push_back(example.captions);
  const Figures scores = score_captions(captions, references);
  summary.figures = {{"BLEU-1", 3}, {"BLEU-4", 3}, {"ROUGE-L", 3}, {"CIDEr-D", 3}};
  for (size_t i = 0; i < captions.size(); ++i)
    summary.values.push_back({scores.bleu.pictures[i][0], scores.bleu.pictures[i][3], scores.rouge_l.pictures[i],
                              scores.cider_d.pictures[i]});
}

Thumbnail thumbnail_or_none(const std::filesystem::path& picture) {
  try {
    return read_thumbnail(picture);
  } catch (const InputError&) {  // captions can be scored where their pictures are not
    return {};
  }
}

}  // namespace

ShownPicture shown_picture(const PictureCaptions& picture, const Captioner& captioner) {
  const auto& encoder = captioner.options.encoder;
  ShownPicture shown{{}, page_area(picture.size, encoder)};
  for (const auto& caption : picture.captions)
    shown.captions.push_back(page_caption(caption, captioner.encoder->grid(encoder.input_size)));
  return shown;
}

void write_evaluation_page(const std::filesystem::path& path, const std::vector<Example>& examples,
                           const std::vector<std::string>& captions, std::vector<ShownPicture> shown,
                           const Json& figures, int threads) {
  EvaluationSummary summary;
  for (const auto& [key, value] : figures.items()) summary.corpus.emplace_back(title_of(key), text_of(value));
  add_values(summary, examples, captions);
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
  map_faults.warn_of();
}

}  // namespace attend
