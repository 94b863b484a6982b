// `attend calibrate`: how sure a model's captions are, fitted on pictures it hasn't learnt from. docs/confidence.md
//
// n pictures · D annotation size
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <numeric>

#include "app/commands.h"
#include "app/output_name.h"
#include "app/terminal.h"
#include "base/console.h"
#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/printable.h"
#include "data/dataset.h"
#include "decode/confidence.h"
#include "metrics/calibration.h"
#include "metrics/cider.h"
#include "model/pictures.h"
#include "model/workers.h"
#include "pipeline/caption_pictures.h"
#include "text/ptb_tokenizer.h"
#include "train/batches.h"
#include "viz/chart_axes.h"
#include "viz/curves.h"
#include "viz/overlay.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

/// Share of validation pictures that may be called unfamiliar.
constexpr double kFalseAlarms = 0.05;
/// Training pictures that are looked at, drawn at random where there are more: twice as many change nothing.
constexpr size_t kTrainingPictures = 4000;
/// Fewer pictures say too little about a dozen numbers.
constexpr size_t kLeastPictures = 100;
/// Of the regression.
constexpr double kRidge = 30;

struct CalibrateOptions {
  std::vector<fs::path> captions, images, training_captions, training_images;
  fs::path output, reliability;
  int64_t seed = 1;
  double max_faulty = 0.01;

  void list(OptionList& options) {
    options.section("", "Pictures that the model hasn't learnt from");
    options.add("captions", captions, "captions file to fit on, its validation split if it has splits");
    options.add("images", images, "folder that file names in it start from; one for all captions files, or one each");
    options.section("", "Pictures that it has learnt from");
    options.add(
        "training_captions", training_captions,
        "captions file whose pictures the model learnt from, its training split if it has splits; without it, no "
        "picture is called unfamiliar");
    options.add("training_images", training_images, "the same for these; without it, the folders of --images");
    options.add("max_faulty", max_faulty, "share of faulty pictures, and of captions, that is left out and put up with",
                between(0, 1));
    options.section("", "Output");
    options.add("output", output, "model file to write: a copy of MODEL that says how sure it is");
    options.add("reliability", reliability,
                "draw how often captions are good, by their confidence: .png, .jpg or .webp");
    options.add("seed", seed, "which pictures belong to which half", at_least(0));
  }

  void check() {
    if (captions.empty()) throw UsageError("--captions: say which file holds validation pictures and their captions");
    if (output.empty()) throw UsageError("--output: say which file the calibrated model is written to");
    if (training_images.empty()) training_images = images;
    check_folders(captions, images, "--images");
    check_folders(training_captions, training_images, "--training-images");
  }

 private:
  static void check_folders(const std::vector<fs::path>& files, std::vector<fs::path>& folders,
                            const std::string& flag) {
    if (folders.size() == 1) folders.resize(std::max<size_t>(files.size(), 1), folders.front());
    if (!files.empty() && folders.size() != files.size())
      throw UsageError(flag + ": " + counted(folders.size(), "folder") + " for " +
                       counted(files.size(), "captions file") + "; name one for all, or one each in the same order");
  }
};

CommandSyntax calibrate_syntax() {
  return {"calibrate",
          "MODEL --captions FILE --images DIR --output FILE",
          1,
          1,
          "Writes a copy of a model that says how sure it is: \"confidence\", the probability that a caption is among "
          "the better "
          "half of those of its captions file by CIDEr-D, and \"familiar\", whether a picture is like those it learnt "
          "from. It "
          "captions the pictures of one or several captions files, as MODEL decodes by default, and says how far "
          "confidence is "
          "to be trusted: each half of the pictures is measured with what was fitted on the other one; what is kept is "
          "fitted on "
          "all. The pictures must be none that MODEL learnt from.",
          {{"attend calibrate model.safetensors --captions val.json --training-captions train.json --images photos "
            "--output "
            "calibrated.safetensors",
            "confidence, and what is unfamiliar"},
           {"attend calibrate model.safetensors --captions a/val.json --images a/images --captions b/val.json --images "
            "b/images "
            "--output calibrated.safetensors --reliability reliability.png",
            "on two sets together, without what is unfamiliar; and draw how reliable it is"}},
          {"captions", "images", "training-captions", "training-images", "output", "reliability", "threads"}};
}

