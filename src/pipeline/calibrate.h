// How sure a model's captions are, fitted on pictures that it hasn't learnt from (decode/confidence.h), and how far that is to be
// trusted: each half of the pictures is measured with what was fitted on the other one. docs/confidence.md
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/host.h"
#include "decode/ensemble.h"
#include "metrics/calibration.h"
#include "pipeline/picture_source.h"

namespace attend {

struct CalibrateWork {
  DecodeOptions decode;
  int threads = 1;
  int64_t seed = 1;  // which pictures belong to which half
  // gets why a picture can't be read, in a line
  std::function<void(const std::string& refusal)> refuse = [](const std::string&) {};
};

/// Training pictures that are looked at, at most: twice as many change nothing.
constexpr size_t kTrainingPictures = 4000;

/// Where training's pictures lie for the first captioner. Those that can't be read are refused and left out. Throws InputError where
/// that leaves none, Interrupted when the host asks to stop.
Familiarity familiarity_of(Ensemble& ensemble, std::span<const PictureSource> training, const CalibrateWork& work,
                           const Host& host);

/// Pictures that the model hasn't learnt from, and what people say of them.
struct CalibrationSet {
  std::filesystem::path file;  // that they come from
  std::vector<PictureSource> pictures;
  std::vector<std::vector<std::string>> references;  // of pictures[i]
};

/// A caption of a model, and whether it is one of its better ones.
struct JudgedCaption {
  std::vector<double> evidence;  // evidence_of()
  double distance = 0;           // of its picture from those of training; 0: unknown
  bool better = false;           // its CIDEr-D is above the median of its set
  int half = 0;                  // of its set, 0 or 1
};

struct JudgedSet {
  std::string name;  // of its file, in its folder
  std::vector<JudgedCaption> captions;
};

/// Captions the set's pictures and holds the best caption of each against its references. Pictures that can't be captioned are refused
/// and left out. Throws InputError, which names the file, where the first picture has no references or fewer than 100 pictures are
/// left, and Interrupted when the host asks to stop.
JudgedSet judge_captions(Ensemble& ensemble, const CalibrationSet& set, const CalibrateWork& work, const Host& host);

/// How far confidence is to be trusted on some pictures.
struct Trust {
  size_t pictures = 0;
  std::vector<ReliabilityBin> bins;
  double calibration_error = 0;      // expected_calibration_error()
  double area_under_curve = 0;       // of confidence, for captions that are better
  std::optional<double> unfamiliar;  // share of pictures that are called so; nothing where training's aren't known

  /// "pictures", "expected_calibration_error", "area_under_curve" and "called_unfamiliar", where that is known: four digits after the
  /// point.
  Json figures() const;
};

struct CalibrationReport {
  Calibration calibration;  // fitted on all captions; its `made_with` is left to the caller
  Trust all;
  std::vector<Trust> sets;  // in their order
};

/// Fits on captions of one or several sets. knows_training: whether their distances are known, and so what is unfamiliar: so much
/// that in no set more than 5 % are. seed: CalibrateWork's, for the record.
CalibrationReport calibrate(const std::vector<JudgedSet>& sets, bool knows_training, int64_t seed);

}  // namespace attend
