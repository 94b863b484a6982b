#include "metrics/meteor_align.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>

namespace attend {
namespace {

constexpr size_t kBeam = 40;  // METEOR's default

/// What a match counts for when alignments are compared: the words it covers times its matcher's weight, cut to a
/// whole number for each side. So a stem or a synonym counts nothing here, and is taken only where it costs no chunk.
int worth(const MeteorMatch& match) {
  const double weight = kMeteorWeights[static_cast<int>(match.matcher)];
  return static_cast<int>(match.candidate_length * weight) + static_cast<int>(match.reference_length * weight);
}

/// An alignment of the words up to some place.
struct Path {
  std::vector<const MeteorMatch*> matches;
  std::vector<bool> used;                         // words of the reference
  int worth = 0, chunks = 0;                      // chunks that are closed
  int distance = 0;                               // sum of the matches' distances from the diagonal
  bool open = false;                              // whether the word before belongs to a chunk that may go on
  uint32_t candidate_end = 0, reference_end = 0;  // behind the last match

  bool fits(const MeteorMatch& match) const {
    for (uint32_t i = 0; i < match.reference_length; ++i)
      if (used[match.reference + i]) return false;
    return true;
  }

  void take(const MeteorMatch& match) {
    if (open && match.reference != reference_end) ++chunks;
    open = true;
    worth += attend::worth(match);
    distance += std::abs(static_cast<int>(match.candidate) - static_cast<int>(match.reference));
    for (uint32_t i = 0; i < match.reference_length; ++i) used[match.reference + i] = true;
    candidate_end = match.candidate + match.candidate_length;
    reference_end = match.reference + match.reference_length;
    matches.push_back(&match);
  }

  void close() {
    if (open) ++chunks;
    open = false;
  }
};

void sort_best_first(std::vector<Path>& paths) {
  std::stable_sort(paths.begin(), paths.end(), [](const Path& a, const Path& b) {
    const auto rank = [](const Path& path) {
      return std::tuple(-path.worth, path.chunks, -static_cast<int>(path.matches.size()), path.distance);
    };
    return rank(a) < rank(b);
  });
}

/// The matches that no other competes with, not even the same one from another entry: METEOR takes them at any cost.
std::vector<bool> find_lone_matches(std::span<const MeteorMatch> matches, size_t candidate_words,
                                    size_t reference_words) {
  std::vector<int> on_candidate(candidate_words, 0), on_reference(reference_words, 0);
  for (const auto& match : matches) {
    for (uint32_t i = 0; i < match.candidate_length; ++i) ++on_candidate[match.candidate + i];
    for (uint32_t i = 0; i < match.reference_length; ++i) ++on_reference[match.reference + i];
  }
  std::vector<bool> lone;
  for (const auto& match : matches) {
    bool is_lone = true;
    for (uint32_t i = 0; i < match.candidate_length; ++i) is_lone &= on_candidate[match.candidate + i] == 1;
    for (uint32_t i = 0; i < match.reference_length; ++i) is_lone &= on_reference[match.reference + i] == 1;
    lone.push_back(is_lone);
  }
  return lone;
}

}  // namespace

MeteorAlignment align_meteor(std::span<const MeteorMatch> matches, size_t candidate_words, size_t reference_words) {
  const auto lone = find_lone_matches(matches, candidate_words, reference_words);
  std::vector<Path> paths(1), next;
  paths.front().used.resize(reference_words);
  size_t first = 0;
  for (uint32_t word = 0; word < candidate_words; ++word) {
    size_t last = first;
    while (last < matches.size() && matches[last].candidate == word) ++last;
    next.clear();
    for (auto& path : paths) {
      if (path.candidate_end > word) {  // within a phrase that is taken
        next.push_back(std::move(path));
        continue;
      }
      for (size_t i = first; i < last; ++i) {
        if (path.fits(matches[i])) next.emplace_back(path).take(matches[i]);
      }
      if (first < last && lone[first]) continue;
      path.close();
      next.push_back(std::move(path));
    }
    if (next.size() > kBeam) {
      sort_best_first(next);
      next.resize(kBeam);
    }
    std::swap(paths, next);
    first = last;
  }
  for (auto& path : paths) path.close();
  sort_best_first(paths);
  MeteorAlignment alignment;
  for (const auto* match : paths.front().matches) alignment.matches.push_back(*match);
  alignment.chunks = paths.front().chunks;
  return alignment;
}

}  // namespace attend
