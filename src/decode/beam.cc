// B pictures · K beam width · G groups of beams · R live rows · L grid cells · V words · T time steps
#include "decode/beam.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <span>

#include "base/error.h"
#include "text/vocabulary.h"

namespace attend {
namespace {

/// One row's way on by one word.
struct Candidate {
  double log_probability;       // of the caption so far, less the costs
  double word_log_probability;  // of this word, less its costs
  double penalty;               // for repetition, and
  double sameness;              // for saying what earlier groups say: its costs
  int64_t row;                  // the row it comes from, in the step's numbering
  int64_t word;
  int covered;  // must-words of the caption with this word
};

bool better(const Candidate& a, const Candidate& b) {
  if (a.log_probability != b.log_probability) return a.log_probability > b.log_probability;
  return a.row != b.row ? a.row < b.row : a.word < b.word;
}

/// A hypothesis is a chain of these, one a word, from the last back to the first: nothing is copied as beams grow.
struct Link {
  int64_t before;  // index in Search::links_, or -1
  int64_t word;
  double word_log_probability, plain_log_probability;
  int64_t step, row;  // which row of which step's alpha
};

/// A live row.
struct Live {
  int64_t group;  // picture · G + which of its groups
  int64_t last;   // index of its last Link, -1 before the first word
  double log_probability;
  double sameness;  // taken off it for what earlier groups say
  int covered;      // must-words
};

/// A hypothesis that has ended.
struct Ended {
  int64_t last;  // index of its last Link, -1 before the first word
  double log_probability, score;
  bool holds_all;  // must-phrases
};

class Search {
 public:
  Search(WordModel& model, const DecodeOptions& options, const std::vector<int32_t>& families,
         const Constraints& constraints)
      : model_(model),
        options_(options),
        families_(families),
        constraints_(constraints),
        groups_(options.beam_groups),
        width_(options.beam_width / options.beam_groups) {}

  std::vector<std::vector<Hypothesis>> run() {
    const int64_t pictures = model_.start();
    finished_.resize(pictures * groups_);
    places_.assign(pictures * groups_, width_);
    said_now_.resize(pictures);
    std::vector<int64_t> parents;
    for (int64_t group = 0; group < groups_; ++group)
      for (int64_t b = 0; b < pictures; ++b) live_.push_back({b * groups_ + group, -1, 0, 0, 0}), parents.push_back(b);
    if (groups_ > 1) model_.reorder(torch::tensor(parents, torch::kInt64));
    for (int length = 1; !live_.empty(); ++length) advance(length);
    std::vector<std::vector<Hypothesis>> best;
    for (int64_t b = 0; b < pictures; ++b) best.push_back(n_best(b));
    return best;
  }

 private:
  int64_t picture_of(const Live& row) const { return row.group / groups_; }

  /// One word for every live row. `length` counts it.
  void advance(int length) {
    std::vector<int64_t> words;
    for (const auto& row : live_) words.push_back(row.last < 0 ? int64_t{Vocabulary::kStart} : links_[row.last].word);
    const auto step = model_.step(torch::tensor(words, torch::kInt64));
    const auto logits = step.logits.to(torch::kCPU, torch::kFloat).contiguous();  // [R, V]
    const auto normalizers =
        (step.normalizer.defined() ? step.normalizer.to(torch::kCPU, torch::kFloat) : logits.logsumexp(1))
            .contiguous();                                                      // [R]
    alphas_.push_back(step.alpha.to(torch::kCPU, torch::kFloat).contiguous());  // [R, L]
    locations_.push_back(step.location.defined() ? step.location.to(torch::kCPU).contiguous() : step.location);  // [R]

    std::vector<Live> next;
    std::vector<int64_t> parents;
    const size_t first_link = links_.size();
    best_.resize(live_.size());
    for (auto& said : said_now_) said.clear();
    // The first groups of all pictures choose their words, then the second ones, which know what the first have chosen.
    for (size_t begin = 0; begin < live_.size();) {
      const size_t end = end_of(begin, [&](const Live& row) { return row.group % groups_; });
      collect(logits, normalizers, static_cast<int64_t>(begin), static_cast<int64_t>(end), length);
      while (begin < end) {
        const size_t behind = end_of(begin, [](const Live& row) { return row.group; });
        extend(static_cast<int64_t>(begin), static_cast<int64_t>(behind), length, next, parents);
        begin = behind;
      }
    }
    add_plain(first_link);
    live_ = std::move(next);
    if (!live_.empty()) model_.reorder(torch::tensor(parents, torch::kInt64));
  }

