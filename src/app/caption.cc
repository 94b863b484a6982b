#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>

#include "app/caption_file_options.h"
#include "app/commands.h"
#include "app/model_file.h"
#include "app/name_stream.h"
#include "app/output_name.h"
#include "app/shard.h"
#include "app/terminal.h"
#include "base/csv.h"
#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/printable.h"
#include "base/process.h"
#include "base/stderr_console.h"
#include "pipeline/caption_outputs.h"
#include "pipeline/caption_pictures.h"
#include "pipeline/caption_record.h"
#include "pipeline/caption_wording.h"
#include "pipeline/captioned_index.h"
#include "pipeline/picture_metadata.h"
#include "pipeline/video_frames.h"
#include "vision/find_pictures.h"
#include "vision/name_list.h"
#include "viz/typeface.h"

namespace attend {
namespace {

/// Names taken from standard input at once: enough to keep the batches full.
constexpr size_t kMostNames = 512;

/// Frames of a video that are in memory at once: enough to keep the batches full, and no more of large ones than so many
/// bytes.
constexpr size_t kMostFrames = 256, kMostFrameBytes = 256 << 20;

struct CaptionOptions {
  bool recursive = false;
  std::vector<std::string> exclude;
  std::filesystem::path files_from;  // -: standard input
  bool null = false;
  std::string shard;
  std::filesystem::path only_new;  // an index; empty: none
  bool ignore_bad = false;
  double frame_every = 0;  // seconds; 0: no videos
  std::string format = "text";
  Wording wording;
  bool answer_all = false;
  std::filesystem::path html;  // empty: no page
  int batch_size = kBatchSize;
  double min_confidence = 0;
  bool summary = false, quiet = false;

  void list(OptionList& options) {
    options.section("", "Pictures");
    options.add("recursive", recursive, "look in subfolders too");
    options.add("exclude", exclude,
                "pass over files and subfolders with names like this pattern, or, where it has a slash, with paths "
                "like it; may "
                "be repeated");
    options.add(
        "files_from", files_from,
        "read more pictures, folders and patterns from this file, one a line; -: standard input, whose lines are "
        "answered as they come");
    options.add("null", null, "names in --files-from, and lines of text on standard output, end with a NUL byte");
    options.add(
        "only_new", only_new,
        "caption what isn't in this index file by its content, and add it there: next time what is new or changed");
    options.add(
        "shard", shard,
        "I/N: only the I-th of N parts of the pictures, to be captioned by N programs (attend merge joins what they "
        "write); auto: as Slurm's job array or RANK and WORLD_SIZE say");
    options.add("ignore_bad", ignore_bad,
                "pictures that can't be read are reported, and the exit status is 0 all the same");
    options.add(
        "frame_every", frame_every,
        "caption videos, too: the first frame and then one each so many seconds, as clip.mp4#t=12.0; 0: videos are "
        "passed over",
        between(0, 86400));
    options.section("", "Output");
    options.add("format", format,
                "text: picture, tab, caption; csv: a table with a header; jsonl: a JSON object a line, with words and "
                "attention",
                one_of({"text", "csv", "jsonl"}));
    options.add("answer_all", answer_all,
                "a line for pictures that can't be read or are skipped, too: in text nothing stands behind its tab, "
                "csv and jsonl "
                "say why");
    options.add("prefix", wording.prefix, "text before every caption, wherever it is written");
    options.add("suffix", wording.suffix, "text behind every caption");
    options.add("sentence", wording.sentence,
                "captions, with prefix and suffix, begin with a capital and end with a full stop");
    options.add("min_confidence", min_confidence,
                "a caption of less confidence gets no files, in text and csv its place is empty, and in jsonl it has "
                "\"below_min_confidence\"; 0: all are taken",
                between(0, 1));
    options.add("html", html,
                "write a page of all pictures and captions to this file: point at a word and see where it looked");
    options.add(
        "summary", summary,
        "the last line on standard error says how many pictures were captioned, skipped and failed, in what time");
    options.add("quiet", quiet,
                "on standard error only what went wrong: no warnings, no progress, no counts of what was skipped");
  }

