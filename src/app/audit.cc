#include "pipeline/audit.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <optional>

#include "app/given_options.h"
#include "app/model_command.h"
#include "app/output_name.h"
#include "app/shard.h"
#include "app/terminal.h"
#include "base/csv.h"
#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/printable.h"
#include "base/process.h"
#include "pipeline/audit_record.h"
#include "pipeline/audit_words.h"
#include "pipeline/caption_pictures.h"
#include "pipeline/page_record.h"
#include "pipeline/score_pictures.h"
#include "pipeline/unknown_words.h"

namespace attend {
namespace {

struct AuditOptions {
  std::string format = "text";
  double least = 0.5;
  std::filesystem::path html;
  int worst = 100;
  std::string shard;
  std::filesystem::path held_out;
  AuditWork work;

  void list(OptionList& options) {
    options.section("", "Audit");
    options.add("others", work.others, "pictures that each caption is held against beside its own; more take longer",
                between(1, 64));
    options.add("seed", work.seed, "which they are", at_least(0));
    options.add("shard", shard,
                "I/N: only the I-th of N parts of the pictures, as attend caption has them, each of which is audited "
                "by itself");
    options.add("held_out", held_out,
                "a folder of pictures for validation or test, or a file as DATA is: pictures of the data that look "
                "like one of them are counted, and listed in --format json and jsonl");
    options.add("checkpoint", work.checkpoint,
                "file that gets what is found of every batch of pictures: an audit that was stopped goes on from it, "
                "and one that is over is written anew in another --format at once");
    options.section("", "Output");
    options.add("format", format,
                "text: score, picture, caption between tabs; csv; jsonl: an object a finding, captions first; json: "
                "all that was found, one object",
                one_of({"text", "csv", "jsonl", "json"}));
    options.add("least", least, "scores below this are left out of text, csv and jsonl; 0: every caption stands there",
                between(0, 1));
    options.add(
        "html", html,
        "write a page of the worst captions to this file, with where the model looks for their words, what it says "
        "itself, and the picture's other captions");
    options.add("worst", worst, "how many stand on the page", between(1, 100000));
    options.add("max_words", work.max_words, "a caption of more words is refused", between(1, 100000));
  }
};

CommandSyntax audit_syntax() {
  return {
      "audit",
      "[DATA | PATH...]",
      0,
      SIZE_MAX,
      "Finds captions that probably don't belong to their picture. A caption is held against its picture, against "
      "other pictures of the "
      "data and against the picture's other captions; its score is the probability that it belongs to another "
      "picture (docs/"
      "scoring.md says how far that is to be trusted). DATA is a file that attend score takes as --captions. "
      "Captions that are equal or "
      "differ by a word, captions that have no word in common with the picture's others, captions that are likely of "
      "another language, and pictures that are there twice or look the same are counted, and listed in --format "
      "json and jsonl. Nothing is changed.",
      {{"attend audit captions_train.json --images photos", "doubtful captions, worst first"},
       {"attend audit captions.csv --images photos --least 0 --format csv", "every caption with its score"},
       {"attend audit captions.csv --images photos --html worst.html", "the worst, to look at"},
       {"attend audit photos --sidecar --format json", "captions beside their pictures; all that was found"},
       {"attend audit captions_train.json --images photos --held-out captions_test.json --checkpoint train.audit",
        "also whether pictures of the test leaked; goes on where it was stopped"}},
      {"caption", "captions", "images", "sidecar", "recursive", "format", "least", "html", "model", "threads"}};
}

std::string digits(double value, int places) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", places, value);
  return text;
}

void print_lines(const AuditReport& report, const GivenPictures& data, const AuditOptions& options) {
  static const bool on_terminal = ::isatty(STDOUT_FILENO) != 0;
  const auto shown = [&](const std::string& text) { return on_terminal ? printable(text) : text; };
  if (options.format == "csv")
    std::cout << "file,caption,score,log_probability,contrast,likeness,words,unknown_words\r\n";
  for (size_t rank = 0; rank < report.captions.size(); ++rank) {
    const auto one = report.captions[rank];
    if (one.score < options.least) break;
    const std::string name = data.pictures[one.picture].name(), text = data.captions[one.picture][one.place];
    if (options.format == "csv")
      std::cout << csv_row({csv_field(name), csv_field(text), digits(one.score, 6), digits(one.log_probability, 6),
                            digits(one.contrast, 6), digits(one.likeness, 6), std::to_string(one.words),
                            std::to_string(one.unknown)});
    else
      std::cout << digits(one.score, 3) << "\t" << shown(name) << "\t" << shown(text) << "\n";
  }
}

/// A page of the worst captions, each beside what the model says itself.
void write_page(const AuditReport& report, const GivenPictures& data, Ensemble& ensemble, const ModelCommand& command,
                const AuditOptions& options) {
  const size_t count = std::min(report.captions.size(), static_cast<size_t>(options.worst));
  std::vector<PictureSource> pictures;
  std::vector<std::vector<std::string>> captions;
  for (size_t i = 0; i < count; ++i) {
    const auto one = report.captions[i];
    pictures.push_back(data.pictures[one.picture]);
    captions.push_back({data.captions[one.picture][one.place]});
  }
  std::vector<std::optional<SeenCaption>> own(count);
  Progress progress("page", 2 * static_cast<int64_t>(count));
  Host host = terminal_host(progress);
  CaptionWork caption{command.decode, command.threads()};
  caption.decode.n_best = 1;
  caption_pictures(ensemble, pictures, caption, host, [&](std::vector<SeenPicture>& batch) {
    for (auto& picture : batch)
      if (!picture.refused()) own[picture.index] = std::move(picture.captions.front());
  });
  CaptionPage page(options.html,
                   "the worst of " + counted(report.captions.size(), "caption") + ", audited " + credit_of(ensemble) +
                       "; each first as given, then as the model says it",
                   {{"score", 3}, {"contrast", 2}});
  ScoreWork score;
  score.max_words = options.work.max_words;
  score.plan.threads = command.threads();
  host.progress = [&](int64_t done, int64_t) { progress.update(static_cast<int64_t>(count) + done); };
  score_pictures(ensemble, pictures, captions, score, host, [&](std::vector<ScoredPicture>& batch) {
    for (auto& scored : batch) {
      if (scored.seen.refused() || scored.seen.captions.empty()) continue;
      const AuditedCaption audited = report.captions[scored.seen.index];
      if (auto& said = own[scored.seen.index]) scored.seen.captions.push_back(*std::move(said));
      PagePicture shown = page_record(scored.seen);
      shown.captions.front().by = "given";
      if (shown.captions.size() > 1) shown.captions.back().by = "the model";
      shown.thumbnail = read_thumbnail(pictures[scored.seen.index]);
      shown.references = data.captions[audited.picture];
      shown.references.erase(shown.references.begin() + audited.place);
      shown.figures = {audited.score, audited.contrast};
      page.add(shown);
    }
  });
  page.finish();
}

/// What there is to know beside the list.
void remark(const AuditReport& report, const FoundByWords& words, size_t held_out) {
  if (!report.fitted)
    note("fewer than " + std::to_string(kLeastToFit) +
         " captions: scores are made of contrasts alone, nothing could be fitted");
  note(digits(100 * report.share, 1) + " % of " + counted(report.captions.size(), "caption") +
       (report.captions.size() == 1 ? " is" : " are") + " estimated to belong to another picture");
  const auto count = [](size_t number, const char* noun, const char* of_one, const char* of_many) {
    if (number > 0) note(counted(number, noun) + (number == 1 ? of_one : of_many));
  };
  size_t equal = 0, near = 0, twice = 0, look = 0;
  for (const auto& group : words.alike) (group.equal ? equal : near) += group.sentences.size();
  for (const auto& group : report.same_pictures) twice += group.size();
  for (const auto& group : report.alike_pictures) look += group.size();
  count(equal, "caption", "", " are equal to others");  // never one alone
  count(near, "caption", "", " differ from others by a word");
  count(words.apart.size(), "caption", " has no word in common with the picture's others",
        " have no word in common with the picture's others");
  count(report.foreign.size(), "caption", " is likely of another language: the model knows few of its words",
        " are likely of another language: the model knows few of their words");
  count(twice, "picture", "", " are there more than once");
  count(look, "picture", "", " look like others that aren't the same pixel by pixel");
  if (report.unknown_words > 0) note(unknown_share(report.unknown_words, report.words));
  if (held_out > 0)
    note("pictures that look like one of those held out (" + std::to_string(held_out) +
         "): " + std::to_string(report.leaked.size()));
}

/// Those of a shard.
CaptionList only(const Shard& shard, const CaptionList& all) {
  CaptionList list;
  list.captions = list.refused = all.refused;
  for (size_t i = 0; i < all.pictures.size(); ++i) {
    auto one = all.pictures[i];
    if (!shard.has(one.picture)) continue;
    list.captions += one.captions.size();
    list.pictures.add(std::move(one));
  }
  return list;
}

/// The pictures of --held-out.
struct HeldOut {
  std::vector<PictureSource> pictures;
  size_t refused = 0;  // entries that name none that is there; as has been said
};

HeldOut find_held_out(const std::filesystem::path& named, const GivenOptions& given) {
  HeldOut held_out;
  if (named.empty()) return held_out;
  if (std::filesystem::is_directory(named)) {
    std::vector<std::string> missing;
    for (const auto& picture : find_given_pictures({named.string()}, given.recursive, missing))
      held_out.pictures.emplace_back(picture);
    for (const auto& refusal : missing) complain(refusal);
    held_out.refused = missing.size();
  } else {
    const auto list = read_caption_list(named, given.images, complain);
    for (size_t i = 0; i < list.pictures.size(); ++i) held_out.pictures.emplace_back(list.pictures[i].picture);
    held_out.refused = list.refused;
  }
  if (held_out.pictures.empty()) throw InputError(named.string() + ": no pictures there");
  return held_out;
}

}  // namespace

