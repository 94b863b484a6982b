// k other pictures of a caption
#include "pipeline/audit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <random>
#include <tuple>

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
constexpr size_t kMostToFit = 10000;

/// What is found of all captions: by the checkpoint, where there is one, and then by looking. A picture's captions lie together in a
/// temporary file.
class Found {
 public:
  Found(size_t pictures, const AuditWork& work) : places_(pictures, kNowhere), work_(work) {}

  void add(const Findings& findings, AuditReport& report) {
    const auto& captions = findings.captions;
    for (size_t first = 0, last = 0; first < captions.size(); first = last) {
      const uint32_t picture = captions[first].caption.picture;
      while (last < captions.size() && captions[last].caption.picture == picture) ++last;
      put(picture, std::span(captions).subspan(first, last - first));
    }
    captions_ += captions.size();
    for (const auto& one : findings.refusals) work_.refuse(one);
    report.foreign.insert(report.foreign.end(), findings.foreign.begin(), findings.foreign.end());
    contents.insert(contents.end(), findings.contents.begin(), findings.contents.end());
    report.refused += findings.refused;
  }

  size_t pictures() const { return places_.size(); }
  size_t captions() const { return captions_; }
  /// The captions of a picture that were held against it, in their order; they may be none.
  std::vector<Likelihoods> of(size_t picture) const {
    std::vector<Likelihoods> captions;
    if (places_[picture] == kNowhere) return captions;
    uint64_t at = places_[picture];
    const auto take = [&](void* to, size_t bytes) {
      spool_.read(at, to, bytes);
      at += bytes;
    };
    uint32_t count;
    take(&count, sizeof count);
    for (; count > 0; --count) {
      Fixed fixed;
      take(&fixed, sizeof fixed);
      auto& one = captions.emplace_back(
          Likelihoods{fixed.caption, {}, fixed.log_mean_others, fixed.others, fixed.stranger_picture, fixed.stranger});
      one.words.resize(fixed.words);
      take(one.words.data(), one.words.size() * sizeof one.words[0]);
    }
    return captions;
  }

  std::vector<PictureContent> contents;

 private:
  static constexpr uint64_t kNowhere = UINT64_MAX;
  /// Likelihoods but for their words, which stand behind it.
  struct Fixed {
    AuditedCaption caption;
    double log_mean_others, stranger;
    uint32_t others, stranger_picture, words;
  };

  void put(uint32_t picture, std::span<const Likelihoods> captions) {
    std::string bytes;
    const auto add = [&](const void* from, size_t count) { bytes.append(static_cast<const char*>(from), count); };
    const auto count = static_cast<uint32_t>(captions.size());
    add(&count, sizeof count);
    for (const auto& one : captions) {
      const Fixed fixed{one.caption, one.log_mean_others,  one.stranger,
                        one.others,  one.stranger_picture, static_cast<uint32_t>(one.words.size())};
      add(&fixed, sizeof fixed);
      add(one.words.data(), one.words.size() * sizeof one.words[0]);
    }
    places_[picture] = spool_.add(bytes);
  }

  Spool spool_;
  std::vector<uint64_t> places_;  // in the spool, of each picture's
  size_t captions_ = 0;
  const AuditWork& work_;
};

/// What is known of a caption as one of a picture.
struct Evidence {
  double contrast, words, mean, above_others, likeness, most_like;
  std::array<double, 7> numbers() const {
    return {contrast, contrast / words, mean, above_others, likeness, most_like, std::log(words)};
  }
};

/// A picture's captions, as what is known of each.
class Siblings {
 public:
  Siblings(std::vector<Likelihoods> captions, const WordRarity& rarity) : captions_(std::move(captions)) {
    for (const auto& one : captions_) vectors_.push_back(rarity.vector(one.words));
  }

  const std::vector<Likelihoods>& captions() const { return captions_; }
  /// Of caption i among the others.
  Evidence own(size_t i) const {
    std::vector<size_t> siblings(captions_.size());
    std::iota(siblings.begin(), siblings.end(), size_t{0});
    siblings.erase(siblings.begin() + static_cast<std::ptrdiff_t>(i));
    return of(captions_[i], vectors_[i], captions_[i].caption.log_probability, siblings);
  }
  /// Of another picture's caption as one of this one's, in place of one of those that it has.
  Evidence strange(const Likelihoods& caption, const WordVector& vector, std::mt19937_64& lot) const {
    std::vector<size_t> siblings(captions_.size());
    std::iota(siblings.begin(), siblings.end(), size_t{0});
    if (!siblings.empty()) siblings = draw(std::move(siblings), captions_.size() - 1, lot);
    return of(caption, vector, caption.stranger, siblings);
  }
  const WordVector& vector(size_t i) const { return vectors_[i]; }

