#include "base/nearest.h"

#include <algorithm>

namespace attend {
namespace {

/// Of Damerau and Levenshtein: letters put in, left out, exchanged, and neighbours in the wrong order.
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<size_t>> at(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        at[i][j] = i + j;
        continue;
      }
      at[i][j] = std::min({at[i - 1][j - 1] + (a[i - 1] != b[j - 1]), at[i - 1][j] + 1, at[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        at[i][j] = std::min(at[i][j], at[i - 2][j - 2] + 1);
    }
  }
  return at[a.size()][b.size()];
}

}  // namespace

std::vector<std::string> nearest(const std::string& word, const std::vector<std::string>& candidates, size_t most) {
  const size_t furthest = std::max<size_t>(2, word.size() / 4);  // further away is no likeness
  std::vector<std::vector<std::string>> at(furthest + 1);        // by distance
  for (const auto& candidate : candidates) {
    const size_t distance = candidate.starts_with(word) ? 0 : edit_distance(word, candidate);
    if (distance <= furthest) at[distance].push_back(candidate);
  }
  std::vector<std::string> near;
  for (const auto& equal : at) near.insert(near.end(), equal.begin(), equal.end());
  if (near.size() > most) near.resize(most);
  return near;
}

}  // namespace attend
