#include "metrics/meteor.h"

#include <libstemmer.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <unordered_map>

#include "base/error.h"
#include "base/parallel.h"
#include "metrics/meteor_words.h"

namespace attend {
namespace {

// METEOR 1.5's parameters for English, tuned by its authors to rank translations as people do.
constexpr double kAlpha = 0.85, kBeta = 0.2, kGamma = 0.6, kDelta = 0.75;

constexpr uint32_t kNoWord = 0xffffffff;

/// What is known of a word.
struct Word {
  std::string stem;
  std::vector<uint32_t> synonym_sets;
  uint32_t table_word = kNoWord;
  bool is_function_word = false;
};

/// A caption as words of a lexicon.
using Sentence = std::vector<const Word*>;

/// Everything that is known of each word seen so far. A word has one place for good, so that two words are the same
/// where their addresses are.
class Lexicon {
 public:
  explicit Lexicon(const MeteorTables* tables) : tables_(tables), stemmer_(sb_stemmer_new("english", "UTF_8")) {
    if (!stemmer_) throw Error("METEOR: libstemmer has no English stemmer");
  }
  ~Lexicon() { sb_stemmer_delete(stemmer_); }
  Lexicon(const Lexicon&) = delete;

  Sentence sentence(const Tokens& tokens) {
    std::string text;
    for (const auto& token : tokens) text += token + " ";
    Sentence words;
    for (auto& word : meteor_words(text)) words.push_back(&find(std::move(word)));
    return words;
  }

 private:
  const Word& find(std::string text) {
    const auto [found, is_new] = words_.try_emplace(std::move(text));
    if (is_new) describe(found->first, found->second);
    return found->second;
  }

  void describe(const std::string& text, Word& word) const {
    const auto* stem =
        sb_stemmer_stem(stemmer_, reinterpret_cast<const sb_symbol*>(text.data()), static_cast<int>(text.size()));
    if (!stem) throw Error("METEOR: out of memory in the stemmer");
    word.stem.assign(reinterpret_cast<const char*>(stem), static_cast<size_t>(sb_stemmer_length(stemmer_)));
    if (!tables_) return;
    word.table_word = tables_->word(text).value_or(kNoWord);
    word.is_function_word = word.table_word != kNoWord && tables_->is_function_word(word.table_word);
    word.synonym_sets = tables_->synonym_sets(text);
  }

  const MeteorTables* tables_;
  sb_stemmer* stemmer_;
  std::unordered_map<std::string, Word> words_;
};

bool share_one(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
    if (*i == *j) return true;
    if (*i < *j)
      ++i;
    else
      ++j;
  }
  return false;
}

/// A part of a sentence that is a phrase of the paraphrase table.
struct Phrase {
  uint32_t number, first, length;
};

std::vector<Phrase> find_phrases(const Sentence& sentence, const MeteorTables& tables) {
  std::vector<Phrase> phrases;
  for (uint32_t first = 0; first < sentence.size(); ++first) {
    uint32_t phrase = MeteorTables::kNoPhrase;
    for (uint32_t at = first; at < sentence.size() && sentence[at]->table_word != kNoWord; ++at) {
      phrase = tables.longer(phrase, sentence[at]->table_word);
      if (phrase == MeteorTables::kNoPhrase) break;
      phrases.push_back({phrase, first, at + 1 - first});
    }
  }
  return phrases;
}

/// Every match there is, in the order align_meteor() asks for.
std::vector<MeteorMatch> find_matches(const Sentence& candidate, const Sentence& reference,
                                      const std::vector<Phrase>& candidate_phrases,
                                      const std::vector<Phrase>& reference_phrases, const MeteorTables* tables) {
  std::vector<MeteorMatch> matches;
  for (uint32_t i = 0; i < candidate.size(); ++i) {
    for (uint32_t j = 0; j < reference.size(); ++j) {
      const Word &a = *candidate[i], &b = *reference[j];
      if (&a == &b) {
        matches.push_back({MeteorMatcher::kExact, i, 1, j, 1});
        continue;
      }
      if (a.stem == b.stem) matches.push_back({MeteorMatcher::kStem, i, 1, j, 1});
      if (share_one(a.synonym_sets, b.synonym_sets)) matches.push_back({MeteorMatcher::kSynonym, i, 1, j, 1});
    }
  }
  for (const auto& from : candidate_phrases) {
    for (const auto& to : reference_phrases) {
      for (int i = tables->times_paraphrased(from.number, to.number); i > 0; --i)
        matches.push_back({MeteorMatcher::kParaphrase, from.first, from.length, to.first, to.length});
    }
  }
  std::stable_sort(matches.begin(), matches.end(), [](const MeteorMatch& a, const MeteorMatch& b) {
    return std::tuple(a.candidate, a.matcher, a.reference) < std::tuple(b.candidate, b.matcher, b.reference);
  });
  return matches;
}

void add_words(const Sentence& sentence, size_t first, size_t length, MeteorCounts::Words& words) {
  for (size_t i = first; i < first + length; ++i) ++(sentence[i]->is_function_word ? words.function : words.content);
}

bool covers(const MeteorAlignment& alignment, size_t candidate_words, size_t reference_words) {
  for (const auto& match : alignment.matches) {
    candidate_words -= match.candidate_length;
    reference_words -= match.reference_length;
  }
  return candidate_words == 0 && reference_words == 0;
}

double weigh(const MeteorCounts::Words& words) { return kDelta * words.content + (1 - kDelta) * words.function; }

MeteorCounts::Words operator+(const MeteorCounts::Words& a, const MeteorCounts::Words& b) {
  return {a.content + b.content, a.function + b.function};
}

}  // namespace

