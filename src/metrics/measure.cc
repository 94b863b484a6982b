#include "metrics/measure.h"

#include <cmath>
#include <utility>

#include "base/parallel.h"
#include "metrics/bleu.h"
#include "metrics/cider.h"
#include "metrics/meteor.h"
#include "metrics/rouge.h"

namespace attend {
namespace {

/// A figure that is the mean over the pictures.
Measure mean_measure(std::string key, std::string title, Scores scores) {
  Measure made{std::move(key), std::move(title), scores.corpus, scores.pictures, {}};
  made.of = [scores = std::make_shared<const Scores>(std::move(scores))](std::span<const uint32_t> pictures) {
    double sum = 0;
    for (const uint32_t picture : pictures) sum += scores->pictures[picture];
    return pictures.empty() ? 0 : sum / static_cast<double>(pictures.size());
  };
  return made;
}

/// The sum of some pictures' counts.
template <class Counts>
Counts sum_of(const std::vector<Counts>& counts, std::span<const uint32_t> pictures) {
  Counts sum;
  for (const uint32_t picture : pictures) sum += counts[picture];
  return sum;
}

void add_bleu(std::span<const CaptionPair> pairs, std::vector<Measure>& measures) {
  const auto counts = std::make_shared<const std::vector<BleuCounts>>(bleu_counts(pairs));
  const BleuScores scores = bleu_of_counts(*counts);
  for (size_t n = 0; n < scores.corpus.size(); ++n) {
    const std::string order = std::to_string(n + 1);
    Measure made{"bleu_" + order, "BLEU-" + order, scores.corpus[n], {}, {}};
    for (const auto& picture : scores.pictures) made.pictures.push_back(picture[n]);
    made.of = [counts, n](std::span<const uint32_t> pictures) { return sum_of(*counts, pictures).scores()[n]; };
    measures.push_back(std::move(made));
  }
}

void add_meteor(std::span<const CaptionPair> pairs, const MeasureOptions& options, std::vector<Measure>& measures) {
  const auto counts =
      std::make_shared<const std::vector<MeteorCounts>>(Meteor(options.meteor).count(pairs, options.threads));
  Scores scores = meteor_scores(*counts);
  const bool whole = options.meteor != nullptr;
  Measure made{whole ? "meteor" : "meteor_exact_stem",
               std::string(whole ? kMeteorName : kMeteorNameWithoutTables),
               scores.corpus,
               std::move(scores.pictures),
               {}};
  made.of = [counts](std::span<const uint32_t> pictures) { return sum_of(*counts, pictures).score(); };
  measures.push_back(std::move(made));
}

void add_cider(std::span<const CaptionPair> pairs, const MeasureOptions& options, std::vector<Measure>& measures) {
  std::vector<std::vector<Tokens>> references;
  for (const auto& pair : pairs) references.push_back(pair.references);
  const Cider cider(references, options.documents.empty() ? references : options.documents);
  Scores plain, clipped;
  plain.pictures.resize(pairs.size());
  clipped.pictures.resize(pairs.size());
  parallel_for(pairs.size(), options.threads, [&](size_t i) {
    plain.pictures[i] = cider.tells_apart() ? cider.plain_score(i, pairs[i].candidate) : NAN;
    clipped.pictures[i] = cider.tells_apart() ? cider.score(i, pairs[i].candidate) : NAN;
  });
  plain.corpus = mean(plain.pictures);
  clipped.corpus = mean(clipped.pictures);
  measures.push_back(mean_measure("cider", "CIDEr", std::move(plain)));
  measures.push_back(mean_measure("cider_d", "CIDEr-D", std::move(clipped)));
}

}  // namespace

std::vector<Measure> measure(std::span<const CaptionPair> pairs, const MeasureOptions& options) {
  std::vector<Measure> measures;
  add_bleu(pairs, measures);
  add_meteor(pairs, options, measures);
  measures.push_back(mean_measure("rouge_l", "ROUGE-L", rouge_l(pairs)));
  add_cider(pairs, options, measures);
  return measures;
}

}  // namespace attend