  /// Where the live rows end that have the same `key` as the one at `begin` and stand together with it.
  template <class Key>
  size_t end_of(size_t begin, Key key) const {
    size_t end = begin;
    while (end < live_.size() && key(live_[end]) == key(live_[begin])) ++end;
    return end;
  }

  /// Says of this step's links, from `first` on, how likely the model itself has their words.
  void add_plain(size_t first) {
    std::vector<int64_t> rows, words;
    for (size_t i = first; i < links_.size(); ++i) {
      rows.push_back(links_[i].row);
      words.push_back(links_[i].word);
    }
    if (rows.empty()) return;
    auto plain = model_.plain_log_probability(torch::tensor(rows, torch::kInt64), torch::tensor(words, torch::kInt64));
    if (!plain.defined()) return;
    plain = plain.to(torch::kCPU, torch::kDouble).contiguous();  // [n]
    for (size_t i = 0; i < rows.size(); ++i) links_[first + i].plain_log_probability = plain.data_ptr<double>()[i];
  }

  /// Hypotheses of a group that have covered so many must-words.
  size_t places(int64_t group, int covered) const {
    return static_cast<size_t>(covered == constraints_.words() ? places_[group] : width_);
  }

  /// Chooses the best ways on of one group's rows [begin, end).
  void extend(int64_t begin, int64_t end, int length, std::vector<Live>& next, std::vector<int64_t>& parents) {
    const int64_t group = live_[begin].group;
    const size_t first = next.size();
    std::vector<Candidate> best;
    for (int64_t row = begin; row < end; ++row) best.insert(best.end(), best_[row].begin(), best_[row].end());
    std::sort(best.begin(), best.end(), better);
    std::vector<size_t> taken(static_cast<size_t>(constraints_.words()) + 1);
    std::erase_if(best, [&](const Candidate& candidate) {
      return taken[candidate.covered]++ >= places(group, candidate.covered);
    });
    if (best.empty() && finished_[group].empty()) finish(live_[begin], length - 1);
    for (const auto& candidate : best) {
      links_.push_back({live_[candidate.row].last, candidate.word, candidate.word_log_probability + candidate.sameness,
                        candidate.word_log_probability + candidate.sameness + candidate.penalty,
                        static_cast<int64_t>(alphas_.size()) - 1, candidate.row});
      const Live grown{group, static_cast<int64_t>(links_.size()) - 1, candidate.log_probability,
                       live_[candidate.row].sameness + candidate.sameness, candidate.covered};
      said_now_[picture_of(grown)].push_back(candidate.word);
      if (candidate.word == Vocabulary::kEnd) {
        finish(grown, length);
        --places_[group];
      } else {
        next.push_back(grown);
        parents.push_back(candidate.row);
      }
    }
    if (decided(group, next, first)) {
      next.resize(first);
      parents.resize(first);
    }
  }

  /// Whether none of the rows next[first…] can still come among the n best: even if every word to come were certain,
  /// up to the greatest length, they would score below what is finished. What one group says decides on the others, so that several
  /// go on until their places are taken.
  bool decided(int64_t group, const std::vector<Live>& next, size_t first) const {
    if (places_[group] == 0) return true;
    const auto& finished = finished_[group];
    const auto n_best = static_cast<size_t>(options_.n_best);
    if (finished.size() < n_best || groups_ > 1) return false;
    std::vector<double> scores;
    for (const auto& ended : finished) scores.push_back(ended.score);
    std::nth_element(scores.begin(), scores.begin() + static_cast<long>(n_best) - 1, scores.end(), std::greater<>());
    return std::all_of(next.begin() + static_cast<long>(first), next.end(), [&](const Live& row) {
      return score(row.log_probability, options_.max_length + 1) <= scores[n_best - 1];
    });
  }

