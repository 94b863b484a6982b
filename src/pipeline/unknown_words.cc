#include "pipeline/unknown_words.h"

#include <algorithm>
#include <cstdio>

#include "base/printable.h"

namespace attend {
namespace {

constexpr size_t kMostNamed = 10;

}  // namespace

void UnknownWords::add(const std::vector<std::string>& tokens, const std::vector<size_t>& left_out,
                       const std::vector<size_t>& replaced) {
  all_ += tokens.size();
  for (const size_t place : left_out) ++left_out_[tokens[place]];
  for (const size_t place : replaced) ++replaced_[tokens[place]];
}

std::vector<std::string> UnknownWords::said() const {
  std::vector<std::string> lines;
  if (!left_out_.empty()) lines.push_back(said(left_out_, "were left out"));
  if (!replaced_.empty()) lines.push_back(said(replaced_, "were taken for others that are"));
  return lines;
}

std::string UnknownWords::said(const std::map<std::string, size_t>& counts, const char* what) const {
  size_t unknown = 0;
  std::vector<std::pair<size_t, std::string>> often;
  for (const auto& [word, count] : counts) unknown += count, often.emplace_back(count, word);
  std::stable_sort(often.begin(), often.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string text = unknown_share(unknown, all_, what) + ": ";
  for (size_t i = 0; i < std::min(often.size(), kMostNamed); ++i)
    text += (i ? ", " : "") + printable(often[i].second) +
            (often[i].first > 1 ? " (" + std::to_string(often[i].first) + ")" : "");
  return text + (often.size() > kMostNamed ? ", …" : "");
}

std::string unknown_share(size_t unknown, size_t all, const std::string& what) {
  char share[32];
  std::snprintf(share, sizeof share, "%.1f", 100 * static_cast<double>(unknown) / static_cast<double>(all));
  return counted_of(unknown, all, "word") + " (" + share + " %) aren't in the model's vocabulary and " + what;
}

}  // namespace attend
