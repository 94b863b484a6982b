// R rows · L grid cells · T words · V words in the vocabulary · N paths
#include "decode/forced.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "text/ptb_tokenizer.h"

namespace attend {
namespace {

using torch::Tensor;

bool is_never_said(int64_t word) {
  return word == Vocabulary::kPad || word == Vocabulary::kStart || word == Vocabulary::kUnknown;
}

/// The words after one row, as a caption's search would weigh them: logits [V], less what repetition costs.
class Weighed {
 public:
  /// said: the families of the words said before, each as often as it was said; penalty: of each time.
  Weighed(const float* logits, int64_t words, const std::vector<int32_t>& families, const std::vector<int32_t>& said,
          double penalty)
      : logits_(logits), words_(words), families_(families), said_(said), penalty_(penalty) {}

  double penalty(int64_t word) const {
    if (said_.empty()) return 0;
    return penalty_ * static_cast<double>(std::count(said_.begin(), said_.end(), families_[static_cast<size_t>(word)]));
  }
  double operator[](int64_t word) const { return logits_[word] - penalty(word); }

  /// The likeliest word, of equals the first.
  int64_t likeliest() const {
    int64_t best = Vocabulary::kEnd;
    double most = (*this)[best];
    for (int64_t word = 0; word < words_; ++word) {
      if (logits_[word] <= most || is_never_said(word)) continue;
      if (const double own = (*this)[word]; own > most) best = word, most = own;
    }
    return best;
  }

  /// 1 and how many words are likelier than `word`.
  int64_t rank(int64_t word) const {
    const double own = (*this)[word];
    int64_t above = 0;
    for (int64_t other = 0; other < words_; ++other)
      above += logits_[other] > own && (said_.empty() || (*this)[other] > own);
    for (const int64_t never : {Vocabulary::kPad, Vocabulary::kStart, Vocabulary::kUnknown})
      above -= (*this)[never] > own;
    return 1 + above;
  }

 private:
  const float* logits_;
  const int64_t words_;
  const std::vector<int32_t>& families_;
  const std::vector<int32_t>& said_;
  const double penalty_;
};

/// All captions of one call, led along together.
class Walk {
 public:
  Walk(WordModel& model, const std::vector<GivenWords>& given, const DecodeOptions& decode, const ForceOptions& options,
       const std::vector<int32_t>& families)
      : model_(model),
        given_(given),
        decode_(decode),
        options_(options),
        families_(families),
        walked_(given.size()),
        rows_of_(given.size()) {}

  std::vector<ForcedCaption> run() {
    model_.start();
    std::vector<size_t> live(given_.size());  // captions that haven't ended
    std::iota(live.begin(), live.end(), size_t{0});
    for (size_t t = 0; !live.empty(); ++t) {
      advance(live, t);
      std::erase_if(live, [&](size_t i) { return given_[i].words.size() == t; });
    }
    for (size_t i = 0; i < walked_.size(); ++i) finish(i);
    return std::move(walked_);
  }

 private:
  /// The word that caption i says at step t: its t-th, or <end> behind its last.
  int64_t target(size_t i, size_t t) const {
    const auto& words = given_[i].words;
    return t < words.size() ? words[t] : int64_t{Vocabulary::kEnd};
  }

  /// One word of every live caption.
  void advance(const std::vector<size_t>& live, size_t t) {
    // A row is a picture and the words said of it so far: captions that begin alike share theirs.
    // row of the step before (at first: picture), word before → row
    std::map<std::pair<int64_t, int64_t>, int64_t> rows;
    std::vector<int64_t> parents, before;
    for (const size_t i : live) {
      const int64_t parent = t == 0 ? given_[i].picture : rows_of_[i].back();
      const int64_t word = t == 0 ? int64_t{Vocabulary::kStart} : given_[i].words[t - 1];
      const auto [found, is_new] = rows.emplace(std::pair(parent, word), static_cast<int64_t>(parents.size()));
      if (is_new) parents.push_back(parent), before.push_back(word);
      rows_of_[i].push_back(found->second);
    }
    model_.reorder(torch::tensor(parents, torch::kInt64));
    const auto step = model_.step(torch::tensor(before, torch::kInt64));
    const auto logits = step.logits.to(torch::kCPU, torch::kFloat).contiguous();  // [R, V]
    const auto normalizers =
        (step.normalizer.defined() ? step.normalizer.to(torch::kCPU, torch::kFloat) : logits.logsumexp(1))
            .contiguous();  // [R]
    if (options_.maps) {
      alphas_.push_back(step.alpha.to(torch::kCPU, torch::kFloat).contiguous());                              // [R, L]
      locations_.push_back(step.location.defined() ? step.location.to(torch::kCPU).contiguous() : Tensor());  // [R]
    }
    at::parallel_for(0, static_cast<int64_t>(live.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        const size_t i = live[static_cast<size_t>(n)];
        const int64_t row = rows_of_[i].back();
        take(i, t, logits.data_ptr<float>() + row * logits.size(1), logits.size(1), normalizers.data_ptr<float>()[row]);
      }
    });
    add_plain(live, t);
  }

