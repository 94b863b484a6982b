#include "metrics/ngrams.h"

#include <algorithm>

namespace attend {

Ngrams::Ngrams(const Tokens& tokens) {
  std::vector<size_t> begin;  // of each word in text_
  for (const auto& token : tokens) {
    begin.push_back(text_.size());
    text_.insert(text_.end(), token.begin(), token.end());
    text_.push_back('\n');
  }
  begin.push_back(text_.size());

  std::vector<std::string_view> ngrams;
  for (size_t n = 1; n <= kMaxNgram; ++n) {
    ngrams.clear();
    for (size_t first = 0; first + n <= tokens.size(); ++first) {
      ngrams.emplace_back(text_.data() + begin[first], begin[first + n] - begin[first] - 1);
    }
    std::sort(ngrams.begin(), ngrams.end());
    auto& counts = counts_[n - 1];
    for (const auto ngram : ngrams) {
      if (counts.empty() || counts.back().first != ngram) counts.emplace_back(ngram, 0);
      ++counts.back().second;
    }
  }
}

int Ngrams::times(int n, std::string_view ngram) const {
  const auto& counts = of(n);
  const auto found = std::lower_bound(counts.begin(), counts.end(), std::pair(ngram, 0));
  return found != counts.end() && found->first == ngram ? found->second : 0;
}

}  // namespace attend