  double score(double log_probability, int length) const {
    return log_probability / std::pow(std::max(length, 1), options_.length_exponent);
  }

  /// The words this row must not say now beside those that no row may.
  std::vector<int64_t> banned_words(int64_t row, int length) const {
    std::vector<int64_t> banned;
    if (length <= options_.min_length || live_[row].covered < constraints_.words()) banned.push_back(Vocabulary::kEnd);
    const auto n = static_cast<size_t>(options_.no_repeat_ngram);
    if (n == 0 && !constraints_.forbids()) return banned;
    const auto said = words_of(live_[row].last);
    constraints_.add_banned(said, banned);
    if (n == 0) return banned;
    for (size_t i = 0; said.size() >= n && i + n <= said.size(); ++i)
      if (std::equal(said.end() - static_cast<long>(n) + 1, said.end(), said.begin() + static_cast<long>(i)))
        banned.push_back(said[i + n - 1]);
    return banned;
  }

  /// The families of the words that this row has said, each as often as it was said.
  std::vector<int32_t> said_families(int64_t row) const {
    std::vector<int32_t> said;
    if (options_.repetition_penalty == 0 || families_.empty()) return said;
    for (int64_t at = live_[row].last; at >= 0; at = links_[at].before)
      if (const int32_t family = families_[static_cast<size_t>(links_[at].word)]; family >= 0) said.push_back(family);
    return said;
  }

  /// Puts the best ways on of the rows [begin, end) into best_, of each as many as its picture has places. The vocabulary is
  /// read once beside its normalizer, and never sorted.
  void collect(const torch::Tensor& logits, const torch::Tensor& normalizers, int64_t begin, int64_t end, int length) {
    at::parallel_for(begin, end, 1, [&](int64_t from, int64_t to) {
      for (int64_t row = from; row < to; ++row)
        collect_row(logits.data_ptr<float>() + row * logits.size(1), logits.size(1), normalizers.data_ptr<float>()[row],
                    row, length);
    });
  }

  void collect_row(const float* logits, int64_t words, double normalizer, int64_t row, int length) {
    const Live& live = live_[row];
    const auto banned = banned_words(row, length);
    const auto said = said_families(row);
    const auto& said_now = said_now_[picture_of(live)];
    const auto among = [](const auto& list, int64_t word) {
      return std::find(list.begin(), list.end(), word) != list.end();
    };
    const auto penalty = [&](int64_t word) {
      if (said.empty()) return 0.0;
      return options_.repetition_penalty *
             static_cast<double>(std::count(said.begin(), said.end(), families_[static_cast<size_t>(word)]));
    };
    const auto sameness = [&](int64_t word) {
      if (said_now.empty()) return 0.0;
      return options_.diversity * static_cast<double>(std::count(said_now.begin(), said_now.end(), word));
    };
    const auto may_say = [&](int64_t word) {
      if (word == Vocabulary::kPad || word == Vocabulary::kStart || word == Vocabulary::kUnknown) return false;
      if (length > options_.max_length && word != Vocabulary::kEnd) return false;
      return !among(banned, word);
    };
    const auto way_on = [&](int64_t word, int covered) {
      const double less = penalty(word), same = sameness(word);
      const double word_log_probability = logits[word] - (less + same) - normalizer;
      return Candidate{
          live.log_probability + word_log_probability, word_log_probability, less, same, row, word, covered};
    };
    auto& best = best_[row];  // a heap, worst on top
    best.clear();
    if (!std::isfinite(normalizer)) return;  // no word is possible, or one isn't a number
    // Must-words that are lacking stand for themselves; behind any other word, equally many are covered.
    std::vector<int64_t> wanted, with;
    int covered = live.covered;
    if (covered < constraints_.words()) {
      with = words_of(live.last);
      wanted = constraints_.wanted(with);
      with.push_back(Vocabulary::kEnd);
      covered = constraints_.covered(with);
    }
    const size_t most = places(live.group, covered);
    double least = -std::numeric_limits<double>::infinity();  // logit that no longer counts, once there are enough
    for (int64_t word = 0; word < words; ++word) {
      if (logits[word] <= least) continue;  // of equals the first stays
      if (!may_say(word) || among(wanted, word)) continue;
      const double less = penalty(word) + sameness(word);
      if (logits[word] - less <= least) continue;
      if (best.size() == most) {
        std::pop_heap(best.begin(), best.end(), better);
        best.pop_back();
      }
      best.push_back(way_on(word, covered));
      std::push_heap(best.begin(), best.end(), better);
      if (best.size() == most) least = logits[best.front().word] - (best.front().penalty + best.front().sameness);
    }
    for (const int64_t word : wanted) {
      if (!may_say(word) || !(logits[word] > -std::numeric_limits<float>::infinity())) continue;
      with.back() = word;
      best.push_back(way_on(word, constraints_.covered(with)));
    }
  }

