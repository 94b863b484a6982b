// T words · L grid cells
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <optional>
#include <unordered_map>
#include <utility>

#include "app/evaluation.h"
#include "app/given_pointing.h"
#include "app/model_command.h"
#include "app/terminal.h"
#include "base/console.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "data/instances.h"
#include "pipeline/caption_pictures.h"
#include "pipeline/page_record.h"
#include "text/ptb_tokenizer.h"

namespace attend {
namespace {

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
MadeCandidates make_candidates(MadeCandidates to_make, Ensemble& ensemble, const DecodeOptions& decode, int threads,
                               const EvaluateOptions& options) {
  std::optional<Objects> objects;
  if (options.pointing) objects.emplace(options);
  MadeCandidates candidates = std::move(to_make);
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
  MadeCandidates candidates;
  if (!line->dump_config) {
    options.check();
    if (!options.candidates.empty()) check_scores_only(*line);
    options.check_outputs(command.files.models);
    candidates = {read_candidates(read_examples(options), options)};
  }
  if (options.candidates.empty() || line->dump_config) {
    auto ensemble = command.open();
    if (!ensemble) return 0;
    watch_interrupts();
    if (options.given) return evaluate_given(candidates.examples, *ensemble, command, options);
    candidates = make_candidates(std::move(candidates), *ensemble, command.decode, command.threads(), options);
  }
  return write_evaluation(std::move(candidates), options, options.candidates.empty() ? command.files.names() : Json(),
                          command.run.count_threads());
}

}  // namespace attend
