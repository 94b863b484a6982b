#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <optional>

#include "app/caption_files.h"
#include "app/caption_pictures.h"
#include "app/caption_record.h"
#include "app/commands.h"
#include "app/model_file.h"
#include "app/page_record.h"
#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/printable.h"
#include "base/process.h"
#include "base/progress.h"
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
    if (!outputs.explains()) throw UsageError("--" + flag + ": say with --explain gradient that captions are explained");
    if (flag != "explain-kind" && outputs.explanation.kind != "smooth")
      throw UsageError("--" + flag + ": is of --explain-kind smooth only");
  }
  const bool shown = options.format == "jsonl" || !options.html.empty() || !outputs.overlay.empty() ||
                     !outputs.maps.empty();
  if (outputs.explains() && !shown)
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

/// Whether a picture's caption is less sure than it has to be.
bool is_unsure(const PictureCaptions& picture, const CaptionOptions& options) {
  return picture.refusal.empty() && picture.captions.front().confidence.value_or(1) < options.min_confidence;
}

/// What standard output gets of one picture.
std::string lines_of(const std::filesystem::path& path, const PictureCaptions& picture, const Captioner& captioner,
                     const CaptionOptions& options) {
  const bool unsure = is_unsure(picture, options);
  if (options.format == "jsonl") {
    Json record = caption_record(path, picture, captioner);
    if (options.min_confidence > 0) record["below_min_confidence"] = unsure;
    return one_line(record) + "\n";
  }
  // A terminal would obey what a name says; whoever reads names from a pipe or a file gets them byte for byte.
  static const bool on_terminal = ::isatty(STDOUT_FILENO) != 0;
  const std::string name = on_terminal ? printable(path.native()) : path.native();
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

/// What a page says of where its captions come from.
std::string source_of(const Ensemble& ensemble) {
  if (ensemble.size() > 1) return "by attend, an ensemble of " + std::to_string(ensemble.size()) + " models";
  const Captioner& captioner = ensemble.first();
  const auto name = captioner.about.find("name");
  return name != captioner.about.end() && name->is_string() ? "by attend, model " + name->get<std::string>()
                                                            : "by attend";
}

MapFaults faults_of(const Caption& caption, const Captioner& captioner) {
  return check_maps(attention_maps(caption, captioner.encoder->grid(captioner.options.encoder.input_size)));
}

/// Captions the pictures, writes their files and lines, and counts in work.refused what went wrong.
void caption_all(Ensemble& ensemble, Work& work, const CaptionOptions& options, const CaptionFileOptions& outputs,
                 const DecodeOptions& decode, int threads) {
  const Captioner& captioner = ensemble.first();
  std::vector<std::filesystem::path> paths;
  for (const auto& picture : work.pictures) paths.push_back(picture.path);
  std::optional<CaptionPage> page;
  if (!options.html.empty()) page.emplace(options.html, source_of(ensemble));
  MapFaultCount map_faults;
  std::string output_fault;
  const WantedExplanations explanations{
      outputs.explanation,
      page || !outputs.overlay.empty() || (!outputs.maps.empty() && outputs.maps_format == "npy")};
  // An explanation takes as long as many captions: in small batches each appears soon.
  const int batch_size = outputs.explains() ? std::min(options.batch_size, 4) : options.batch_size;
  Progress progress("captioning", static_cast<int64_t>(paths.size()));
  const auto take = [&](std::vector<PictureCaptions>& batch) {
    std::vector<std::string> faults(batch.size());
    std::vector<PagePicture> on_page(page ? batch.size() : 0);
    if (outputs.any() || page)
      parallel_for(batch.size(), threads, [&](size_t i) {
        const size_t index = batch[i].index;
        try {
          if (!batch[i].refusal.empty()) return;
          if (page) on_page[i] = page_picture(paths[index], paths[index].native(), batch[i], captioner);
          if (outputs.any() && !is_unsure(batch[i], options)) write_files(work.files[index], paths[index], batch[i], captioner, outputs);
        } catch (const Error& error) {
          faults[i] = error.what();
        }
      });
    progress.clear();
    for (size_t i = 0; i < batch.size(); ++i) {
      work.unsure += is_unsure(batch[i], options);
      if (batch[i].refusal.empty()) {
        std::cout << lines_of(paths[batch[i].index], batch[i], captioner, options);
        if (page && !on_page[i].captions.empty()) page->add(on_page[i]);
        if (faults[i].empty() && (page || outputs.draws()))
          map_faults.add(page ? on_page[i].captions.front().faults
                              : faults_of(batch[i].captions.front(), captioner));
      }
      const std::string& fault = batch[i].refusal.empty() ? faults[i] : batch[i].refusal;
      if (fault.empty()) {
        if (outputs.any() && work.incomplete[batch[i].index]) ++work.refused;
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
      if (!page && !outputs.any()) throw;
      output_fault = fault.what();
    }
    progress.update(static_cast<int64_t>(batch.back().index + 1));
  };
  caption_pictures(ensemble, paths, decode, batch_size, threads, take, outputs.explains() ? &explanations : nullptr);
  progress.clear();
  if (page) page->finish();
  map_faults.warn_of();
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
    if (outputs.explains() && files.models.size() > 1)
      throw UsageError("--explain: explains what one model says; name one --model");
    Ensemble ensemble = files.load(choose_device(run.device));
    decode = model_decode_options(ensemble.first(), files.models.front().string());
    parse_command_line(arguments, list, syntax());  // what the line says counts more than what the model says
    if (answer(line, syntax(), list, std::cout)) return 0;
    ensemble.check(decode);
    check_confidence(ensemble, decode, options);
    work.incomplete = prepare_folders(work.files, outputs);
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
