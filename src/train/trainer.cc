// B pictures in a batch · R rows · L grid cells · D annotation size · N words · V vocabulary · S input side
#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "base/console.h"
#include "base/error.h"
#include "base/files.h"
#include "base/folder.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/printable.h"
#include "data/run_log.h"
#include "decode/ensemble.h"
#include "model/workers.h"
#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/initial_model.h"
#include "train/objective.h"
#include "train/optimizer.h"
#include "train/self_critical.h"
#include "train/training_data.h"
#include "train/validation.h"

namespace attend {
namespace {

using torch::Tensor;

/// A folder that is taken away again where a run can't begin. What was encoded took long: that stays, and is said.
class RunFolder {
 public:
  explicit RunFolder(const std::filesystem::path& path) : path_(path), made_(!std::filesystem::exists(path)) {
    make_folder(path);
  }
  ~RunFolder() {
    if (!made_ || begun) return;
    std::error_code error;
    for (const char* name : {"config.json", "log.jsonl"}) std::filesystem::remove(path_ / name, error);
    if (std::filesystem::remove(path_, error) || !std::filesystem::exists(path_, error)) return;
    note(path_.string() + ": what was encoded stays in it, for the next start");
  }
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;
  bool begun = false;

 private:
  const std::filesystem::path path_;
  const bool made_;
};

/// What the validation pictures' captions are.
struct Validated {
  std::vector<std::string> captions;  // as they are decoded
  double loss = 0;                    // of those that people gave them: cross-entropy, nats a word
};

/// What a step did.
struct StepDone {
  /// For the log, which averages it over steps; the loss is the first.
  struct Figure {
    std::string name;
    double value;
    double share = 1;  // how much of the whole batch it is the mean of
  };
  int64_t words = 0;  // that were taught
  std::vector<Figure> figures;
  double log_probability = 0, averaged = 0;  // as HardAttentionLoss's
  bool stop = false;                         // a rank was asked to
};

class Run {
 public:
  explicit Run(const TrainJob& job) : job_(job), ranks_(*job.ranks), beginning_{recipe(job), 0, {}} {
    check_decode_options(job.decode, job.model.attention);
    job.check();
    check_model_options(job.model);
    check_ranks();
    if (!job.train.initial_model.empty()) captioner_.emplace(initial_captioner(job));
    const bool begins = ranks_.first() && !std::filesystem::exists(file("checkpoint.safetensors"));
    const bool begun = !ranks_.any(begins);
    if (begun && !job.resume)
      throw UsageError(job.output.string() +
                       ": already holds a run; --resume goes on with it, or choose another folder");
    if (begins && !job.resume && std::filesystem::exists(file("model.safetensors")))
      throw UsageError(file("model.safetensors").string() +
                       ": is there, without a checkpoint to go on from, and would be "
                       "replaced; move it away, or choose another output folder");
    if (begins && std::filesystem::exists(file("model.safetensors")))
      warn(job.output.string() +
           ": has no checkpoint to go on from; the run begins anew and replaces its model.safetensors");
    const auto& augment = job.augment;
    if (job.train.fine_tune_stages == 0 && (augment.crop > 0 || augment.flip || augment.brightness > 0 ||
                                            augment.contrast > 0 || augment.saturation > 0 || augment.degrade > 0))
      warn("augmentation only takes effect while the encoder is trained (train.fine_tune_stages)");
    data_.emplace(job);
    beginning_.data = data_->hash();
    ranks_.require_same({{"captions", beginning_.data}});
    std::optional<Checkpoint> checkpoint;
    if (begun) {
      Json left_out = Json::array();
      if (ranks_.first()) {
        checkpoint.emplace(read_checkpoint(file("checkpoint.safetensors")));
        checkpoint->require_same(beginning_.recipe, beginning_.data);
        for (const auto& picture : checkpoint->beginning.left_out) left_out.push_back(picture.string());
      }
      std::vector<std::filesystem::path> pictures;
      for (const auto& picture : ranks_.broadcast(left_out)) pictures.emplace_back(picture.get<std::string>());
      data_->leave_out(pictures);
    }
    make_captioner();
    ranks_.require_same({{"vocabulary", captioner_->vocabulary.words()}});
    std::optional<RunFolder> folder;
    if (ranks_.first()) {
      folder.emplace(job.output);
      lock_.emplace(job.output);
    }
    if (!begun) read_pictures();
    beginning_.left_out = data_->left_out();
    steps_ = data_->steps_per_epoch() * job.train.epochs;
    check_length();
    make_optimizer();
    if (checkpoint) {
      checkpoint->restore(*captioner_, *optimizer_);
      progression_ = checkpoint->progression;
      go_on_from(*checkpoint);
    } else if (!begun) {
      // An initial model is validated first: what it is kept for is that no epoch be worse.
      if (!job.train.initial_model.empty()) progression_.validated_epochs = -1;
      if (ranks_.first()) write_file_atomically(file("config.json"), whole_recipe(job, true).dump(2) + "\n");
    }
    share_state();
    if (ranks_.first()) log_.emplace(file("log.jsonl"), begun ? progression_.step : -1, progression_.validated_epochs);
    describe_data();
    if (!begun) log({{"step", 0}, {"epoch", 0}, {"data", about_data_}});
    prepare_objective();
    // What --resume without a configuration goes on with: the run as it is now.
    if (checkpoint && checkpoint->beginning.recipe["train"].value("epochs", job.train.epochs) != job.train.epochs)
      write_file_atomically(file("config.json"), whole_recipe(job, true).dump(2) + "\n");
    if (folder) folder->begun = true;
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
    if (!ranks_.first()) return;
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

  /// Checks how far the run is, and says where it will be longer or shorter than it was begun.
  void go_on_from(const Checkpoint& checkpoint) {
    const int64_t per_epoch = data_->steps_per_epoch(), step = progression_.step;
    const int begun_with = checkpoint.beginning.recipe["train"].value("epochs", job_.train.epochs);
    const int64_t all = per_epoch * begun_with;
    if (step > all || progression_.validated_epochs > step / per_epoch)
      throw InputError(checkpoint.source + ": it stands after " + counted(static_cast<size_t>(step), "step") + " and " +
                       counted(static_cast<size_t>(progression_.validated_epochs), "epoch") + ", of a run of " +
                       std::to_string(all) + "; the file is damaged");
    if (step > steps_)
      throw UsageError("train.epochs " + std::to_string(job_.train.epochs) + ": this run is in epoch " +
                       std::to_string((step + per_epoch - 1) / per_epoch) + " already");
    if (job_.train.epochs != begun_with)
      note("epochs: " + std::to_string(begun_with) + " when this run was begun, " + std::to_string(job_.train.epochs) +
           " from here on; the learning rate is that of a run of " + std::to_string(job_.train.epochs));
    beginning_.recipe = checkpoint.beginning.recipe;  // paths as they were written then
    beginning_.recipe["train"]["epochs"] = job_.train.epochs;
    beginning_.folder = checkpoint.beginning.folder;
  }

  std::filesystem::path file(const char* name) const { return job_.output / name; }
  void log(const Json& line) {
    if (log_) log_->write(line);
  }

  void check_ranks() {
    if (ranks_.alone()) return;
    if (job_.train.batch_size < ranks_.size())
      throw UsageError("train.batch_size is " + std::to_string(job_.train.batch_size) + ", less than the " +
                       std::to_string(ranks_.size()) + " ranks: each needs a picture of every step");
    Json same = whole_recipe(job_);
    same["train"].erase("features");
    ranks_.require_same(same);
    note("ranks: " + std::to_string(ranks_.size()) + " processes train together, this one with " +
         std::to_string(job_.threads) + (job_.threads == 1 ? " thread" : " threads"));
  }

  /// Has every rank begin or go on with what rank 0 has: machines of different kinds round differently.
  void share_state() {
    if (ranks_.alone()) return;
    for (auto& [name, tensor] : captioner_state(*captioner_)) ranks_.broadcast(tensor);
    auto state = optimizer_->state();
    for (auto& [name, tensor] : state) ranks_.broadcast(tensor);
    optimizer_->load(state, "rank 0");
    Progression& p = progression_;
    const Json stands =
        ranks_.broadcast(Json{p.step, p.best, p.epochs_since_best, p.plateau, p.baseline, p.validated_epochs});
    p = {stands[0], stands[1], stands[2], stands[3], stands[4], stands[5]};
  }
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
      take_encoder_weights(encoder, job_.model.encoder, job_.train.encoder_weights);
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
    if (options.learning_rate == 0) warn("train.learning_rate is 0: the decoder learns nothing");
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
           counted(static_cast<size_t>(per_epoch), "step") + ": what it has learnt by then is kept, but not validated");
    schedule_ = job_.train;
    if (schedule_.warmup_steps > steps_ / 2) {
      schedule_.warmup_steps = static_cast<int>(steps_ / 2);
      note("train.warmup_steps " + std::to_string(job_.train.warmup_steps) + " is more than half of the run's " +
           counted(static_cast<size_t>(steps_), "step") + "; it is taken as " + std::to_string(schedule_.warmup_steps));
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
    ranks_.reduce_gradients(learning_parameters(changed));
    Progress progress("epoch " + std::to_string(epoch) + "/" + std::to_string(job_.train.epochs),
                      static_cast<int64_t>(list.size()));
    auto since = std::chrono::steady_clock::now();
    std::vector<std::pair<std::string, double>> sums;
    int64_t words = 0, steps = 0, done = 0;
    while (const auto batch = next()) {
      const auto one = step(*batch, list[static_cast<size_t>(done)], epoch);
      if (steps == 0) sums.assign(one.figures.size(), {});
      for (size_t i = 0; i < sums.size(); ++i) sums[i] = {one.figures[i].name, sums[i].second + one.figures[i].value};
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
      if (one.stop) {
        progress.clear();
        save();
        ranks_.barrier();  // who ends first ends all
        throw Interrupted("stopped at step " + std::to_string(progression_.step) + "; " +
                          file("checkpoint.safetensors").string() + " is written, --resume goes on from there");
      }
      if (out_of_steps()) return;
    }
  }

