// B pictures in a batch · R rows · L grid cells · D annotation size · N words · V vocabulary · S input side
#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "decode/ensemble.h"
#include "model/weights.h"
#include "model/workers.h"
#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/initial_model.h"
#include "train/objective.h"
#include "train/optimizer.h"
#include "train/run_log.h"
#include "train/self_critical.h"
#include "train/training_data.h"
#include "train/validation.h"

namespace attend {
namespace {

using torch::Tensor;

/// What a step did.
struct StepDone {
  int64_t words = 0;                                    // that were taught
  std::vector<std::pair<std::string, double>> figures;  // for the log, which averages them; the loss first
};

class Run {
 public:
  explicit Run(const TrainJob& job) : job_(job), beginning_{recipe(job), 0, {}} {
    check_decode_options(job.decode, job.model.attention);
    job.check();
    check_model_options(job.model);
    if (!job.train.initial_model.empty()) captioner_.emplace(initial_captioner(job));
    const bool begun = std::filesystem::exists(file("checkpoint.safetensors"));
    if (begun && !job.resume)
      throw UsageError(job.output.string() +
                       ": already holds a run; --resume goes on with it, or choose another folder");
    if (!begun && !job.resume && std::filesystem::exists(file("model.safetensors")))
      throw UsageError(file("model.safetensors").string() +
                       ": is there, without a checkpoint to go on from, and would be "
                       "replaced; move it away, or choose another output folder");
    if (job.train.fine_tune_stages == 0 && (job.augment.crop > 0 || job.augment.flip || job.augment.degrade > 0))
      warn("augmentation only takes effect while the encoder is trained (train.fine_tune_stages)");
    data_.emplace(job);
    beginning_.data = data_->hash();
    std::optional<Checkpoint> checkpoint;
    if (begun) {
      checkpoint.emplace(read_checkpoint(file("checkpoint.safetensors")));
      checkpoint->require_same(beginning_.recipe, beginning_.data);
      data_->leave_out(checkpoint->beginning.left_out);
    }
    make_captioner();
    std::filesystem::create_directories(job.output);  // a run that can't begin leaves no folder
    lock_.emplace(job.output);
    if (!begun) read_pictures();
    beginning_.left_out = data_->left_out();
    steps_ = data_->steps_per_epoch() * job.train.epochs;
    check_length();
    make_optimizer();
    if (begun) {
      checkpoint->restore(*captioner_, *optimizer_);
      progression_ = checkpoint->progression;
      if (progression_.step > steps_ || progression_.validated_epochs > progression_.step / data_->steps_per_epoch())
        throw InputError(checkpoint->source + ": it stands after " + std::to_string(progression_.step) + " steps and " +
                         std::to_string(progression_.validated_epochs) + " epochs, of a run of " +
                         std::to_string(steps_) + " steps; the file is damaged");
    } else {
      // An initial model is validated first: what it is kept for is that no epoch be worse.
      if (!job.train.initial_model.empty()) progression_.validated_epochs = -1;
      write_file_atomically(file("config.json"), whole_recipe(job, true).dump(2) + "\n");
    }
    log_.emplace(file("log.jsonl"), begun ? progression_.step : -1, progression_.validated_epochs);
    describe_data();
    if (!begun) log_->write({{"step", 0}, {"epoch", 0}, {"data", about_data_}});
    prepare_objective();
  }

  void train() {
    const auto& options = job_.train;
    const auto per_epoch = data_->steps_per_epoch();
    for (;;) {
      const int64_t epoch = progression_.step / per_epoch + 1;  // from 1
      // An epoch whose steps are done but whose validation was cut off is validated first.
      if (progression_.validated_epochs < epoch - 1) validate(epoch - 1);
      if (epoch > options.epochs || out_of_patience() || out_of_steps()) break;
      run_epoch(epoch, progression_.step % per_epoch);
      if (out_of_steps() && progression_.step % per_epoch != 0) break;
    }
    save();
    if (!std::filesystem::exists(file("model.safetensors"))) keep_unvalidated();
    describe();
  }

