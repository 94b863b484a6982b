// `attend calibrate`: how sure a model's captions are, fitted on pictures it hasn't learnt from. docs/confidence.md
#include "pipeline/calibrate.h"

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "app/commands.h"
#include "app/output_name.h"
#include "app/terminal.h"
#include "base/console.h"
#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/lots.h"
#include "base/printable.h"
#include "data/dataset.h"
#include "viz/chart_axes.h"
#include "viz/curves.h"
#include "viz/overlay.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

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

/// Of all training files together, drawn at random where there are more than are looked at.
std::vector<PictureSource> training_pictures(const CalibrateOptions& options) {
  std::vector<PictureSource> all, some;
  for (size_t i = 0; i < options.training_captions.size(); ++i)
    for (auto& example :
         read_split(options.training_captions[i], options.training_images[i], "train", options.max_faulty))
      all.emplace_back(std::move(example.picture));
  for (const size_t i : drawn(std::min(all.size(), kTrainingPictures), all.size(), static_cast<uint64_t>(options.seed)))
    some.push_back(std::move(all[i]));
  return some;
}

/// Of the captions file `number`.
CalibrationSet validation_set(const CalibrateOptions& options, size_t number) {
  CalibrationSet set{options.captions[number], {}, {}};
  for (auto& example : read_split(set.file, options.images[number], "val", options.max_faulty)) {
    set.pictures.emplace_back(std::move(example.picture));
    set.references.push_back(std::move(example.captions));
  }
  return set;
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

/// A row for each set, where there are several, and one for all.
void print(const CalibrationReport& report, const std::vector<JudgedSet>& sets, const CalibrateOptions& options) {
  if (sets.size() > 1)
    for (size_t i = 0; i < sets.size(); ++i) print(sets[i].name, report.sets[i].figures());
  print(sets.size() > 1 ? "all" : options.captions.front().filename().string(), report.all.figures());
}

/// How often captions are good, by their confidence: of all, and of each set where there are several.
Curves reliability_of(const CalibrationReport& report, const std::vector<JudgedSet>& sets) {
  Curves curves{{{"perfect", {}}, {"all", {}}},
                {},
                {{"Share of captions among the better half", {{0, {0, 1}, {0, 1}}}, "confidence"}}};
  curves.charts[0].curves.push_back(curve_of(1, report.all));
  for (size_t i = 0; i < sets.size() && sets.size() > 1; ++i) {
    curves.runs.push_back({sets[i].name, {}});
    curves.charts[0].curves.push_back(curve_of(curves.runs.size() - 1, report.sets[i]));
  }
  return curves;
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
  CalibrateWork work;
  work.decode = model_decode_options(captioner, source);
  work.threads = threads;
  work.seed = options.seed;
  const auto training = training_pictures(options);
  std::vector<Captioner> captioners;
  captioners.push_back(std::move(captioner));
  Ensemble ensemble(std::move(captioners), {source});
  // Does a piece of the work on so many pictures, and shows how far it is.
  const auto show = [&](const char* what, size_t pictures, const auto& piece) {
    Progress progress(what, static_cast<int64_t>(pictures));
    work.refuse = [&](const std::string& refusal) {
      progress.clear();
      complain(refusal);
    };
    return piece(terminal_host(progress));
  };
  if (!training.empty())
    ensemble.first().familiarity = show("looking at training pictures", training.size(), [&](const Host& host) {
      return familiarity_of(ensemble, training, work, host);
    });
  ensemble.check(work.decode);
  std::vector<JudgedSet> sets;
  for (size_t i = 0; i < options.captions.size(); ++i) {
    const auto set = validation_set(options, i);
    sets.push_back(show("captioning", set.pictures.size(),
                        [&](const Host& host) { return judge_captions(ensemble, set, work, host); }));
  }
  CalibrationReport report = calibrate(sets, !training.empty(), options.seed);
  print(report, sets, options);
  if (!options.reliability.empty()) write_picture(options.reliability, draw_curves(reliability_of(report, sets)));
  report.calibration.made_with = settings_of(ensemble.first(), work.decode);
  ensemble.first().confidence = report.calibration.to_json();
  save_captioner(ensemble.first(), options.output);
  std::cout << options.output.string() << "\n";
  return 0;
}

}  // namespace attend