  double factor() const { return progression_.plateau * schedule_factor(schedule_, progression_.step, steps_); }

  /// What has gradients while the encoder is trained, and while it isn't.
  std::vector<Tensor> learning_parameters(bool with_encoder) {
    std::vector<Tensor> parameters;
    if (with_encoder) parameters = captioner_->encoder->trainable_parameters();
    for (auto& parameter : captioner_->decoder->parameters()) parameters.push_back(parameter);
    return parameters;
  }

  /// One update. `batch` is this rank's part of the `whole`.
  StepDone step(const Batch& batch, const BatchPlan& whole, int64_t epoch) {
    const uint64_t seed = mix(job_.train.seed, 3, progression_.step);
    torch::manual_seed((ranks_.first() ? seed : mix(seed, ranks_.rank())) >> 1);
    auto& decoder = *captioner_->decoder;
    StepDone done;
    Tensor loss;
    if (!batch.examples.empty()) {
      const Tensor annotations = fine_tuning(epoch)
                                     ? captioner_->annotate(batch.pictures)
                                     : batch.annotations.to(captioner_->device, torch::kFloat);  // [B, L, D]
      loss =
          self_critical_ ? self_critical_loss(annotations, batch, done) : taught_loss(annotations, batch, done);  // []
    }
    ranks_.backward(loss);
    put_together(done);
    gradient_norm_ = optimizer_->clip();
    if (!std::isfinite(done.figures.front().value) || !std::isfinite(gradient_norm_)) refuse(whole);
    if (done.averaged > 0) {
      double& baseline = progression_.baseline;
      const double decay = baseline == 0 ? 0 : job_.train.baseline_decay;
      baseline = decay * baseline + (1 - decay) * done.log_probability;
    }
    optimizer_->step(factor());
    ++progression_.step;
    decoder.eval();
    return done;
  }