std::vector<Example> read_split(const fs::path& file, const fs::path& images, const std::string& split,
                                double max_faulty) {
  Dataset dataset = read_captions(file, images, split, max_faulty);
  std::vector<Example> examples;
  for (const size_t i : dataset.split(split)) examples.push_back(std::move(dataset.examples[i]));
  return examples;
}

std::vector<fs::path> training_pictures(const CalibrateOptions& options) {
  std::vector<fs::path> all, some;
  for (size_t i = 0; i < options.training_captions.size(); ++i)
    for (auto& example :
         read_split(options.training_captions[i], options.training_images[i], "train", options.max_faulty))
      all.push_back(std::move(example.picture));
  for (const size_t i : drawn(std::min(all.size(), kTrainingPictures), all.size(), static_cast<uint64_t>(options.seed)))
    some.push_back(std::move(all[i]));
  return some;
}

void stop_if_asked() {
  if (interrupted()) throw Interrupted("stopped; nothing was written");
}

/// [n, D]; pictures that can't be read are complained of and left out.
torch::Tensor directions_of(Captioner& captioner, const std::vector<fs::path>& pictures, int threads) {
  std::vector<size_t> all(pictures.size());
  std::iota(all.begin(), all.end(), 0);
  const auto batches = chunks(all, kBatchSize);
  struct Read {
    std::vector<cv::Mat> inputs;
    std::vector<std::string> refusals;
    torch::Tensor directions = {};  // [B, D]
  };
  const auto read = [&](size_t number) {
    Read some;
    for (const size_t i : batches[number]) try {
        some.inputs.push_back(load_input(pictures[i], captioner.options.encoder));
      } catch (const InputError& error) {
        some.refusals.push_back(error.what());
      }
    return some;
  };
  const auto encode = [&](Read some) {
    const torch::NoGradGuard no_grad;
    if (!some.inputs.empty())
      some.directions = mean_directions(captioner.annotate(stack_inputs(some.inputs)));  // [B, D]
    return some;
  };
  Progress progress("looking at training pictures", static_cast<int64_t>(pictures.size()));
  std::vector<torch::Tensor> directions;
  int64_t done = 0;
  compute_batches({batches.size(), threads, captioner.device}, read, encode, [&](const Read& some) {
    stop_if_asked();
    if (!some.refusals.empty()) progress.clear();
    for (const auto& refusal : some.refusals) complain(refusal);
    if (some.directions.defined()) directions.push_back(some.directions);
    progress.update(done += static_cast<int64_t>(some.inputs.size() + some.refusals.size()));
  });
  if (directions.empty())
    throw InputError(pictures.front().string() + ": neither this training picture nor another can be read");
  return torch::cat(directions);  // [n, D]
}

/// What a captioned picture of a validation file came to.
struct Judged {
  size_t file;  // index of the captions files
  int half;     // 0 or 1
  bool better;  // CIDEr-D above the median of its file
  std::vector<double> evidence;
  double distance;
  double confidence = 0;  // by what was fitted on the other half
};

