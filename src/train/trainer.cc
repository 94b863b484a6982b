// B pictures in a batch · R rows · L grid cells · D annotation size · N words · V vocabulary · S input side
#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "decode/ensemble.h"
#include "metrics/caption_faults.h"
#include "metrics/figures.h"
#include "model/weights.h"
#include "model/workers.h"
#include "text/ptb_tokenizer.h"
#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/objective.h"
#include "train/optimizer.h"
#include "train/self_critical.h"
#include "train/training_data.h"

namespace attend {
namespace {

using torch::Tensor;

/// What the log says of these captions of the validation pictures.
Json validation_figures(const std::vector<std::string>& candidates,
                        const std::vector<std::vector<std::string>>& references, const CaptionFaults& known) {
  const auto figures = score_captions(candidates, references);
  std::vector<Tokens> tokens;
  for (const auto& candidate : candidates) tokens.push_back(caption_tokens(candidate));
  const auto faults = known.shares(tokens);
  return {{"validation_cider", figures.cider_d.corpus},
          {"validation_bleu_4", figures.bleu.corpus[3]},
          {"validation_rouge_l", figures.rouge_l.corpus},
          {"mean_length", figures.mean_length},
          {"distinct_captions", figures.distinct_captions},
          {"distinct_words", figures.distinct_words},
          {"bad_endings", faults.bad_endings},
          {"repetitions", faults.repetitions}};
}

/// What a step did.
struct StepDone {
  int64_t words = 0;                                   // that were taught
  std::vector<std::pair<std::string, double>> figures;  // for the log, which averages them; the loss first
};

class Run {
 public:
  explicit Run(const TrainJob& job) : job_(job), recipe_(recipe(job)) {
    check_decode_options(job.decode, job.model.attention);
    job.train.check();
    if (job.train.reward_meteor > 0 && !job.meteor)
      throw UsageError("train.reward_meteor: METEOR's tables are not there; tools/fetch-meteor makes them, --meteor FILE "
                       "names others");
    check_model_options(job.model);
    if (!job.train.initial_model.empty()) captioner_.emplace(initial_captioner(job));
    std::filesystem::create_directories(job.output);
    const bool begun = std::filesystem::exists(file("checkpoint.safetensors"));
    if (begun && !job.resume)
      throw UsageError(job.output.string() + ": already holds a run; --resume goes on with it, or choose another folder");
    if (job.train.fine_tune_stages == 0 && (job.augment.crop > 0 || job.augment.flip))
      warn("augmentation only takes effect while the encoder is trained (train.fine_tune_stages)");
    data_.emplace(job);
    make_captioner();
    if (begun)
      progression_ = load_checkpoint(file("checkpoint.safetensors"), *captioner_, *optimizer_, recipe_);
    else
      write_file_atomically(file("config.json"), whole_recipe(job).dump(2) + "\n");
    // A model to begin with is validated before the first epoch: what it is kept for is that no epoch be worse.
    if (!begun && !job.train.initial_model.empty()) progression_.validated_epochs = -1;
    log_.open(file("log.jsonl"), std::ios::app);
    if (!log_) throw Error(file("log.jsonl").string() + ": can't be written");
  }

  void train() {
    const auto& options = job_.train;
    const auto per_epoch = static_cast<int64_t>((data_->train().size() + options.batch_size - 1) / options.batch_size);
    steps_ = per_epoch * options.epochs;
    for (;;) {
      const int64_t epoch = progression_.step / per_epoch + 1;  // from 1
      // An epoch whose steps are done but whose validation was cut off is validated first.
      if (progression_.validated_epochs < epoch - 1) validate(epoch - 1);
      if (epoch > options.epochs || out_of_patience() || out_of_steps()) break;
      run_epoch(epoch, progression_.step % per_epoch);
      if (out_of_steps() && progression_.step % per_epoch != 0) break;
    }
    save();
    if (std::filesystem::exists(file("model.safetensors"))) describe();
  }

 private:
  static Json whole_recipe(TrainJob job) {
    OptionList list;
    job.list(list);
    return list.to_json();
  }

  /// The part of the recipe that decides what is learnt: a run keeps to it from beginning to end.
  static Json recipe(const TrainJob& job) {
    Json json = whole_recipe(job);
    for (const char* free : {"max_steps", "patience", "keep", "log_every", "features"}) json["train"].erase(free);
    json.erase("decode");
    json.erase("about");
    if (job.train.objective == "self_critical") json["decode"]["max_length"] = job.decode.max_length;  // of samples too
    return json;
  }

  std::filesystem::path file(const char* name) const { return job_.output / name; }
  bool out_of_patience() const {
    return job_.train.patience > 0 && progression_.epochs_since_best >= job_.train.patience;
  }
  bool out_of_steps() const { return job_.train.max_steps > 0 && progression_.step >= job_.train.max_steps; }
  bool fine_tuning(int64_t epoch) const {
    return job_.train.fine_tune_stages > 0 && epoch >= job_.train.fine_tune_from;
  }

