// T words · L grid cells
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "app/given_pointing.h"
#include "app/html_name.h"
#include "app/model_command.h"
#include "app/terminal.h"
#include "base/console.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/printable.h"
#include "data/dataset.h"
#include "data/instances.h"
#include "data/masks.h"
#include "data/results.h"
#include "evaluate/page.h"
#include "evaluate/report.h"
#include "metrics/bleu.h"
#include "metrics/measure.h"
#include "pipeline/caption_pictures.h"
#include "pipeline/page_record.h"
#include "text/ptb_tokenizer.h"
#include "text/raw_caption.h"

namespace attend {
namespace {

struct EvaluateOptions : EvaluationChoice {
  std::filesystem::path captions, images, results, candidates, html;
  std::filesystem::path compare, csv;
  std::string split;
  std::filesystem::path instances, words;
  bool pointing = false, given = false, json = false, partial = false;
  double max_faulty = 0.01;

  void list(OptionList& options) {
    options.section("", "Data");
    options.add(
        "captions", captions,
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
    options.add("document_frequencies", document_frequencies,
                "captions file whose pictures CIDEr counts document frequencies in; without it, the references");
    options.add("training_captions", training_captions,
                "captions file that was trained on: say how many captions stand in it word for word");
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

  void check() const {
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
    const bool holds_pictures = std::filesystem::is_directory(captions) || captions.extension() == ".tar";
    if (candidates.empty() && images.empty() && !holds_pictures)
      throw UsageError("--images: say which folder holds the pictures, or score a results file with --candidates");
  }
};

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
  const std::string whole = options.split.empty() ? "all" : options.split;
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

/// Captions of the examples, made or read, in their order.
struct Candidates {
  std::vector<Example> examples;  // those that have a caption
  std::vector<std::string> captions;
  std::vector<std::string> compared;        // of the results file that they are compared with
  std::vector<std::vector<Tokens>> n_best;  // all captions of each picture, where a model made several
  std::vector<PagePicture> shown;           // for --html, where a model made the captions
  Pointing pointing;
  double seconds = 0;   // it took to make them
  std::string stopped;  // why there are no more: the work was asked to stop
  size_t refused = 0;
  size_t without_caption = 0, without_picture = 0;  // that --partial left out: pictures, captions of results files
};

/// "12 (1, 2, 3, …)"
std::string some(const std::vector<std::string>& ids) {
  std::string text = std::to_string(ids.size()) + " (";
  for (size_t i = 0; i < std::min<size_t>(ids.size(), 3); ++i) text += (i ? ", " : "") + ids[i];
  return text + (ids.size() > 3 ? ", …)" : ")");
}

/// The captions of a results file, an example each: nothing where there is none.
std::vector<std::optional<std::string>> match_results(const std::filesystem::path& file,
                                                      const std::vector<Example>& examples,
                                                      const EvaluateOptions& options, size_t& without_picture) {
  auto results = read_results(file);
  PictureIndex index;
  for (size_t i = 0; i < examples.size(); ++i) index.add(examples[i].id, static_cast<int64_t>(i));
  if (std::any_of(results.begin(), results.end(), [](const Result& result) { return !result.image_id.text.empty(); }))
    for (size_t i = 0; i < examples.size(); ++i)
      index.add_name(
          options.images.empty() ? examples[i].picture : examples[i].picture.lexically_relative(options.images),
          static_cast<int64_t>(i));
  std::vector<std::optional<std::string>> captions(examples.size());
  std::vector<std::string> missing, unknown;
  size_t marked = 0;
  for (auto& [id, caption] : results) {
    if (std::string copy = caption; take_off_marks(copy)) ++marked;
    std::optional<int64_t> at;
    try {
      at = index.find(id);
    } catch (const InputError& fault) {
      throw InputError(file.string() + ": image_id: " + fault.what());
    }
    if (!at) {
      unknown.push_back(id.said());
      continue;
    }
    auto& place = captions[static_cast<size_t>(*at)];
    if (place) throw InputError(file.string() + ": image_id " + id.said() + ": its picture has a caption already");
    place = std::move(caption);
  }
  for (size_t i = 0; i < examples.size(); ++i)
    if (!captions[i]) missing.push_back(examples[i].id.said());
  const std::string of = " of " + options.captions.string(), advice = "; --partial scores the others";
  if (missing.size() == examples.size())
    throw InputError(file.string() + ": no caption for any picture" + of +
                     (unknown.empty() ? "" : "; it has captions for " + some(unknown) + ", which are none of them"));
  if (!options.partial && !missing.empty())
    throw InputError(file.string() + ": no caption for these pictures" + of + ": " + some(missing) + advice);
  if (!options.partial && !unknown.empty())
    throw InputError(file.string() + ": captions for pictures that are none" + of + ": " + some(unknown) + advice);
  if (marked > 0)
    warn(file.string() + ": " + counted_of(marked, results.size(), "caption") +
         " with marks such as <start> and <end> at its ends, which count as words and lower the figures; "
         "take them off");
  without_picture += unknown.size();
  return captions;
}

/// Reads the results files that are named and keeps the examples that each of them has a caption for.
Candidates read_results_of(std::vector<Example> examples, const EvaluateOptions& options) {
  Candidates candidates;
  std::vector<std::optional<std::string>> captions, compared;
  if (!options.candidates.empty())
    captions = match_results(options.candidates, examples, options, candidates.without_picture);
  if (!options.compare.empty())
    compared = match_results(options.compare, examples, options, candidates.without_picture);
  for (size_t i = 0; i < examples.size(); ++i) {
    if ((!captions.empty() && !captions[i]) || (!compared.empty() && !compared[i])) {
      ++candidates.without_caption;
      continue;
    }
    if (!captions.empty()) candidates.captions.push_back(*std::move(captions[i]));
    if (!compared.empty()) candidates.compared.push_back(*std::move(compared[i]));
    candidates.examples.push_back(std::move(examples[i]));
  }
  if (candidates.examples.empty())
    throw InputError(options.compare.string() + ": has no caption for a picture that " + options.candidates.string() +
                     " has one for");
  return candidates;
}

/// The objects in pictures, of attend shapes or of COCO's instances, and the words that name them.
class Objects {
 public:
  explicit Objects(const EvaluateOptions& options) {
    if (options.instances.empty()) {
      masks_ = read_masks(options.captions);
      return;
    }
    instances_.emplace(options.instances);
    names_ = options.words.empty() ? instances_->category_words() : read_category_words(options.words);
  }
  /// Those that the words of a caption name. Those of shapes are known of the caption that the file has, and no other.
  std::vector<MaskedObject> operator()(const Example& example, size_t caption,
                                       const std::vector<std::string>& words) const {
    if (instances_) return instances_->named_by(example.id.number, words, names_);
    const auto found = masks_.find(example.id.number);
    return caption > 0 || found == masks_.end() ? std::vector<MaskedObject>() : found->second;
  }
  /// Whether words count by their places in the one caption that the file has.
  bool are_of_reference() const { return !instances_; }

 private:
  std::unordered_map<int64_t, std::vector<MaskedObject>> masks_;
  std::optional<Instances> instances_;
  CategoryWords names_;
};

/// Captions the pictures of `to_make`, which has no captions yet.
Candidates make_candidates(Candidates to_make, Ensemble& ensemble, const DecodeOptions& decode, int threads,
                           const EvaluateOptions& options) {
  std::optional<Objects> objects;
  if (options.pointing) objects.emplace(options);
  Candidates candidates = std::move(to_make);
  const auto examples = std::exchange(candidates.examples, {});
  const auto compared = std::exchange(candidates.compared, {});
  std::vector<PictureSource> pictures;
  for (const auto& example : examples) pictures.emplace_back(example.picture);
  Progress progress("captioning", static_cast<int64_t>(pictures.size()));
  const auto begin = std::chrono::steady_clock::now();
  const auto take = [&](std::vector<SeenPicture>& batch) {
    for (auto& picture : batch) {
      if (picture.refused()) {
        complain(picture.refusal);
        ++candidates.refused;
        continue;
      }
      const Example& example = examples[picture.index];
      SeenCaption& caption = picture.captions.front();
      // The objects' words are counted in the reference: only in a caption equal to it do they stand in those places.
      if (options.pointing && (!objects->are_of_reference() || is_exact(tokenize_pair(caption.text, example.captions))))
        add_pointing((*objects)(example, 0, caption.words), peaks_of(picture, caption), candidates.pointing);
      if (decode.n_best > 1) {
        auto& all = candidates.n_best.emplace_back();
        for (const auto& one : picture.captions) all.push_back(caption_tokens(one.text));
      }
      if (!options.html.empty()) candidates.shown.push_back(page_record(picture));
      candidates.captions.push_back(std::move(caption.text));
      if (!compared.empty()) candidates.compared.push_back(compared[picture.index]);
      candidates.examples.push_back(example);
    }
  };
  try {
    caption_pictures(ensemble, pictures, {decode, threads}, terminal_host(progress), take);
  } catch (const Interrupted& stopped) {
    if (options.html.empty() || candidates.captions.empty()) throw;
    candidates.stopped = stopped.what();  // the page says so, and has what is done
  }
  candidates.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (candidates.captions.empty()) throw InputError(options.captions.string() + ": none of its pictures can be read");
  return candidates;
}

/// The figures, in the order they are printed. `models`: the names of the files that made the captions; null where these were read.
Json figures_of(const Candidates& candidates, const EvaluateOptions& options, const Json& models,
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

/// Of --given: prints figures of pointing alone, and returns the exit status.
int evaluate_given(const std::vector<Example>& examples, Ensemble& ensemble, const ModelCommand& command,
                   const EvaluateOptions& options) {
  const Objects objects(options);
  Progress progress("pointing", static_cast<int64_t>(examples.size()));
  const auto found =
      point_given(ensemble, examples, std::cref(objects), command.decode, command.threads(), terminal_host(progress));
  progress.clear();
  for (const auto& refusal : found.refusals) complain(refusal);
  if (found.pointing.words == 0) warn("no word of the captions names an object");
  const double lower = found.held > 0 ? static_cast<double>(found.lower) / static_cast<double>(found.held) : 0;
  if (options.json) {
    const Json figures{{"captions", options.captions.string()},
                       {"model", command.files.names()},
                       {"pictures", examples.size()},
                       {"pointing", found.pointing.share()},
                       {"pointing_words", found.pointing.words},
                       {"less_likely_elsewhere", lower},
                       {"less_likely_elsewhere_words", found.held}};
    std::cout << figures.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  } else {
    char lines[256];
    std::snprintf(lines, sizeof lines,
                  "captions that name objects             %zu\n"
                  "of their words, look inside            %.1f %% of %lld\n"
                  "less likely with another picture       %.1f %% of %lld\n",
                  found.captions, 100 * found.pointing.share(), static_cast<long long>(found.pointing.words),
                  100 * lower, static_cast<long long>(found.held));
    std::cout << lines;
  }
  return found.refusals.empty() ? 0 : 1;
}

/// Throws UsageError where captions that are there are scored, and something is said of a model all the same.
void check_scores_only(const CommandLine& line) {
  ModelFiles files;
  DecodeOptions decode;
  OptionList of_a_model;
  files.list(of_a_model);
  decode.list(of_a_model);
  for (const auto& field : of_a_model.fields())
    if (line.flags.count(field.flag))
      throw UsageError("--" + field.flag + ": means nothing with --candidates, which are scored as they are");
}

}  // namespace

int evaluate_command(const std::vector<std::string>& arguments) {
  ModelCommand command(arguments, evaluate_syntax());
  EvaluateOptions options;
  options.list(command.list);
  command.files.list(command.list);
  command.decode.list(command.list);
  command.run.list(command.list);
  const auto line = command.read();
  if (!line) return 0;
  Candidates candidates;
  if (!line->dump_config) {
    options.check();
    if (!options.candidates.empty()) check_scores_only(*line);
    for (const auto& output : {options.html, options.csv, options.results})
      if (!output.empty()) check_writable(output);
    candidates = read_results_of(read_examples(options), options);
  }
  if (options.candidates.empty() || line->dump_config) {
    auto ensemble = command.open();
    if (!ensemble) return 0;
    watch_interrupts();
    if (options.given) return evaluate_given(candidates.examples, *ensemble, command, options);
    candidates = make_candidates(std::move(candidates), *ensemble, command.decode, command.threads(), options);
  }
  const bool whole = candidates.stopped.empty();
  if (whole && !options.results.empty()) {
    std::vector<Result> results;
    for (size_t i = 0; i < candidates.captions.size(); ++i)
      results.push_back({candidates.examples[i].id, candidates.captions[i]});
    write_results(options.results, results);
  }
  Evaluation evaluation;
  if (!candidates.examples.front().captions.empty())
    evaluation =
        evaluate(candidates.examples, candidates.captions, candidates.compared, options, command.run.count_threads());
  if (std::any_of(evaluation.measures.begin(), evaluation.measures.end(),
                  [](const Measure& one) { return std::isnan(one.corpus); }))
    warn("CIDEr is not defined here: every n-gram of " +
         (options.document_frequencies.empty() ? "the references" : options.document_frequencies.string()) +
         " stands in all of its pictures or in none, so none tells pictures apart; it needs several pictures with "
         "different references, or --document-frequencies FILE to count n-grams in");
  const Json figures =
      figures_of(candidates, options, options.candidates.empty() ? command.files.names() : Json(), evaluation);
  if (whole && !options.csv.empty())
    write_picture_csv(options.csv, candidates.examples, candidates.captions, evaluation);
  if (!options.html.empty())
    for (const auto& remark :
         write_evaluation_page(options.html, candidates.examples, candidates.captions, std::move(candidates.shown),
                               figures, evaluation, command.run.count_threads(), candidates.stopped))
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

}  // namespace attend