/// Captions the pictures of one captions file and adds what they came to.
void judge(Ensemble& ensemble, const DecodeOptions& decode, const CalibrateOptions& options, size_t file, int threads,
           std::vector<Judged>& judged) {
  const auto examples = read_split(options.captions[file], options.images[file], "val", options.max_faulty);
  if (examples.front().captions.empty())
    throw InputError(options.captions[file].string() + ": no captions in it to compare with");
  std::vector<PictureSource> pictures;
  for (const auto& example : examples) pictures.emplace_back(example.picture);
  std::vector<CaptionPair> pairs;
  const size_t first = judged.size();
  Progress progress("captioning", static_cast<int64_t>(pictures.size()));
  caption_pictures(ensemble, pictures, {decode, threads}, terminal_host(progress),
                   [&](std::vector<SeenPicture>& batch) {
                     for (auto& picture : batch) {
                       if (picture.refused()) {
                         progress.clear();
                         complain(picture.refusal);
                         continue;
                       }
                       SeenCaption& best = picture.captions.front();
                       pairs.push_back(tokenize_pair(best.text, examples[picture.index].captions));
                       judged.push_back({file, 0, false, std::move(best.evidence), picture.distance});
                     }
                   });
  if (pairs.size() < kLeastPictures)
    throw InputError(options.captions[file].string() + ": " + counted(pairs.size(), "picture") +
                     " that can be captioned; " + std::to_string(kLeastPictures) + " are needed");
  const auto scores = cider_d(pairs).pictures;
  const double median = quantile(scores, 0.5);
  const auto order = drawn(scores.size(), scores.size(), static_cast<uint64_t>(options.seed));
  for (size_t i = 0; i < order.size(); ++i) {
    judged[first + order[i]].half = static_cast<int>(i % 2);
    judged[first + order[i]].better = scores[order[i]] > median;
  }
}

/// Fitted on the pictures of a half, or on all (-1).
Calibration fit(const std::vector<Judged>& judged, int half, size_t files, bool knows_training) {
  Calibration fitted;
  std::vector<std::vector<double>> evidence;
  std::vector<bool> better;
  std::vector<std::vector<double>> distances(files);
  for (const auto& picture : judged) {
    if (half >= 0 && picture.half != half) continue;
    evidence.push_back(picture.evidence);
    better.push_back(picture.better);
    distances[picture.file].push_back(picture.distance);
  }
  fitted.regression = fit_logistic(evidence, better, kRidge);
  if (knows_training)  // so that no file has more false alarms
    for (const auto& of_file : distances)
      fitted.familiar_within = std::max(fitted.familiar_within, quantile(of_file, 1 - kFalseAlarms));
  return fitted;
}

/// How far confidence is to be trusted.
struct Trust {
  std::vector<ReliabilityBin> bins;
  double calibration_error, area_under_curve;
  size_t pictures;
};

/// Over the pictures of a file, or of all (-1).
Trust trust(const std::vector<Judged>& judged, int file) {
  std::vector<double> confidence;
  std::vector<bool> better;
  for (const auto& picture : judged) {
    if (file >= 0 && picture.file != static_cast<size_t>(file)) continue;
    confidence.push_back(picture.confidence);
    better.push_back(picture.better);
  }
  const auto bins = reliability(confidence, better);
  return {bins, expected_calibration_error(bins), area_under_curve(confidence, better), confidence.size()};
}

Json json_of(const Trust& trust, size_t alarms, bool knows_training) {
  const auto rounded = [](double value) { return std::round(value * 1e4) / 1e4; };
  Json json{{"pictures", trust.pictures},
            {"expected_calibration_error", rounded(trust.calibration_error)},
            {"area_under_curve", rounded(trust.area_under_curve)}};
  if (knows_training)
    json["called_unfamiliar"] = rounded(static_cast<double>(alarms) / static_cast<double>(trust.pictures));
  return json;
}

void print(const std::string& name, const Json& figures) {
  std::printf("%-40s %6zu pictures   calibration error %.3f   area under the curve %.3f", name.c_str(),
              figures["pictures"].get<size_t>(), figures["expected_calibration_error"].get<double>(),
              figures["area_under_curve"].get<double>());
  if (figures.contains("called_unfamiliar"))
    std::printf("   unfamiliar %.1f %%", 100 * figures["called_unfamiliar"].get<double>());
  std::printf("\n");
}

Curve curve_of(size_t run, const Trust& trust) {
  Curve curve{run, {}, {}};
  for (const auto& bin : trust.bins)
    if (bin.cases > 0) curve.x.push_back(bin.probability), curve.y.push_back(bin.share);
  return curve;
}