MeteorCounts& MeteorCounts::operator+=(const MeteorCounts& other) {
  candidate = candidate + other.candidate;
  reference = reference + other.reference;
  for (int i = 0; i < kMeteorMatchers; ++i) {
    candidate_matched[i] = candidate_matched[i] + other.candidate_matched[i];
    reference_matched[i] = reference_matched[i] + other.reference_matched[i];
  }
  chunks += other.chunks;
  return *this;
}

double MeteorCounts::score() const {
  double candidate_weight = 0, reference_weight = 0;
  Words candidate_sum, reference_sum;
  for (int i = 0; i < kMeteorMatchers; ++i) {
    candidate_weight += kMeteorWeights[i] * weigh(candidate_matched[i]);
    reference_weight += kMeteorWeights[i] * weigh(reference_matched[i]);
    candidate_sum = candidate_sum + candidate_matched[i];
    reference_sum = reference_sum + reference_matched[i];
  }
  if (candidate_weight == 0 || reference_weight == 0) return 0;
  const double precision = candidate_weight / weigh(candidate), recall = reference_weight / weigh(reference);
  const double mean = precision * recall / (kAlpha * precision + (1 - kAlpha) * recall);
  const double candidate_words = candidate_sum.content + candidate_sum.function;
  const double reference_words = reference_sum.content + reference_sum.function;
  const double fragmentation = chunks / ((candidate_words + reference_words) / 2);
  return mean * (1 - kGamma * std::pow(fragmentation, kBeta));
}

class Meteor::Impl {
 public:
  explicit Impl(std::shared_ptr<const MeteorTables> tables) : tables_(std::move(tables)), lexicon_(tables_.get()) {}

  std::vector<MeteorCounts> count(std::span<const CaptionPair> pairs, int threads) {
    struct Sentences {
      Sentence candidate;
      std::vector<Sentence> references;
    };
    std::vector<Sentences> sentences(pairs.size());
    std::unique_lock lock(lexicon_mutex_);
    for (size_t i = 0; i < pairs.size(); ++i) {
      if (pairs[i].references.empty()) throw InputError("references: picture " + std::to_string(i) + " has none");
      sentences[i].candidate = lexicon_.sentence(pairs[i].candidate);
      for (const auto& reference : pairs[i].references) sentences[i].references.push_back(lexicon_.sentence(reference));
    }
    lock.unlock();
    std::vector<MeteorCounts> counts(pairs.size());
    parallel_for(pairs.size(), threads, [&](size_t i) {
      std::vector<Phrase> phrases;
      if (tables_) phrases = find_phrases(sentences[i].candidate, *tables_);
      double best = -1;
      for (const auto& reference : sentences[i].references) {
        const auto against = compare(sentences[i].candidate, phrases, reference);
        const double score = against.score();
        if (score > best) {
          best = score;
          counts[i] = against;
        }
      }
    });
    return counts;
  }

 private:
  MeteorCounts compare(const Sentence& candidate, const std::vector<Phrase>& phrases, const Sentence& reference) const {
    std::vector<Phrase> reference_phrases;
    if (tables_) reference_phrases = find_phrases(reference, *tables_);
    const auto matches = find_matches(candidate, reference, phrases, reference_phrases, tables_.get());
    const auto alignment = align_meteor(matches, candidate.size(), reference.size());
    MeteorCounts counts;
    add_words(candidate, 0, candidate.size(), counts.candidate);
    add_words(reference, 0, reference.size(), counts.reference);
    for (const auto& match : alignment.matches) {
      const auto matcher = static_cast<size_t>(match.matcher);
      add_words(candidate, match.candidate, match.candidate_length, counts.candidate_matched[matcher]);
      add_words(reference, match.reference, match.reference_length, counts.reference_matched[matcher]);
    }
    // A caption that matches from end to end is not in pieces at all.
    const bool whole = alignment.chunks == 1 && covers(alignment, candidate.size(), reference.size());
    counts.chunks = whole ? 0 : alignment.chunks;
    return counts;
  }

  std::shared_ptr<const MeteorTables> tables_;
  std::mutex lexicon_mutex_;
  Lexicon lexicon_;
};

Meteor::Meteor(std::shared_ptr<const MeteorTables> tables) : impl_(std::make_unique<Impl>(std::move(tables))) {}
Meteor::~Meteor() = default;

std::vector<MeteorCounts> Meteor::count(std::span<const CaptionPair> pairs, int threads) {
  return impl_->count(pairs, threads);
}

Scores meteor_scores(std::span<const MeteorCounts> pictures) {
  Scores scores;
  MeteorCounts sum;
  for (const auto& counts : pictures) {
    scores.pictures.push_back(counts.score());
    sum += counts;
  }
  scores.corpus = sum.score();
  return scores;
}

}  // namespace attend
