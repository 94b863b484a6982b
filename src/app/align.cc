#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <optional>

#include "app/caption_file_options.h"
#include "app/given_options.h"
#include "app/model_command.h"
#include "app/output_name.h"
#include "app/terminal.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/printable.h"
#include "base/process.h"
#include "pipeline/caption_outputs.h"
#include "pipeline/caption_record.h"
#include "pipeline/open_models.h"
#include "pipeline/score_pictures.h"
#include "viz/typeface.h"

namespace attend {
namespace {

struct AlignOptions {
  std::string format = "text";
  std::filesystem::path html;  // empty: no page

  void list(OptionList& options) {
    options.section("", "Output");
    options.add("format", format, "text: a line a word; jsonl: a JSON object a caption, as attend score writes it",
                one_of({"text", "jsonl"}));
    options.add(
        "html", html,
        "write a page of the pictures and all of their captions to this file: point at a word and see where it looked");
  }
};

CommandSyntax align_syntax() {
  return {"align",
          "[PICTURE CAPTION... | PATH...]",
          0,
          SIZE_MAX,
          "Shows where a model looks for each word of captions that are given: a picture and its captions on the "
          "command line, or as "
          "attend score takes them. Overlays, animations and maps are those of attend caption, of a picture's first "
          "caption; a page "
          "has all. Words that the model doesn't know are left out as if they weren't there, and named. In text every "
          "word has its "
          "probability, its rank among all that the model may say there, and what it would have said.",
          {{"attend align photo.jpg 'a dog on a sofa' --overlay seen", "where does it look for \"sofa\"?"},
           {"attend align photo.jpg 'a dog on a sofa' 'two cats' --html both.html", "two captions on a page"},
           {"attend align photo.jpg 'a man in a red hat' --noun-phrases", "also for \"a man\" and for \"a red hat\""},
           {"attend align photo.jpg 'a dog' --explain plain --overlay seen", "also what each word depends on"},
           {"attend align --captions captions.csv --images photos --html all.html", "a table of captions"}},
          {"caption", "captions", "images", "sidecar", "recursive", "format", "html", "overlay", "model", "threads"}};
}

/// Where a map is largest, in shares of the picture: "0.52 0.31".
std::string peak_of(const SeenPicture& picture, const cv::Mat& map) {
  const auto largest = static_cast<int>(std::max_element(map.begin<float>(), map.end<float>()) - map.begin<float>());
  const cv::Rect2d cell = picture.geometry().cell(largest / map.cols, largest % map.cols, map.rows, map.cols);
  char text[48];
  std::snprintf(text, sizeof text, "%.2f %.2f", std::clamp((cell.x + cell.width / 2) / picture.size.width, 0.0, 1.0),
                std::clamp((cell.y + cell.height / 2) / picture.size.height, 0.0, 1.0));
  return text;
}

std::string percent(double log_probability) {
  char text[32];
  const double share = 100 * std::exp(log_probability);
  std::snprintf(text, sizeof text, share < 0.1 ? "%.1e %%" : share < 10 ? "%.1f %%" : "%.0f %%", share);
  return text;
}

/// A row a word: probability, rank, what was likeliest in its place, where it looked; between tabs. Then a row a phrase.
std::string lines_of(const ScoredPicture& scored, size_t place, const AlignOptions& options) {
  if (options.format == "jsonl") return one_line(score_record(scored, place, true)) + "\n";
  const SeenPicture& picture = scored.seen;
  const SeenCaption& caption = picture.captions[place];
  const GivenBeside& given = scored.given[place];
  static const bool on_terminal = ::isatty(STDOUT_FILENO) != 0;
  const auto shown = [&](const std::string& text) { return on_terminal ? printable(text) : text; };
  std::string lines = shown(picture.name) + "\t" + shown(caption.text) + "\n";
  const auto maps = maps_of(caption.attention);
  size_t t = 0, unknown = 0;
  for (size_t i = 0; i <= given.tokens.size(); ++i) {
    const bool is_end = i == given.tokens.size();
    lines += "  ";
    lines += is_end ? "<end>" : shown(given.tokens[i]);
    if (std::find(given.replaced.begin(), given.replaced.end(), i) != given.replaced.end())
      lines += " (" + caption.words[t] + ")";
    if (unknown < given.unknown.size() && given.unknown[unknown] == i) {
      ++unknown;
      lines += "\tnot in the model's vocabulary\n";
      continue;
    }
    lines += "\t" + percent(caption.plain_word_log_probability[t]) + "\trank " + std::to_string(given.rank[t]) + "\t" +
             (given.rank[t] > 1 ? given.likeliest[t] : "") + "\t" + (is_end ? "" : peak_of(picture, maps[t])) + "\n";
    ++t;
  }
  for (const auto& [phrase, words] : caption.phrases) {
    lines += "  \"" + shown(phrase) + "\"";
    if (words.empty()) {
      lines += "\tnone of its words is in the model's vocabulary\n";
      continue;
    }
    double together = 0;
    for (const size_t word : words) together += caption.plain_word_log_probability[word];
    lines += "\t" + percent(together) + "\t\t\t" + peak_of(picture, mean_map(maps, words)) + "\n";
  }
  return lines;
}

/// The pictures with their captions, and the files that each is to get.
struct Work {
  CaptionList list;
  std::vector<PictureFiles> files;  // none where none are asked for
  std::vector<bool> incomplete;     // of `files`: whether some can't be written, as has been said
};

Work gather(std::vector<std::string> positional, GivenOptions given, const CaptionFileOptions& outputs) {
  if (given.captions.empty() && given.caption.empty() && !given.sidecar) {
    if (positional.size() < 2) throw UsageError("name a picture and, behind it, a caption");
    given.caption.assign(positional.begin() + 1, positional.end());
    positional.resize(1);
  }
  Work work{given.gather(positional), {}, {}};
  if (!outputs.any()) return work;
  std::vector<FoundPicture> pictures;
  for (size_t i = 0; i < work.list.pictures.size(); ++i) {
    const auto picture = work.list.pictures[i].picture;
    pictures.push_back({picture, picture.is_absolute() ? picture.filename() : picture});
  }
  work.files = FilePlanner(outputs).plan(pictures);
  return work;
}

/// Aligns them, writes their files and lines, and returns how many captions failed.
size_t align_all(Ensemble& ensemble, const Work& work, ScoreWork how, const AlignOptions& options,
                 const CaptionFileOptions& files, const std::string& credit) {
  const GivenPictures given(work.list.pictures);
  const auto& captions = given.captions;
  std::vector<PictureSource> pictures;
  for (size_t i = 0; i < given.pictures.size(); ++i) pictures.push_back(given.pictures[i]);
  CaptionOutputs outputs(files, options.html, credit, how.plan.threads);
  if (files.explained) {
    how.explain = &files.explanation;
    how.explain_pixels =
        outputs.has_page() || !files.overlay.empty() || (!files.maps.empty() && files.maps_format == "npy");
  }
  size_t failed = 0;
  Progress progress("aligning", static_cast<int64_t>(pictures.size()));
  const auto take = [&](std::vector<ScoredPicture>& batch) {
    std::string lines;
    std::vector<std::string> refusals;
    std::vector<SeenPicture> seen;
    for (auto& picture : batch) {
      failed += picture.seen.refused() ? captions[picture.seen.index].size() : picture.refusals.size();
      for (auto& refusal : picture.refusals) refusals.push_back(std::move(refusal.text));
      for (size_t i = 0; i < picture.given.size(); ++i) lines += lines_of(picture, i, options);
      seen.push_back(std::move(picture.seen));
      if (!seen.back().refused() && seen.back().captions.empty())
        seen.back().refusal = seen.back().name + ": nothing is drawn";
    }
    const auto written = outputs.write(seen, pictures, work.files, 0);
    progress.clear();
    std::cout << lines;
    for (size_t i = 0; i < seen.size(); ++i) {
      outputs.keep(seen[i], written[i]);
      const std::string& fault = seen[i].refused() ? seen[i].refusal : written[i].fault;
      if (!fault.empty()) refusals.push_back(fault);
      failed += !written[i].fault.empty() || (files.any() && work.incomplete[seen[i].index]);
    }
    flush_output();
    for (const auto& refusal : refusals) complain(refusal);
  };
  try {
    score_pictures(ensemble, pictures, captions, how, terminal_host(progress), take);
  } catch (const Interrupted& stopped) {
    outputs.finish(stopped.what());
    throw;
  }
  progress.clear();
  for (const auto& remark : outputs.finish()) warn(remark);
  if (const auto letters = text_faults(); !letters.empty()) warn(letters);
  return failed;
}

}  // namespace

int align_command(const std::vector<std::string>& arguments) {
  ModelCommand command(arguments, align_syntax());
  GivenOptions given;
  AlignOptions options;
  CaptionFileOptions outputs;
  WeighingOptions weighing;
  PhraseOptions phrases;
  given.list(command.list);
  phrases.list(command.list);
  options.list(command.list);
  outputs.list(command.list, false);
  command.files.list(command.list);
  weighing.list(command.list, command.decode);
  command.run.list(command.list);
  const auto line = command.read();
  if (!line) return 0;
  check_html_name(options.html);
  outputs.check(*line);
  Work work;
  if (!line->dump_config) work = gather(line->positional, given, outputs);
  size_t failed = work.list.refused;
  if (!work.list.pictures.empty() || line->dump_config) {
    auto ensemble = command.open();
    if (!ensemble) return 0;
    weighing.check(command.decode);
    warn_without_attention(*ensemble);
    if (outputs.explained && ensemble->size() > 1)
      throw UsageError("--explain: explains what one model says; name one --model");
    ScoreWork how;
    how.plan.threads = command.threads();
    how.decode = command.decode;
    how.paths = weighing.paths;
    how.phrases = phrases.find(work.list);
    how.noun_phrases = phrases.noun_phrases;
    const auto nearest = weighing.nearest(work.list, ensemble->first().vocabulary);
    if (!nearest.empty()) how.nearest = &nearest;
    auto [incomplete, faults, no_file] = prepare_folders(work.files, outputs);
    if (!no_file.empty()) throw Error(no_file);
    work.incomplete = std::move(incomplete);
    for (const auto& fault : faults) complain(fault);
    check_output("--html", options.html, {given.captions});
    if (!outputs.font.empty()) use_font(outputs.font);
    watch_interrupts();
    failed += align_all(*ensemble, work, how, options, outputs, "given, and looked at " + credit_of(*ensemble));
  }
  if (failed > 0) complain(count_of_captions(failed, work.list.captions) + " failed");
  return failed > 0 ? 1 : 0;
}

}  // namespace attend