/// Measures what is fitted on each half on the other one, says it, draws it if asked to, and returns what is fitted on all.
Calibration calibrate(std::vector<Judged>& judged, const CalibrateOptions& options, bool knows_training) {
  const size_t files = options.captions.size();
  std::vector<size_t> alarms(files);
  for (const int half : {0, 1}) {
    const Calibration other = fit(judged, 1 - half, files, knows_training);
    for (auto& picture : judged) {
      if (picture.half != half) continue;
      picture.confidence = other.confidence(picture.evidence, picture.distance);
      alarms[picture.file] += knows_training && picture.distance > other.familiar_within;
    }
  }
  Calibration calibration = fit(judged, -1, files, knows_training);
  calibration.about = {{"predicts", "a caption's CIDEr-D is above the median of its captions file"},
                       {"measured", "each half with what was fitted on the other one"},
                       {"seed", options.seed},
                       {"files", Json::array()}};
  Curves curves{{{"perfect", {}}, {"all", {}}},
                {},
                {{"Share of captions among the better half", {{0, {0, 1}, {0, 1}}}, "confidence"}}};
  const Trust overall = trust(judged, -1);
  curves.charts[0].curves.push_back(curve_of(1, overall));
  for (size_t file = 0; file < files; ++file) {
    const Trust of_file = trust(judged, static_cast<int>(file));
    const std::string name = options.captions[file].parent_path().filename() / options.captions[file].filename();
    const Json figures = json_of(of_file, alarms[file], knows_training);
    if (files > 1) {
      print(name, figures);
      curves.runs.push_back({name, {}});
      curves.charts[0].curves.push_back(curve_of(curves.runs.size() - 1, of_file));
    }
    calibration.about["files"].push_back({{"captions", name}});
    calibration.about["files"].back().update(figures);
  }
  const Json figures = json_of(overall, std::accumulate(alarms.begin(), alarms.end(), size_t{0}), knows_training);
  print(files > 1 ? "all" : options.captions.front().filename().string(), figures);
  calibration.about.update(figures);
  if (!options.reliability.empty()) write_picture(options.reliability, draw_curves(curves));
  return calibration;
}

}  // namespace

int calibrate_command(const std::vector<std::string>& arguments) {
  CalibrateOptions options;
  RunOptions run;
  OptionList list;
  options.list(list);
  run.list(list);
  const CommandLine line = parse_command_line(arguments, list, calibrate_syntax());
  if (answer(line, calibrate_syntax(), list, std::cout)) return 0;
  options.check();
  const std::string& source = line.positional.front();
  std::vector<fs::path> read = options.captions;
  read.insert(read.end(), options.training_captions.begin(), options.training_captions.end());
  read.emplace_back(source);
  check_output("--output", options.output, read);
  check_output("--reliability", options.reliability, read);
  const int threads = run.set_threads();
  watch_interrupts();
  Captioner captioner = load_captioner(source);
  captioner.familiarity.reset();
  captioner.confidence = Json();
  captioner.to(choose_device(run.device));
  const DecodeOptions decode = model_decode_options(captioner, source);
  const auto training = training_pictures(options);
  const bool knows_training = !training.empty();
  if (knows_training) captioner.familiarity.emplace(directions_of(captioner, training, threads));
  std::vector<Captioner> captioners;
  captioners.push_back(std::move(captioner));
  Ensemble ensemble(std::move(captioners), {source});
  ensemble.check(decode);
  std::vector<Judged> judged;
  for (size_t file = 0; file < options.captions.size(); ++file) judge(ensemble, decode, options, file, threads, judged);
  Calibration calibration = calibrate(judged, options, knows_training);
  calibration.made_with = settings_of(ensemble.first(), decode);
  ensemble.first().confidence = calibration.to_json();
  save_captioner(ensemble.first(), options.output);
  std::cout << options.output.string() << "\n";
  return 0;
}

}  // namespace attend