  std::vector<int64_t> words_of(int64_t last) const {
    std::vector<int64_t> words;
    for (int64_t at = last; at >= 0; at = links_[at].before) words.push_back(links_[at].word);
    std::reverse(words.begin(), words.end());
    return words;
  }

  void finish(const Live& row, int length) {
    const double log_probability = row.log_probability + row.sameness;
    finished_[row.group].push_back(
        {row.last, log_probability, score(log_probability, length), row.covered == constraints_.words()});
  }

  /// The n best captions of a picture: the groups' best in turn, ranked.
  std::vector<Hypothesis> n_best(int64_t picture) {
    const auto by_score = [](const Ended& x, const Ended& y) { return x.score > y.score; };
    const auto groups = std::span(finished_).subspan(picture * groups_, groups_);
    std::vector<Ended> chosen, lacking;
    for (auto& list : groups) std::stable_sort(list.begin(), list.end(), by_score);
    for (size_t rank = 0; rank < static_cast<size_t>(width_); ++rank) {
      for (const auto& list : groups) {
        if (rank >= list.size()) continue;
        const auto same = [&](const Ended& other) { return words_of(other.last) == words_of(list[rank].last); };
        auto& to = list[rank].holds_all ? chosen : lacking;
        if (groups_ == 1 || std::none_of(to.begin(), to.end(), same)) to.push_back(list[rank]);
      }
    }
    if (chosen.empty()) chosen = {lacking.front()};
    if (chosen.size() > static_cast<size_t>(options_.n_best)) chosen.resize(options_.n_best);
    std::stable_sort(chosen.begin(), chosen.end(), by_score);
    std::vector<Hypothesis> best;
    for (const auto& ended : chosen) best.push_back(hypothesis(ended));
    return best;
  }

  Hypothesis hypothesis(const Ended& ended) const {
    Hypothesis made;
    std::vector<torch::Tensor> alphas;
    for (int64_t at = ended.last; at >= 0; at = links_[at].before) {
      const Link& link = links_[at];
      made.word_log_probability.push_back(link.word_log_probability);
      made.plain_word_log_probability.push_back(link.plain_log_probability);
      if (link.word == Vocabulary::kEnd) continue;
      made.words.push_back(link.word);
      alphas.push_back(alphas_[link.step].select(0, link.row));  // [L]
      const auto& location = locations_[link.step];              // [R]
      made.locations.push_back(location.defined() ? location.data_ptr<int64_t>()[link.row] : -1);
    }
    std::reverse(made.words.begin(), made.words.end());
    std::reverse(made.word_log_probability.begin(), made.word_log_probability.end());
    std::reverse(made.plain_word_log_probability.begin(), made.plain_word_log_probability.end());
    std::reverse(made.locations.begin(), made.locations.end());
    std::reverse(alphas.begin(), alphas.end());
    made.alpha = alphas.empty() ? torch::zeros({0, alphas_[0].size(1)}) : torch::stack(alphas);  // [T, L]
    made.log_probability = ended.log_probability;
    made.score = ended.score;
    made.holds_all = ended.holds_all;
    return made;
  }