int audit_command(const std::vector<std::string>& arguments) {
  ModelCommand command(arguments, audit_syntax(), false);
  GivenOptions given;
  AuditOptions options;
  options.work.plan.batch_size = 32;
  options.work.plan.alike = true;
  given.list(command.list);
  options.list(command.list);
  command.files.list(command.list);
  command.run.list(command.list);
  command.list.add("batch_size", options.work.plan.batch_size,
                   "pictures that a processor computes together; more take more memory", between(2, 4096));
  const auto line = command.read();
  if (!line) return 0;
  auto paths = line->positional;
  if (given.captions.empty() && given.caption.empty() && !given.sidecar && paths.size() == 1) {
    given.captions = paths.front();
    paths.clear();
  }
  check_html_name(options.html);
  const Shard shard(options.shard);
  CaptionList list = given.gather(paths);
  if (shard.count > 1) list = only(shard, list);
  check_output("--html", options.html, {given.captions, options.held_out});
  const GivenPictures data(list.pictures);
  const auto held_out = find_held_out(options.held_out, given);
  options.work.held_out = held_out.pictures;
  auto ensemble = command.open();
  if (!ensemble) return 0;
  options.work.plan.threads = command.threads();
  watch_interrupts();
  Progress progress("auditing", static_cast<int64_t>(data.pictures.size()));
  options.work.refuse = [&](const std::string& refusal) {
    progress.clear();
    complain(refusal);
  };
  AuditReport report;
  try {
    report = audit_captions(*ensemble, data.pictures, data.captions, options.work, terminal_host(progress));
  } catch (const Interrupted& stopped) {
    if (options.work.checkpoint.empty()) throw;
    throw Interrupted(stopped.what() + ("; the same command goes on from " + options.work.checkpoint.string()));
  }
  progress.clear();
  const auto words = find_by_words(data.captions);
  const AuditRecord record(report, words, data.pictures, data.captions, held_out.pictures);
  if (options.format == "json")
    record.write(std::cout);
  else if (options.format == "jsonl")
    record.write_lines(std::cout, options.least);
  else
    print_lines(report, data, options);
  flush_output();
  if (!options.html.empty()) write_page(report, data, *ensemble, command, options);
  remark(report, words, held_out.pictures.size());
  const size_t failed = list.refused + report.refused;
  if (failed > 0) complain(count_of_captions(failed, list.captions) + " failed");
  const size_t unseen = held_out.refused + report.held_out_refused;
  if (unseen > 0) complain(std::to_string(unseen) + " of those held out can't be read");
  return failed + unseen > 0 ? 1 : 0;
}

}  // namespace attend
