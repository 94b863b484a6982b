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

Reward::Reward(std::vector<std::vector<Tokens>> references, double bleu_weight)
    : bleu_weight_(bleu_weight), references_(ended(std::move(references))), cider_(references_) {}

std::vector<double> Reward::of(size_t picture, std::span<const Candidate> captions) const {
  std::optional<BleuReferences> bleu;
  if (bleu_weight_ > 0) bleu.emplace(references_.at(picture));
  std::vector<double> rewards;
  for (const auto& caption : captions) {
    Tokens tokens = caption.words;
    if (caption.ended) tokens.push_back(kEnd);
    double reward = cider_.score(picture, tokens);
    if (bleu) reward += bleu_weight_ * bleu->count(tokens).smoothed();
    rewards.push_back(reward);
  }
  return rewards;
}

}  // namespace attend
