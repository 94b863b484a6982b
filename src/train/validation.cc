#include "train/validation.h"

#include <algorithm>

#include "metrics/cider.h"
#include "metrics/figures.h"
#include "text/ptb_tokenizer.h"

namespace attend {
namespace {

constexpr const char* kMetrics[] = {"validation_cider", "validation_bleu_4", "validation_rouge_l"};

/// Whether CIDEr-D gives no caption more than 0, not even the references: no word tells one picture from the others.
bool cider_is_blind(const std::vector<std::vector<std::string>>& references) {
  std::vector<std::vector<Tokens>> tokens;
  for (const auto& captions : references) {
    auto& list = tokens.emplace_back();
    for (const auto& caption : captions) list.push_back(caption_tokens(caption));
  }
  const Cider cider(tokens);
  for (size_t i = 0; i < tokens.size(); ++i)
    for (const auto& caption : tokens[i])
      if (cider.score(i, caption) > 0) return false;
  return true;
}

template <class T>
std::vector<T> some_of(const std::vector<T>& all, const std::vector<size_t>& which) {
  std::vector<T> some;
  for (const size_t i : which) some.push_back(all[i]);
  return some;
}

/// kMetrics of these captions.
std::vector<double> metrics_of(const Figures& figures) {
  return {figures.cider_d.corpus, figures.bleu.corpus[3], figures.rouge_l.corpus};
}

}  // namespace

ValidationFigures::ValidationFigures(const Dataset& dataset, const std::vector<size_t>& examples,
                                     std::span<const std::vector<Tokens>> training_captions)
    : faults_(training_captions) {
  std::vector<Source> all;
  for (const auto& name : dataset.sources) all.push_back({name, {}});
  for (const size_t i : examples) {
    all[dataset.examples[i].source].pictures.push_back(references_.size());
    references_.push_back(dataset.examples[i].captions);
  }
  for (auto& source : all) {
    if (source.pictures.empty()) continue;
    if (cider_is_blind(some_of(references_, source.pictures))) blind_sources_.push_back(source.name);
    sources_.push_back(std::move(source));
  }
  if (blind_sources_.size() == sources_.size()) chosen_by_ = "validation_rouge_l";
}

Json ValidationFigures::of(const std::vector<std::string>& candidates) const {
  const auto figures = score_captions(candidates, references_);
  std::vector<Tokens> tokens;
  for (const auto& candidate : candidates) tokens.push_back(caption_tokens(candidate));
  const auto faults = faults_.shares(tokens);
  std::vector<double> means(std::size(kMetrics));
  Json of_sources = Json::object();
  for (const auto& source : sources_) {
    const auto own = metrics_of(sources_.size() == 1 ? figures
                                                     : score_captions(some_of(candidates, source.pictures),
                                                                      some_of(references_, source.pictures)));
    const double share = static_cast<double>(source.pictures.size()) / static_cast<double>(candidates.size());
    for (size_t m = 0; m < means.size(); ++m) {
      means[m] += share * own[m];
      if (sources_.size() > 1) of_sources[std::string(kMetrics[m]) + "_" + source.name] = own[m];
    }
  }
  Json all;
  for (size_t m = 0; m < means.size(); ++m) all[kMetrics[m]] = means[m];
  all.update(of_sources);
  all.update(Json{{"mean_length", figures.mean_length},
                  {"distinct_captions", figures.distinct_captions},
                  {"distinct_words", figures.distinct_words},
                  {"bad_endings", faults.bad_endings},
                  {"repetitions", faults.repetitions}});
  return all;
}

}  // namespace attend