 private:
  static double contrast(const Likelihoods& one) { return one.caption.log_probability - one.log_mean_others; }

  Evidence of(const Likelihoods& caption, const WordVector& vector, double log_probability,
              const std::vector<size_t>& siblings) const {
    Evidence evidence{};
    evidence.words = static_cast<double>(caption.words.size() + 1);
    evidence.contrast = log_probability - caption.log_mean_others;
    evidence.mean = log_probability / evidence.words;
    if (siblings.empty()) return evidence;
    double sum = 0;
    for (const size_t other : siblings) {
      const double like = cosine(vector, vectors_[other]);
      evidence.likeness += like;
      evidence.most_like = std::max(evidence.most_like, like);
      sum += contrast(captions_[other]) / static_cast<double>(captions_[other].words.size() + 1);
    }
    const auto count = static_cast<double>(siblings.size());
    evidence.likeness /= count;
    evidence.above_others = evidence.contrast / evidence.words - sum / count;
    return evidence;
  }

  std::vector<Likelihoods> captions_;
  std::vector<WordVector> vectors_;
};

/// The share of strangers in the mixture, and their posterior probabilities, given each caption's where both kinds are as many:
/// expectation maximization (Saerens, Latinne and Decaestecker 2002, section 2).
double reweigh(std::vector<double>& probabilities) {
  const auto posterior = [](double share, double probability) {
    const double p = std::clamp(probability, 1e-12, 1 - 1e-12);
    return share * p / (share * p + (1 - share) * (1 - p));
  };
  double share = 0.05, before = share;
  for (int round = 0; round < 1000; ++round) {
    double sum = 0;
    for (const double one : probabilities) sum += posterior(share, one);
    before = share;
    share = std::max(sum / static_cast<double>(probabilities.size()), 1e-6);
    if (std::abs(share - before) < 1e-9) break;
  }
  for (double& one : probabilities) one = posterior(before, one);
  return share;
}

using Numbers = std::array<double, 7>;  // of a caption as one of a picture

/// Of each caption, the probability that it doesn't belong to its picture, by a regression that tells captions of their pictures
/// from the same captions of strangers; and the share of those that don't. What is found doubtful is left out of the next
/// fit, as it isn't what it was taken for. sample: captions that it is fitted on, rising; strange: each of these as a stranger's.
std::pair<std::vector<double>, double> fit_scores(const Records<Numbers>& own, const std::vector<uint32_t>& sample,
                                                  const std::vector<Numbers>& strange) {
  constexpr int kFits = 5;
  std::vector<double> scores(own.size());
  double share = 0;
  const auto list = [](const Numbers& numbers) { return std::vector<double>(numbers.begin(), numbers.end()); };
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
    own.each([&](size_t i, const Numbers& numbers) { scores[i] = fitted.probability(list(numbers)); });
    share = reweigh(scores);
  }
  return {std::move(scores), share};
}

