// B pictures in a batch · L grid cells · D annotation size · S input side
#include "train/training_data.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <set>

#include "base/console.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/lots.h"
#include "base/parallel.h"
#include "base/printable.h"
#include "data/hash.h"
#include "data/sentences.h"
#include "model/pictures.h"
#include "text/ptb_tokenizer.h"
#include "train/batches.h"
#include "train/features.h"

namespace attend {

using torch::Tensor;

TrainingData::TrainingData(const TrainJob& job)
    : job_(job),
      sources_(job.data.all_sources()),
      dataset_(read_dataset(job.data)),
      train_(dataset_.split(job.data.train_split)),
      validation_(dataset_.split(job.data.val_split)) {
  for (const size_t i : train_)
    if (dataset_.examples[i].captions.empty())
      throw InputError(dataset_.source + ": the training pictures have no captions (" +
                       dataset_.examples[i].picture.filename().string() +
                       " is the first); nothing can be learnt of them");
  for (const size_t i : validation_)
    if (dataset_.examples[i].captions.empty())
      throw InputError(dataset_.source + ": the validation pictures have no captions (" +
                       dataset_.examples[i].picture.filename().string() + " is the first) to compare with");
  if (job.data.train_split == job.data.val_split)
    warn(
        "data.val_split is data.train_split: the pictures that are validated on are learnt from, and their figures say "
        "nothing of other pictures");
  for (const auto& [origin, weight] : job.data.caption_weights)
    if (std::find(dataset_.origins.begin(), dataset_.origins.end(), origin) == dataset_.origins.end())
      throw UsageError("data.caption_weights: no caption's \"source\" is " + origin + " in " + dataset_.source);
  if (!job.data.sentences.empty()) sentences_ = read_sentences(job.data.sentences, job.data.max_faulty);
}

uint64_t TrainingData::hash() const {
  std::string all = std::to_string(dataset_.hash());
  for (const auto& sentence : sentences_) all.append("\n").append(sentence);
  return hash_bytes(all);
}

std::vector<std::vector<Tokens>> TrainingData::training_captions() const {
  std::vector<std::vector<Tokens>> captions;
  for (const size_t i : train_) {
    auto& list = captions.emplace_back();
    for (const auto& caption : dataset_.examples[i].captions) list.push_back(caption_tokens(caption));
  }
  return captions;
}

std::vector<Tokens> TrainingData::all_tokens() const {
  std::vector<Tokens> all;
  for (auto& list : training_captions()) std::move(list.begin(), list.end(), std::back_inserter(all));
  for (const auto& sentence : sentences_) all.push_back(caption_tokens(sentence));
  return all;
}

namespace {

/// What a source gives.
struct Shares {
  int64_t training_pictures = 0, training_captions = 0, validation_pictures = 0, validation_captions = 0;
  std::map<std::string, int64_t> origins;  // of training captions, where they say one
};

std::vector<Shares> shares_of(const Dataset& dataset, const std::vector<size_t>& train,
                              const std::vector<size_t>& validation) {
  std::vector<Shares> shares(dataset.sources.size());
  for (const size_t i : train) {
    const auto& example = dataset.examples[i];
    auto& share = shares[example.source];
    ++share.training_pictures;
    share.training_captions += static_cast<int64_t>(example.captions.size());
    for (const uint32_t origin : example.origins)
      if (origin != 0) ++share.origins[dataset.origins[origin]];
  }
  for (const size_t i : validation) {
    auto& share = shares[dataset.examples[i].source];
    ++share.validation_pictures;
    share.validation_captions += static_cast<int64_t>(dataset.examples[i].captions.size());
  }
  return shares;
}

}  // namespace

std::vector<std::string> TrainingData::summary() const {
  constexpr size_t kMostOrigins = 6;
  std::vector<std::string> lines;
  const auto shares = shares_of(dataset_, train_, validation_);
  for (size_t s = 0; s < shares.size(); ++s) {
    const auto& share = shares[s];
    std::string line = "data: " + (dataset_.sources[s].empty() ? "" : dataset_.sources[s] + ": ") +
                       counted(static_cast<size_t>(share.training_captions), "caption") + " of " +
                       counted(static_cast<size_t>(share.training_pictures), "training picture");
    if (share.origins.size() > 1 && share.origins.size() <= kMostOrigins) {
      std::string origins;
      for (const auto& [origin, count] : share.origins)
        origins += (origins.empty() ? " (" : ", ") + origin + " " + std::to_string(count);
      line += origins + ")";
    }
    line += share.validation_pictures > 0
                ? ", " + counted(static_cast<size_t>(share.validation_pictures), "validation picture")
                : ", none to validate on";
    lines.push_back(line);
  }
  if (!sentences_.empty()) lines.push_back("data: " + counted(sentences_.size(), "sentence") + " without a picture");
  return lines;
}

Json TrainingData::summary_json() const {
  Json sources = Json::array();
  const auto shares = shares_of(dataset_, train_, validation_);
  for (size_t s = 0; s < shares.size(); ++s) {
    Json& source = sources.emplace_back(Json::object());
    if (!dataset_.sources[s].empty()) source["name"] = dataset_.sources[s];
    source["training_pictures"] = shares[s].training_pictures;
    source["training_captions"] = shares[s].training_captions;
    source["validation_pictures"] = shares[s].validation_pictures;
    source["validation_captions"] = shares[s].validation_captions;
    if (!shares[s].origins.empty() && shares[s].origins.size() <= 100) source["origins"] = shares[s].origins;
  }
  Json json{{"sources", std::move(sources)}};
  if (!sentences_.empty()) json["sentences"] = sentences_.size();
  Json left_out = Json::array();
  for (const auto& picture : left_out_) left_out.push_back(picture.filename().string());
  json["left_out"] = std::move(left_out);
  return json;
}

std::vector<size_t> TrainingData::used() const {
  std::vector<size_t> all = train_;
  all.insert(all.end(), validation_.begin(), validation_.end());
  return all;
}

std::vector<std::filesystem::path> TrainingData::files(const std::vector<size_t>& examples) const {
  std::vector<std::filesystem::path> files;
  for (const size_t i : examples) files.push_back(dataset_.examples[i].picture);
  return files;
}

void TrainingData::leave_out(const std::vector<std::filesystem::path>& pictures) {
  const std::set<std::filesystem::path> bad(pictures.begin(), pictures.end());
  for (auto* split : {&train_, &validation_}) {
    std::erase_if(*split, [&](size_t i) { return bad.contains(dataset_.examples[i].picture); });
    if (split->empty()) throw InputError(dataset_.source + ": none of a split's pictures can be read");
  }
  left_out_.insert(left_out_.end(), pictures.begin(), pictures.end());
}

void TrainingData::check_pictures() {
  const auto all = files(used());
  std::vector<Refusal> refused;
  Progress progress("checking pictures", static_cast<int64_t>(all.size()) / job_.ranks->size());
  std::mutex mutex;
  int64_t done = 0;
  Ranks& ranks = *job_.ranks;
  const auto rank = static_cast<size_t>(ranks.rank()), size = static_cast<size_t>(ranks.size());
  parallel_for((all.size() + size - 1 - rank) / size, job_.threads, [&](size_t own) {
    const size_t i = own * size + rank;
    if (interrupted()) throw Interrupted("stopped while checking pictures");
    std::string reason;
    try {
      load_input(all[i], job_.model.encoder);
    } catch (const InputError& error) {
      reason = error.what();
    }
    const std::lock_guard guard(mutex);
    if (!reason.empty()) refused.push_back({i, reason});
    progress.update(++done);
  });
  progress.clear();
  take_refusals(of_all_ranks(refused, ranks), all, true);
}

void TrainingData::take_refusals(std::vector<Refusal> refused, const std::vector<std::filesystem::path>& pictures,
                                 bool may_fail) {
  std::sort(refused.begin(), refused.end(), [](const Refusal& a, const Refusal& b) { return a.picture < b.picture; });
  leave_out(put_up_with(refused, pictures, may_fail ? job_.data.max_faulty : 1));
  if (!may_fail && !refused.empty())
    throw InputError(counted(refused.size(), "picture") +
                     " can't be read that could when the run began; bring them "
                     "back to go on, or begin a run in another folder");
}

void TrainingData::number_words(const Vocabulary& vocabulary) {
  vocabulary_ = &vocabulary;
  const auto numbers = [&](const std::string& caption) { return vocabulary.encode(caption_tokens(caption)); };
  words_.assign(dataset_.examples.size(), {});
  sentence_words_.clear();
  for (const auto* split : {&train_, &validation_})
    for (const size_t i : *split)
      if (words_[i].empty())  // a picture may be of both
        for (const auto& caption : dataset_.examples[i].captions) words_[i].push_back(numbers(caption));
  for (const auto& sentence : sentences_) sentence_words_.push_back(numbers(sentence));

  // Weights are relative: their mean over the words of the training captions counts 1.
  weights_.clear();
  double words = 0, weighted = 0;
  std::set<float> different;
  for (const auto& source : sources_) {
    auto& weights = weights_.emplace_back();
    for (const auto& origin : dataset_.origins) {
      const auto found = job_.data.caption_weights.find(origin);
      weights.push_back(
          static_cast<float>(source.weight * (found == job_.data.caption_weights.end() ? 1 : found->second)));
    }
  }
  for (const size_t i : train_)
    for (size_t c = 0; c < words_[i].size(); ++c) {
      const auto& example = dataset_.examples[i];
      const auto count = static_cast<double>(words_[i][c].size() + 1);
      const float weight = weights_[example.source][example.origins[c]];
      different.insert(weight);
      words += count;
      weighted += count * weight;
    }
  if (weighted == 0) throw UsageError("data: all weights of captions are 0; nothing can be learnt of them");
  if (different.size() == 1) weights_.clear();
  for (auto& weights : weights_)
    for (float& weight : weights) weight /= static_cast<float>(weighted / words);
}

int64_t TrainingData::steps_per_epoch() const {
  int64_t pictures = 0;
  for (size_t s = 0; s < sources_.size(); ++s) pictures += static_cast<int64_t>(shown(s, 1).size());
  return (pictures + job_.train.batch_size - 1) / job_.train.batch_size;
}

std::vector<size_t> TrainingData::shown(size_t source, int64_t epoch) const {
  std::vector<size_t> all;
  for (const size_t i : train_)
    if (dataset_.examples[i].source == source) all.push_back(i);
  if (sources_[source].share == 1) return all;
  const auto count = static_cast<size_t>(std::ceil(sources_[source].share * static_cast<double>(all.size())));
  std::vector<size_t> some;
  for (const size_t at : drawn(count, all.size(), mix(job_.train.seed, 4 + source, epoch))) some.push_back(all[at]);
  return some;
}

std::vector<BatchPlan> TrainingData::batches(int64_t epoch) const {
  std::vector<size_t> examples;
  for (size_t s = 0; s < sources_.size(); ++s) {
    const auto some = shown(s, epoch);
    examples.insert(examples.end(), some.begin(), some.end());
  }
  std::vector<BatchPlan> plans;
  for (auto& batch :
       shuffled_batches(examples, job_.train.batch_size, mix(job_.train.seed, 1, epoch), [&](size_t example) {
         size_t longest = 0;
         for (const auto& caption : words_[example]) longest = std::max(longest, caption.size());
         return longest;
       }))
    plans.push_back({std::move(batch), {}});
  if (sentences_.empty() || (job_.train.sentence_epochs > 0 && epoch > job_.train.sentence_epochs)) return plans;

  const double each = job_.train.sentence_share / (1 - job_.train.sentence_share);  // sentences beside a caption
  std::vector<size_t> counts;
  size_t total = 0;
  for (const auto& plan : plans) {
    size_t captions = 0;
    for (const size_t i : plan.examples) captions += words_[i].size();
    counts.push_back(static_cast<size_t>(std::lround(each * static_cast<double>(captions))));
    total += counts.back();
  }
  const auto order = drawn(total, sentences_.size(), mix(job_.train.seed, 2, epoch));
  auto next = order.begin();
  for (size_t b = 0; b < plans.size(); ++b) {
    plans[b].sentences.assign(next, next + static_cast<ptrdiff_t>(counts[b]));
    next += static_cast<ptrdiff_t>(counts[b]);
  }
  return plans;
}

std::vector<float> TrainingData::caption_weights(const BatchPlan& plan) const {
  std::vector<float> weights;
  for (const size_t i : plan.examples)
    for (const uint32_t origin : dataset_.examples[i].origins)
      weights.push_back(weights_[dataset_.examples[i].source][origin]);
  weights.insert(weights.end(), plan.sentences.size(), 1);
  return weights;
}

BatchPlan TrainingData::part_of(const BatchPlan& plan, Share& share) const {
  const auto rank = static_cast<size_t>(job_.ranks->rank()), size = static_cast<size_t>(job_.ranks->size());
  if (size == 1) return plan;
  // Every n-th: pictures of like length stand side by side, so that all ranks end at about the same time. Ranks without a
  // picture in the last batch of an epoch have no sentences either.
  BatchPlan part;
  for (size_t i = rank; i < plan.examples.size(); i += size) part.examples.push_back(plan.examples[i]);
  for (size_t i = rank; rank < plan.examples.size() && i < plan.sentences.size();
       i += std::min(size, plan.examples.size()))
    part.sentences.push_back(plan.sentences[i]);
  const auto counts = [&](const BatchPlan& of) {
    Share all{static_cast<double>(of.examples.size()), 0, 0};
    const auto add = [&](const std::vector<int64_t>& caption) {
      all.rows += 1;
      all.words += static_cast<double>(caption.size()) + 1;  // <end>
    };
    for (const size_t i : of.examples)
      for (const auto& caption : words_[i]) add(caption);
    for (const size_t i : of.sentences) add(sentence_words_[i]);
    return all;
  };
  const Share own = counts(part), all = counts(plan);
  share = {own.pictures / all.pictures, own.rows / all.rows, own.words / all.words};
  return part;
}

Batch TrainingData::load(const BatchPlan& whole, int64_t epoch, bool changed,
                         const std::vector<EncoderOptions>& forms) const {
  Batch batch;
  const BatchPlan plan = part_of(whole, batch.share);
  if (plan.examples.empty()) return batch;
  const auto& examples = plan.examples;
  std::vector<std::vector<std::vector<int64_t>>> captions;
  for (const size_t i : examples) captions.push_back(words_[i]);
  const EncoderOptions& own = job_.model.encoder;
  if (changed) {
    batch.pictures = changed_pictures(examples, epoch, own, &batch.mirrored);  // [B, S, S, 3]
    for (size_t i = 0; i < examples.size(); ++i)
      if (batch.mirrored[i]) exchange_words(captions[i], *vocabulary_, "left", "right");
  } else {
    batch.annotations = annotations(examples);  // [B, L, D]
  }
  for (const auto& form : forms)
    batch.teachers_pictures.push_back(!changed ? pictures(examples, form)
                                      : same_form(form, own)
                                          ? batch.pictures
                                          : changed_pictures(examples, epoch, form));  // [B, S, S, 3]
  if (!plan.sentences.empty()) {
    batch.has_sentences = true;
    auto& sentences = captions.emplace_back();
    for (const size_t i : plan.sentences) sentences.push_back(sentence_words_[i]);
  }
  batch.captions = pack_captions(captions);
  if (!weights_.empty()) batch.weights = word_weights(batch.captions, caption_weights(plan));  // [N]
  batch.examples = examples;
  return batch;
}

PackedCaptions TrainingData::given_captions(const std::vector<size_t>& examples) const {
  std::vector<std::vector<std::vector<int64_t>>> captions;
  for (const size_t i : examples) captions.push_back(words_[i]);
  return pack_captions(captions);
}

void TrainingData::store_annotations(Captioner& captioner, bool may_fail) {
  if (features_) return;
  encoded_by_ = &captioner;
  const auto folder = job_.train.features.empty() ? job_.output / "features" : job_.train.features;
  const auto examples = used();
  const auto pictures = files(examples);
  for (size_t row = 0; row < examples.size(); ++row) store_row_.emplace(examples[row], row);
  std::vector<Refusal> refused;
  features_.emplace(encode_features(captioner, pictures, folder, job_.threads, refused, *job_.ranks));
  take_refusals(std::move(refused), pictures, may_fail);
}

Tensor TrainingData::annotations(const std::vector<size_t>& examples) const {
  std::vector<size_t> rows;
  for (const size_t i : examples) rows.push_back(store_row_.at(i));
  return stored_annotations(*features_, *encoded_by_, rows);  // [B, L, D]
}

Tensor TrainingData::pictures(const std::vector<size_t>& examples, const EncoderOptions& form) const {
  std::vector<cv::Mat> inputs;
  for (const size_t i : examples) inputs.push_back(load_input(dataset_.examples[i].picture, form));
  return stack_inputs(inputs);  // [B, S, S, 3]
}

/// As this epoch changes them, whatever their form, and which of them are mirrored.
Tensor TrainingData::changed_pictures(const std::vector<size_t>& examples, int64_t epoch, const EncoderOptions& form,
                                      std::vector<bool>* mirrored) const {
  std::vector<cv::Mat> inputs;
  for (const size_t i : examples) {
    std::mt19937_64 generator(mix(job_.train.seed, epoch, 2 + i));
    bool left_is_right = false;
    inputs.push_back(load_augmented_input(dataset_.examples[i].picture, form, job_.augment, generator, left_is_right));
    if (mirrored) mirrored->push_back(left_is_right);
  }
  return stack_inputs(inputs);  // [B, S, S, 3]
}

}  // namespace attend