  /// Vocabulary, model with its first weights, and optimizer.
  void make_captioner() {
    auto references = data_->training_captions();  // of each training picture
    std::vector<Tokens> captions;                  // the same in one row
    for (const auto& list : references) captions.insert(captions.end(), list.begin(), list.end());
    torch::manual_seed(job_.train.seed);
    if (captioner_)
      captioner_->vocabulary = captioner_->vocabulary.counted(captions);  // what it will have learnt, not what it had
    else
      captioner_.emplace(job_.model, Vocabulary::build(captions, job_.train.min_word_count));
    data_->number_words(captioner_->vocabulary, references);
    faults_.emplace(references);
    if (job_.train.objective == "self_critical")
      self_critical_.emplace(
          Reward(std::move(references), {job_.train.reward_bleu, job_.train.reward_meteor}, job_.meteor),
          captioner_->vocabulary, job_.train, job_.decode.max_length, job_.threads);

    auto& encoder = *captioner_->encoder;
    if (!job_.train.encoder_weights.empty())
      encoder.import_weights(read_weights(job_.train.encoder_weights), job_.train.encoder_weights.string());
    else if (job_.train.initial_model.empty() && job_.train.fine_tune_stages < encoder.stages())
      warn("train.encoder_weights is not set: the encoder's untrained stages keep random weights");
    if (job_.train.fine_tune_stages > encoder.stages())
      throw UsageError("train.fine_tune_stages: " + job_.model.encoder.family + " has " +
                       std::to_string(encoder.stages()) + " stages");
    captioner_->to(job_.device);
    if (!job_.train.teacher.empty()) load_teachers();
    encoder.set_trainable(job_.train.fine_tune_stages);

    std::vector<TrainedParameter> parameters;
    for (auto& item : captioner_->decoder->named_parameters())
      parameters.push_back({"decoder." + item.key(), item.value()});
    int64_t number = 0;
    for (auto& tensor : encoder.trainable_parameters())
      parameters.push_back({"encoder." + std::to_string(number++), tensor, true});
    optimizer_.emplace(std::move(parameters), job_.train);
  }

  void load_teachers() {
    std::vector<Captioner> teachers;
    std::vector<std::string> sources;
    for (const auto& file : job_.train.teacher) {
      sources.push_back(file.string());
      teachers.push_back(load_captioner(file));
      teachers.back().to(job_.device);
    }
    teachers_.emplace(std::move(teachers), sources);
    require_same_vocabulary(captioner_->vocabulary, "the model that is trained", teachers_->first().vocabulary,
                            sources.front());
  }

  void run_epoch(int64_t epoch, int64_t first) {
    const bool changed = fine_tuning(epoch);
    if (!changed) data_->store_annotations(*captioner_);
    auto list = data_->batches(epoch);
    list.erase(list.begin(), list.begin() + first);
    // A processor that trains needs no more than one reader beside it; a GPU is fed by all.
    const int readers = captioner_->device.is_cpu() ? 1 : job_.threads;
    const auto forms = teachers_ ? teachers_->inputs() : std::vector<EncoderOptions>();
    OrderedPipeline<Batch> pipeline(list.size(), readers, 2 * static_cast<size_t>(readers) + 1,
                                    [&](size_t i) { return data_->load(list[i], epoch, changed, forms); });
    Progress progress("epoch " + std::to_string(epoch) + "/" + std::to_string(job_.train.epochs),
                      static_cast<int64_t>(list.size()));
    auto since = std::chrono::steady_clock::now();
    std::vector<std::pair<std::string, double>> sums;
    int64_t words = 0, steps = 0, done = 0;
    while (const auto batch = pipeline.next()) {
      const auto one = step(*batch, epoch);
      if (steps == 0) sums.assign(one.figures.size(), {});
      for (size_t i = 0; i < sums.size(); ++i) sums[i] = {one.figures[i].first, sums[i].second + one.figures[i].second};
      words += one.words;
      ++steps, ++done;
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
      char note[96];
      const auto& [name, sum] = sums[self_critical_ ? 1 : 0];  // the reward says more than the loss made of it
      std::snprintf(note, sizeof note, "%s %.3f  %.0f tokens/s", name.c_str(), sum / static_cast<double>(steps),
                    static_cast<double>(words) / seconds);
      progress.update(done, note);
      if (progression_.step % job_.train.log_every == 0) {
        Json line{{"step", progression_.step}, {"epoch", epoch}};
        for (const auto& [figure, total] : sums) line[figure] = total / static_cast<double>(steps);
        line["gradient_norm"] = gradient_norm_;
        line["learning_rate"] = job_.train.learning_rate * factor();
        line["tokens_per_second"] = static_cast<double>(words) / seconds;
        log(line);
        words = 0, steps = 0;
        since = std::chrono::steady_clock::now();
      }
      if (interrupted()) {
        progress.clear();
        save();
        throw Interrupted("stopped at step " + std::to_string(progression_.step) + "; " +
                          file("checkpoint.safetensors").string() + " is written, --resume goes on from there");
      }
      if (out_of_steps()) return;
    }
  }