/// Gives every caption its score.
void judge(const Found& found, const AuditWork& work, AuditReport& report) {
  WordRarity rarity;
  for (size_t picture = 0; picture < found.pictures(); ++picture) {
    std::vector<std::vector<int32_t>> texts;
    for (auto& one : found.of(picture)) texts.push_back(std::move(one.words));
    if (!texts.empty()) rarity.add(texts);
  }
  const size_t count = found.captions();
  report.fitted = count >= kLeastToFit;
  std::vector<uint32_t> sample(report.fitted ? count : 0);
  std::iota(sample.begin(), sample.end(), uint32_t{0});
  if (sample.size() > kMostToFit) {
    auto lot = lot_of(work.seed, count);
    sample = draw(std::move(sample), kMostToFit, lot);
    sample.shrink_to_fit();
    std::sort(sample.begin(), sample.end());
  }
  Records<AuditedCaption> captions;
  Records<Numbers> own;
  std::vector<Numbers> strange;  // of the sample
  std::vector<double> scores;
  scores.reserve(count);
  for (size_t picture = 0; picture < found.pictures(); ++picture) {
    const Siblings siblings(found.of(picture), rarity);
    for (size_t i = 0; i < siblings.captions().size(); ++i) {
      const Likelihoods& one = siblings.captions()[i];
      const auto evidence = siblings.own(i);
      AuditedCaption caption = one.caption;
      report.words += caption.words, report.unknown_words += caption.unknown;
      caption.contrast = evidence.contrast;
      caption.likeness = evidence.likeness;
      captions.add(caption);
      const size_t number = scores.size();
      scores.push_back(1 / (1 + std::exp(evidence.contrast) / one.others));
      report.share += scores.back() / static_cast<double>(count);
      if (!report.fitted) continue;
      own.add(evidence.numbers());
      if (strange.size() == sample.size() || sample[strange.size()] != number) continue;
      auto lot = lot_of(work.seed, count + number);
      strange.push_back(
          Siblings(found.of(one.stranger_picture), rarity).strange(one, siblings.vector(i), lot).numbers());
    }
  }
  if (report.fitted) std::tie(scores, report.share) = fit_scores(own, sample, strange);
  report.captions = AuditedCaptions(std::move(captions), std::move(scores));
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
uint64_t hash_of(const ListView<PictureSource>& pictures, const ListView<std::vector<std::string>>& captions) {
  Hash hash;
  for (size_t i = 0; i < pictures.size(); ++i) {
    const auto texts = captions[i];
    hash.add(pictures[i].name());
    hash.add(std::to_string(texts.size()));
    for (const auto& caption : texts) hash.add(caption);
  }
  return hash.value();
}

/// Which pictures are the same, look the same, and look like one that is held out.
void compare_pictures(std::vector<PictureContent>& contents, const std::vector<PictureContent>& held_out,
                      AuditReport& report) {
  std::sort(contents.begin(), contents.end(), [](const auto& a, const auto& b) {
    return std::pair(a.pixels, a.picture) < std::pair(b.pixels, b.picture);
  });
  for (size_t first = 0, last = 0; first < contents.size(); first = last) {
    while (last < contents.size() && contents[last].pixels == contents[first].pixels) ++last;
    if (last - first < 2) continue;
    auto& group = report.same_pictures.emplace_back();
    for (size_t i = first; i < last; ++i) group.push_back(contents[i].picture);
  }
  std::sort(report.same_pictures.begin(), report.same_pictures.end());
  std::sort(contents.begin(), contents.end(), [](const auto& a, const auto& b) { return a.picture < b.picture; });
  const auto looks_of = [](const std::vector<PictureContent>& of) {
    std::vector<uint64_t> looks;
    looks.reserve(of.size());
    for (const auto& one : of) looks.push_back(one.looks);
    return looks;
  };
  const auto looks = looks_of(contents);
  for (auto& group : alike_groups(looks)) {
    const auto first = contents[group.front()].pixels;
    if (std::all_of(group.begin(), group.end(), [&](size_t i) { return contents[i].pixels == first; })) continue;
    for (auto& one : group) one = contents[one].picture;
    report.alike_pictures.push_back(std::move(group));
  }
  for (const auto& [i, other] : alike_pairs(looks, looks_of(held_out)))
    report.leaked.emplace_back(contents[i].picture, held_out[other].picture);
  std::sort(report.leaked.begin(), report.leaked.end());
}

}  // namespace

AuditedCaptions::AuditedCaptions(Records<AuditedCaption> captions, std::vector<double> scores)
    : captions_(std::move(captions)), scores_(std::move(scores)), order_(scores_.size()) {
  std::iota(order_.begin(), order_.end(), uint32_t{0});
  std::sort(order_.begin(), order_.end(),
            [&](uint32_t a, uint32_t b) { return scores_[a] != scores_[b] ? scores_[a] > scores_[b] : a < b; });
}

AuditedCaption AuditedCaptions::operator[](size_t rank) const {
  AuditedCaption caption = captions_[order_[rank]];
  caption.score = scores_[order_[rank]];
  return caption;
}

AuditReport audit_captions(Ensemble& ensemble, const ListView<PictureSource>& pictures,
                           const ListView<std::vector<std::string>>& captions, const AuditWork& work,
                           const Host& host) {
  if (pictures.size() < 2)
    throw InputError("an audit holds captions against other pictures: it takes two pictures or more");
  // Neighbours in a data set are often of one kind; those of a batch are to be any.
  std::vector<uint32_t> order(pictures.size());
  std::iota(order.begin(), order.end(), uint32_t{0});
  auto lot = lot_of(work.seed, pictures.size());
  order = draw(std::move(order), pictures.size(), lot);
  const ListView<PictureSource> drawn(order.size(), [&](size_t i) { return pictures[order[i]]; });

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
          work.refuse(picture.refusal);
          ++report.held_out_refused;
        }
      });

  Found found(pictures.size(), work);
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
      found.add(*findings, report);
      ++plan.done;
    }
  }
  compute_pictures(
      ensemble, drawn, plan, host,
      [&](const PictureBatch& batch) { return hold_against(ensemble, batch, order, captions, work); },
      [&](Findings& findings) {
        if (file) file->add(findings);
        found.add(findings, report);
      });
  judge(found, work, report);
  std::sort(report.foreign.begin(), report.foreign.end(), [](const ForeignCaption& a, const ForeignCaption& b) {
    return std::pair(a.picture, a.place) < std::pair(b.picture, b.place);
  });
  compare_pictures(found.contents, held_out, report);
  return report;
}

}  // namespace attend