  void check() const {
    check_html_name(html);
    for (const auto* text : {&wording.prefix, &wording.suffix})
      if (text->find_first_of("\r\n") != text->npos) throw UsageError("--prefix, --suffix: a caption is one line");
    Shard{shard};
    constexpr double kLeast = 0.01;
    if (frame_every > 0 && frame_every < kLeast) throw UsageError("--frame-every: at least 0.01 seconds");
    if (frame_every > 0 && !only_new.empty())
      throw UsageError("--frame-every, --only-new: an index has pictures, no frames; leave out one of them");
    if (null && files_from.empty() && format != "text")
      throw UsageError("--null: is of --files-from and of --format text");
    if (std::any_of(exclude.begin(), exclude.end(), [](const std::string& pattern) { return pattern.empty(); }))
      throw UsageError("--exclude: an empty pattern");
  }
};

/// Throws UsageError where explanations are described but not asked for, or asked for but shown nowhere.
void check_explanations(const CommandLine& line, const CaptionOptions& options, const CaptionFileOptions& outputs) {
  for (const auto& flag : line.flags) {
    if (flag.rfind("explain-", 0) != 0) continue;
    if (outputs.explain != "smooth") throw UsageError("--" + flag + ": is of --explain smooth only");
  }
  const bool shown =
      options.format == "jsonl" || !options.html.empty() || !outputs.overlay.empty() || !outputs.maps.empty();
  if (outputs.explained && !shown)
    throw UsageError(
        "--explain: say where it is to be shown: --format jsonl, --overlay DIR, --maps DIR or --html FILE");
}

/// Throws UsageError where confidence decides and isn't known; warns where it would be but for how captions are decoded.
void check_confidence(const Ensemble& ensemble, const DecodeOptions& decode, const CaptionOptions& options) {
  const std::string fault = ensemble.confidence_fault(decode);
  if (fault.empty()) return;
  if (options.min_confidence > 0) throw UsageError("--min-confidence: no confidence is known: " + fault);
  if (!options.quiet && !ensemble.first().confidence.is_null() && (options.format != "text" || !options.html.empty()))
    warn("no confidence is given: " + fault);
}

CommandSyntax caption_syntax() {
  return {
      "caption",
      "[PATH...]",
      0,
      SIZE_MAX,
      "Captions pictures: files, folders, archives (zip, tar, tar.gz) and patterns, in the order given. Captions go to "
      "standard output, a line a "
      "picture as soon as it is done, and to files where asked for. With files, a picture whose files are all there "
      "is skipped altogether. - is a picture on standard input. A picture that can't be read is reported and the rest "
      "is "
      "captioned; the exit status is then 1. In text, names stand byte for byte; in JSON, a name that isn't UTF-8 has "
      "U+FFFD in "
      "\"file\" for its stray bytes and stands byte for byte in \"file_base64\". With --n-best, text has a line a "
      "caption, JSON has \"alternatives\". \"confidence\" is the probability that a caption is among the better half "
      "of its "
      "model's captions, \"familiar\" whether the picture is like those the model learnt from.",
      {{"attend caption photo.jpg", "caption a picture"},
       {"attend caption photos --html photos.html", "a page to look at, in one file"},
       {"attend caption --recursive photos --overlay seen", "caption a tree and show where every word looked"},
       {"attend caption photos --sidecar >/dev/null", "write photos/NAME.txt for every picture that has none"},
       {"attend caption --recursive photos --only-new photos.index --format jsonl >> photos.jsonl",
        "what is new or changed since the last time"},
       {"curl -s URL | attend caption -", "a picture on standard input"},
       {"attend caption album.zip --sidecar-dir captions", "the pictures in an archive, which stays as it is"},
       {"attend caption clip.mp4 --frame-every 2", "a frame of a video every two seconds"},
       {"attend caption photos --sidecar --min-confidence 0.5", "only where the caption is more likely good than not"},
       {"attend caption --format jsonl --n-best 5 photo.jpg", "five captions with their probabilities, as JSON"},
       {"attend caption photos --must dog", "every caption says \"dog\" or \"dogs\""},
       {"attend caption --model a.safetensors --model b.safetensors photo.jpg", "let two models caption together"},
       {"attend caption photos --explain plain --overlay seen", "also show what each word depends on"},
       {"find . -name '*.jpg' -print0 | attend caption --null --files-from -", "names with any bytes in them"}},
      {"recursive", "files-from", "only-new", "format", "html", "min-confidence", "sidecar", "xmp", "metadata",
       "overlay", "animate", "if-exists", "model", "beam-width", "n-best", "must", "threads"}};
}

/// A name in a list that standard input has: it can't be a picture, too.
void mean_a_file(std::vector<std::string>& names) {
  for (auto& name : names)
    if (name == kStandardInput) name = "./-";
}

/// The names in a list: a file, or "-" for standard input.
std::vector<std::string> names_from(const std::string& list, char end) {
  if (list != "-") return parse_name_list(read_file(list), end, list);
  auto names = parse_name_list(std::string(std::istreambuf_iterator(std::cin), {}), end, "standard input");
  mean_a_file(names);
  return names;
}

/// Standard output is a file that has something in it already: a table there has its header.
bool continues_a_file() {
  struct stat status;
  return ::fstat(STDOUT_FILENO, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
}

std::string number_text(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", number);
  return text;
}

const char* const kCsvHeader =
    "file,caption,rank,confidence,familiar,log_probability,plain_log_probability,width,height,remark\r\n";

std::string csv_lines(const SeenPicture& picture, bool unsure) {
  std::string lines;
  for (size_t i = 0; i < (unsure ? 1 : picture.captions.size()); ++i) {
    const SeenCaption& caption = picture.captions[i];
    lines +=
        csv_row({csv_field(picture.name), unsure ? "" : csv_field(caption.text), std::to_string(i + 1),
                 caption.confidence ? number_text(*caption.confidence) : "",
                 picture.familiar ? *picture.familiar ? "true" : "false" : "", number_text(caption.log_probability),
                 number_text(caption.plain_log_probability), std::to_string(picture.size.width),
                 std::to_string(picture.size.height), unsure ? "below --min-confidence" : ""});
  }
  return lines;
}

/// A terminal would obey what a name says; whoever reads names from a pipe or a file gets them byte for byte.
std::string shown(const std::string& text) {
  static const bool on_terminal = ::isatty(STDOUT_FILENO) != 0;
  return on_terminal ? printable(text) : text;
}

/// What standard output gets of one picture.
std::string lines_of(const SeenPicture& picture, const CaptionOptions& options) {
  const bool unsure = is_unsure(picture, options.min_confidence);
  if (options.format == "jsonl") {
    Json record = caption_record(picture);
    if (options.min_confidence > 0) record["below_min_confidence"] = unsure;
    return one_line(record) + "\n";
  }
  if (options.format == "csv") return csv_lines(picture, unsure);
  const char end = options.null ? '\0' : '\n';
  if (unsure) return shown(picture.name) + "\t" + end;
  std::string lines;
  for (const auto& caption : picture.captions) lines += shown(picture.name) + "\t" + shown(caption.text) + end;
  return lines;
}

/// The same of one that has no caption; what: "error" or "skipped".
std::string line_without_caption(const std::string& name, const char* what, const std::string& why,
                                 const CaptionOptions& options) {
  if (options.format == "jsonl") {
    Json record = name_record(name);
    record[what] = why;
    return one_line(record) + "\n";
  }
  if (options.format == "csv") return csv_row({csv_field(name), "", "", "", "", "", "", "", "", csv_field(why)});
  return shown(name) + "\t" + (options.null ? '\0' : '\n');
}

std::string count_of(size_t part, size_t all) { return counted_of(part, all, "picture"); }

/// Pictures to caption, in order, and the files each still needs.
struct Work {
  std::vector<FoundPicture> pictures;
  std::vector<PictureFiles> files;                      // none when no files are asked for
  std::vector<bool> incomplete;                         // of `files`: whether some can't be written, as has been said
  std::vector<CaptionedIndex::Stamp> stamps;            // none where neither an index nor metadata are written
  std::vector<std::pair<size_t, FoundPicture>> videos;  // and before which of `pictures` each stands
  std::vector<std::pair<size_t, std::string>> without_caption;  // lines, and before which of `pictures` each stands
  size_t lines_printed = 0;                                     // of these
};

/// What became of all pictures.
struct Tally {
  size_t all = 0, captioned = 0;
  size_t skipped = 0;    // their files are there
  size_t unchanged = 0;  // the index has them
  size_t unsure = 0;
  size_t bad = 0;     // can't be read
  size_t failed = 0;  // aren't there, or have no such caption, or their files can't be written
};

/// Frames by the paths of their pictures.
using Frames = std::map<std::filesystem::path, VideoFrame>;

class CaptionRun {
 public:
  explicit CaptionRun(const std::vector<std::string>& arguments) : arguments_(arguments), planner_(outputs_) {}
  int run();

 private:
  void gather_and_caption(const std::vector<std::string>& names);
  void gather_and_caption_stream();
  FoundPictures find(const std::vector<std::string>& names, std::vector<std::pair<size_t, std::string>>& lines) const;
  void remark(const FoundPictures& found) const;
  std::vector<PictureFiles> plan_of(const std::vector<FoundPicture>& pictures);
  Work gather(FoundPictures found, std::vector<std::pair<size_t, std::string>> lines);
  void open();
  void caption_work(Work& work, const Frames& frames = {});
  void caption(Work& work, const Frames& frames);
  void caption_video(const FoundPicture& video);
  void take(std::vector<SeenPicture>& batch, std::span<const PictureSource> pictures, Work& work);
  void print(const std::string& lines);
  void print_without_caption(Work& work, size_t before);
  void write_metadata(const std::vector<SeenPicture>& batch, std::vector<CaptionOutputs::Written>& written, Work& work);
  void flush();
  int finish();

  const std::vector<std::string> arguments_;
  OptionList list_;
  CommandLine line_;
  ModelFiles files_;
  CaptionOptions options_;
  CaptionFileOptions outputs_;
  DecodeOptions decode_;
  RunOptions run_;
  int threads_ = 1;
  bool streams_ = false;  // pictures are captioned as standard input names them

  FilePlanner planner_;
  std::optional<CaptionedIndex> index_;
  std::optional<PictureMetadata> metadata_;
  std::string standard_input_;  // the bytes of a picture
  std::optional<Ensemble> ensemble_;
  std::optional<CaptionOutputs> writer_;
  std::optional<Progress> progress_;
  bool header_due_ = false;
  std::string output_fault_;  // of standard output or the index
  Tally tally_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Looks for each name by itself where every one is to be answered, so that `lines` say what isn't there in its place.
FoundPictures CaptionRun::find(const std::vector<std::string>& names,
                               std::vector<std::pair<size_t, std::string>>& lines) const {
  const bool videos = options_.frame_every > 0;
  if (!options_.answer_all) return find_pictures(names, options_.recursive, options_.exclude, videos);
  FoundPictures all;
  const auto join = [](auto& to, auto& from) { std::move(from.begin(), from.end(), std::back_inserter(to)); };
  for (const auto& name : names) {
    FoundPictures found = find_pictures({name}, options_.recursive, options_.exclude, videos);
    join(all.pictures, found.pictures);
    for (const auto& refusal : found.refusals)
      lines.emplace_back(all.pictures.size(), line_without_caption(name, "error", refusal, options_));
    join(all.refusals, found.refusals), join(all.empty, found.empty), join(all.unopened, found.unopened);
    join(all.own, found.own), join(all.not_entered, found.not_entered), join(all.archives, found.archives);
    join(all.nested, found.nested), join(all.videos, found.videos), join(all.of_archives, found.of_archives);
    for (auto& [kind, paths] : found.unread) join(all.unread[kind], paths);
  }
  return all;
}

/// Says what was passed over and what isn't there. Throws InputError where that is all, and no more can come.
void CaptionRun::remark(const FoundPictures& found) const {
  std::vector<std::string> lines = found.remarks();
  const bool nothing = found.pictures.empty() && found.refusals.empty() && !streams_;
  if (nothing && lines.empty()) lines.push_back("no pictures: --exclude passes over all of them");
  for (size_t i = 0; i + nothing < lines.size(); ++i)
    if (!options_.quiet) warn(lines[i]);
  if (nothing) throw InputError(lines.back());
  for (const auto& refusal : found.refusals) complain(refusal);
}

/// None where no files are asked for. How many names come at once is by chance: files are then named as if each came alone.
std::vector<PictureFiles> CaptionRun::plan_of(const std::vector<FoundPicture>& pictures) {
  if (!outputs_.any()) return {};
  if (!streams_) return planner_.plan(pictures);
  std::vector<PictureFiles> plan;
  for (const auto& picture : pictures) plan.push_back(planner_.plan({picture}).front());
  return plan;
}

/// lines: those that stand before a picture of `found`.
Work CaptionRun::gather(FoundPictures found, std::vector<std::pair<size_t, std::string>> lines) {
  Work work;
  tally_.failed += found.refusals.size();
  tally_.all += found.refusals.size();
  std::vector<FoundPicture> pictures;
  const Shard shard(options_.shard);
  // How many come at once is by chance where they are a stream: what can't be done for one isn't the others' fault.
  const auto has_place = [&](const FoundPicture& picture) {
    return picture.container.empty() || !outputs_.beside() || !streams_;
  };
  for (size_t i = 0; i < found.pictures.size(); ++i) {
    FoundPicture& picture = found.pictures[i];
    if (picture.is_video || !has_place(picture) || !shard.has(picture.path)) continue;
    pictures.push_back(picture);
  }
  auto plan = plan_of(pictures);
  size_t planned = 0;
  auto line = lines.begin();
  for (size_t at = 0; at <= found.pictures.size(); ++at) {
    for (; line != lines.end() && line->first == at; ++line)
      work.without_caption.emplace_back(work.pictures.size(), std::move(line->second));
    if (at == found.pictures.size()) break;
    FoundPicture& picture = found.pictures[at];
    if (picture.is_video) {
      work.videos.emplace_back(work.pictures.size(), std::move(picture));
      continue;
    }
    if (!shard.has(picture.path)) continue;
    if (!has_place(picture)) {
      const std::string why =
          picture.path.string() + ": lies in an archive; nothing is written into or beside it there";
      complain(why);
      ++tally_.all, ++tally_.failed;
      if (options_.answer_all)
        work.without_caption.emplace_back(work.pictures.size(),
                                          line_without_caption(picture.path, "error", why, options_));
      continue;
    }
    const size_t i = planned++;
    ++tally_.all;
    const auto skip = [&](size_t& count, const char* why) {
      ++count;
      if (options_.answer_all)
        work.without_caption.emplace_back(work.pictures.size(),
                                          line_without_caption(picture.path, "skipped", why, options_));
    };
    CaptionedIndex::Stamp stamp;
    if ((index_ || metadata_) && picture.path != kStandardInput) stamp = CaptionedIndex::stamp_of(picture.path);
    if (index_ && picture.path != kStandardInput && index_->knows(picture.path, stamp)) {
      skip(tally_.unchanged, "captioned before");
      continue;
    }
    if (metadata_) {
      const auto place = metadata_->look(picture.path);
      const bool no_place = place == PictureMetadata::Found::kNoPlace;
      if ((place == PictureMetadata::Found::kCaption && outputs_.if_exists == IfExists::skip) ||
          (no_place && outputs_.xmp))
        plan[i].metadata.clear();
      if (!no_place) plan[i].xmp.clear();
    }
    if (!plan.empty() && !plan[i].any() && options_.html.empty()) {  // a page has every picture
      skip(tally_.skipped, "its files are there");
      continue;
    }
    if (index_ || metadata_) work.stamps.push_back(stamp);
    if (!plan.empty()) work.files.push_back(plan[i]);
    work.pictures.push_back(std::move(picture));
  }
  return work;
}

/// Opens the models. What the line says counts more than what they say.
void CaptionRun::open() {
  threads_ = run_.set_threads();
  files_.choose();
  if (outputs_.explained && files_.models.size() > 1)
    throw UsageError("--explain: explains what one model says; name one --model");
  ensemble_.emplace(open_models(files_, choose_device(run_.device)));
  decode_ = model_decode_options(ensemble_->first(), files_.models.front().string());
  parse_command_line(arguments_, list_, caption_syntax());
}

void CaptionRun::print(const std::string& lines) {
  if (header_due_) std::cout << kCsvHeader;
  header_due_ = false;
  std::cout << lines;
}

/// Lines that are due before a picture.
void CaptionRun::print_without_caption(Work& work, size_t before) {
  for (auto& next = work.lines_printed;
       next < work.without_caption.size() && work.without_caption[next].first <= before; ++next)
    print(work.without_caption[next].second);
}

/// Writes captions into the pictures of a batch whose other files are written; the index is to know the pictures as they then
/// are.
void CaptionRun::write_metadata(const std::vector<SeenPicture>& batch, std::vector<CaptionOutputs::Written>& written,
                                Work& work) {
  for (size_t i = 0; i < batch.size(); ++i) {
    const SeenPicture& picture = batch[i];
    const auto& file = work.files[picture.index].metadata;
    if (picture.refused() || !written[i].fault.empty() || file.empty() || is_unsure(picture, options_.min_confidence))
      continue;
    try {
      metadata_->write(file, work.stamps[picture.index], picture.best().text, outputs_.if_exists);
      work.stamps[picture.index] = CaptionedIndex::stamp_of(file);
    } catch (const Error& error) {
      written[i].fault = error.what();
    }
  }
}

/// Files and the page are made all the same where standard output can't be written.
void CaptionRun::flush() {
  try {
    flush_output();
  } catch (const OutputClosed&) {
    throw;
  } catch (const Error& fault) {
    if (!outputs_.any() && !writer_->has_page()) throw;
    output_fault_ = fault.what();
  }
}

/// Writes the files and lines of a batch, and counts what became of it.
void CaptionRun::take(std::vector<SeenPicture>& batch, std::span<const PictureSource> pictures, Work& work) {
  for (auto& picture : batch) word_captions(picture, options_.wording);
  auto written = writer_->write(batch, pictures, work.files, options_.min_confidence);
  if (metadata_) write_metadata(batch, written, work);
  progress_->clear();
  std::string captioned;  // lines of the index
  for (size_t i = 0; i < batch.size(); ++i) {
    const SeenPicture& picture = batch[i];
    print_without_caption(work, picture.index);
    const bool unsure = is_unsure(picture, options_.min_confidence);
    tally_.unsure += unsure;
    if (!picture.refused())
      print(lines_of(picture, options_));
    else if (options_.answer_all)
      print(line_without_caption(picture.name, "error", picture.refusal, options_));
    writer_->keep(picture, written[i]);
    const std::string& fault = picture.refused() ? picture.refusal : written[i].fault;
    if (!fault.empty()) {
      std::cout << std::flush;  // so that on a terminal both keep their order
      complain(fault);
      ++(picture.refused() && !picture.was_read() ? tally_.bad : tally_.failed);
    } else if (!work.files.empty() && work.incomplete[picture.index]) {
      ++tally_.failed;
    } else {
      tally_.captioned += !unsure;
      if (index_ && work.pictures[picture.index].path != kStandardInput)
        captioned += CaptionedIndex::line_of(work.pictures[picture.index].path, work.stamps[picture.index]);
    }
  }
  flush();
  if (!index_ || !output_fault_.empty()) return;
  try {
    index_->add(captioned);
  } catch (const Error& fault) {
    output_fault_ = fault.what();
  }
}

void CaptionRun::caption(Work& work, const Frames& frames) {
  auto prepared = prepare_folders(work.files, outputs_);
  if (!prepared.no_file.empty() && !streams_) throw Error(prepared.no_file);
  work.incomplete = std::move(prepared.incomplete);
  for (const auto& fault : prepared.faults) complain(fault);
  if (!writer_) {
    check_output("--html", options_.html, {options_.files_from});  // may lie in one of these folders
    if (!outputs_.font.empty()) use_font(outputs_.font);
    watch_interrupts();
    writer_.emplace(outputs_, options_.html, credit_of(*ensemble_), threads_);
    const bool is_known = !streams_ && frames.empty() && work.videos.empty();
    progress_.emplace("captioning", is_known ? static_cast<int64_t>(work.pictures.size()) : 0);
  }
  std::vector<PictureSource> pictures;
  for (const auto& [path, name, container, is_video] : work.pictures) {
    if (const auto frame = frames.find(path); frame != frames.end()) {
      const auto& [time, width, height, pixels] = frame->second;
      pictures.emplace_back(RgbPicture{reinterpret_cast<const unsigned char*>(pixels.data()), width, height,
                                       3 * static_cast<size_t>(width), path, time});
      continue;
    }
    if (path != kStandardInput) {
      pictures.emplace_back(path);
      continue;
    }
    if (standard_input_.empty()) standard_input_.assign(std::istreambuf_iterator(std::cin), {});
    pictures.emplace_back(EncodedPicture{
        {reinterpret_cast<const unsigned char*>(standard_input_.data()), standard_input_.size()}, kStandardInput});
  }
  CaptionWork how{decode_, threads_, options_.batch_size};
  if (outputs_.explained) {
    how.explain = &outputs_.explanation;
    how.explain_pixels =
        writer_->has_page() || !outputs_.overlay.empty() || (!outputs_.maps.empty() && outputs_.maps_format == "npy");
  }
  Host host = terminal_host(*progress_);
  if (options_.quiet) host.warn = [](const std::string&) {};
  const auto caption_part = [&](size_t start, size_t end) {
    if (start == end) return;
    const auto before = static_cast<int64_t>(tally_.captioned);
    host.progress = [&](int64_t done, int64_t) {
      if (!options_.quiet) progress_->update(before + done);
    };
    caption_pictures(*ensemble_, std::span(pictures).subspan(start, end - start), how, host,
                     [&](std::vector<SeenPicture>& batch) {
                       for (auto& picture : batch) picture.index += start;
                       take(batch, pictures, work);
                     });
  };
  size_t first = 0;
  for (const auto& [end, video] : work.videos) {
    caption_part(first, end);
    print_without_caption(work, end);
    caption_video(video);
    first = end;
  }
  caption_part(first, pictures.size());
}

/// The frames of a video as they come. One that can't be read, or not to its end, is a bad picture.
void CaptionRun::caption_video(const FoundPicture& video) {
  std::optional<VideoFrames> frames;
  std::string fault;
  const auto next = [&]() -> std::optional<VideoFrame> {
    try {
      if (!frames) frames.emplace(video.path, options_.frame_every);
      auto frame = frames->next();
      if (!frame) fault = frames->remark();
      return frame;
    } catch (const InputError& error) {
      fault = error.what();
      return std::nullopt;
    }
  };
  for (bool more = true; more;) {
    FoundPictures found;
    Frames read;
    for (size_t bytes = 0; more && read.size() < kMostFrames && bytes < kMostFrameBytes;) {
      auto frame = next();
      more = frame.has_value();
      if (!more) break;
      bytes += frame->pixels.size();
      const std::string path = frame_name(video.path, frame->time);
      found.pictures.push_back({path, frame_name(video.name, frame->time), video.path});
      read.emplace(path, *std::move(frame));
    }
    if (found.pictures.empty()) break;
    Work work = gather(std::move(found), {});
    caption_work(work, read);
  }
  if (fault.empty()) return;
  if (options_.answer_all) print(line_without_caption(video.path, "error", fault, options_));
  std::cout << std::flush;
  complain(fault);
  ++tally_.all, ++tally_.bad;
}

void CaptionRun::caption_work(Work& work, const Frames& frames) {
  if (!work.pictures.empty() || !work.videos.empty()) {
    if (!ensemble_) {
      open();
      ensemble_->check(decode_);
      if (const auto remark = ensemble_->remark(decode_); !remark.empty() && !options_.quiet) warn(remark);
      check_confidence(*ensemble_, decode_, options_);
    }
    caption(work, frames);
  }
  print_without_caption(work, work.pictures.size());
}

void CaptionRun::gather_and_caption(const std::vector<std::string>& names) {
  std::vector<std::pair<size_t, std::string>> lines;  // those of `found`
  FoundPictures found = find(names, lines);
  remark(found);
  Work work = gather(std::move(found), std::move(lines));
  caption_work(work);
  if (streams_) flush_output();
}

void CaptionRun::gather_and_caption_stream() {
  NameStream stream(options_.null ? '\0' : '\n');
  bool any = false;
  for (auto names = stream.next(kMostNames); !names.empty(); names = stream.next(kMostNames)) {
    any = true;
    mean_a_file(names);
    gather_and_caption(names);
  }
  if (!any && line_.positional.empty()) throw InputError("-: no names in it");
}

int CaptionRun::finish() {
  if (header_due_) print("");  // a table of nothing
  if (progress_) progress_->clear();
  if (writer_) {
    auto remarks = writer_->finish();
    if (const auto letters = text_faults(); !letters.empty()) remarks.push_back(letters);
    if (!options_.quiet)
      for (const auto& text : remarks) warn(text);
  }
  if (!output_fault_.empty()) throw Error(output_fault_);
  const auto [all, captioned, skipped, unchanged, unsure, bad, failed] = tally_;
  if (options_.summary) {
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start_;
    flush_output();
    complain(std::to_string(captioned) + " captioned, " + std::to_string(skipped + unchanged) + " skipped, " +
             (options_.min_confidence > 0 ? std::to_string(unsure) + " less sure than --min-confidence, " : "") +
             std::to_string(bad + failed) + " failed, in " + clock_text(time.count()));
  } else {
    if (unsure > 0 && !options_.quiet)
      complain(count_of(unsure, all) + " less sure than --min-confidence: no caption taken, no files written");
    if (skipped > 0 && !options_.quiet)
      complain(count_of(skipped, all) + " skipped: their files " + (metadata_ ? "or captions " : "") +
               "are there (--overwrite makes them anew)");
    if (unchanged > 0 && !options_.quiet)
      complain(count_of(unchanged, all) + " skipped: captioned before, as " + options_.only_new.string() + " says");
    if (bad + failed > 0) complain(count_of(bad + failed, all) + " failed");
  }
  return failed > 0 || (bad > 0 && !options_.ignore_bad) ? 1 : 0;
}

int CaptionRun::run() {
  CommandSyntax described = caption_syntax();
  show_model_defaults(arguments_, false, decode_, described);
  options_.list(list_);
  outputs_.list(list_);
  files_.list(list_);
  decode_.list(list_);
  run_.list(list_);
  list_.add("batch_size", options_.batch_size, "pictures that a processor computes together; more take more memory",
            between(1, 4096));
  line_ = parse_command_line(arguments_, list_, caption_syntax());
  if (line_.help) return answer(line_, described, list_, std::cout), 0;
  options_.check();
  outputs_.check(line_);
  check_explanations(line_, options_, outputs_);
  if (line_.dump_config) {
    open();
    answer(line_, caption_syntax(), list_, std::cout);
    return 0;
  }
  if (options_.frame_every > 0 && outputs_.beside())
    throw UsageError("--frame-every: frames have no place for files beside them; name a folder with --sidecar-dir");
  auto names = line_.positional;
  const bool list_is_input = options_.files_from == "-";
  if (std::find(names.begin(), names.end(), kStandardInput) != names.end()) {
    if (list_is_input) throw UsageError("-: standard input is the list of names already");
    if (outputs_.beside())
      throw UsageError("-: a picture on standard input has no place for files beside it; name a folder");
  }
  streams_ = list_is_input && !outputs_.has_folders();
  if (!options_.files_from.empty() && !streams_) {
    for (auto& name : names_from(options_.files_from, options_.null ? '\0' : '\n')) names.push_back(std::move(name));
    if (names.empty()) throw InputError(options_.files_from.string() + ": no names in it");
  }
  if (names.empty() && !streams_)
    throw UsageError("no pictures: name files, folders or patterns, or a list of them with --files-from");
  if (!options_.only_new.empty()) {
    index_.emplace(options_.only_new);
    if (const auto lines = index_->faulty_lines(); lines > 0 && !options_.quiet)
      warn(options_.only_new.string() + ": " + std::to_string(lines) + (lines == 1 ? " line is" : " lines are") +
           " incomplete; those pictures are captioned again");
  }
  if (outputs_.metadata) metadata_.emplace();
  if (const Shard shard(options_.shard); !shard.source.empty() && !options_.quiet)
    note("part " + std::to_string(shard.number) + " of " + std::to_string(shard.count) + ", as " + shard.source +
         " says");
  header_due_ = options_.format == "csv" && !continues_a_file();
  try {
    if (!names.empty()) gather_and_caption(names);
    if (streams_) gather_and_caption_stream();
  } catch (const Interrupted& stopped) {
    const std::string says = streams_ ? "stopped after " + counted(tally_.captioned, "picture") : stopped.what();
    if (writer_) writer_->finish(says);  // what is captioned is kept, the page too
    throw Interrupted(says);
  }
  return finish();
}

}  // namespace

int caption_command(const std::vector<std::string>& arguments) { return CaptionRun(arguments).run(); }

}  // namespace attend
