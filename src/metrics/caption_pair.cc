#include "metrics/caption_pair.h"

#include <algorithm>
#include <set>

#include "text/ptb_tokenizer.h"

namespace attend {

CaptionPair tokenize_pair(const std::string& candidate, const std::vector<std::string>& references) {
  CaptionPair pair{caption_tokens(candidate), {}};
  for (const auto& reference : references) pair.references.push_back(caption_tokens(reference));
  return pair;
}

bool is_exact(const CaptionPair& pair) {
  return std::find(pair.references.begin(), pair.references.end(), pair.candidate) != pair.references.end();
}

WordUse word_use(std::span<const CaptionPair> pairs) {
  std::set<Tokens> captions;
  std::set<std::string> words;
  WordUse use;
  for (const auto& pair : pairs) {
    captions.insert(pair.candidate);
    words.insert(pair.candidate.begin(), pair.candidate.end());
    use.mean_length += static_cast<double>(pair.candidate.size());
  }
  const double count = std::max<double>(1, static_cast<double>(pairs.size()));
  use.mean_length /= count;
  use.distinct_captions = static_cast<double>(captions.size()) / count;
  use.distinct_words = static_cast<int64_t>(words.size());
  return use;
}

}  // namespace attend