  /// The names of a step's figures, which a rank has that had no part of it, too.
  std::vector<std::string> figure_names() const {
    if (!self_critical_)
      return teachers_ ? std::vector<std::string>{"loss", "distillation"} : std::vector<std::string>{"loss"};
    if (job_.train.reward_baseline == "greedy") return {"loss", "sampled_reward", "greedy_reward", "sampled_length"};
    return {"loss", "sampled_reward", "sampled_length"};
  }

  /// Makes what this rank did what all did.
  void put_together(StepDone& done) {
    done.stop = interrupted();
    if (ranks_.alone()) return;
    const auto names = figure_names();
    if (done.figures.empty())
      for (const auto& name : names) done.figures.push_back({name, 0});
    std::vector<double> parts{static_cast<double>(done.words), double(done.stop), done.averaged,
                              done.averaged * done.log_probability};
    for (const auto& figure : done.figures) parts.push_back(figure.share * figure.value);
    const Tensor sums = torch::tensor(parts, torch::kDouble);  // [4 + figures]
    ranks_.sum(sums);
    const auto* sum = sums.data_ptr<double>();
    done.words = static_cast<int64_t>(sum[0]);
    done.stop = sum[1] > 0;
    done.averaged = sum[2];
    done.log_probability = done.averaged > 0 ? sum[3] / done.averaged : 0;
    for (size_t i = 0; i < done.figures.size(); ++i) done.figures[i].value = sum[4 + i];
  }

