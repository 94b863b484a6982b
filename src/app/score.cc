#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

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
#include "pipeline/unknown_words.h"

namespace attend {
namespace {

struct ScoreOptions {
  std::string format = "text";
  bool attention = true;
  int batch_size = 32;
  int max_words = 1000;
  std::string explain;  // empty: no explanations
  ExplainOptions explanation;

  void list(OptionList& options) {
    options.section("", "Output");
    options.add("format", format,
                "text: picture, perplexity, log-probability and caption between tabs; jsonl: a JSON object a caption, "
                "with words, "
                "ranks and attention; csv: a row a caption; csv-words: a row a word",
                one_of({"text", "jsonl", "csv", "csv-words"}));
    options.add("attention", attention, "maps of attention in --format jsonl; --no-attention leaves them out");
    options.add("max_words", max_words, "a caption of more words is refused", between(1, 100000));
    options.section("", "Explanations");
    options.add(
        "explain", explain,
        "in --format jsonl also what moves each word's log-probability, by the grid's annotations, and the rank "
        "correlation of that and attention: plain, the gradient's norm; input, the gradient times the input; "
        "smooth, the mean gradient over noisy copies of the picture. Takes many times as long",
        one_of({"plain", "input", "smooth"}));
    explanation.list(options);
  }
};

CommandSyntax score_syntax() {
  return {
      "score",
      "[PATH...]",
      0,
      SIZE_MAX,
      "Says how likely a model finds captions that are given to pictures, and where it looks for each of their words. "
      "Results go to "
      "standard output in the order of the input. Words that the model doesn't know are left out as if they weren't "
      "there, or --unknown nearest; they "
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

}  // namespace

int score_command(const std::vector<std::string>& arguments) {
  ModelCommand command(arguments, score_syntax());
  GivenOptions given;
  ScoreOptions options;
  WeighingOptions weighing;
  PhraseOptions phrases;
  given.list(command.list);
  phrases.list(command.list);
  options.list(command.list);
  command.files.list(command.list);
  weighing.list(command.list, command.decode);
  command.run.list(command.list);
  command.list.add("batch_size", options.batch_size,
                   "pictures that a processor computes together; more take more memory", between(1, 4096));
  const auto line = command.read();
  if (!line) return 0;
  if (!options.explain.empty() && options.format != "jsonl")
    throw UsageError("--explain: is written by --format jsonl only; attend align shows explanations");
  if (phrases.any() && options.format != "jsonl")
    throw UsageError(std::string(phrases.phrase.empty() ? "--noun-phrases" : "--phrase") +
                     ": is written by --format jsonl only; attend align shows phrases");
  CaptionList list;
  if (!line->dump_config) list = given.gather(line->positional);
  size_t failed = list.refused;
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
    work.phrases = phrases.find(list);
    work.noun_phrases = phrases.noun_phrases;
    const auto nearest = weighing.nearest(list, ensemble->first().vocabulary);
    if (!nearest.empty()) work.nearest = &nearest;
    if (!options.explain.empty()) {
      if (ensemble->size() > 1) throw UsageError("--explain: explains what one model says; name one --model");
      options.explanation.kind = options.explain;
      work.explain = &options.explanation;
      work.explain_all = true;
    }
    if (work.maps && options.attention) warn_without_attention(*ensemble);
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
          unknown.add(picture.given[i].tokens, picture.given[i].unknown, picture.given[i].replaced);
          std::cout << lines_of(picture, i, options);
        }
      }
      flush_output();
    };
    score_pictures(*ensemble, all.pictures, all.captions, work, terminal_host(progress), take);
    progress.clear();
    for (const auto& said : unknown.said()) note(said);
  }
  if (failed > 0) complain(count_of_captions(failed, list.captions) + " failed");
  return failed > 0 ? 1 : 0;
}

}  // namespace attend
