// B pictures of a batch · k other pictures of a caption
#include "pipeline/audit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <tuple>
#include <unordered_map>

#include "base/error.h"
#include "data/hash.h"
#include "decode/forced.h"
#include "decode/logistic.h"
#include "pipeline/held_against.h"
#include "pipeline/score_pictures.h"
#include "text/word_vectors.h"

namespace attend {
namespace {

/// How likely a caption is with some pictures.
struct Likelihoods {
  AuditedCaption caption;
  std::vector<int64_t> words;  // as the model knows them
  std::vector<double> others;  // log-probabilities with k other pictures
  double stranger = 0;         // with one more, which stands for a picture that the caption doesn't belong to
  size_t stranger_picture = 0;
};

/// What was found in a batch of pictures.
struct Findings {
  std::vector<Likelihoods> captions;
  std::vector<std::pair<uint64_t, size_t>> contents;  // hash of a picture as the model gets it, picture
  std::vector<std::string> refusals;
  size_t refused = 0;
};

/// Walks every caption of the batch with its own picture, and with up to work.others + 1 others of the batch. order[i]: the
/// picture at place i of the list.
Findings hold_against(Ensemble& ensemble, const PictureBatch& batch, std::span<const size_t> order,
                      std::span<const std::vector<std::string>> captions, const AuditWork& work) {
  Findings findings;
  std::vector<const SeenPicture*> rows;  // of the inputs
  for (const auto& picture : batch.pictures) {
    const size_t index = order[picture.index];
    if (picture.refused()) {
      findings.refusals.push_back(picture.refusal);
      findings.refused += captions[index].size();
      continue;
    }
    const auto input = batch.inputs.front()[static_cast<int64_t>(rows.size())].contiguous();  // [S, S, 3]
    findings.contents.emplace_back(
        hash_bytes({static_cast<const char*>(input.data_ptr()), static_cast<size_t>(input.numel())}), index);
    rows.push_back(&picture);
  }
  std::vector<GivenWords> walks;
  std::vector<size_t> ends;  // behind each caption's walks: its own picture's, those of k others, the stranger's
  for (size_t row = 0; row < rows.size(); ++row) {
    const size_t picture = order[rows[row]->index];
    std::vector<size_t> others;
    for (size_t other = 0; other < rows.size(); ++other)
      if (findings.contents[other].first != findings.contents[row].first) others.push_back(other);
    auto lot = lot_of(work.seed, picture);
    others = draw(std::move(others), static_cast<size_t>(work.others) + 1, lot);
    for (size_t place = 0; place < captions[picture].size(); ++place) {
      const auto given = given_caption(captions[picture][place], ensemble.first().vocabulary);
      auto refusal = caption_refusal(given, rows[row]->name, work.max_words);
      if (refusal.empty() && others.empty())
        refusal = rows[row]->name + ": no other picture was read with it to hold its captions against";
      if (!refusal.empty()) {
        findings.refusals.push_back(std::move(refusal));
        ++findings.refused;
        continue;
      }
      auto& found = findings.captions.emplace_back();
      found.caption = {picture, place, given.tokens.size(), given.unknown()};
      found.words = given.words();
      found.stranger_picture = order[rows[others.back()]->index];
      walks.push_back({static_cast<int64_t>(row), found.words});
      for (const size_t other : others) walks.push_back({static_cast<int64_t>(other), found.words});
      ends.push_back(walks.size());
    }
  }
  if (walks.empty()) return findings;
  const auto forced = ensemble.force(ensemble.annotate(batch.inputs), walks, DecodeOptions(), {false, false});
  size_t at = 0;
  for (size_t i = 0; i < ends.size(); ++i) {
    auto& found = findings.captions[i];
    found.caption.log_probability = forced[at].log_probability;
    while (++at < ends[i]) found.others.push_back(forced[at].log_probability);
    found.stranger = found.others.back();
    if (found.others.size() > 1) found.others.pop_back();  // the only other picture is the stranger, too
  }
  return findings;
}

std::vector<WordVector> vectors_of(const std::vector<Likelihoods>& captions) {
  std::vector<std::vector<int64_t>> words;
  std::vector<size_t> pictures;
  for (const auto& one : captions) words.push_back(one.words), pictures.push_back(one.caption.picture);
  return word_vectors(words, pictures);
}

/// What is known of a caption as one of a picture.
struct Evidence {
  double contrast, words, mean, above_others, likeness, most_like;
  std::vector<double> numbers() const {
    return {contrast, contrast / words, mean, above_others, likeness, most_like, std::log(words)};
  }
};

/// Captions of one picture after another, with what is known of each.
class Evidences {
 public:
  explicit Evidences(const std::vector<Likelihoods>& captions) : captions_(captions), vectors_(vectors_of(captions)) {
    for (size_t i = 0; i < captions.size(); ++i) of_picture_[captions[i].caption.picture].push_back(i);
  }