  void take(size_t i, size_t t, const float* logits, int64_t words, double normalizer) {
    auto& caption = walked_[i];
    const auto said = said_families(given_[i].words, t);
    const Weighed weighed(logits, words, families_, said, decode_.repetition_penalty);
    const int64_t word = target(i, t);
    caption.word_log_probability.push_back(weighed[word] - normalizer);
    caption.plain_word_log_probability.push_back(logits[word] - normalizer);
    if (!options_.ranks) return;
    const int64_t likeliest = weighed.likeliest();
    caption.rank.push_back(weighed.rank(word));
    caption.likeliest.push_back(likeliest);
    caption.likeliest_log_probability.push_back(weighed[likeliest] - normalizer);
  }

  /// The families of the first `count` of these words, each as often as it stands there.
  std::vector<int32_t> said_families(const std::vector<int64_t>& words, size_t count) const {
    std::vector<int32_t> said;
    if (decode_.repetition_penalty == 0 || families_.empty()) return said;
    for (size_t t = 0; t < count; ++t)
      if (const int32_t family = families_[static_cast<size_t>(words[t])]; family >= 0) said.push_back(family);
    return said;
  }

  /// Where the model has another distribution of its own, says how likely the words are by that.
  void add_plain(const std::vector<size_t>& live, size_t t) {
    std::vector<int64_t> rows, words;
    for (const size_t i : live) rows.push_back(rows_of_[i].back()), words.push_back(target(i, t));
    auto plain = model_.plain_log_probability(torch::tensor(rows, torch::kInt64), torch::tensor(words, torch::kInt64));
    if (!plain.defined()) return;
    plain = plain.to(torch::kCPU, torch::kDouble).contiguous();  // [n]
    for (size_t n = 0; n < live.size(); ++n)
      walked_[live[n]].plain_word_log_probability.back() = plain.data_ptr<double>()[n];
  }

  void finish(size_t i) {
    auto& caption = walked_[i];
    caption.words = given_[i].words;
    caption.log_probability =
        std::accumulate(caption.word_log_probability.begin(), caption.word_log_probability.end(), 0.0);
    caption.score =
        caption.log_probability / std::pow(static_cast<double>(caption.words.size() + 1), decode_.length_exponent);
    if (!options_.maps) return;
    std::vector<Tensor> alphas;
    for (size_t t = 0; t < caption.words.size(); ++t) {
      const int64_t row = rows_of_[i][t];
      alphas.push_back(alphas_[t].select(0, row));  // [L]
      caption.locations.push_back(locations_[t].defined() ? locations_[t].data_ptr<int64_t>()[row] : -1);
    }
    caption.alpha = alphas.empty() ? torch::zeros({0, alphas_[0].size(1)}) : torch::stack(alphas);  // [T, L]
  }

  WordModel& model_;
  const std::vector<GivenWords>& given_;
  const DecodeOptions& decode_;
  const ForceOptions& options_;
  const std::vector<int32_t>& families_;  // by word, or empty
  std::vector<ForcedCaption> walked_;
  std::vector<std::vector<int64_t>> rows_of_;  // of each caption, a step each
  std::vector<Tensor> alphas_, locations_;     // a step each, [R, L] and [R] int64 or undefined
};

}  // namespace

std::vector<int64_t> GivenCaption::words() const {
  std::vector<int64_t> words;
  for (const int64_t id : ids)
    if (id != Vocabulary::kUnknown) words.push_back(id);
  return words;
}

std::vector<size_t> GivenCaption::unknown() const {
  std::vector<size_t> places;
  for (size_t i = 0; i < ids.size(); ++i)
    if (ids[i] == Vocabulary::kUnknown) places.push_back(i);
  return places;
}

