// k other pictures of a caption
#include "pipeline/audit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <tuple>
#include <unordered_map>

#include "base/error.h"
#include "data/hash.h"
#include "decode/logistic.h"
#include "pipeline/audit_findings.h"
#include "pipeline/held_against.h"
#include "text/word_vectors.h"
#include "vision/picture_hash.h"

namespace attend {
namespace {

/// Captions that the regression is fitted on, at most: it has eight numbers to find, and each takes memory.
constexpr size_t kMostToFit = 50000;

std::vector<WordVector> vectors_of(const std::vector<Likelihoods>& captions) {
  std::vector<std::vector<int32_t>> words;
  std::vector<size_t> pictures;
  for (const auto& one : captions) words.push_back(one.words), pictures.push_back(one.caption.picture);
  return word_vectors(words, pictures);
}

/// What is known of a caption as one of a picture.
struct Evidence {
  double contrast, words, mean, above_others, likeness, most_like;
  std::array<double, 7> numbers() const {
    return {contrast, contrast / words, mean, above_others, likeness, most_like, std::log(words)};
  }
};

/// Captions of one picture after another, with what is known of each.
class Evidences {
 public:
  explicit Evidences(const std::vector<Likelihoods>& captions) : captions_(captions), vectors_(vectors_of(captions)) {
    for (size_t i = 0; i < captions.size(); ++i) of_picture_[captions[i].caption.picture].push_back(i);
  }

  double contrast(size_t i) const { return captions_[i].caption.log_probability - captions_[i].log_mean_others; }

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
    evidence.contrast = log_probability - captions_[i].log_mean_others;
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
/// fit, as it isn't what it was taken for. strange: of the captions `sample`.
std::pair<std::vector<double>, double> fit_scores(const std::vector<std::array<double, 7>>& own,
                                                  const std::vector<size_t>& sample,
                                                  const std::vector<std::array<double, 7>>& strange) {
  constexpr int kFits = 5;
  std::vector<double> scores(own.size());
  double share = 0;
  const auto list = [](const std::array<double, 7>& numbers) {
    return std::vector<double>(numbers.begin(), numbers.end());
  };
  for (int fit = 0; fit < kFits; ++fit) {
    std::vector<std::vector<double>> cases;
    std::vector<bool> is_strange;
    for (size_t s = 0; s < sample.size(); ++s) {
      if (scores[sample[s]] > 0.5) continue;
      cases.insert(cases.end(), {list(own[sample[s]]), list(strange[s])});
      is_strange.insert(is_strange.end(), {false, true});
    }
    if (cases.size() < kLeastToFit) break;
    const auto fitted = fit_logistic(cases, is_strange, 1);
    for (size_t i = 0; i < own.size(); ++i) scores[i] = fitted.probability(list(own[i]));
    share = reweigh(scores);
  }
  return {std::move(scores), share};
}

/// Gives every caption its score.
void judge(const std::vector<Likelihoods>& captions, const AuditWork& work, AuditReport& report) {
  const Evidences evidences(captions);
  report.fitted = captions.size() >= kLeastToFit;
  std::vector<std::array<double, 7>> own, strange;
  std::vector<double> scores;
  report.captions.reserve(captions.size()), own.reserve(captions.size()), scores.reserve(captions.size());
  for (size_t i = 0; i < captions.size(); ++i) {
    auto& caption = report.captions.emplace_back(captions[i].caption);
    const auto evidence = evidences.own(i);
    caption.contrast = evidence.contrast;
    caption.likeness = evidence.likeness;
    own.push_back(evidence.numbers());
    scores.push_back(1 / (1 + std::exp(evidence.contrast) / captions[i].others));
    report.share += scores.back() / static_cast<double>(captions.size());
  }
  if (report.fitted) {
    std::vector<size_t> sample(captions.size());
    std::iota(sample.begin(), sample.end(), size_t{0});
    if (sample.size() > kMostToFit) {
      auto lot = lot_of(work.seed, captions.size());
      sample = draw(std::move(sample), kMostToFit, lot);
    }
    for (const size_t i : sample) {
      auto lot = lot_of(work.seed, captions.size() + i);
      strange.push_back(evidences.strange(i, lot).numbers());
    }
    std::tie(scores, report.share) = fit_scores(own, sample, strange);
  }
  for (size_t i = 0; i < scores.size(); ++i) report.captions[i].score = scores[i];
}

/// A hash of many things, one after another.
class Hash {
 public:
  void add(std::string_view bytes) {
    const std::array<uint64_t, 2> both{value_, hash_bytes(bytes)};
    value_ = hash_bytes({reinterpret_cast<const char*>(both.data()), sizeof both});
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0;
};

/// Of the models' weights and words.
uint64_t hash_of(const Ensemble& ensemble) {
  Hash hash;
  for (const auto& captioner : ensemble.captioners()) {
    for (const auto& word : captioner.vocabulary.words()) hash.add(word);
    for (const auto& [name, tensor] : captioner_state(captioner)) {
      const auto bytes = tensor.cpu().contiguous();
      hash.add(name);
      hash.add({static_cast<const char*>(bytes.data_ptr()), bytes.nbytes()});
    }
  }
  return hash.value();
}

/// Of the pictures' names and captions.
uint64_t hash_of(std::span<const PictureSource> pictures, std::span<const std::vector<std::string>> captions) {
  Hash hash;
  for (size_t i = 0; i < pictures.size(); ++i) {
    hash.add(pictures[i].name());
    hash.add(std::to_string(captions[i].size()));
    for (const auto& caption : captions[i]) hash.add(caption);
  }
  return hash.value();
}

/// What is found of all captions: by the checkpoint, where there is one, and then by looking.
class Found {
 public:
  void add(Findings findings, AuditReport& report) {
    for (auto& one : findings.captions) captions.push_back(std::move(one));
    for (auto& one : findings.refusals) report.refusals.push_back(std::move(one));
    for (const auto& one : findings.foreign) report.foreign.push_back(one);
    for (const auto& one : findings.contents) contents.push_back(one);
    report.refused += findings.refused;
  }