  double factor() const { return progression_.plateau * schedule_factor(job_.train, progression_.step, steps_); }

  /// One update.
  StepDone step(const Batch& batch, int64_t epoch) {
    torch::manual_seed(mix(job_.train.seed, 3, progression_.step) >> 1);
    auto& decoder = *captioner_->decoder;
    const Tensor annotations = fine_tuning(epoch)
                                   ? captioner_->annotate(batch.pictures)
                                   : batch.annotations.to(captioner_->device, torch::kFloat);  // [B, L, D]
    StepDone done;
    const Tensor loss = self_critical_ ? self_critical_loss(annotations, batch, done)
                                       : taught_loss(annotations, batch, done);  // []
    loss.backward();
    gradient_norm_ = optimizer_->clip();
    if (!std::isfinite(done.figures.front().second) || !std::isfinite(gradient_norm_)) refuse(batch);
    optimizer_->step(factor());
    ++progression_.step;
    decoder.eval();
    return done;
  }

  /// Of the training captions; logs the cross-entropy, nats a word.
  Tensor taught_loss(const Tensor& annotations, const Batch& batch, StepDone& done) {
    const auto loss = cross_entropy(annotations, batch);
    done.words = batch.captions.targets.size(0);
    done.figures = {{"loss", loss.cross_entropy.item<double>()}};
    if (teachers_) done.figures.emplace_back("distillation", loss.distillation.item<double>());
    return loss.total;  // []
  }

  /// Of captions that the decoder draws.
  Tensor self_critical_loss(const Tensor& annotations, const Batch& batch, StepDone& done) {
    const auto& train = data_->train();
    std::vector<size_t> pictures;  // counted through the training split
    for (const size_t example : batch.examples)
      pictures.push_back(std::lower_bound(train.begin(), train.end(), example) - train.begin());
    const auto sampled = self_critical_->step(*captioner_->decoder, annotations, pictures, batch.mirrored);
    Tensor loss = sampled.loss;  // []
    const double weight = job_.train.reward_cross_entropy;
    if (weight > 0) loss = loss + weight * cross_entropy(annotations, batch).total;  // []
    done.words = sampled.words;
    done.figures = {{"loss", loss.item<double>()}, {"sampled_reward", sampled.sampled_reward}};
    if (job_.train.reward_baseline == "greedy") done.figures.emplace_back("greedy_reward", sampled.greedy_reward);
    done.figures.emplace_back("sampled_length", sampled.sampled_length);
    return loss;
  }

  /// Of the training captions, with what hard attention adds.
  Loss cross_entropy(const Tensor& annotations, const Batch& batch) {
    auto& decoder = *captioner_->decoder;
    decoder.train();
    const auto taught = decoder.teach(decoder.remember(annotations), batch.captions);
    const Tensor teachers =
        teachers_ ? teachers_->log_probability(batch.teachers_pictures, batch.captions, job_.train.teacher_temperature)
                  : Tensor();  // [N, V]
    auto loss = cross_entropy_loss(taught, batch.captions, job_.train, teachers);
    if (!taught.locations.defined()) return loss;
    double& baseline = progression_.baseline;
    const auto hard = hard_attention_loss(taught, batch.captions, job_.train, baseline);
    loss.total = loss.total + hard.total;  // []
    const double decay = baseline == 0 ? 0 : job_.train.baseline_decay;
    baseline = decay * baseline + (1 - decay) * hard.log_probability;
    return loss;
  }

  [[noreturn]] void refuse(const Batch& batch) const {
    std::string pictures;
    for (const size_t i : batch.examples) pictures.append(" ").append(data_->dataset().examples[i].picture.filename().string());
    throw Error("step " + std::to_string(progression_.step + 1) +
                ": the loss is not a finite number; lower train.learning_rate or set train.clip_norm. The last checkpoint "
                "is kept. Pictures of the batch:" + pictures);
  }