 private:
  static Json whole_recipe(TrainJob job, bool absolute = false) {
    OptionList list;
    job.list(list);
    return list.to_json(absolute);
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

  /// Whether the words of the training captions are taught, not only those that the decoder draws.
  bool teaches_words() const { return job_.train.objective == "cross_entropy" || job_.train.reward_cross_entropy > 0; }

  /// Vocabulary, and model with its first weights.
  void make_captioner() {
    const auto captions = data_->all_tokens();
    torch::manual_seed(job_.train.seed);
    if (captioner_)
      adapt_vocabulary(captions);
    else
      captioner_.emplace(job_.model, Vocabulary::build(captions, job_.train.min_word_count));
    if (captioner_->vocabulary.size() == Vocabulary::kUnknown + 1)
      throw InputError(data_->dataset().source + ": no word stands " + std::to_string(job_.train.min_word_count) +
                       " times in the training captions; lower train.min_word_count (and see that words are parted by "
                       "blanks)");
    count_unknown(captions);
    constraints_of(job_.decode, captioner_->vocabulary, "a model of these captions");

    auto& encoder = *captioner_->encoder;
    if (!job_.train.encoder_weights.empty())
      encoder.import_weights(read_weights(job_.train.encoder_weights), job_.train.encoder_weights.string());
    if (job_.train.fine_tune_stages > encoder.stages())
      throw UsageError("train.fine_tune_stages: " + job_.model.encoder.family + " has " +
                       std::to_string(encoder.stages()) + " stages");
    check_encoder(encoder.stages());
    captioner_->to(job_.device);
    if (!job_.train.teacher.empty()) load_teachers();
    encoder.set_trainable(job_.train.fine_tune_stages);
  }

  /// Has the initial model know the captions' words where they will be taught. A teacher couldn't say new ones.
  void adapt_vocabulary(const std::vector<Tokens>& captions) {
    const auto& known = captioner_->vocabulary;
    const bool grows = teaches_words() && job_.train.teacher.empty();
    // In any case it counts what will have been learnt, not what it had learnt.
    auto words = grows ? known.grown(captions, job_.train.min_word_count) : known.counted(captions);
    if (words.size() == known.size()) {
      captioner_->vocabulary = std::move(words);
      return;
    }
    const auto& all = words.words();
    note("words: " + std::to_string(words.size() - known.size()) + " that " + job_.train.initial_model.string() +
         " doesn't know are added: " + first_of({all.begin() + known.size(), all.end()}));
    captioner_.emplace(with_words(*captioner_, std::move(words)));
  }

  /// "dog, cat, cow, …"
  static std::string first_of(const std::vector<std::string>& words) {
    constexpr size_t kFirst = 8;
    std::string text;
    for (size_t i = 0; i < std::min(kFirst, words.size()); ++i) text += (i ? ", " : "") + words[i];
    return text + (words.size() > kFirst ? ", …" : "");
  }

  /// Says what share of the training tokens stays unknown.
  void count_unknown(const std::vector<Tokens>& captions) {
    for (const auto& caption : captions) training_tokens_ += static_cast<int64_t>(caption.size());
    std::vector<std::string> words;  // the most frequent first
    for (auto& [word, count] : captioner_->vocabulary.unknown(captions)) {
      unknown_tokens_ += count;
      words.push_back(word);
    }
    const auto share =
        static_cast<double>(unknown_tokens_) / static_cast<double>(std::max<int64_t>(training_tokens_, 1));
    char percent[32];
    std::snprintf(percent, sizeof percent, "%.3g", 100 * share);
    const std::string text = "words: " + std::to_string(captioner_->vocabulary.size() - Vocabulary::kUnknown - 1) +
                             "; " + percent + " % of the " + std::to_string(training_tokens_) +
                             " training tokens are unknown and will never be said" +
                             (words.empty() ? "" : " (" + first_of(words) + ")");
    if (share > 0.05)  // of everyday captions, 1 to 2 % are
      warn(text + "; train.min_word_count decides which");
    else
      note(text);
  }

  /// Says where annotations will be those of random weights.
  void check_encoder(int stages) const {
    const auto& options = job_.train;
    const bool trains = options.fine_tune_stages > 0 && options.fine_tune_from <= options.epochs;
    if (options.encoder_weights.empty() && options.initial_model.empty()) {
      const std::string remedy = "; name pretrained weights with train.encoder_weights (tools/fetch-weights has some)";
      if (options.fine_tune_stages > 0 && (!trains || options.encoder_learning_rate == 0))
        throw UsageError("train.fine_tune_stages: the encoder begins with random weights and would keep them, as " +
                         (trains ? std::string("train.encoder_learning_rate is 0")
                                 : "train.fine_tune_from " + std::to_string(options.fine_tune_from) +
                                       " lies after the last epoch (" + std::to_string(options.epochs) + ")") +
                         remedy);
      if (options.fine_tune_stages < stages)
        warn("train.encoder_weights is not set: the encoder's untrained stages keep random weights, which see little" +
             remedy);
      else if (options.fine_tune_from > 1)
        warn("train.encoder_weights is not set: the encoder has random weights until epoch " +
             std::to_string(options.fine_tune_from) + remedy);
    } else if (options.fine_tune_stages > 0 && !trains) {
      warn("train.fine_tune_from " + std::to_string(options.fine_tune_from) + " lies after the last epoch (" +
           std::to_string(options.epochs) + "): the encoder won't be trained");
    }
  }

  /// Says what a run's length makes of other options.
  void check_length() {
    const int64_t per_epoch = data_->steps_per_epoch();
    if (job_.train.max_steps > 0 && job_.train.max_steps < per_epoch)
      warn("train.max_steps " + std::to_string(job_.train.max_steps) + " ends the run within its first epoch of " +
           std::to_string(per_epoch) + " steps: what it has learnt by then is kept, but not validated");
    schedule_ = job_.train;
    if (schedule_.warmup_steps > steps_ / 2) {
      schedule_.warmup_steps = static_cast<int>(steps_ / 2);
      note("train.warmup_steps " + std::to_string(job_.train.warmup_steps) + " is more than half of the run's " +
           std::to_string(steps_) + " steps; " + std::to_string(schedule_.warmup_steps) + " are taken");
    }
  }

  void make_optimizer() {
    std::vector<TrainedParameter> parameters;
    for (auto& item : captioner_->decoder->named_parameters())
      parameters.push_back({"decoder." + item.key(), item.value()});
    int64_t number = 0;
    for (auto& tensor : captioner_->encoder->trainable_parameters())
      parameters.push_back({"encoder." + std::to_string(number++), tensor, true});
    optimizer_.emplace(std::move(parameters), schedule_);
  }

  /// Reads every picture before the first step, and leaves out those that can't be read. A run that goes on has left them out.
  void read_pictures() {
    if (fine_tuning(1))
      data_->check_pictures();
    else
      data_->store_annotations(*captioner_, true);
  }

  /// Says what is learnt from.
  void describe_data() {
    for (const auto& line : data_->summary()) note(line);
    about_data_ = data_->summary_json();
    about_data_["words"] = captioner_->vocabulary.size() - Vocabulary::kUnknown - 1;
    about_data_["training_tokens"] = training_tokens_;
    about_data_["unknown_tokens"] = unknown_tokens_;
  }

  /// What needs the captions that are left.
  void prepare_objective() {
    data_->number_words(captioner_->vocabulary);
    auto references = data_->training_captions();
    validation_.emplace(data_->dataset(), data_->validation(), references);
    if (job_.train.objective == "self_critical")
      self_critical_.emplace(
          Reward(std::move(references), {job_.train.reward_bleu, job_.train.reward_meteor}, job_.meteor),
          captioner_->vocabulary, job_.train, job_.decode.max_length, job_.threads);
    const bool of_all = validation_->chosen_by() != "validation_cider";
    for (const auto& source : validation_->blind_sources())
      warn("validation" + (source.empty() ? "" : " of " + source) +
           ": CIDEr-D is 0 whatever a caption says, as no word tells one picture from the others" +
           (of_all ? "; epochs are chosen by ROUGE-L" : "; it doesn't help to choose the best epoch"));
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
    if (!changed) data_->store_annotations(*captioner_, false);
    auto list = data_->batches(epoch);
    list.erase(list.begin(), list.begin() + first);
    // A processor that trains needs no more than one reader beside it; a GPU is fed by all.
    const int readers = captioner_->device.is_cpu() ? 1 : job_.threads;
    const auto forms = teachers_ ? teachers_->inputs() : std::vector<EncoderOptions>();
    OrderedPipeline<Batch> pipeline(list.size(), readers, 2 * static_cast<size_t>(readers) + 1,
                                    [&](size_t i) { return data_->load(list[i], epoch, changed, forms); });
    const auto next = [&] {
      try {
        return pipeline.next();
      } catch (const Error&) {  // a picture or a row of the feature store that could be read before
        save();
        throw;
      }
    };
    Progress progress("epoch " + std::to_string(epoch) + "/" + std::to_string(job_.train.epochs),
                      static_cast<int64_t>(list.size()));
    auto since = std::chrono::steady_clock::now();
    std::vector<std::pair<std::string, double>> sums;
    int64_t words = 0, steps = 0, done = 0;
    while (const auto batch = next()) {
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
        log_->write(line);
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

  double factor() const { return progression_.plateau * schedule_factor(schedule_, progression_.step, steps_); }

  /// One update.
  StepDone step(const Batch& batch, int64_t epoch) {
    torch::manual_seed(mix(job_.train.seed, 3, progression_.step) >> 1);
    auto& decoder = *captioner_->decoder;
    const Tensor annotations = fine_tuning(epoch)
                                   ? captioner_->annotate(batch.pictures)
                                   : batch.annotations.to(captioner_->device, torch::kFloat);  // [B, L, D]
    StepDone done;
    const Tensor loss =
        self_critical_ ? self_critical_loss(annotations, batch, done) : taught_loss(annotations, batch, done);  // []
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
    Tensor shown = annotations;                                                                      // [B, L, D]
    if (batch.has_sentences) shown = torch::cat({shown, torch::zeros_like(shown.narrow(0, 0, 1))});  // [B + 1, L, D]
    const auto taught = decoder.teach(decoder.remember(shown), batch.captions);
    const Tensor teachers =
        teachers_ ? teachers_->log_probability(batch.teachers_pictures, batch.captions, job_.train.teacher_temperature)
                  : Tensor();  // [N, V]
    auto loss = cross_entropy_loss(taught, batch.captions, job_.train, teachers, batch.weights);
    if (!taught.locations.defined()) return loss;
    double& baseline = progression_.baseline;
    const auto hard = hard_attention_loss(taught, batch.captions, job_.train, baseline, batch.weights);
    loss.total = loss.total + hard.total;  // []
    const double decay = baseline == 0 ? 0 : job_.train.baseline_decay;
    baseline = decay * baseline + (1 - decay) * hard.log_probability;
    return loss;
  }

  [[noreturn]] void refuse(const Batch& batch) const {
    std::string pictures;
    for (const size_t i : batch.examples)
      pictures.append(" ").append(data_->dataset().examples[i].picture.filename().string());
    throw Error(
        "step " + std::to_string(progression_.step + 1) +
        ": the loss is not a finite number; lower train.learning_rate or set train.clip_norm. The last checkpoint "
        "is kept. Pictures of the batch:" +
        pictures);
  }

  /// Captions of the validation split, by the weights as they are.
  std::vector<std::string> validation_captions(bool live) {
    DecodeOptions decode = job_.decode;
    decode.beam_width = job_.train.validation_beam;
    decode.n_best = decode.beam_groups = 1;
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
    if (!live) data_->store_annotations(*captioner_, false);
    const auto begin = std::chrono::steady_clock::now();
    optimizer_->swap_average();
    const Json figures = validation_->of(validation_captions(live));
    const double figure = figures[validation_->chosen_by()];
    const bool best = figure > progression_.best;
    Json line{{"epoch", epoch}, {"step", progression_.step}};
    line.update(figures);
    line["best"] = best;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (best || job_.train.keep == "last") keep(line);  // without the time, so that equal runs keep equal files
    line["seconds"] = seconds;
    optimizer_->swap_average();
    log_->write(line);
    std::fprintf(stderr, "epoch %lld/%d  CIDEr %.3f%s  BLEU-4 %.1f  ROUGE-L %.1f%s\n", static_cast<long long>(epoch),
                 job_.train.epochs, figures["validation_cider"].get<double>(), ciders_of_sources(figures).c_str(),
                 100 * figures["validation_bleu_4"].get<double>(), 100 * figures["validation_rouge_l"].get<double>(),
                 best ? "  best so far, kept" : "");
    progression_.validated_epochs = epoch;
    progression_.epochs_since_best = best ? 0 : progression_.epochs_since_best + 1;
    if (best) progression_.best = figure;
    if (!best && job_.train.schedule == "plateau") progression_.plateau *= job_.train.plateau_factor;
    save();
  }

  /// " (flickr8k 0.612, everyday 0.701)", of several sources.
  static std::string ciders_of_sources(const Json& figures) {
    const std::string key = "validation_cider_";
    std::string text;
    for (const auto& [name, value] : figures.items()) {
      if (name.rfind(key, 0) != 0) continue;
      char number[32];
      std::snprintf(number, sizeof number, " %.3f", value.get<double>());
      text += (text.empty() ? " (" : ", ") + name.substr(key.size()) + number;
    }
    return text.empty() ? "" : text + ")";
  }

  /// Writes the model file, with what `attend inspect` should know of it.
  void keep(const Json& figures) {
    captioner_->about = {{"recipe", beginning_.recipe},
                         {"seed", job_.train.seed},
                         {"training_pictures", data_->train().size()},
                         {"validation_pictures", data_->validation().size()},
                         {"data", about_data_},
                         {"validation", figures}};
    save_captioner(*captioner_, file("model.safetensors"));
  }

  /// Where the run ends before the first validation.
  void keep_unvalidated() {
    optimizer_->swap_average();
    keep({{"step", progression_.step}});
    optimizer_->swap_average();
    warn(file("model.safetensors").string() + ": holds what was learnt by step " + std::to_string(progression_.step) +
         "; it has not been validated");
  }

  /// Writes into the model file what may be decided after training: how to decode, and what it says of itself.
  void describe() const {
    auto best = load_captioner(file("model.safetensors"));
    const Json whole = whole_recipe(job_);
    best.decode = whole["decode"];
    for (const auto& [key, value] : whole["about"].items()) best.about[key] = value;
    save_captioner(best, file("model.safetensors"));
  }

  void save() { save_checkpoint(file("checkpoint.safetensors"), *captioner_, *optimizer_, progression_, beginning_); }

  const TrainJob& job_;
  Beginning beginning_;
  std::optional<TrainingData> data_;
  std::optional<ValidationFigures> validation_;
  std::optional<Captioner> captioner_;
  std::optional<SelfCritical> self_critical_;
  std::optional<Ensemble> teachers_;
  std::optional<Optimizer> optimizer_;
  Progression progression_;
  int64_t steps_ = 0;      // of the whole run, what the schedule spans
  TrainOptions schedule_;  // as the run's length allows
  double gradient_norm_ = 0;
  int64_t training_tokens_ = 0, unknown_tokens_ = 0;
  Json about_data_;  // what is learnt from
  std::optional<FolderLock> lock_;
  std::optional<RunLog> log_;
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

void TrainJob::check() const {
  train.check();
  if (train.reward_meteor > 0 && !meteor)
    throw UsageError(
        "train.reward_meteor: METEOR's tables are not there; tools/fetch-meteor makes them, --meteor FILE "
        "names others");
  if (data.sentences.empty()) return;
  if (train.objective == "self_critical" && train.reward_cross_entropy == 0)
    throw UsageError(
        "data.sentences: objective self_critical doesn't look at them; leave them out, or set "
        "train.reward_cross_entropy above 0");
  if (!train.teacher.empty())
    throw UsageError(
        "data.sentences: teachers say nothing without a picture; leave out the sentences or train.teacher");
}

void train(const TrainJob& job) { Run(job).train(); }

}  // namespace attend
