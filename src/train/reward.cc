#include "train/reward.h"

#include <optional>

#include "metrics/bleu.h"

namespace attend {
namespace {

const std::string kEnd = "<end>";  // no token of a caption is spelled like this: the tokenizer parts it

std::vector<std::vector<Tokens>> ended(std::vector<std::vector<Tokens>> references) {
  for (auto& captions : references) {
    for (auto& caption : captions) caption.push_back(kEnd);
  }
  return references;
}

}  // namespace

Reward::Reward(std::vector<std::vector<Tokens>> references, const RewardWeights& weights,
               std::shared_ptr<const MeteorTables> tables)
    : weights_(weights),
      references_(ended(std::move(references))),
      cider_(references_),
      meteor_(weights.meteor > 0 ? std::make_unique<Meteor>(std::move(tables)) : nullptr) {}

std::vector<double> Reward::meteor_of(size_t picture, std::span<const Candidate> captions) const {
  auto references = references_.at(picture);
  for (auto& reference : references) reference.pop_back();
  std::vector<CaptionPair> pairs;
  for (const auto& caption : captions) pairs.push_back({caption.words, references});
  std::vector<double> scores;
  for (const auto& counts : meteor_->count(pairs, 1)) scores.push_back(counts.score());
  return scores;
}

std::vector<double> Reward::of(size_t picture, std::span<const Candidate> captions) const {
  std::optional<BleuReferences> bleu;
  if (weights_.bleu > 0) bleu.emplace(references_.at(picture));
  std::vector<double> meteor(captions.size());
  if (meteor_) meteor = meteor_of(picture, captions);
  std::vector<double> rewards;
  for (size_t i = 0; i < captions.size(); ++i) {
    Tokens tokens = captions[i].words;
    if (captions[i].ended) tokens.push_back(kEnd);
    double reward = cider_.score(picture, tokens) + weights_.meteor * meteor[i];
    if (bleu) reward += weights_.bleu * bleu->count(tokens).smoothed();
    rewards.push_back(reward);
  }
  return rewards;
}

}  // namespace attend