  double contrast(size_t i) const { return captions_[i].caption.log_probability - log_mean(captions_[i].others); }

  /// Of caption i as one of its picture.
  Evidence own(size_t i) const {
    std::vector<size_t> siblings;
    for (const size_t other : of_picture_.at(captions_[i].caption.picture))
      if (other != i) siblings.push_back(other);
    return of(i, captions_[i].caption.log_probability, siblings);
  }

  /// Of caption i as one of the stranger's, in place of one of those that it has; nothing where none of these is known.
  Evidence strange(size_t i, std::mt19937_64& lot) const {
    std::vector<size_t> siblings;
    if (const auto found = of_picture_.find(captions_[i].stranger_picture); found != of_picture_.end())
      siblings = draw(found->second, found->second.size() - 1, lot);
    return of(i, captions_[i].stranger, siblings);
  }

 private:
  Evidence of(size_t i, double log_probability, const std::vector<size_t>& siblings) const {
    Evidence evidence{};
    evidence.words = static_cast<double>(captions_[i].words.size() + 1);
    evidence.contrast = log_probability - log_mean(captions_[i].others);
    evidence.mean = log_probability / evidence.words;
    if (siblings.empty()) return evidence;
    double sum = 0;
    for (const size_t other : siblings) {
      const double like = cosine(vectors_[i], vectors_[other]);
      evidence.likeness += like;
      evidence.most_like = std::max(evidence.most_like, like);
      sum += contrast(other) / static_cast<double>(captions_[other].words.size() + 1);
    }
    const auto count = static_cast<double>(siblings.size());
    evidence.likeness /= count;
    evidence.above_others = evidence.contrast / evidence.words - sum / count;
    return evidence;
  }

