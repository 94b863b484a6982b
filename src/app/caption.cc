#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <iterator>

#include "app/caption_file_options.h"
#include "app/commands.h"
#include "app/html_name.h"
#include "app/model_file.h"
#include "app/terminal.h"
#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/printable.h"
#include "base/process.h"
#include "pipeline/caption_outputs.h"
#include "pipeline/caption_pictures.h"
#include "pipeline/caption_record.h"
#include "vision/find_pictures.h"
#include "vision/name_list.h"
#include "viz/typeface.h"

namespace attend {
namespace {

struct CaptionOptions {
  bool recursive = false;
  std::string files_from;
  bool null = false;
  std::string format = "text";
  std::filesystem::path html;  // empty: no page
  int batch_size = kBatchSize;
  double min_confidence = 0;

  void list(OptionList& options) {
    options.section("", "Pictures");
    options.add("recursive", recursive, "look in subfolders too");
    options.add("files_from", files_from,
                "read more pictures, folders and patterns from this file, one a line; -: standard input");
    options.add("null", null, "names in --files-from, and lines of text on standard output, end with a NUL byte");
    options.section("", "Output");
    options.add("format", format, "text: picture, tab, caption; jsonl: a JSON object a line, with words and attention",
                one_of({"text", "jsonl"}));
    options.add("min_confidence", min_confidence,
                "a caption of less confidence gets no files, in text nothing stands behind its tab, and in jsonl it has "
                "\"below_min_confidence\"; 0: all are taken",
                between(0, 1));
    options.add("html", html,
                "write a page of all pictures and captions to this file: point at a word and see where it looked");
  }