  /// Captions of the validation split, by the weights as they are.
  std::vector<std::string> validation_captions(bool live) {
    DecodeOptions decode = job_.decode;
    decode.beam_width = job_.train.validation_beam;
    decode.n_best = 1;
    torch::manual_seed(job_.train.seed);  // the same locations in every epoch where hard attention samples them
    const auto list = chunks(data_->validation(), 32);
    std::vector<std::string> candidates;
    Progress progress("validating", static_cast<int64_t>(data_->validation().size()));
    // Several workers would draw locations in any order.
    compute_batches(
        {list.size(), job_.threads, captioner_->device, decode.locations != "sampled"},
        [&](size_t i) { return live ? data_->pictures(list[i], job_.model.encoder) : data_->annotations(list[i]); },
        [&](const Tensor& batch) {
          const torch::NoGradGuard no_grad;
          const Tensor annotations =
              live ? captioner_->annotate(batch) : batch.to(captioner_->device, torch::kFloat);  // [B, L, D]
          std::vector<std::string> texts;
          for (const auto& captions : caption_annotations(*captioner_, annotations, decode))
            texts.push_back(captions.front().text);
          return texts;
        },
        [&](const std::vector<std::string>& texts) {
          candidates.insert(candidates.end(), texts.begin(), texts.end());
          progress.update(static_cast<int64_t>(candidates.size()));
        });
    return candidates;
  }

  /// Validates the averaged weights; keeps the model if they are the best so far.
  void validate(int64_t epoch) {
    const bool live = fine_tuning(std::max<int64_t>(epoch, 1));
    if (!live) data_->store_annotations(*captioner_);
    const auto begin = std::chrono::steady_clock::now();
    optimizer_->swap_average();
    const auto candidates = validation_captions(live);
    std::vector<std::vector<std::string>> references;
    for (const size_t i : data_->validation()) references.push_back(data_->dataset().examples[i].captions);
    const Json figures = validation_figures(candidates, references, *faults_);
    const double cider = figures["validation_cider"];
    const bool best = cider > progression_.best_cider;
    Json line{{"epoch", epoch}, {"step", progression_.step}};
    line.update(figures);
    line["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    line["best"] = best;
    if (best || job_.train.keep == "last") keep(line);
    optimizer_->swap_average();
    log(line);
    std::fprintf(stderr, "epoch %lld/%d  CIDEr %.3f  BLEU-4 %.1f  ROUGE-L %.1f%s\n", static_cast<long long>(epoch),
                 job_.train.epochs, cider, 100 * figures["validation_bleu_4"].get<double>(),
                 100 * figures["validation_rouge_l"].get<double>(), best ? "  best so far, kept" : "");
    progression_.validated_epochs = epoch;
    progression_.epochs_since_best = best ? 0 : progression_.epochs_since_best + 1;
    if (best) progression_.best_cider = cider;
    if (!best && job_.train.schedule == "plateau") progression_.plateau *= job_.train.plateau_factor;
    save();
  }

  /// Writes the model file, with what `attend inspect` should know of it.
  void keep(const Json& figures) {
    captioner_->about = {{"recipe", recipe_},
                         {"seed", job_.train.seed},
                         {"training_pictures", data_->train().size()},
                         {"validation_pictures", data_->validation().size()},
                         {"validation", figures}};
    save_captioner(*captioner_, file("model.safetensors"));
  }

  /// Writes into the model file what may be decided after training: how to decode, and what it says of itself.
  void describe() const {
    auto best = load_captioner(file("model.safetensors"));
    const Json whole = whole_recipe(job_);
    best.decode = whole["decode"];
    for (const auto& [key, value] : whole["about"].items()) best.about[key] = value;
    save_captioner(best, file("model.safetensors"));
  }

  void save() { save_checkpoint(file("checkpoint.safetensors"), *captioner_, *optimizer_, progression_, recipe_); }

  void log(const Json& line) { log_ << line.dump() << std::endl; }

  const TrainJob& job_;
  const Json recipe_;
  std::optional<TrainingData> data_;
  std::optional<CaptionFaults> faults_;
  std::optional<Captioner> captioner_;
  std::optional<SelfCritical> self_critical_;
  std::optional<Ensemble> teachers_;
  std::optional<Optimizer> optimizer_;
  Progression progression_;
  int64_t steps_ = 0;  // of the whole run, what the schedule spans
  double gradient_norm_ = 0;
  std::ofstream log_;
};

}  // namespace

void TrainJob::list(OptionList& options) {
  about.list(options);
  data.list(options);
  model.list(options);
  augment.list(options);
  train.list(options);
  decode.list(options);
}

Captioner initial_captioner(const TrainJob& job) {
  const std::string source = job.train.initial_model.string();
  if (!job.train.encoder_weights.empty())
    throw UsageError("train.encoder_weights and train.initial_model are both set; the model has an encoder's weights");
  const Captioner model = load_captioner(source);
  require_same_network(job.model, model.options, source);
  Captioner captioner(job.model, model.vocabulary);
  load_captioner_state(captioner, captioner_state(model), source);
  return captioner;
}

void train(const TrainJob& job) { Run(job).train(); }

}  // namespace attend