  const std::vector<Likelihoods>& captions_;
  const std::vector<WordVector> vectors_;
  std::unordered_map<size_t, std::vector<size_t>> of_picture_;  // → places in captions_
};

/// The share of strangers in the mixture, and their posterior probabilities, given each caption's where both kinds are as many:
/// expectation maximization (Saerens, Latinne and Decaestecker 2002, section 2).
double reweigh(std::vector<double>& probabilities) {
  double share = 0.05;
  std::vector<double> posterior(probabilities.size());
  for (int round = 0; round < 1000; ++round) {
    double sum = 0;
    for (size_t i = 0; i < probabilities.size(); ++i) {
      const double p = std::clamp(probabilities[i], 1e-12, 1 - 1e-12);
      posterior[i] = share * p / (share * p + (1 - share) * (1 - p));
      sum += posterior[i];
    }
    const double next = std::max(sum / static_cast<double>(probabilities.size()), 1e-6);
    const bool settled = std::abs(next - share) < 1e-9;
    share = next;
    if (settled) break;
  }
  probabilities = std::move(posterior);
  return share;
}

/// Of each caption, the probability that it doesn't belong to its picture, by a regression that tells captions of their pictures
/// from the same captions of strangers; and the share of those that don't. What is found doubtful is left out of the next
/// fit, as it isn't what it was taken for.
std::pair<std::vector<double>, double> fit_scores(const std::vector<std::vector<double>>& own,
                                                  const std::vector<std::vector<double>>& strange) {
  constexpr int kFits = 5;
  std::vector<double> scores(own.size());
  double share = 0;
  for (int fit = 0; fit < kFits; ++fit) {
    std::vector<std::vector<double>> cases;
    std::vector<bool> is_strange;
    for (size_t i = 0; i < own.size(); ++i) {
      if (scores[i] > 0.5) continue;
      cases.insert(cases.end(), {own[i], strange[i]});
      is_strange.insert(is_strange.end(), {false, true});
    }
    if (cases.size() < kLeastToFit) break;
    const auto fitted = fit_logistic(cases, is_strange, 1);
    for (size_t i = 0; i < own.size(); ++i) scores[i] = fitted.probability(own[i]);
    share = reweigh(scores);
  }
  return {std::move(scores), share};
}

/// Gives every caption its score.
void judge(const std::vector<Likelihoods>& captions, const AuditWork& work, AuditReport& report) {
  const Evidences evidences(captions);
  report.fitted = captions.size() >= kLeastToFit;
  std::vector<std::vector<double>> own, strange;
  std::vector<double> scores;
  for (size_t i = 0; i < captions.size(); ++i) {
    auto& caption = report.captions.emplace_back(captions[i].caption);
    const auto evidence = evidences.own(i);
    caption.contrast = evidence.contrast;
    caption.likeness = evidence.likeness;
    own.push_back(evidence.numbers());
    auto lot = lot_of(work.seed, captions.size() + i);
    strange.push_back(evidences.strange(i, lot).numbers());
    scores.push_back(1 / (1 + std::exp(evidence.contrast) / static_cast<double>(captions[i].others.size())));
    report.share += scores.back() / static_cast<double>(captions.size());
  }
  if (report.fitted) std::tie(scores, report.share) = fit_scores(own, strange);
  for (size_t i = 0; i < scores.size(); ++i) report.captions[i].score = scores[i];
}

}  // namespace

AuditReport audit_captions(Ensemble& ensemble, std::span<const PictureSource> pictures,
                           std::span<const std::vector<std::string>> captions, const AuditWork& work,
                           const Host& host) {
  if (pictures.size() < 2)
    throw InputError("an audit holds captions against other pictures: it takes two pictures or more");
  // Neighbours in a data set are often of one kind; those of a batch are to be any.
  std::vector<size_t> order(pictures.size());
  std::iota(order.begin(), order.end(), size_t{0});
  auto lot = lot_of(work.seed, pictures.size());
  order = draw(std::move(order), pictures.size(), lot);
  std::vector<PictureSource> drawn;
  for (const size_t index : order) drawn.push_back(pictures[index]);

  AuditReport report;
  std::vector<Likelihoods> all;
  std::map<uint64_t, std::vector<size_t>> contents;
  compute_pictures(
      ensemble, drawn, work.plan, host,
      [&](PictureBatch batch) { return hold_against(ensemble, batch, order, captions, work); },
      [&](Findings& findings) {
        for (auto& found : findings.captions) {
          if (std::isfinite(found.caption.log_probability) && std::isfinite(found.stranger) &&
              std::isfinite(log_mean(found.others))) {
            all.push_back(std::move(found));
            continue;
          }
          report.refusals.push_back(pictures[found.caption.picture].name() +
                                    ": the model gives the words of a caption no finite probabilities");
          ++report.refused;
        }
        for (auto& refusal : findings.refusals) report.refusals.push_back(std::move(refusal));
        report.refused += findings.refused;
        for (const auto& [hash, picture] : findings.contents) contents[hash].push_back(picture);
      });
  std::sort(all.begin(), all.end(), [](const Likelihoods& a, const Likelihoods& b) {
    return std::pair(a.caption.picture, a.caption.place) < std::pair(b.caption.picture, b.caption.place);
  });
  judge(all, work, report);
  std::stable_sort(report.captions.begin(), report.captions.end(),
                   [](const AuditedCaption& a, const AuditedCaption& b) { return a.score > b.score; });
  for (auto& [hash, same] : contents) {
    if (same.size() < 2) continue;
    std::sort(same.begin(), same.end());
    report.same_pictures.push_back(std::move(same));
  }
  std::sort(report.same_pictures.begin(), report.same_pictures.end());
  return report;
}

}  // namespace attend
