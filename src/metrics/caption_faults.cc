#include "metrics/caption_faults.h"

#include <algorithm>
#include <unordered_map>

namespace attend {

CaptionFaults::CaptionFaults(std::span<const std::vector<Tokens>> references) {
  constexpr int kUsesAnEnding = 200;
  struct Count {
    int uses = 0, endings = 0;
  };
  std::unordered_map<std::string, Count> counts;
  for (const auto& captions : references) {
    for (const auto& caption : captions) {
      for (const auto& word : caption) ++counts[word].uses;
      if (!caption.empty()) ++counts[caption.back()].endings;
    }
  }
  for (const auto& [word, count] : counts) {
    if (count.endings * kUsesAnEnding >= count.uses) endings_.insert(word);
  }
}

bool CaptionFaults::ends_badly(const Tokens& caption) const {
  return caption.empty() || !endings_.contains(caption.back());
}

bool CaptionFaults::repeats(const Tokens& caption) {
  const auto follows_itself = [&](long length) {
    for (auto at = caption.begin(); caption.end() - at >= 2 * length; ++at) {
      if (std::equal(at, at + length, at + length)) return true;
    }
    return false;
  };
  return follows_itself(1) || follows_itself(2);
}

FaultShares CaptionFaults::shares(std::span<const Tokens> captions) const {
  FaultShares shares;
  const double one = 1 / std::max<double>(1, static_cast<double>(captions.size()));
  for (const auto& caption : captions) {
    if (ends_badly(caption)) shares.bad_endings += one;
    if (repeats(caption)) shares.repetitions += one;
  }
  return shares;
}

}  // namespace attend
