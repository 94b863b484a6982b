#include "metrics/figures.h"

#include "metrics/cider.h"
#include "metrics/rouge.h"

namespace attend {

Figures score_captions(const std::vector<std::string>& candidates,
                       const std::vector<std::vector<std::string>>& references) {
  std::vector<CaptionPair> pairs;
  for (size_t i = 0; i < candidates.size(); ++i) pairs.push_back(tokenize_pair(candidates[i], references[i]));
  return {word_use(pairs), bleu(pairs), rouge_l(pairs), cider_d(pairs)};
}

}  // namespace attend