  /// Of the training captions; logs the cross-entropy, nats a word.
  Tensor taught_loss(const Tensor& annotations, const Batch& batch, StepDone& done) {
    const auto loss = cross_entropy(annotations, batch, done);
    const double share = batch.share.words;
    done.words = batch.captions.targets.size(0);
    done.figures = {{"loss", loss.cross_entropy.item<double>(), share}};
    if (teachers_) done.figures.push_back({"distillation", loss.distillation.item<double>(), share});
    return loss.total;  // []
  }

  /// Of captions that the decoder draws.
  Tensor self_critical_loss(const Tensor& annotations, const Batch& batch, StepDone& done) {
    const auto& train = data_->train();
    std::vector<size_t> pictures;  // counted through the training split
    for (const size_t example : batch.examples)
      pictures.push_back(std::lower_bound(train.begin(), train.end(), example) - train.begin());
    const auto sampled = self_critical_->step(*captioner_->decoder, annotations, pictures, batch.mirrored, batch.share);
    Tensor loss = sampled.loss;  // []
    const double weight = job_.train.reward_cross_entropy;
    if (weight > 0) loss = loss + weight * cross_entropy(annotations, batch, done).total;  // []
    done.words = sampled.words;
    const double share = batch.share.pictures;
    done.figures = {{"loss", loss.item<double>()}, {"sampled_reward", sampled.sampled_reward, share}};  // loss: a part
    if (job_.train.reward_baseline == "greedy") done.figures.push_back({"greedy_reward", sampled.greedy_reward, share});
    done.figures.push_back({"sampled_length", sampled.sampled_length, share});
    return loss;
  }

  /// Of the training captions, with what hard attention adds.
  Loss cross_entropy(const Tensor& annotations, const Batch& batch, StepDone& done) {
    auto& decoder = *captioner_->decoder;
    decoder.train();
    Tensor shown = annotations;                                                                      // [B, L, D]
    if (batch.has_sentences) shown = torch::cat({shown, torch::zeros_like(shown.narrow(0, 0, 1))});  // [B + 1, L, D]
    const auto taught = decoder.teach(decoder.remember(shown), batch.captions);
    const Tensor teachers =
        teachers_ ? teachers_->log_probability(batch.teachers_pictures, batch.captions, job_.train.teacher_temperature)
                  : Tensor();  // [N, V]
    auto loss = cross_entropy_loss(taught, batch.captions, job_.train, teachers, batch.weights, batch.share);
    if (!taught.locations.defined()) return loss;
    const auto hard =
        hard_attention_loss(taught, batch.captions, job_.train, progression_.baseline, batch.weights, batch.share);
    loss.total = loss.total + hard.total;  // []
    done.log_probability = hard.log_probability;
    done.averaged = hard.averaged;
    return loss;
  }

  [[noreturn]] void refuse(const BatchPlan& batch) const {
    std::string pictures;
    for (const size_t i : batch.examples)
      pictures.append(" ").append(data_->dataset().examples[i].picture.filename().string());
    throw Error(
        "step " + std::to_string(progression_.step + 1) +
        ": the loss is not a finite number; lower train.learning_rate or set train.clip_norm. The last checkpoint "
        "is kept. Pictures of the batch:" +
        pictures);
  }

