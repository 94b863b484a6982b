#include "metrics/figures.h"

#include <algorithm>
#include <set>

#include "metrics/cider.h"
#include "metrics/rouge.h"
#include "text/ptb_tokenizer.h"

namespace attend {

Figures score_captions(const std::vector<std::string>& candidates,
                       const std::vector<std::vector<std::string>>& references) {
  std::vector<CaptionPair> pairs(candidates.size());
  std::set<Tokens> captions;
  std::set<std::string> words;
  Figures figures;
  for (size_t i = 0; i < candidates.size(); ++i) {
    pairs[i].candidate = caption_tokens(candidates[i]);
    for (const auto& reference : references[i]) pairs[i].references.push_back(caption_tokens(reference));
    captions.insert(pairs[i].candidate);
    words.insert(pairs[i].candidate.begin(), pairs[i].candidate.end());
    figures.mean_length += static_cast<double>(pairs[i].candidate.size());
  }
  const double count = std::max<double>(1, static_cast<double>(candidates.size()));
  figures.bleu = bleu(pairs);
  figures.rouge_l = rouge_l(pairs);
  figures.cider_d = cider_d(pairs);
  figures.mean_length /= count;
  figures.distinct_captions = static_cast<double>(captions.size()) / count;
  figures.distinct_words = static_cast<int64_t>(words.size());
  return figures;
}

}  // namespace attend
