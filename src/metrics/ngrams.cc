#include "metrics/ngrams.h"

namespace attend {

NgramCounts count_ngrams(const Tokens& tokens) {
  NgramCounts counts;
  for (size_t first = 0; first < tokens.size(); ++first) {
    std::string ngram;
    for (size_t n = 1; n <= kMaxNgram && first + n <= tokens.size(); ++n) {
      if (n > 1) ngram += '\n';
      ngram += tokens[first + n - 1];
      ++counts[n - 1][ngram];
    }
  }
  return counts;
}

}  // namespace attend
