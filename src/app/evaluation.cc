#include "app/evaluation.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <utility>

#include "app/output_name.h"
#include "base/console.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/printable.h"
#include "base/tar.h"
#include "data/results.h"
#include "evaluate/page.h"
#include "evaluate/report.h"
#include "metrics/bleu.h"

namespace attend {

void EvaluateOptions::list(OptionList& options) {
  options.section("", "Data");
  options.add("captions", captions,
              "captions to compare with: a file or folder of any form that docs/formats.md names (COCO, Karpathy, …)");
  options.add("images", images, "folder that file names in the captions file start from");
  options.add("split", split, "split to caption; needed where the captions file has several");
  options.add("candidates", candidates,
              "COCO results file to score, instead of captioning; takes no model and no pictures");
  options.add("partial", partial,
              "score the pictures that --candidates and --compare have captions for, and say how many are left out; "
              "without it, a picture without a caption and a caption without a picture are refused");
  options.add("max_faulty", max_faulty, "share of faulty pictures, and of captions, that is left out and put up with",
              between(0, 1));
  options.add(
      "document_frequencies", document_frequencies,
      "captions file whose pictures, the training split's where it has splits, CIDEr counts document frequencies "
      "in; without it, the references");
  options.add(
      "training_captions", training_captions,
      "captions file that was trained on, or its training split: say how many captions stand in it word for word");
  options.add("meteor", meteor,
              "METEOR's tables, from tools/fetch-meteor; without it, those in data/meteor, and without those the "
              "figure matches words and stems only and says so in its name");
  options.section("", "How sure the figures are");
  options.add("compare", compare, "second COCO results file: say what differs, and whether by more than chance");
  options.add("resamples", resamples, "bootstrap sets of pictures that the 95 % intervals rest on; 0: no intervals",
              between(0, 1000000));
  options.add("seed", seed, "which sets are drawn", at_least(0));
  options.section("", "Output");
  options.add("csv", csv, "write the figures of each picture to this file, a line a picture");
  options.add("results", results, "write the captions to this file, as COCO results");
  options.add("html", html, "write a page of the pictures with captions, references and figures to this file");
  options.add("pointing", pointing,
              "say how many words that name objects looked inside them; for captions files of attend shapes, or with "
              "--instances");
  options.add("instances", instances, "COCO instances JSON: where the objects of --pointing are");
  options.add("words", words,
              "table (CSV, TSV) with the columns category and word: which words name the objects of which category; "
              "without it, a category's own name and its plural");
  options.add(
      "given", given,
      "with --pointing: lead the model along the captions of the file in place of its own, and say too how many "
      "of their objects' words are less likely with another picture");
  options.add("json", json, "print the figures as JSON, BLEU, METEOR and ROUGE-L as shares of one");
}

void EvaluateOptions::check() const {
  check_html_name(html);
  if (captions.empty()) throw UsageError("--captions: say which file holds the captions to compare with");
  if (!candidates.empty() && (!results.empty() || pointing))
    throw UsageError(
        "--candidates: scores captions that are there; --results and --pointing need a model to make them");
  if (!pointing && (given || !instances.empty() || !words.empty()))
    throw UsageError("--given, --instances, --words: are of --pointing; say it too");
  if (!words.empty() && instances.empty()) throw UsageError("--words: is of --instances; name one");
  if (given && !(results.empty() && html.empty() && csv.empty() && compare.empty()))
    throw UsageError("--given: makes no captions; --results, --html, --csv and --compare have nothing to show");
  if (partial && candidates.empty() && compare.empty())
    throw UsageError("--partial: is for results files; name one with --candidates or --compare");
  if (!compare.empty() && resamples == 0) throw UsageError("--compare: needs --resamples of 1 or more");
  const bool holds_pictures = std::filesystem::is_directory(captions) || is_tar_name(captions);
  if (candidates.empty() && images.empty() && !holds_pictures)
    throw UsageError("--images: say which folder holds the pictures, or score a results file with --candidates");
}

void EvaluateOptions::check_outputs(const std::vector<std::filesystem::path>& models) const {
  std::vector<std::filesystem::path> read = models;
  read.insert(read.end(),
              {captions, candidates, compare, instances, words, meteor, document_frequencies, training_captions});
  check_output("--html", html, read);
  check_output("--csv", csv, read);
  check_output("--results", results, read);
}

CommandSyntax evaluate_syntax() {
  return {
      "evaluate",
      "--captions FILE --images DIR",
      0,
      0,
      "Captions the pictures of a captions file and compares with what people said of them: BLEU, METEOR, ROUGE-L and "
      "CIDEr-D as coco-caption computes them, on lower-cased Penn Treebank tokens without punctuation. With "
      "--candidates it "
      "scores a results file that is there, without a model.",
      {{"attend evaluate --captions val.json --images photos", "figures of the model that comes with attend"},
       {"attend evaluate --captions dataset_coco.json --images coco --split test --results test.json",
        "caption a split and keep the captions"},
       {"attend evaluate --captions val.json --candidates results.json --json", "score a results file, for machines"},
       {"attend evaluate --captions val.json --candidates a.json --compare b.json", "say which of two is better"}},
      {"captions", "images", "split", "candidates", "compare", "results", "csv", "html", "json", "model", "beam-width",
       "threads"}};
}

/// The pictures to score.
std::vector<Example> read_examples(const EvaluateOptions& options) {
  const std::string whole = options.split.empty() ? kAllPictures : options.split;
  Dataset dataset = read_captions(options.captions, options.images, whole, options.max_faulty);
  std::map<std::string, size_t> splits;
  for (const auto& example : dataset.examples) ++splits[example.split];
  if (options.split.empty() && splits.size() > 1) {
    std::string there;
    for (const auto& [name, count] : splits) there += " " + name + " (" + std::to_string(count) + ")";
    throw UsageError("--split: say which; " + options.captions.string() + " has" + there);
  }
  std::vector<Example> examples;
  for (const size_t i : dataset.split(splits.size() == 1 && options.split.empty() ? splits.begin()->first : whole))
    examples.push_back(std::move(dataset.examples[i]));
  // A file has captions for all of its pictures or for none.
  if (examples.front().captions.empty() && (options.results.empty() || !options.html.empty()))
    throw InputError(options.captions.string() +
                     ": no captions in it to compare with; --results FILE keeps the captions that are made");
  return examples;
}

namespace {

/// The figures, in the order they are printed. `models`: the names of the files that made the captions; null where these were read.
Json figures_of(const MadeCandidates& candidates, const EvaluateOptions& options, const Json& models,
                const Evaluation& evaluation) {
  size_t reference_count = 0;
  for (const auto& example : candidates.examples) reference_count += example.captions.size();
  Json figures{{"captions", options.captions.string()}};
  if (!options.split.empty()) figures["split"] = options.split;
  if (models.is_null())
    figures["candidates"] = options.candidates.string();
  else
    figures["model"] = models;
  if (!options.compare.empty()) figures["compared_with"] = options.compare.string();
  figures["pictures"] = candidates.captions.size();
  figures["references"] = reference_count;
  if (options.partial) {
    figures["pictures_without_caption"] = candidates.without_caption;
    figures["captions_without_picture"] = candidates.without_picture;
  }
  add_figures(evaluation, figures);
  if (options.pointing) {
    if (candidates.pointing.words == 0)
      warn("--pointing: no word was held against an object; of shapes only captions that are right to the word are");
    figures["pointing"] = candidates.pointing.share();
    figures["pointing_words"] = candidates.pointing.words;
  }
  if (const double alike = self_bleu(candidates.n_best); !std::isnan(alike)) figures["self_bleu_4"] = alike;
  if (candidates.seconds > 0)
    figures["pictures_per_second"] = static_cast<double>(candidates.captions.size()) / candidates.seconds;
  return figures;
}

}  // namespace

int write_evaluation(MadeCandidates candidates, const EvaluateOptions& options, const Json& models, int threads) {
  const bool whole = candidates.stopped.empty();
  if (whole && !options.results.empty()) {
    std::vector<Result> results;
    for (size_t i = 0; i < candidates.captions.size(); ++i)
      results.push_back({candidates.examples[i].id, candidates.captions[i]});
    write_results(options.results, results);
  }
  Evaluation evaluation;
  if (!candidates.examples.front().captions.empty())
    evaluation = evaluate(candidates.examples, candidates.captions, candidates.compared, options, threads);
  if (std::any_of(evaluation.measures.begin(), evaluation.measures.end(),
                  [](const Measure& one) { return std::isnan(one.corpus); }))
    warn("CIDEr is not defined here: every n-gram of " +
         (options.document_frequencies.empty() ? "the references" : options.document_frequencies.string()) +
         " stands in all of its pictures or in none, so none tells pictures apart; it needs several pictures with "
         "different references, or --document-frequencies FILE to count n-grams in");
  const Json figures = figures_of(candidates, options, models, evaluation);
  if (whole && !options.csv.empty())
    write_picture_csv(options.csv, candidates.examples, candidates.captions, evaluation);
  if (!options.html.empty())
    for (const auto& remark :
         write_evaluation_page(options.html, candidates.examples, candidates.captions, std::move(candidates.shown),
                               figures, evaluation, threads, candidates.stopped))
      warn(remark);
  if (!whole)
    throw Interrupted(candidates.stopped + ", which " + options.html.string() + " has; other files aren't written");
  if (options.json)
    std::cout << figures.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  else
    std::cout << figures_table(figures, evaluation);
  if (candidates.refused > 0)
    complain(counted_of(candidates.refused, candidates.refused + candidates.captions.size(), "picture") +
             " failed: not in these figures");
  return candidates.refused > 0 ? 1 : 0;
}

std::optional<int> evaluate_results(const std::vector<std::string>& arguments) {
  EvaluateOptions options;
  RunOptions run;
  OptionList list;
  options.list(list);
  run.list(list);
  try {
    const CommandLine line = parse_command_line(arguments, list, evaluate_syntax());
    if (options.candidates.empty() || line.help || line.dump_config) return std::nullopt;
  } catch (const UsageError&) {
    return std::nullopt;
  }
  options.check();
  options.check_outputs({});
  return write_evaluation({read_candidates(read_examples(options), options)}, options, Json(), run.count_threads());
}

}  // namespace attend