  WordModel& model_;
  const DecodeOptions& options_;
  const std::vector<int32_t>& families_;  // by word, or empty
  const Constraints& constraints_;
  const int64_t groups_;     // G
  const int width_;          // K / G
  std::vector<Live> live_;   // first groups of all pictures, then second ones; a group's rows together
  std::vector<int> places_;  // [B · G], beams each group has left for captions that may end
  std::vector<std::vector<int64_t>> said_now_;  // [B], the words that a picture's groups have chosen at this step
  std::vector<Link> links_;
  std::vector<torch::Tensor> alphas_;         // a step each, [R, L]
  std::vector<torch::Tensor> locations_;      // a step each, [R] int64 or undefined
  std::vector<std::vector<Ended>> finished_;  // [B · G]
  std::vector<std::vector<Candidate>> best_;  // [R], of each row
};

}  // namespace

void DecodeOptions::list(OptionList& options) {
  options.section("decode", "Decoding");
  options.add("beam_width", beam_width, "captions kept alive at each word; 1 is greedy", between(1, 1000));
  options.add("length_exponent", length_exponent,
              "captions are ranked by log-probability / length^exponent; larger favours longer ones", between(0, 5));
  options.add(
      "temperature", temperature,
      "of the distribution over the next word; below 1 likely words gain, and models that are sure of theirs count "
      "for more among several",
      between(0.01, 10));
  options.add("frequency_exponent", frequency_exponent,
              "a word's probability is divided by its frequency in the training captions to this power; larger favours "
              "rarer words",
              between(0, 2));
  options.add("max_length", max_length, "most words of a caption", between(1, 1000));
  options.add("min_length", min_length, "fewest words of a caption", between(0, 1000));
  options.add(
      "repetition_penalty", repetition_penalty,
      "taken off a word's log-probability for each time the caption has said it or another form of it (dog, dogs); "
      "function words are free; 0: none",
      between(0, 100));
  options.add("no_repeat_ngram", no_repeat_ngram, "say no run of this many words twice; 0 allows all", between(0, 100));
  options.add(
      "locations", locations,
      "where a model with hard attention looks: at the expected context, at its likeliest cell, or at a sampled one",
      one_of({"expected", "argmax", "sampled"}));
  options.add("n_best", n_best, "captions given for each picture, at most the beam width", between(1, 1000));
  options.add(
      "beam_groups", beam_groups,
      "the beam falls into as many groups that say different words, as --diversity has it, so that the n best captions "
      "differ; 1: they are the likeliest",
      between(1, 1000));
  options.add("diversity", diversity,
              "of --beam-groups: taken off a word's log-probability for each caption of an earlier group that says it "
              "at the same place; 0.2 to 0.8 suits most",
              between(0, 100));
  options.add(
      "must", must,
      "a word or a phrase that every caption says, a word in any of its forms (dog, dogs), =WORD in this one; may "
      "be repeated");
  options.add("must_not", must_not,
              "a word or a phrase that no caption says, a word in none of its forms, =WORD not in this one; may be "
              "repeated");
}

void DecodeOptions::check() const {
  if (min_length > max_length)
    throw UsageError("decode.min_length " + std::to_string(min_length) + " is above decode.max_length " +
                     std::to_string(max_length));
  if (n_best > beam_width)
    throw UsageError("decode.n_best " + std::to_string(n_best) + " is above decode.beam_width " +
                     std::to_string(beam_width) + "; a beam gives as many captions as it is wide");
  if (beam_width % beam_groups != 0)
    throw UsageError("decode.beam_groups " + std::to_string(beam_groups) + " doesn't divide decode.beam_width " +
                     std::to_string(beam_width) + ": all groups have equally many beams");
  if (beam_groups > 1 && diversity == 0)
    throw UsageError("decode.beam_groups " + std::to_string(beam_groups) +
                     " needs decode.diversity above 0 (such as 0.5), or every group finds the same");
  if (beam_groups == 1 && diversity > 0) throw UsageError("decode.diversity needs decode.beam_groups of 2 or more");
  if (beam_groups > 1 && n_best == 1)
    throw UsageError("decode.beam_groups " + std::to_string(beam_groups) +
                     " needs decode.n_best of 2 or more: groups are for captions that differ, and worsen the best one");
}

std::vector<std::vector<Hypothesis>> beam_search(WordModel& model, const DecodeOptions& options,
                                                 const std::vector<int32_t>& families, const Constraints& constraints) {
  return Search(model, options, families, constraints).run();
}

}  // namespace attend
