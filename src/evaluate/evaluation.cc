#include "evaluate/evaluation.h"

#include <set>

#include "base/error.h"
#include "metrics/meteor_tables.h"
#include "text/ptb_tokenizer.h"

namespace attend {
namespace {

/// Captions of other pictures, as tokens: those of a split, or all where the file names none.
std::vector<std::vector<Tokens>> read_tokens(const std::filesystem::path& file, const std::string& split) {
  const Dataset dataset = read_captions(file, "", kAllPictures, 1);
  std::vector<std::vector<Tokens>> captions;
  for (const auto& example : dataset.examples) {
    if (example.split != split && example.split != kAllPictures) continue;
    auto& tokens = captions.emplace_back();
    for (const auto& caption : example.captions) tokens.push_back(caption_tokens(caption));
  }
  if (captions.empty()) throw InputError(file.string() + ": no pictures of the split " + split + " in it");
  return captions;
}

std::vector<CaptionPair> tokenize(const std::vector<Example>& examples, const std::vector<std::string>& captions) {
  std::vector<CaptionPair> pairs;
  for (size_t i = 0; i < captions.size(); ++i) pairs.push_back(tokenize_pair(captions[i], examples[i].captions));
  return pairs;
}

}  // namespace

Evaluation evaluate(const std::vector<Example>& examples, const std::vector<std::string>& captions,
                    const std::vector<std::string>& compared, const EvaluationChoice& choice, int threads) {
  Evaluation evaluation;
  evaluation.pairs = tokenize(examples, captions);
  std::vector<std::vector<Tokens>> documents;
  if (!choice.document_frequencies.empty()) documents = read_tokens(choice.document_frequencies, "train");
  const MeasureOptions how{find_meteor_tables(choice.meteor), documents, threads};
  evaluation.measures = measure(evaluation.pairs, how);
  if (choice.resamples > 0) {
    const Resamples resamples(evaluation.pairs.size(), choice.resamples, static_cast<uint64_t>(choice.seed));
    std::vector<Measure> others;
    if (!compared.empty()) others = measure(tokenize(examples, compared), how);
    for (size_t i = 0; i < evaluation.measures.size(); ++i) {
      const auto figures = resamples.figures(evaluation.measures[i].of, threads);
      evaluation.intervals.push_back(interval_95(figures));
      if (!others.empty()) {
        evaluation.others.push_back(
            {others[i].corpus, paired_p_value(figures, resamples.figures(others[i].of, threads))});
      }
    }
  }
  if (!choice.training_captions.empty()) {
    std::set<Tokens> known;
    for (auto& of_picture : read_tokens(choice.training_captions, "train"))
      known.insert(of_picture.begin(), of_picture.end());
    evaluation.share_in_training =
        share_of(evaluation.pairs, [&](const CaptionPair& pair) { return known.contains(pair.candidate); });
  }
  return evaluation;
}

}  // namespace attend