  /// Of the validation split, by the weights as they are; each rank decodes its batches, and rank 0 has all captions.
  Validated validated_pictures(bool live) {
    DecodeOptions decode = job_.decode;
    decode.beam_width = job_.train.validation_beam;
    decode.n_best = decode.beam_groups = 1;
    torch::manual_seed(job_.train.seed);  // the same locations in every epoch where hard attention samples them
    const auto chunks_of_all = chunks(data_->validation(), 32);
    const auto size = static_cast<size_t>(ranks_.size());
    std::vector<std::vector<size_t>> list;
    for (size_t i = static_cast<size_t>(ranks_.rank()); i < chunks_of_all.size(); i += size)
      list.push_back(chunks_of_all[i]);
    struct Seen {
      Tensor pictures;  // u8 [B, S, S, 3], or annotations fp16 [B, L, D]
      PackedCaptions captions;
    };
    struct Said {
      std::vector<std::string> texts;
      double loss;  // in sum
      int64_t words;
    };
    Validated all;
    double words = 0;
    Progress progress("validating", static_cast<int64_t>(data_->validation().size() / size));
    // Several workers would draw locations in any order.
    compute_batches(
        {list.size(), job_.threads, captioner_->device, decode.locations != "sampled"},
        [&](size_t i) {
          return Seen{live ? data_->pictures(list[i], job_.model.encoder) : data_->annotations(list[i]),
                      data_->given_captions(list[i])};
        },
        [&](const Seen& seen) {
          const torch::NoGradGuard no_grad;
          const Tensor annotations = live ? captioner_->annotate(seen.pictures)
                                          : seen.pictures.to(captioner_->device, torch::kFloat);  // [B, L, D]
          Said said;
          for (const auto& captions : caption_annotations(*captioner_, annotations, decode))
            said.texts.push_back(captions.front().text);
          auto& decoder = *captioner_->decoder;
          const Tensor logits = decoder.teach(decoder.remember(annotations), seen.captions).logits;  // [N, V]
          said.words = logits.size(0);
          said.loss = torch::nll_loss(logits.log_softmax(1), seen.captions.targets.to(captioner_->device), {},
                                      at::Reduction::Sum)
                          .item<double>();
          return said;
        },
        [&](const Said& said) {
          all.captions.insert(all.captions.end(), said.texts.begin(), said.texts.end());
          all.loss += said.loss;
          words += static_cast<double>(said.words);
          progress.update(static_cast<int64_t>(all.captions.size()));
        });
    if (!ranks_.alone()) {
      const Tensor sums = torch::tensor({all.loss, words}, torch::kDouble);  // [2]
      ranks_.sum(sums);
      all.loss = sums[0].item<double>();
      words = sums[1].item<double>();
      std::vector<Json> of_ranks;
      for (const auto& texts : ranks_.gather(Json(all.captions).dump())) of_ranks.push_back(Json::parse(texts));
      all.captions.clear();
      std::vector<size_t> taken(of_ranks.size());
      for (size_t i = 0; i < chunks_of_all.size() && ranks_.first(); ++i)
        for (size_t b = 0; b < chunks_of_all[i].size(); ++b)
          all.captions.push_back(of_ranks[i % size][taken[i % size]++]);
    }
    all.loss /= words;
    return all;
  }

