#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>

#include "app/given_options.h"
#include "app/model_command.h"
#include "app/terminal.h"
#include "base/csv.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/printable.h"
#include "base/process.h"
#include "pipeline/caption_record.h"
#include "pipeline/score_pictures.h"

namespace attend {
namespace {

struct ScoreOptions {
  std::string format = "text";
  bool attention = true;
  int batch_size = 32;
  int max_words = 1000;

  void list(OptionList& options) {
    options.section("", "Output");
    options.add("format", format,
                "text: picture, perplexity, log-probability and caption between tabs; jsonl: a JSON object a caption, "
                "with words, "
                "ranks and attention; csv: a row a caption; csv-words: a row a word",
                one_of({"text", "jsonl", "csv", "csv-words"}));
    options.add("attention", attention, "maps of attention in --format jsonl; --no-attention leaves them out");
    options.add("max_words", max_words, "a caption of more words is refused", between(1, 100000));
  }
};

CommandSyntax syntax() {
  return {
      "score",
      "[PATH...]",
      0,
      SIZE_MAX,
      "Says how likely a model finds captions that are given to pictures, and where it looks for each of their words. "
      "Results go to "
      "standard output in the order of the input. Words that the model doesn't know are left out as if they weren't "
      "there; they "
      "are named and counted. A picture that can't be read and a caption that can't be scored are reported, the rest "
      "is scored; "
      "the exit status is then 1. \"plain_log_probability\" is as the model itself has it, and perplexity is made of "
      "it; "
      "\"log_probability\" is as attend caption weighs words. A word's rank is its place among all that the model may "
      "say there.",
      {{"attend score photo.jpg --caption 'a dog on a sofa' --caption 'two cats'", "which of the two is likelier?"},
       {"attend score --captions captions.csv --images photos", "a table with the columns file and caption"},
       {"attend score --captions captions_val.json --images photos --format csv", "COCO captions, for a spreadsheet"},
       {"attend score photos --sidecar --format jsonl", "captions beside their pictures, with maps, as JSON"},
       {"attend caption photos > said.txt; attend score --captions said.txt", "captions that attend wrote"}},
      {"caption", "captions", "images", "sidecar", "recursive", "format", "model", "threads"}};
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

const char* header_of(const std::string& format) {
  if (format == "csv") return "file,caption,log_probability,plain_log_probability,perplexity,words,unknown_words\r\n";
  if (format == "csv-words")
    return "file,caption,place,word,log_probability,plain_log_probability,rank,likeliest,likeliest_log_probability\r\n";
  return "";
}

/// The tokens of a caption in their order, with the place of each among its words, or none; and at last <end>.
std::string word_rows(const ScoredPicture& picture, size_t place) {
  const SeenCaption& caption = picture.seen.captions[place];
  const GivenBeside& given = picture.given[place];
  std::string rows;
  size_t t = 0, unknown = 0;
  for (size_t i = 0; i <= given.tokens.size(); ++i) {
    std::vector<std::string> row{csv_field(picture.seen.name), csv_field(caption.text), std::to_string(i + 1),
                                 i < given.tokens.size() ? csv_field(given.tokens[i]) : "<end>"};
    if (unknown < given.unknown.size() && given.unknown[unknown] == i) {
      ++unknown;
      row.insert(row.end(), 5, "");
    } else {
      row.insert(row.end(), {number(caption.word_log_probability[t]), number(caption.plain_word_log_probability[t]),
                             std::to_string(given.rank[t]), csv_field(given.likeliest[t]),
                             number(given.likeliest_log_probability[t])});
      ++t;
    }
    rows += csv_row(row);
  }
  return rows;
}

/// What standard output gets of a caption.
std::string lines_of(const ScoredPicture& picture, size_t place, const ScoreOptions& options) {
  const SeenCaption& caption = picture.seen.captions[place];
  const GivenBeside& given = picture.given[place];
  if (options.format == "jsonl") return one_line(score_record(picture, place, options.attention)) + "\n";
  if (options.format == "csv-words") return word_rows(picture, place);
  if (options.format == "csv")
    return csv_row({csv_field(picture.seen.name), csv_field(caption.text), number(caption.log_probability),
                    number(caption.plain_log_probability), number(given.perplexity),
                    std::to_string(given.tokens.size()), std::to_string(given.unknown.size())});
  // A terminal would obey what a name says; whoever reads names from a pipe or a file gets them byte for byte.
  static const bool on_terminal = ::isatty(STDOUT_FILENO) != 0;
  const auto shown = [&](const std::string& text) { return on_terminal ? printable(text) : text; };
  return shown(picture.seen.name) + "\t" + number(given.perplexity) + "\t" + number(caption.plain_log_probability) +
         "\t" + shown(caption.text) + "\n";
}

/// Words that the model doesn't know, counted, and what is said of them in the end.
class UnknownWords {
 public:
  void add(const GivenBeside& given) {
    all_ += given.tokens.size();
    for (const size_t place : given.unknown) ++counts_[given.tokens[place]];
  }
  /// "12 of 340 words (3.5 %) aren't in the model's vocabulary and were left out: zebra (3), …", or "".
  std::string said() const {
    size_t unknown = 0;
    std::vector<std::pair<size_t, std::string>> often;
    for (const auto& [word, count] : counts_) unknown += count, often.emplace_back(count, word);
    if (unknown == 0) return "";
    std::stable_sort(often.begin(), often.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    char share[32];
    std::snprintf(share, sizeof share, "%.1f", 100 * static_cast<double>(unknown) / static_cast<double>(all_));
    std::string text = std::to_string(unknown) + " of " + std::to_string(all_) + " words (" + share +
                       " %) aren't in the model's vocabulary and were left out: ";
    for (size_t i = 0; i < std::min<size_t>(often.size(), 10); ++i)
      text += (i ? ", " : "") + printable(often[i].second) +
              (often[i].first > 1 ? " (" + std::to_string(often[i].first) + ")" : "");
    return text + (often.size() > 10 ? ", …" : "");
  }

 private:
  size_t all_ = 0;
  std::map<std::string, size_t> counts_;
};

}  // namespace

int score_command(const std::vector<std::string>& arguments) {
  ModelCommand command(arguments, syntax());
  GivenOptions given;
  ScoreOptions options;
  WeighingOptions weighing;
  given.list(command.list);
  options.list(command.list);
  command.files.list(command.list);
  weighing.list(command.list, command.decode);
  command.run.list(command.list);
  command.list.add("batch_size", options.batch_size,
                   "pictures that a processor computes together; more take more memory", between(1, 4096));
  const auto line = command.read();
  if (!line) return 0;
  CaptionList list;
  if (!line->dump_config) list = given.gather(line->positional);
  size_t failed = list.refusals.size();
  if (!list.pictures.empty() || line->dump_config) {
    auto ensemble = command.open();
    if (!ensemble) return 0;
    weighing.check(command.decode);
    ScoreWork work;
    work.plan = {command.threads(), options.batch_size};
    work.decode = command.decode;
    work.paths = weighing.paths;
    work.max_words = options.max_words;
    work.maps = options.format == "jsonl";
    const GivenPictures all(list.pictures);
    watch_interrupts();
    UnknownWords unknown;
    Progress progress("scoring", static_cast<int64_t>(all.pictures.size()));
    std::cout << header_of(options.format);
    const auto take = [&](std::vector<ScoredPicture>& batch) {
      progress.clear();
      const auto fail = [&](const std::string& fault, size_t count) {
        std::cout << std::flush;  // so that on a terminal both keep their order
        complain(fault);
        failed += count;
      };
      for (const auto& picture : batch) {
        if (picture.seen.refused()) fail(picture.seen.refusal, all.captions[picture.seen.index].size());
        for (const auto& refusal : picture.refusals) fail(refusal.text, 1);
        for (size_t i = 0; i < picture.given.size(); ++i) {
          unknown.add(picture.given[i]);
          std::cout << lines_of(picture, i, options);
        }
      }
      flush_output();
    };
    score_pictures(*ensemble, all.pictures, all.captions, work, terminal_host(progress), take);
    progress.clear();
    if (const auto said = unknown.said(); !said.empty()) note(said);
  }
  if (failed > 0) complain(count_of_captions(failed, list.captions) + " failed");
  return failed > 0 ? 1 : 0;
}

}  // namespace attend
