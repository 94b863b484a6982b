// n pictures · B pictures of a batch · D annotation size
#include "pipeline/calibrate.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/lots.h"
#include "base/printable.h"
#include "metrics/cider.h"
#include "pipeline/caption_pictures.h"
#include "pipeline/picture_batches.h"

namespace attend {
namespace {

/// Share of a set's pictures that may be called unfamiliar.
constexpr double kFalseAlarms = 0.05;
/// Fewer pictures say too little about a dozen numbers.
constexpr size_t kLeastPictures = 100;
/// Of the regression.
constexpr double kRidge = 30;

/// Fitted on the captions of a half of each set, or of both (-1).
Calibration fit(const std::vector<JudgedSet>& sets, int half, bool knows_training) {
  Calibration fitted;
  std::vector<std::vector<double>> evidence;
  std::vector<bool> better;
  for (const auto& set : sets) {
    std::vector<double> distances;
    for (const auto& caption : set.captions) {
      if (half >= 0 && caption.half != half) continue;
      evidence.push_back(caption.evidence);
      better.push_back(caption.better);
      distances.push_back(caption.distance);
    }
    if (knows_training)  // so that no set has more false alarms
      fitted.familiar_within = std::max(fitted.familiar_within, quantile(std::move(distances), 1 - kFalseAlarms));
  }
  fitted.regression = fit_logistic(evidence, better, kRidge);
  return fitted;
}

/// What came of some captions, as it was said of them beforehand.
struct Outcomes {
  std::vector<double> confidence;
  std::vector<bool> better;
  size_t unfamiliar = 0;

  void add(const Outcomes& more) {
    confidence.insert(confidence.end(), more.confidence.begin(), more.confidence.end());
    better.insert(better.end(), more.better.begin(), more.better.end());
    unfamiliar += more.unfamiliar;
  }
};

/// Of a set, each half by what was fitted on the other one: by_other_half[h] judges half h.
Outcomes outcomes_of(const JudgedSet& set, const std::vector<Calibration>& by_other_half) {
  Outcomes outcomes;
  for (const auto& caption : set.captions) {
    const auto& fitted = by_other_half[static_cast<size_t>(caption.half)];
    outcomes.confidence.push_back(fitted.confidence(caption.evidence, caption.distance));
    outcomes.better.push_back(caption.better);
    outcomes.unfamiliar += fitted.familiar_within > 0 && caption.distance > fitted.familiar_within;
  }
  return outcomes;
}

Trust trust_in(const Outcomes& outcomes, bool knows_training) {
  Trust trust;
  trust.pictures = outcomes.confidence.size();
  trust.bins = reliability(outcomes.confidence, outcomes.better);
  trust.calibration_error = expected_calibration_error(trust.bins);
  trust.area_under_curve = area_under_curve(outcomes.confidence, outcomes.better);
  if (knows_training) trust.unfamiliar = static_cast<double>(outcomes.unfamiliar) / static_cast<double>(trust.pictures);
  return trust;
}

}  // namespace

Familiarity familiarity_of(Ensemble& ensemble, std::span<const PictureSource> training, const CalibrateWork& work,
                           const Host& host) {
  struct Seen {
    std::vector<SeenPicture> pictures;
    torch::Tensor directions = {};  // [B, D]
  };
  const auto read = [&](size_t number) {
    const size_t first = number * kBatchSize;
    return read_batch(ensemble, training, first, std::min(first + kBatchSize, training.size()));
  };
  const auto encode = [&](PictureBatch batch) {
    Seen seen{std::move(batch.pictures)};
    if (!batch.inputs.empty()) seen.directions = mean_directions(ensemble.annotate(batch.inputs).front());  // [B, D]
    return seen;
  };
  std::vector<torch::Tensor> directions;
  int64_t done = 0;
  const size_t batches = (training.size() + kBatchSize - 1) / kBatchSize;
  compute_batches({batches, work.threads, ensemble.first().device}, read, encode, [&](const Seen& seen) {
    if (host.cancelled()) throw Interrupted("stopped; nothing was written");
    for (const auto& picture : seen.pictures)
      if (picture.refused()) work.refuse(picture.refusal);
    if (seen.directions.defined()) directions.push_back(seen.directions);
    host.progress(done += static_cast<int64_t>(seen.pictures.size()), static_cast<int64_t>(training.size()));
  });
  if (directions.empty())
    throw InputError(training.front().name() + ": neither this training picture nor another can be read");
  return Familiarity(torch::cat(directions));  // [n, D]
}

JudgedSet judge_captions(Ensemble& ensemble, const CalibrationSet& set, const CalibrateWork& work, const Host& host) {
  if (set.references.front().empty()) throw InputError(set.file.string() + ": no captions in it to compare with");
  JudgedSet judged{set.file.parent_path().filename() / set.file.filename(), {}};
  std::vector<CaptionPair> pairs;
  caption_pictures(ensemble, set.pictures, {work.decode, work.threads}, host, [&](std::vector<SeenPicture>& batch) {
    for (auto& picture : batch) {
      if (picture.refused()) {
        work.refuse(picture.refusal);
        continue;
      }
      SeenCaption& best = picture.captions.front();
      pairs.push_back(tokenize_pair(best.text, set.references[picture.index]));
      judged.captions.push_back({std::move(best.evidence), picture.distance, false, 0});
    }
  });
  if (pairs.size() < kLeastPictures)
    throw InputError(set.file.string() + ": " + counted(pairs.size(), "picture") + " that can be captioned; " +
                     std::to_string(kLeastPictures) + " are needed");
  const auto scores = cider_d(pairs).pictures;
  const double median = quantile(scores, 0.5);
  const auto order = drawn(scores.size(), scores.size(), static_cast<uint64_t>(work.seed));
  for (size_t i = 0; i < order.size(); ++i) {
    judged.captions[order[i]].half = static_cast<int>(i % 2);
    judged.captions[order[i]].better = scores[order[i]] > median;
  }
  return judged;
}

Json Trust::figures() const {
  const auto rounded = [](double value) { return std::round(value * 1e4) / 1e4; };
  Json json{{"pictures", pictures},
            {"expected_calibration_error", rounded(calibration_error)},
            {"area_under_curve", rounded(area_under_curve)}};
  if (unfamiliar) json["called_unfamiliar"] = rounded(*unfamiliar);
  return json;
}

CalibrationReport calibrate(const std::vector<JudgedSet>& sets, bool knows_training, int64_t seed) {
  const std::vector<Calibration> by_other_half{fit(sets, 1, knows_training), fit(sets, 0, knows_training)};
  CalibrationReport report{fit(sets, -1, knows_training), {}, {}};
  Json& about = report.calibration.about;
  about = {{"predicts", "a caption's CIDEr-D is above the median of its captions file"},
           {"measured", "each half with what was fitted on the other one"},
           {"seed", seed},
           {"files", Json::array()}};
  Outcomes all;
  for (const auto& set : sets) {
    const Outcomes outcomes = outcomes_of(set, by_other_half);
    all.add(outcomes);
    report.sets.push_back(trust_in(outcomes, knows_training));
    about["files"].push_back({{"captions", set.name}});
    about["files"].back().update(report.sets.back().figures());
  }
  report.all = trust_in(all, knows_training);
  about.update(report.all.figures());
  return report;
}

}  // namespace attend