  void check() const { check_html_name(html); }
};

/// Throws UsageError where explanations are described but not asked for, or asked for but shown nowhere.
void check_explanations(const CommandLine& line, const CaptionOptions& options, const CaptionFileOptions& outputs) {
  for (const auto& flag : line.flags) {
    if (flag.rfind("explain-", 0) != 0) continue;
    if (!outputs.explained) throw UsageError("--" + flag + ": say with --explain gradient that captions are explained");
    if (flag != "explain-kind" && outputs.explanation.kind != "smooth")
      throw UsageError("--" + flag + ": is of --explain-kind smooth only");
  }
  const bool shown = options.format == "jsonl" || !options.html.empty() || !outputs.overlay.empty() ||
                     !outputs.maps.empty();
  if (outputs.explained && !shown)
    throw UsageError("--explain: say where it is to be shown: --format jsonl, --overlay DIR, --maps DIR or --html FILE");
}

/// Throws UsageError where confidence decides and isn't known; warns where it would be but for how captions are decoded.
void check_confidence(const Ensemble& ensemble, const DecodeOptions& decode, const CaptionOptions& options) {
  const std::string fault = ensemble.confidence_fault(decode);
  if (fault.empty()) return;
  if (options.min_confidence > 0) throw UsageError("--min-confidence: no confidence is known: " + fault);
  if (!ensemble.first().confidence.is_null() && (options.format == "jsonl" || !options.html.empty()))
    warn("no confidence is given: " + fault);
}

CommandSyntax syntax() {
  return {
      "caption",
      "[PATH...]",
      0,
      SIZE_MAX,
      "Captions pictures: files, folders and patterns, in the order given. Captions go to standard output, a line a "
      "picture as soon as it is done, and to files where asked for. With files, a picture whose files are all there "
      "is skipped altogether. A picture that can't be read is reported and the rest is captioned; the exit "
      "status is then 1. In text, names stand byte for byte; in JSON, a name that isn't UTF-8 has U+FFFD in "
      "\"file\" for its stray bytes and stands byte for byte in \"file_base64\". With --n-best, text has a line a "
      "caption, JSON has \"alternatives\". \"confidence\" is the probability that a caption is among the better half of its "
      "model's captions, \"familiar\" whether the picture is like those the model learnt from.",
      {{"attend caption photo.jpg", "caption a picture"},
       {"attend caption photos --html photos.html", "a page to look at, in one file"},
       {"attend caption --recursive photos --overlay seen", "caption a tree and show where every word looked"},
       {"attend caption photos --sidecar >/dev/null", "write photos/NAME.txt for every picture that has none"},
       {"attend caption photos --sidecar --min-confidence 0.5", "only where the caption is more likely good than not"},
       {"attend caption --format jsonl --n-best 5 photo.jpg", "five captions with their probabilities, as JSON"},
       {"attend caption --model a.safetensors --model b.safetensors photo.jpg", "let two models caption together"},
       {"attend caption photos --explain gradient --overlay seen", "also show what each word depends on"},
       {"find . -name '*.jpg' -print0 | attend caption --null --files-from -", "names with any bytes in them"}}};
}

/// The names in a list: a file, or "-" for standard input.
std::vector<std::string> names_from(const std::string& list, char end) {
  if (list == "-") return parse_name_list(std::string(std::istreambuf_iterator(std::cin), {}), end, "standard input");
  return parse_name_list(read_file(list), end, list);
}

/// Says what was passed over and what isn't there. Throws InputError where that is all.
void remark(const FoundPictures& found) {
  std::vector<std::string> lines = found.remarks();
  for (const auto& [folder, deeper] : found.empty)
    lines.push_back(folder.string() + ": no pictures there" + (deeper ? "; --recursive looks in subfolders too" : ""));
  const bool nothing = found.pictures.empty() && found.refusals.empty();
  for (size_t i = 0; i + nothing < lines.size(); ++i) warn(lines[i]);
  if (nothing) throw InputError(lines.back());
  for (const auto& refusal : found.refusals) complain(refusal);
}

/// What standard output gets of one picture.
std::string lines_of(const SeenPicture& picture, const CaptionOptions& options) {
  const bool unsure = is_unsure(picture, options.min_confidence);
  if (options.format == "jsonl") {
    Json record = caption_record(picture);
    if (options.min_confidence > 0) record["below_min_confidence"] = unsure;
    return one_line(record) + "\n";
  }
  // A terminal would obey what a name says; whoever reads names from a pipe or a file gets them byte for byte.
  static const bool on_terminal = ::isatty(STDOUT_FILENO) != 0;
  const std::string name = on_terminal ? printable(picture.name) : picture.name;
  if (unsure) return name + "\t" + (options.null ? '\0' : '\n');
  std::string lines;
  for (const auto& caption : picture.captions)
    lines += name + "\t" + (on_terminal ? printable(caption.text) : caption.text) + (options.null ? '\0' : '\n');
  return lines;
}

std::string count_of(size_t part, size_t all) {
  return std::to_string(part) + " of " + std::to_string(all) + (all == 1 ? " picture" : " pictures");
}

/// The pictures to caption, in order, and the files each still needs.
struct Work {
  std::vector<FoundPicture> pictures;
  std::vector<PictureFiles> files;  // none when no files are asked for
  std::vector<bool> incomplete;     // of `files`: whether some can't be written, as has been said
  size_t all = 0, skipped = 0, refused = 0, unsure = 0;
};

Work gather(std::vector<std::string> names, const CaptionOptions& options, const CaptionFileOptions& outputs) {
  if (!options.files_from.empty()) {
    for (auto& name : names_from(options.files_from, options.null ? '\0' : '\n')) names.push_back(std::move(name));
    if (names.empty()) throw InputError(options.files_from + ": no names in it");
  }
  if (names.empty())
    throw UsageError("no pictures: name files, folders or patterns, or a list of them with --files-from");
  FoundPictures found = find_pictures(names, options.recursive);
  remark(found);
  Work work;
  work.pictures = std::move(found.pictures);
  work.refused = found.refusals.size();
  work.all = work.pictures.size() + work.refused;
  if (!outputs.any()) return work;
  auto plan = plan_files(work.pictures, outputs);
  size_t kept = 0;
  for (size_t i = 0; i < plan.size(); ++i) {
    if (!plan[i].any() && options.html.empty()) continue;  // a page has every picture
    if (kept != i) work.pictures[kept] = std::move(work.pictures[i]);
    work.files.push_back(std::move(plan[i]));
    ++kept;
  }
  work.skipped = plan.size() - kept;
  work.pictures.resize(kept);
  return work;
}

/// Captions the pictures, writes their files and lines, and counts in work.refused what went wrong.
void caption_all(Ensemble& ensemble, Work& work, const CaptionOptions& options, const CaptionFileOptions& files,
                 const DecodeOptions& decode, int threads) {
  std::vector<PictureSource> pictures;
  for (const auto& picture : work.pictures) pictures.emplace_back(picture.path);
  CaptionOutputs outputs(pictures, work.files, files, options.html, credit_of(ensemble), threads);
  const bool writes = files.any() || outputs.has_page();
  std::string output_fault;
  Progress progress("captioning", static_cast<int64_t>(pictures.size()));
  const auto take = [&](const std::vector<SeenPicture>& batch) {
    const auto written = outputs.write(batch, options.min_confidence);
    progress.clear();
    for (size_t i = 0; i < batch.size(); ++i) {
      work.unsure += is_unsure(batch[i], options.min_confidence);
      if (!batch[i].refused()) std::cout << lines_of(batch[i], options);
      outputs.keep(batch[i], written[i]);
      const std::string& fault = batch[i].refused() ? batch[i].refusal : written[i].fault;
      if (fault.empty()) {
        if (files.any() && work.incomplete[batch[i].index]) ++work.refused;
        continue;
      }
      std::cout << std::flush;  // so that on a terminal both keep their order
      complain(fault);
      ++work.refused;
    }
    try {
      flush_output();
    } catch (const OutputClosed&) {
      throw;
    } catch (const Error& fault) {  // files and the page are made all the same
      if (!writes) throw;
      output_fault = fault.what();
    }
  };
  CaptionWork how{decode, threads, options.batch_size};
  if (files.explained) {
    how.explain = &files.explanation;
    how.explain_pixels = outputs.has_page() || !files.overlay.empty() || (!files.maps.empty() && files.maps_format == "npy");
    how.batch_size = std::min(options.batch_size, 4);  // an explanation takes as long as many captions: each appears soon
  }
  caption_pictures(ensemble, pictures, how, terminal_host(progress), take);
  progress.clear();
  for (const auto& remark : outputs.finish()) warn(remark);
  if (const auto letters = text_faults(); !letters.empty()) warn(letters);
  if (!output_fault.empty()) throw Error(output_fault);
}

}  // namespace

int caption_command(const std::vector<std::string>& arguments) {
  ModelFiles files;
  CaptionOptions options;
  CaptionFileOptions outputs;
  DecodeOptions decode;
  RunOptions run;
  CommandSyntax described = syntax();
  show_model_defaults(arguments, false, decode, described);
  OptionList list;
  options.list(list);
  outputs.list(list);
  files.list(list);
  decode.list(list);
  run.list(list);
  list.add("batch_size", options.batch_size, "pictures that a processor computes together; more take more memory",
           between(1, 4096));
  const CommandLine line = parse_command_line(arguments, list, syntax());
  if (line.help) return answer(line, described, list, std::cout), 0;
  options.check();
  outputs.check();
  check_explanations(line, options, outputs);
  Work work;
  if (!line.dump_config) work = gather(line.positional, options, outputs);
  if (!work.pictures.empty() || line.dump_config) {
    const int threads = run.set_threads();
    files.choose();
    if (outputs.explained && files.models.size() > 1)
      throw UsageError("--explain: explains what one model says; name one --model");
    Ensemble ensemble = open_models(files, choose_device(run.device));
    decode = model_decode_options(ensemble.first(), files.models.front().string());
    parse_command_line(arguments, list, syntax());  // what the line says counts more than what the model says
    if (answer(line, syntax(), list, std::cout)) return 0;
    ensemble.check(decode);
    check_confidence(ensemble, decode, options);
    auto [incomplete, faults] = prepare_folders(work.files, outputs);
    work.incomplete = std::move(incomplete);
    for (const auto& fault : faults) complain(fault);
    if (!options.html.empty()) check_writable(options.html);  // may lie in one of these folders
    if (!outputs.font.empty()) use_font(outputs.font);
    watch_interrupts();
    caption_all(ensemble, work, options, outputs, decode, threads);
  }
  if (work.unsure > 0)
    complain(count_of(work.unsure, work.all) + " less sure than --min-confidence: no caption taken, no files written");
  if (work.skipped > 0)
    complain(count_of(work.skipped, work.all) + " skipped: their files are there (--overwrite makes them anew)");
  if (work.refused > 0) complain(count_of(work.refused, work.all) + " failed");
  return work.refused > 0 ? 1 : 0;
}

}  // namespace attend