  /// Validates the averaged weights; keeps the model if they are the best so far.
  void validate(int64_t epoch) {
    const bool live = fine_tuning(std::max<int64_t>(epoch, 1));
    if (!live) data_->store_annotations(*captioner_, false);
    const auto begin = std::chrono::steady_clock::now();
    optimizer_->swap_average();
    const auto validated = validated_pictures(live);
    const Json figures = ranks_.broadcast(ranks_.first() ? validation_->of(validated.captions) : Json());
    const double figure = figures[validation_->chosen_by()];
    const bool best = figure > progression_.best;
    Json line{{"epoch", epoch},
              {"step", progression_.step},
              {"validation_loss", validated.loss},
              {"validation_perplexity", std::exp(validated.loss)}};
    line.update(figures);
    line["best"] = best;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (ranks_.first() && (best || job_.train.keep == "last"))
      keep(line);  // without the time, so that equal runs keep equal files
    line["seconds"] = seconds;
    optimizer_->swap_average();
    log(line);
    const auto text = [](const char* format, double value) {
      char number[64];
      std::snprintf(number, sizeof number, format, value);
      return std::string(number);
    };
    say("epoch " + std::to_string(epoch) + "/" + std::to_string(job_.train.epochs) +
        text("  CIDEr %.3f", figures["validation_cider"]) + ciders_of_sources(figures) +
        text("  BLEU-4 %.1f", 100 * figures["validation_bleu_4"].get<double>()) +
        text("  ROUGE-L %.1f", 100 * figures["validation_rouge_l"].get<double>()) +
        text("  perplexity %.1f", std::exp(validated.loss)) + (best ? "  best so far, kept" : ""));
    if (!std::isfinite(std::exp(validated.loss)))
      warn(
          "validation: the captions' perplexity is beyond any number: training diverges; a lower train.learning_rate "
          "may "
          "help");
    progression_.validated_epochs = epoch;
    progression_.epochs_since_best = best ? 0 : progression_.epochs_since_best + 1;
    if (best) progression_.best = figure;
    if (!best && job_.train.schedule == "plateau") progression_.plateau *= job_.train.plateau_factor;
    share_state();
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

  void save() {
    if (ranks_.first())
      save_checkpoint(file("checkpoint.safetensors"), *captioner_, *optimizer_, progression_, beginning_);
  }

  const TrainJob& job_;
  Ranks& ranks_;
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

std::vector<Idle> TrainJob::without_effect() const {
  const auto& attention = model.attention;
  const bool looks = attention.kind != "none", hard = attention.kind == "hard";
  const bool samples = train.objective == "self_critical", teaches = !samples || train.reward_cross_entropy > 0;
  const auto scores = [&](const std::vector<std::string>& some) {
    return looks && std::find(some.begin(), some.end(), attention.score) != some.end();
  };
  std::vector<Idle> list;
  const auto needs = [&](bool there, const std::string& what, const std::vector<std::string>& options) {
    for (const auto& option : options)
      if (!there) list.push_back({option, what});
  };
  needs(looks, "attention.kind soft and hard", {"attention.score"});
  needs(scores({"additive", "concat", "multi_head", "convolutional", "attentive_reader", "impatient_reader"}),
        "attention.score additive, concat, multi_head, convolutional and the readers", {"attention.size"});
  needs(scores({"multi_head"}) || attention.self_blocks > 0, "attention.score multi_head and of attention.self_blocks",
        {"attention.heads"});
  needs(attention.window != "none", "attention.window local_m and local_p", {"attention.window_radius"});
  needs(scores({"gaussian"}), "attention.score gaussian", {"attention.filters"});
  needs(attention.recalibration != "none", "attention.recalibration", {"attention.reduction"});
  needs(attention.self_blocks > 0 && attention.self_kind == "all_attention",
        "attention.self_blocks of attention.self_kind all_attention", {"attention.persistent_vectors"});
  needs(hard, "attention.kind hard",
        {"attention.expected_share", "train.reinforce_weight", "train.entropy_weight", "train.baseline_decay",
         "train.location_credit"});
  needs(!data.sentences.empty(), "data.sentences", {"train.sentence_share", "train.sentence_epochs"});
  needs(train.schedule == "plateau", "train.schedule plateau", {"train.plateau_factor"});
  needs(!train.teacher.empty(), "train.teacher", {"train.distillation_weight", "train.teacher_temperature"});
  needs(train.doubly_stochastic > 0, "train.doubly_stochastic above 0", {"train.doubly_stochastic_form"});
  needs(teaches, "train.objective cross_entropy, or of train.reward_cross_entropy above 0", {"train.label_smoothing"});
  needs(samples, "train.objective self_critical",
        {"train.reward_samples", "train.reward_baseline", "train.reward_bleu", "train.reward_meteor",
         "train.reward_temperature", "train.reward_cross_entropy"});
  needs(train.fine_tune_stages > 0, "train.fine_tune_stages above 0",
        {"train.encoder_learning_rate", "train.fine_tune_from"});
  return list;
}

void train(const TrainJob& job) { Run(job).train(); }

}  // namespace attend