  std::vector<Likelihoods> captions;
  std::vector<PictureContent> contents;
};

/// Which pictures are the same, look the same, and look like one that is held out.
void compare_pictures(std::vector<PictureContent> contents, const std::vector<PictureContent>& held_out,
                      AuditReport& report) {
  std::sort(contents.begin(), contents.end(), [](const auto& a, const auto& b) { return a.picture < b.picture; });
  std::map<uint64_t, std::vector<size_t>> same;
  std::vector<uint64_t> looks;
  for (const auto& one : contents) {
    same[one.pixels].push_back(one.picture);
    looks.push_back(one.looks);
  }
  for (auto& [hash, group] : same)
    if (group.size() > 1) report.same_pictures.push_back(std::move(group));
  std::sort(report.same_pictures.begin(), report.same_pictures.end());
  const HashIndex index(looks);
  for (auto group : index.groups()) {
    const auto first = contents[group.front()].pixels;
    if (std::all_of(group.begin(), group.end(), [&](size_t i) { return contents[i].pixels == first; })) continue;
    for (auto& one : group) one = contents[one].picture;
    report.alike_pictures.push_back(std::move(group));
  }
  for (const auto& one : held_out)
    for (const size_t i : index.near(one.looks)) report.leaked.emplace_back(contents[i].picture, one.picture);
  std::sort(report.leaked.begin(), report.leaked.end());
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
  std::vector<PictureContent> held_out;
  BatchPlan plan = work.plan;
  compute_pictures(
      ensemble, work.held_out, plan, host,
      [](const PictureBatch& batch) { return std::pair(contents_of(batch), batch.pictures); },
      [&](const auto& batch) {
        held_out.insert(held_out.end(), batch.first.begin(), batch.first.end());
        for (const auto& picture : batch.second) {
          if (!picture.refused()) continue;
          report.refusals.push_back(picture.refusal);
          ++report.held_out_refused;
        }
      });

  Found found;
  std::optional<FindingsFile> file;
  if (!work.checkpoint.empty()) {
    file.emplace(work.checkpoint, Json{{"version", 1},
                                       {"data", hash_of(pictures, captions)},
                                       {"models", hash_of(ensemble)},
                                       {"precision", ensemble.first().options.encoder.precision},
                                       {"input_size", ensemble.first().options.encoder.input_size},
                                       {"others", work.others},
                                       {"seed", work.seed},
                                       {"max_words", work.max_words},
                                       {"batch_size", work.plan.batch_size}});
    while (auto findings = file->next()) {
      found.add(*std::move(findings), report);
      ++plan.done;
    }
  }
  compute_pictures(
      ensemble, drawn, plan, host,
      [&](const PictureBatch& batch) { return hold_against(ensemble, batch, order, captions, work); },
      [&](Findings& findings) {
        if (file) file->add(findings);
        found.add(std::move(findings), report);
      });
  std::sort(found.captions.begin(), found.captions.end(), [](const Likelihoods& a, const Likelihoods& b) {
    return std::pair(a.caption.picture, a.caption.place) < std::pair(b.caption.picture, b.caption.place);
  });
  judge(found.captions, work, report);
  std::stable_sort(report.captions.begin(), report.captions.end(),
                   [](const AuditedCaption& a, const AuditedCaption& b) { return a.score > b.score; });
  std::sort(report.foreign.begin(), report.foreign.end(), [](const ForeignCaption& a, const ForeignCaption& b) {
    return std::pair(a.picture, a.place) < std::pair(b.picture, b.place);
  });
  compare_pictures(std::move(found.contents), held_out, report);
  return report;
}

}  // namespace attend
