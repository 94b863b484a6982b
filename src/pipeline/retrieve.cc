// B pictures of a batch · n pictures · m texts · U words of all texts
#include "pipeline/retrieve.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "decode/word_chances.h"
#include "pipeline/held_against.h"
#include "pipeline/score_pictures.h"

namespace attend {
namespace {

/// Walks of one call of the decoder: [walks, V] is what it takes.
constexpr size_t kMostWalks = 1024;

/// Beams of the first stage: enough for several words to be heard at a place.
constexpr int kListeningBeams = 3;

/// A text's words as the model knows them, none where it is refused, and the columns of these, each once.
struct KnownText {
  std::vector<int64_t> words;
  std::vector<int64_t> columns;
};

struct KnownTexts {
  std::vector<KnownText> texts;
  std::vector<int64_t> words;  // [U], of the vocabulary
};

KnownTexts know(std::span<const std::string> texts, const Vocabulary& vocabulary, int max_words, Retrieval& found) {
  KnownTexts known;
  std::map<int64_t, int64_t> columns;
  for (const auto& text : texts) {
    const auto given = given_caption(text, vocabulary);
    auto& one = known.texts.emplace_back();
    if (auto refusal = caption_refusal(given, "text", max_words); !refusal.empty()) {
      found.text_refusals.push_back(std::move(refusal));
      continue;
    }
    found.unknown.add(given.tokens, given.unknown());
    one.words = given.words();
    for (const int64_t word : one.words) {
      const auto [column, is_new] = columns.emplace(word, static_cast<int64_t>(known.words.size()));
      if (is_new) known.words.push_back(word);
      one.columns.push_back(column->second);
    }
    std::sort(one.columns.begin(), one.columns.end());
    one.columns.erase(std::unique(one.columns.begin(), one.columns.end()), one.columns.end());
  }
  return known;
}

/// What the first stage knows of the pictures.
struct Heard {
  torch::Tensor
      chances;  // [n, U], a word's log-probability less its mean over the pictures; 0 of those that were refused
  std::vector<bool> read;  // [n]
};

Heard listen(Ensemble& ensemble, std::span<const PictureSource> pictures, const KnownTexts& texts,
             const RetrieveWork& work, const Host& host, std::vector<std::string>& refusals) {
  DecodeOptions decode;
  decode.beam_width = kListeningBeams;
  decode.max_length = 20;
  const auto words = torch::tensor(texts.words, torch::kInt64);  // [U]
  Heard heard{torch::zeros({static_cast<int64_t>(pictures.size()), words.size(0)}), std::vector<bool>(pictures.size())};
  struct Batch {
    std::vector<SeenPicture> pictures;
    torch::Tensor chances;  // [B, U] of those that were read
  };
  compute_pictures(
      ensemble, pictures, work.plan, host,
      [&](PictureBatch batch) {
        Batch of{std::move(batch.pictures), {}};
        if (batch.inputs.empty()) return of;
        const torch::NoGradGuard no_grad;
        auto model = ensemble.word_model(ensemble.annotate(batch.inputs), decode);
        of.chances = word_chances(model, words, decode);
        return of;
      },
      [&](Batch& batch) {
        int64_t row = 0;
        for (auto& picture : batch.pictures) {
          if (picture.refused()) {
            refusals.push_back(std::move(picture.refusal));
            continue;
          }
          heard.read[picture.index] = true;
          heard.chances[static_cast<int64_t>(picture.index)].copy_(batch.chances[row++]);
        }
      });
  const auto count = std::count(heard.read.begin(), heard.read.end(), true);
  if (count < 2) return heard;                     // there is no mean to hold it against
  const auto mean = heard.chances.sum(0) / count;  // [U]
  for (size_t i = 0; i < heard.read.size(); ++i)
    if (heard.read[i]) heard.chances[static_cast<int64_t>(i)].sub_(mean);
  return heard;
}

/// The `count` places of largest value, the best first.
std::vector<size_t> best_of(const std::vector<std::pair<double, size_t>>& places, size_t count) {
  auto sorted = places;
  const auto middle = sorted.begin() + static_cast<long>(std::min(count, sorted.size()));
  std::partial_sort(sorted.begin(), middle, sorted.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::vector<size_t> best;
  for (auto place = sorted.begin(); place != middle; ++place) best.push_back(place->second);
  return best;
}

/// Which texts are walked with which pictures.
struct Plan {
  std::vector<std::vector<size_t>> pictures_of;  // [m], candidates
  std::vector<std::vector<size_t>> texts_of;     // [n], candidates
  std::vector<std::vector<size_t>> others;       // [m], pictures that a text is held against
  std::vector<std::vector<size_t>> walks;        // [n], texts, rising: all of these together
};

/// The first stage.
Plan plan_walks(const Heard& heard, const KnownTexts& known, const RetrieveWork& work) {
  const size_t n = heard.read.size(), m = known.texts.size(), U = known.words.size();
  Plan plan;
  plan.pictures_of.resize(m), plan.others.resize(m), plan.texts_of.resize(n), plan.walks.resize(n);
  std::vector<size_t> pictures, texts;  // that can be walked
  for (size_t i = 0; i < n; ++i)
    if (heard.read[i]) pictures.push_back(i);
  for (size_t t = 0; t < m; ++t)
    if (!known.texts[t].words.empty()) texts.push_back(t);
  const auto* chances = heard.chances.data_ptr<float>();
  const auto likeness = [&](size_t picture, size_t text) {
    double sum = 0;
    const auto& columns = known.texts[text].columns;
    for (const int64_t column : columns) sum += chances[picture * U + static_cast<size_t>(column)];
    return pictures.size() > 1 ? sum : sum / static_cast<double>(columns.size());
  };
  const auto best = [&](const std::vector<size_t>& among, auto&& like) {
    std::vector<std::pair<double, size_t>> places;
    for (const size_t place : among) places.emplace_back(like(place), place);
    return best_of(places, static_cast<size_t>(std::max(work.candidates, work.top)));
  };
  if (work.pictures)
    for (const size_t t : texts) plan.pictures_of[t] = best(pictures, [&](size_t i) { return likeness(i, t); });
  if (work.texts)
    for (const size_t i : pictures) plan.texts_of[i] = best(texts, [&](size_t t) { return likeness(i, t); });
  std::vector<bool> wanted(m);
  for (size_t i = 0; i < n; ++i)
    for (const size_t t : plan.texts_of[i]) wanted[t] = true, plan.walks[i].push_back(t);
  for (const size_t t : texts) {
    if (wanted[t]) {
      auto lot = lot_of(work.seed, t);
      plan.others[t] = draw(pictures, static_cast<size_t>(work.others), lot);
    }
    for (const auto* list : {&plan.pictures_of[t], &plan.others[t]})
      for (const size_t i : *list) plan.walks[i].push_back(t);
  }
  for (auto& list : plan.walks) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  return plan;
}

/// The second stage: the log-probability of every text that is to be walked with a picture, in the order of the plan; none of
/// pictures that can't be read.
std::vector<std::vector<double>> walk_all(Ensemble& ensemble, std::span<const PictureSource> pictures,
                                          const KnownTexts& known, const Plan& plan, const RetrieveWork& work,
                                          const Host& host, std::vector<std::string>& refusals) {
  std::vector<std::vector<double>> logs(pictures.size());
  std::vector<size_t> needed;
  std::vector<PictureSource> sources;
  for (size_t i = 0; i < pictures.size(); ++i)
    if (!plan.walks[i].empty()) needed.push_back(i), sources.push_back(pictures[i]);
  struct Walked {
    size_t picture;
    std::vector<double> logs;
    std::string refusal;
  };
  compute_pictures(
      ensemble, sources, work.plan, host,
      [&](PictureBatch batch) {
        std::vector<Walked> found;
        std::vector<GivenWords> walks;
        std::vector<size_t> of;                  // of each walk, place in `found`
        std::vector<torch::Tensor> annotations;  // [B, L, D] each
        if (!batch.inputs.empty()) annotations = ensemble.annotate(batch.inputs);
        const auto walk = [&] {
          if (walks.empty()) return;
          const auto forced = ensemble.force(annotations, walks, DecodeOptions(), {false, false});
          for (size_t w = 0; w < forced.size(); ++w) found[of[w]].logs.push_back(forced[w].log_probability);
          walks.clear(), of.clear();
        };
        int64_t row = 0;
        for (auto& picture : batch.pictures) {
          found.push_back({needed[picture.index], {}, std::move(picture.refusal)});
          if (!found.back().refusal.empty()) continue;
          for (const size_t text : plan.walks[found.back().picture]) {
            walks.push_back({row, known.texts[text].words});
            of.push_back(found.size() - 1);
            if (walks.size() == kMostWalks) walk();
          }
          ++row;
        }
        walk();
        return found;
      },
      [&](std::vector<Walked>& found) {
        for (auto& one : found) {
          logs[one.picture] = std::move(one.logs);
          if (!one.refusal.empty()) refusals.push_back(std::move(one.refusal));
        }
      });
  return logs;
}

}  // namespace

AlikePictures find_alike_pictures(Ensemble& ensemble, std::span<const PictureSource> pictures, int top,
                                  const BatchPlan& plan, const Host& host) {
  AlikePictures found;
  found.of_picture.resize(pictures.size());
  std::vector<size_t> read;
  std::vector<torch::Tensor> batches;  // [B, D] each
  struct Batch {
    std::vector<SeenPicture> pictures;
    torch::Tensor means;  // [B, D]
  };
  compute_pictures(
      ensemble, pictures, plan, host,
      [&](PictureBatch batch) {
        Batch of{std::move(batch.pictures), {}};
        if (!batch.inputs.empty())
          of.means = ensemble.annotate(batch.inputs).front().mean(1).to(torch::kCPU, torch::kFloat);  // [B, D]
        return of;
      },
      [&](Batch& batch) {
        if (batch.means.defined()) batches.push_back(batch.means);
        for (auto& picture : batch.pictures)
          if (picture.refused())
            found.refusals.push_back(std::move(picture.refusal));
          else
            read.push_back(picture.index);
      });
  if (read.empty()) return found;
  auto means = torch::cat(batches);                                       // [n, D]
  means = torch::nn::functional::normalize(means - means.mean(0, true));  // [n, D]
  for (size_t i = 0; i < read.size(); ++i) {
    auto likeness = means.mv(means[static_cast<int64_t>(i)]);  // [n]
    likeness[static_cast<int64_t>(i)] = -2;                    // itself
    const auto count = std::min<int64_t>(top, static_cast<int64_t>(read.size()) - 1);
    const auto [values, places] = likeness.topk(count);  // [count] each
    for (int64_t k = 0; k < count; ++k)
      found.of_picture[read[i]].push_back(
          {read[static_cast<size_t>(places[k].item<int64_t>())], values[k].item<double>()});
  }
  return found;
}

Retrieval retrieve(Ensemble& ensemble, std::span<const PictureSource> pictures, std::span<const std::string> texts,
                   const RetrieveWork& work, const Host& host) {
  Retrieval found;
  const auto known = know(texts, ensemble.first().vocabulary, work.max_words, found);
  found.of_text.resize(texts.size()), found.of_picture.resize(pictures.size());
  if (known.words.empty()) return found;
  const auto n = static_cast<int64_t>(pictures.size());
  const auto k = static_cast<size_t>(std::max(work.candidates, work.top));
  // Where all are candidates, nothing need be known of them.
  const bool is_small = (!work.pictures || pictures.size() <= k) && (!work.texts || texts.size() <= k);
  const auto pass = [&](int64_t before) {
    Host one = host;
    one.progress = [&, before](int64_t done, int64_t) { host.progress(before + done, is_small ? n : 2 * n); };
    return one;
  };
  const auto heard = is_small ? Heard{torch::zeros({n, static_cast<int64_t>(known.words.size())}),
                                      std::vector<bool>(pictures.size(), true)}
                              : listen(ensemble, pictures, known, work, pass(0), found.picture_refusals);
  const auto plan = plan_walks(heard, known, work);
  const auto logs = walk_all(ensemble, pictures, known, plan, work, pass(is_small ? 0 : n), found.picture_refusals);
  const auto log_of = [&](size_t picture, size_t text) {
    const auto& walks = plan.walks[picture];
    const auto place = std::lower_bound(walks.begin(), walks.end(), text) - walks.begin();
    return logs[picture].empty() ? -std::numeric_limits<double>::infinity() : logs[picture][static_cast<size_t>(place)];
  };
  const auto match_of = [&](size_t picture, size_t text) {
    Match match{picture, text, log_of(picture, text), 0};
    std::vector<double> others;
    for (const size_t other : plan.others[text])
      if (const double log = log_of(other, text); other != picture && std::isfinite(log)) others.push_back(log);
    match.contrast = others.empty() ? match.log_probability / static_cast<double>(known.texts[text].words.size() + 1)
                                    : match.log_probability - log_mean(others);
    return match;
  };
  const auto keep = [&](std::vector<Match>& list, double Match::*score) {
    std::erase_if(list, [](const Match& one) { return !std::isfinite(one.log_probability); });
    std::stable_sort(list.begin(), list.end(), [&](const Match& a, const Match& b) { return a.*score > b.*score; });
    if (list.size() > static_cast<size_t>(work.top)) list.resize(static_cast<size_t>(work.top));
  };
  for (size_t t = 0; t < texts.size(); ++t) {
    for (const size_t i : plan.pictures_of[t]) found.of_text[t].push_back(match_of(i, t));
    keep(found.of_text[t], &Match::log_probability);
  }
  for (size_t i = 0; i < pictures.size(); ++i) {
    for (const size_t t : plan.texts_of[i]) found.of_picture[i].push_back(match_of(i, t));
    keep(found.of_picture[i], &Match::contrast);
  }
  return found;
}

Recall recall_of(std::vector<std::optional<size_t>> ranks) {
  const auto share = [&](size_t most) {
    const auto within = [&](const auto& rank) { return rank && *rank <= most; };
    return static_cast<double>(std::count_if(ranks.begin(), ranks.end(), within)) / static_cast<double>(ranks.size());
  };
  const auto before = [](const auto& a, const auto& b) { return a.value_or(SIZE_MAX) < b.value_or(SIZE_MAX); };
  std::sort(ranks.begin(), ranks.end(), before);
  return {share(1), share(5), share(10), ranks[(ranks.size() - 1) / 2], share(SIZE_MAX)};
}

RetrievalRecall recall_of(const Retrieval& found, std::span<const size_t> picture_of) {
  const auto ranks_in = [](const std::vector<std::vector<Match>>& lists, const auto& belongs) {
    std::vector<std::optional<size_t>> ranks;
    for (size_t asked = 0; asked < lists.size(); ++asked) {
      const auto own = std::find_if(lists[asked].begin(), lists[asked].end(),
                                    [&](const Match& match) { return belongs(asked, match); });
      ranks.push_back(own == lists[asked].end() ? std::nullopt : std::optional<size_t>(own - lists[asked].begin() + 1));
    }
    return ranks;
  };
  return {recall_of(ranks_in(found.of_text,
                             [&](size_t text, const Match& match) { return match.picture == picture_of[text]; })),
          recall_of(ranks_in(found.of_picture,
                             [&](size_t picture, const Match& match) { return picture_of[match.text] == picture; }))};
}

}  // namespace attend
