#include "pipeline/audit.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <optional>

#include "app/given_options.h"
#include "app/html_name.h"
#include "app/model_command.h"
#include "app/shard.h"
#include "app/terminal.h"
#include "base/csv.h"
#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/printable.h"
#include "base/process.h"
#include "pipeline/caption_pictures.h"
#include "pipeline/caption_record.h"
#include "pipeline/page_record.h"
#include "pipeline/score_pictures.h"
#include "text/near_duplicates.h"
#include "text/ptb_tokenizer.h"

namespace attend {
namespace {

/// Captions of fewer words are alike by chance.
constexpr size_t kLeastWordsToCompare = 5;

struct AuditOptions {
  std::string format = "text";
  double least = 0.5;
  std::filesystem::path html;
  int worst = 100;
  std::string shard;
  AuditWork work;

  void list(OptionList& options) {
    options.section("", "Audit");
    options.add("others", work.others, "pictures that each caption is held against beside its own; more take longer",
                between(1, 64));
    options.add("seed", work.seed, "which they are", at_least(0));
    options.add("shard", shard,
                "I/N: only the I-th of N parts of the pictures, as attend caption has them, each of which is audited "
                "by itself");
    options.section("", "Output");
    options.add("format", format,
                "text: score, picture, caption between tabs; csv; json: all that was found, one object",
                one_of({"text", "csv", "json"}));
    options.add("least", least, "scores below this are left out of text and csv; 0: every caption stands there",
                between(0, 1));
    options.add(
        "html", html,
        "write a page of the worst captions to this file, with where the model looks for their words, what it says "
        "itself, and the picture's other captions");
    options.add("worst", worst, "how many stand on the page", between(1, 100000));
    options.add("max_words", work.max_words, "a caption of more words is refused", between(1, 100000));
  }
};

CommandSyntax syntax() {
  return {"audit",
          "[DATA | PATH...]",
          0,
          SIZE_MAX,
          "Finds captions that probably don't belong to their picture. A caption is held against its picture, against "
          "other pictures of the "
          "data and against the picture's other captions; its score is the probability that it belongs to another "
          "picture (docs/"
          "scoring.md says how far that is to be trusted). DATA is a file that attend score takes as --captions. "
          "Captions that are equal or "
          "differ by a word, and pictures that are there twice, are counted, and listed in --format json. Nothing is "
          "changed.",
          {{"attend audit captions_train.json --images photos", "doubtful captions, worst first"},
           {"attend audit captions.csv --images photos --least 0 --format csv", "every caption with its score"},
           {"attend audit captions.csv --images photos --html worst.html", "the worst, to look at"},
           {"attend audit photos --sidecar --format json", "captions beside their pictures; all that was found"}},
          {"caption", "captions", "images", "sidecar", "recursive", "format", "least", "html", "model", "threads"}};
}

/// Six digits after the point, as captions' records have them.
double rounded(double value) { return std::round(value * 1e6) / 1e6; }

std::string digits(double value, int places) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", places, value);
  return text;
}

const std::string& text_of(const AuditedCaption& one, const GivenPictures& data) {
  return data.captions[one.picture][one.place];
}

/// Captions that are alike, wherever they stand: picture, place.
struct Alike {
  std::vector<std::pair<size_t, size_t>> captions;
  bool equal;
};

std::vector<Alike> find_alike_captions(const GivenPictures& data) {
  std::vector<std::vector<std::string>> sentences;
  std::vector<std::pair<size_t, size_t>> places;
  for (size_t i = 0; i < data.captions.size(); ++i)
    for (size_t c = 0; c < data.captions[i].size(); ++c) {
      sentences.push_back(caption_tokens(data.captions[i][c]));
      places.emplace_back(i, c);
    }
  std::vector<Alike> found;
  for (const auto& group : find_alike(sentences, kLeastWordsToCompare)) {
    auto& alike = found.emplace_back(Alike{{}, group.equal});
    for (const size_t sentence : group.sentences) alike.captions.push_back(places[sentence]);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Alike& a, const Alike& b) { return a.captions.size() > b.captions.size(); });
  return found;
}

Json json_of(const AuditReport& report, const GivenPictures& data, const std::vector<Alike>& alike) {
  Json json{{"pictures", data.pictures.size()}, {"captions", report.captions.size()},
            {"refused", report.refused},        {"share_of_strangers", rounded(report.share)},
            {"fitted", report.fitted},          {"doubtful", Json::array()},
            {"alike_captions", Json::array()},  {"same_pictures", Json::array()}};
  for (const auto& one : report.captions)
    json["doubtful"].push_back({{"file", data.pictures[one.picture].name()},
                                {"caption", text_of(one, data)},
                                {"score", rounded(one.score)},
                                {"log_probability", rounded(one.log_probability)},
                                {"contrast", rounded(one.contrast)},
                                {"likeness", rounded(one.likeness)},
                                {"words", one.words},
                                {"unknown_words", one.unknown}});
  for (const auto& group : alike) {
    Json captions = Json::array();
    for (const auto& [picture, place] : group.captions)
      captions.push_back({{"file", data.pictures[picture].name()}, {"caption", data.captions[picture][place]}});
    json["alike_captions"].push_back({{"equal", group.equal}, {"captions", std::move(captions)}});
  }
  for (const auto& group : report.same_pictures) {
    Json files = Json::array();
    for (const size_t picture : group) files.push_back(data.pictures[picture].name());
    json["same_pictures"].push_back(std::move(files));
  }
  return json;
}

