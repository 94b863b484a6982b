#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <sstream>

#include "app/commands.h"
#include "app/output_name.h"
#include "base/console.h"
#include "base/error.h"
#include "data/run_log.h"
#include "viz/chart_axes.h"
#include "viz/curves.h"
#include "viz/overlay.h"
#include "viz/typeface.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

struct ReportOptions {
  fs::path html, png, font;

  void list(OptionList& options) {
    options.section("", "Output");
    options.add("html", html, "write a page with a chart a figure to this file");
    options.add("png", png, "write the charts as one picture to this file: .png, .jpg or .webp");
    options.add("font", font,
                "font file (TrueType, OpenType) for the picture's text; the program's own has what it lacks");
  }

  void check() const {
    if (html.empty() && png.empty()) throw UsageError("nothing to write: name a file with --html or --png");
    check_html_name(html);
  }
};

CommandSyntax report_syntax() {
  return {"report",
          "LOG...",
          1,
          SIZE_MAX,
          "Draws the training curves of one or several runs: loss, validation figures, learning rate, tokens a second, "
          "and whatever else is in their logs. LOG is a log.jsonl of attend train, or the folder of a run. A run that "
          "was resumed counts from where it was resumed; one that is still going on can be looked at.",
          {{"attend report runs/flickr8k --html curves.html", "a page to read values from"},
           {"attend report runs/a runs/b --png compare.png", "two runs in the same charts, as a picture"}}};
}

/// A figure's title, and charts stand in this order; others follow under their own names.
constexpr std::pair<const char*, const char*> titles[] = {{"loss", "Loss"},
                                                          {"sampled_reward", "Reward of samples"},
                                                          {"greedy_reward", "Reward of greedy captions"},
                                                          {"validation_loss", "Validation loss"},
                                                          {"validation_perplexity", "Validation perplexity"},
                                                          {"validation_cider", "Validation CIDEr-D"},
                                                          {"validation_bleu_4", "Validation BLEU-4"},
                                                          {"validation_rouge_l", "Validation ROUGE-L"},
                                                          {"validation_meteor", "Validation METEOR"},
                                                          {"learning_rate", "Learning rate"},
                                                          {"tokens_per_second", "Tokens a second"}};

struct Log {
  std::string name;
  std::map<std::string, std::map<double, double>> figures;  // key → step → value
  std::map<double, double> epochs_at;                       // step → epoch
  double steps = 0, epochs = 0;
  double best_step = -1;  // of the validation whose weights the model file holds; -1: none yet
};

/// Whether less of a figure is better.
bool is_loss(const std::string& key) { return key.find("loss") != key.npos || key.find("perplexity") != key.npos; }

/// Whether a figure is of a validation, and its best value therefore worth telling.
bool is_validation(const std::string& key) { return key.starts_with("validation_"); }

/// Reads the figures of a log; a step that was done again counts as it was done last.
Log read_log(const fs::path& argument) {
  std::error_code error;
  const fs::path file = fs::is_directory(argument, error) ? argument / "log.jsonl" : argument;
  Log log;
  log.name = argument.string();
  double before = 0;
  for (const auto& [number, text, line] : read_run_log(file)) {
    const auto step = line.find("step");
    if (step == line.end() || !step->is_number())
      throw InputError(file.string() + ":" + std::to_string(number) + ": no \"step\" in this line of the log");
    const double x = step->get<double>();
    if (x < before) {  // resumed: what came after this step was done again
      for (auto& [key, values] : log.figures) values.erase(values.lower_bound(x), values.end());
      log.epochs_at.erase(log.epochs_at.lower_bound(x), log.epochs_at.end());
      if (log.best_step >= x) log.best_step = -1;
    }
    before = x;
    log.steps = x;
    if (line.contains("epoch") && line["epoch"].is_number())
      log.epochs = log.epochs_at[x] = line["epoch"].get<double>();
    if (line.contains("best") && line["best"].is_boolean() && line["best"].get<bool>()) log.best_step = x;
    for (const auto& [key, value] : line.items())
      if (key != "step" && key != "epoch" && value.is_number() && std::isfinite(value.get<double>()))
        log.figures[key][x] = value.get<double>();
  }
  if (log.figures.empty()) throw InputError(file.string() + ": no figures in this log yet");
  return log;
}

std::string title_of(const std::string& key) {
  for (const auto& [known, title] : titles)
    if (key == known) return title;
  std::string title = key;
  std::replace(title.begin(), title.end(), '_', ' ');
  title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
  return title;
}

/// "epoch 10", or "step 1880" where the log doesn't say its epochs.
std::string time_of(const Log& log, double step) {
  const auto epoch = log.epochs_at.find(step);
  return epoch == log.epochs_at.end() ? "step " + short_number(step) : "epoch " + short_number(epoch->second);
}

Curves curves_of(const std::vector<Log>& logs) {
  std::vector<std::string> keys;
  for (const auto& [key, title] : titles) keys.push_back(key);
  for (const auto& log : logs)
    for (const auto& [key, values] : log.figures)
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  Curves curves;
  curves.columns = {"steps", "epochs", "best"};
  for (const auto& log : logs)
    curves.runs.push_back(
        {log.name,
         {short_number(log.steps), short_number(log.epochs), log.best_step < 0 ? "–" : time_of(log, log.best_step)}});
  for (const auto& key : keys) {
    Chart chart{title_of(key), {}};
    for (size_t run = 0; run < logs.size(); ++run) {
      const auto found = logs[run].figures.find(key);
      if (found == logs[run].figures.end() || found->second.empty()) continue;
      Curve& curve = chart.curves.emplace_back(Curve{run, {}, {}});
      for (const auto& [x, y] : found->second) curve.x.push_back(x), curve.y.push_back(y);
    }
    if (chart.curves.empty()) continue;
    const bool validation = is_validation(key);
    if (validation || key == "loss") {  // a run's row says its best validation figures and its last loss
      curves.columns.push_back((validation ? "best " : "last ") + chart.title);
      for (auto& run : curves.runs) run.cells.push_back("–");
      for (auto& curve : chart.curves) {
        std::string& cell = curves.runs[curve.run].cells.back();
        cell = short_number(curve.y.back());
        if (!validation) continue;
        const auto best = is_loss(key) ? std::min_element(curve.y.begin(), curve.y.end())
                                       : std::max_element(curve.y.begin(), curve.y.end());
        const double step = curve.x[static_cast<size_t>(best - curve.y.begin())];
        cell = short_number(*best) + " (" + time_of(logs[curve.run], step) + ")";
        curve.best = Mark{step, *best, "best: " + short_number(*best) + ", " + time_of(logs[curve.run], step)};
      }
    }
    curves.charts.push_back(std::move(chart));
  }
  return curves;
}

}  // namespace

int report_command(const std::vector<std::string>& arguments) {
  ReportOptions options;
  OptionList list;
  options.list(list);
  const CommandLine line = parse_command_line(arguments, list, report_syntax());
  if (answer(line, report_syntax(), list, std::cout)) return 0;
  options.check();
  std::vector<Log> logs;
  for (const auto& argument : line.positional) logs.push_back(read_log(argument));
  const Curves curves = curves_of(logs);
  if (!options.html.empty()) write_curves_page(options.html, curves);
  if (!options.font.empty()) use_font(options.font);
  if (!options.png.empty()) write_picture(options.png, draw_curves(curves));
  if (const auto faults = text_faults(); !faults.empty()) warn(faults);
  return 0;
}

}  // namespace attend