GivenCaption given_caption(std::string text, const Vocabulary& vocabulary, const NearestWords* nearest) {
  GivenCaption given{std::move(text), {}, {}};
  given.tokens = caption_tokens(given.text);
  given.ids = vocabulary.encode(given.tokens);
  for (size_t i = 0; nearest && i < given.ids.size(); ++i) {
    if (given.ids[i] != Vocabulary::kUnknown) continue;
    const auto found = nearest->find(given.tokens[i]);
    if (found == nearest->end()) continue;
    given.ids[i] = vocabulary.id(found->second);
    given.replaced.push_back(i);
  }
  return given;
}

double ForcedCaption::perplexity() const {
  const auto& logs = plain_word_log_probability;
  return std::exp(-std::accumulate(logs.begin(), logs.end(), 0.0) / static_cast<double>(logs.size()));
}

std::vector<ForcedCaption> force_captions(WordModel& model, const std::vector<GivenWords>& captions,
                                          const DecodeOptions& decode, const ForceOptions& options,
                                          const std::vector<int32_t>& families) {
  const torch::NoGradGuard no_grad;
  if (options.paths == 1) return Walk(model, captions, decode, options, families).run();
  PathsWordModel paths(model, options.paths);
  return Walk(paths, captions, decode, options, families).run();
}

PathsWordModel::PathsWordModel(WordModel& model, int paths) : model_(model), paths_(paths) {}

Tensor PathsWordModel::paths_of(const Tensor& rows) const {
  return (rows.unsqueeze(1) * paths_ + torch::arange(paths_, torch::kInt64)).flatten();  // [R · N]
}

int64_t PathsWordModel::start() {
  const int64_t pictures = model_.start();
  rows_ = torch::arange(pictures, torch::kInt64);  // [R]
  model_.reorder(rows_.repeat_interleave(paths_));
  weight_ = torch::zeros({pictures, paths_});  // [R, N]
  plain_weight_ = said_ = Tensor();
  return pictures;
}

WordModel::Step PathsWordModel::step(const Tensor& words) {
  const auto there = rows_.to(torch::kCPU);                           // [R]
  const auto same = words.to(torch::kCPU).repeat_interleave(paths_);  // [R · N]
  auto weight = weight_.index_select(0, there);                       // [R, N]
  if (said_.defined()) {
    const auto plain = model_.plain_log_probability(paths_of(there), same);  // [R · N]
    const auto before = plain_weight_.defined() ? plain_weight_ : weight_;   // [R', N]
    if (plain.defined())
      plain_weight_ = before.index_select(0, there) + plain.to(torch::kCPU).view({-1, paths_});  // [R, N]
    const auto of_word = said_.index_select(0, there).gather(2, same.view({-1, paths_, 1}));     // [R, N, 1]
    weight = weight + of_word.squeeze(2);                                                        // [R, N]
  }
  weight_ = weight.log_softmax(1);                                            // [R, N]
  if (plain_weight_.defined()) plain_weight_ = plain_weight_.log_softmax(1);  // [R, N]
  const int64_t rows = there.size(0);
  const auto step = model_.step(same);
  said_ = step.logits.to(torch::kCPU, torch::kFloat).log_softmax(1).view({rows, paths_, -1});  // [R, N, V]
  rows_ = torch::arange(rows, torch::kInt64);                                                  // [R]
  const auto alpha = step.alpha.to(torch::kCPU, torch::kFloat).view({rows, paths_, -1});       // [R, N, L]
  return {(said_ + weight_.unsqueeze(2)).logsumexp(1),                                         // [R, V]
          (alpha * weight_.exp().unsqueeze(2)).sum(1)};                                        // [R, L]
}

Tensor PathsWordModel::plain_log_probability(const Tensor& rows, const Tensor& words) {
  const auto there = rows.to(torch::kCPU);  // [n]
  const auto plain =
      model_.plain_log_probability(paths_of(there), words.to(torch::kCPU).repeat_interleave(paths_));  // [n · N]
  if (!plain.defined()) return {};
  const auto weight = (plain_weight_.defined() ? plain_weight_ : weight_).index_select(0, there);  // [n, N]
  return (plain.to(torch::kCPU).view({-1, paths_}) + weight).logsumexp(1);                         // [n]
}

void PathsWordModel::reorder(const Tensor& rows) {
  rows_ = rows_.index_select(0, rows.to(torch::kCPU));  // [R']
  model_.reorder(paths_of(rows));
}

}  // namespace attend