void print_lines(const AuditReport& report, const GivenPictures& data, const AuditOptions& options) {
  static const bool on_terminal = ::isatty(STDOUT_FILENO) != 0;
  const auto shown = [&](const std::string& text) { return on_terminal ? printable(text) : text; };
  if (options.format == "csv")
    std::cout << "file,caption,score,log_probability,contrast,likeness,words,unknown_words\r\n";
  for (const auto& one : report.captions) {
    if (one.score < options.least) break;
    const std::string& name = data.pictures[one.picture].name();
    if (options.format == "csv")
      std::cout << csv_row({csv_field(name), csv_field(text_of(one, data)), digits(one.score, 6),
                            digits(one.log_probability, 6), digits(one.contrast, 6), digits(one.likeness, 6),
                            std::to_string(one.words), std::to_string(one.unknown)});
    else
      std::cout << digits(one.score, 3) << "\t" << shown(name) << "\t" << shown(text_of(one, data)) << "\n";
  }
}

/// A page of the worst captions, each beside what the model says itself.
void write_page(const AuditReport& report, const GivenPictures& data, Ensemble& ensemble, const ModelCommand& command,
                const AuditOptions& options) {
  const size_t count = std::min(report.captions.size(), static_cast<size_t>(options.worst));
  std::vector<PictureSource> pictures;
  std::vector<std::vector<std::string>> captions;
  for (size_t i = 0; i < count; ++i) {
    pictures.push_back(data.pictures[report.captions[i].picture]);
    captions.push_back({text_of(report.captions[i], data)});
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
                   "the worst of " + std::to_string(report.captions.size()) + " captions, audited " +
                       credit_of(ensemble) + "; each first as given, then as the model says it",
                   {{"score", 3}, {"contrast", 2}});
  ScoreWork score;
  score.max_words = options.work.max_words;
  score.plan.threads = command.threads();
  host.progress = [&](int64_t done, int64_t) { progress.update(static_cast<int64_t>(count) + done); };
  score_pictures(ensemble, pictures, captions, score, host, [&](std::vector<ScoredPicture>& batch) {
    for (auto& scored : batch) {
      if (scored.seen.refused() || scored.seen.captions.empty()) continue;
      const AuditedCaption& audited = report.captions[scored.seen.index];
      if (auto& said = own[scored.seen.index]) scored.seen.captions.push_back(*std::move(said));
      PagePicture shown = page_record(scored.seen);
      shown.thumbnail = read_thumbnail(pictures[scored.seen.index]);
      for (size_t place = 0; place < data.captions[audited.picture].size(); ++place)
        if (place != audited.place) shown.references.push_back(data.captions[audited.picture][place]);
      shown.figures = {audited.score, audited.contrast};
      page.add(shown);
    }
  });
  page.finish();
}

/// What there is to know beside the list.
void remark(const AuditReport& report, const std::vector<Alike>& alike) {
  if (!report.fitted)
    note("fewer than " + std::to_string(kLeastToFit) +
         " captions: scores are made of contrasts alone, nothing could be fitted");
  note(digits(100 * report.share, 1) + " % of " + std::to_string(report.captions.size()) +
       " captions are estimated to belong to another picture");
  size_t equal = 0, near = 0;
  for (const auto& group : alike) (group.equal ? equal : near) += group.captions.size();
  if (equal > 0) note(std::to_string(equal) + " captions are equal to others");
  if (near > 0) note(std::to_string(near) + " captions differ from others by a word");
  size_t twice = 0;
  for (const auto& group : report.same_pictures) twice += group.size();
  if (twice > 0) note(std::to_string(twice) + " pictures are there more than once");
}

}  // namespace

int audit_command(const std::vector<std::string>& arguments) {
  ModelCommand command(arguments, syntax(), false);
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
  std::erase_if(list.pictures, [&](const CaptionedPicture& one) {
    const bool is_elsewhere = !shard.has(one.picture);
    if (is_elsewhere) list.captions -= one.captions.size();
    return is_elsewhere;
  });
  if (!options.html.empty()) check_writable(options.html);
  const GivenPictures data(list.pictures);
  auto ensemble = command.open();
  if (!ensemble) return 0;
  options.work.plan.threads = command.threads();
  watch_interrupts();
  Progress progress("auditing", static_cast<int64_t>(data.pictures.size()));
  const auto report = audit_captions(*ensemble, data.pictures, data.captions, options.work, terminal_host(progress));
  progress.clear();
  for (const auto& refusal : report.refusals) complain(refusal);
  const auto alike = find_alike_captions(data);
  if (options.format == "json")
    std::cout << json_of(report, data, alike).dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  else
    print_lines(report, data, options);
  flush_output();
  if (!options.html.empty()) write_page(report, data, *ensemble, command, options);
  remark(report, alike);
  const size_t failed = list.refusals.size() + report.refused;
  if (failed > 0) complain(count_of_captions(failed, list.captions) + " failed");
  return failed > 0 ? 1 : 0;
}

}  // namespace attend
