// B pictures of a batch · T words
#include "pipeline/score_pictures.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "pipeline/caption_record.h"
#include "text/detokenize.h"
#include "text/noun_phrases.h"

namespace attend {
namespace {

/// What stands beside the words of a walked caption.
GivenBeside beside(const GivenCaption& given, const ForcedCaption& forced, const Vocabulary& vocabulary) {
  GivenBeside made;
  made.tokens = given.tokens;
  made.unknown = given.unknown();
  made.replaced = given.replaced;
  made.rank = forced.rank;
  for (const int64_t word : forced.likeliest) made.likeliest.push_back(vocabulary.word(word));
  made.likeliest_log_probability = forced.likeliest_log_probability;
  made.perplexity = forced.perplexity();
  return made;
}

/// The phrases that are wanted of a caption, in its order, over the words that the model was led along.
std::vector<SeenPhrase> phrases_in(const GivenCaption& given, const ScoreWork& work) {
  std::vector<std::pair<WordSpan, std::string>> found;
  for (const auto& phrase : work.phrases)
    for (const size_t place : phrase.places_in(given.tokens))
      found.emplace_back(WordSpan{place, place + phrase.tokens.size()}, phrase.text);
  if (work.noun_phrases)
    for (const WordSpan span : noun_phrases(given.tokens)) {
      if (std::any_of(found.begin(), found.end(), [&](const auto& one) { return one.first == span; })) continue;
      const auto first = given.tokens.begin();
      found.emplace_back(span, detokenize({first + static_cast<std::ptrdiff_t>(span.begin),
                                           first + static_cast<std::ptrdiff_t>(span.end)}));
    }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first.begin < b.first.begin; });
  std::vector<SeenPhrase> phrases;
  for (auto& [span, text] : found) {
    SeenPhrase& phrase = phrases.emplace_back(SeenPhrase{std::move(text), {}});
    size_t word = 0;
    for (size_t i = 0; i < span.end; ++i) {
      if (given.ids[i] == Vocabulary::kUnknown) continue;
      if (i >= span.begin) phrase.words.push_back(word);
      ++word;
    }
  }
  return phrases;
}

}  // namespace

std::vector<size_t> GivenPhrase::places_in(const std::vector<std::string>& caption) const {
  std::vector<size_t> places;
  for (auto from = caption.begin();;) {
    const auto found = std::search(from, caption.end(), tokens.begin(), tokens.end());
    if (found == caption.end()) return places;
    places.push_back(static_cast<size_t>(found - caption.begin()));
    from = found + static_cast<std::ptrdiff_t>(tokens.size());
  }
}

std::string caption_refusal(const GivenCaption& given, const std::string& subject, int max_words) {
  size_t end = std::min<size_t>(given.text.size(), 60);
  while (end < given.text.size() && (given.text[end] & 0xc0) == 0x80) --end;  // not within a character
  const bool is_long = end < given.text.size();
  const std::string begin = subject + " \"" + given.text.substr(0, end) + (is_long ? "…" : "") + "\": ";
  if (given.tokens.empty()) return begin + "has no words";
  if (given.tokens.size() > static_cast<size_t>(max_words))
    return begin + "has " + std::to_string(given.tokens.size()) + " words, more than --max-words (" +
           std::to_string(max_words) + ")";
  if (given.unknown().size() == given.tokens.size()) return begin + "none of its words is in the model's vocabulary";
  return "";
}

void score_pictures(Ensemble& ensemble, const ListView<PictureSource>& pictures,
                    const ListView<std::vector<std::string>>& captions, const ScoreWork& work, const Host& host,
                    const std::function<void(std::vector<ScoredPicture>& batch)>& take) {
  Captioner& captioner = ensemble.first();
  const Grid grid = grid_of(captioner);
  ForceOptions force;
  force.maps = work.maps;
  force.paths = work.paths;
  const auto score = [&](PictureBatch batch) {
    std::vector<ScoredPicture> scored;
    std::vector<GivenWords> walks;
    std::vector<GivenCaption> given;  // one a walk
    std::vector<size_t> picture_of;   // of each walk, in `scored`
    std::vector<size_t> place_of;     // of each walk, among its picture's captions
    int64_t row = 0;                  // of the inputs
    for (auto& picture : batch.pictures) {
      ScoredPicture& to = scored.emplace_back();
      to.seen = std::move(picture);
      if (to.seen.refused()) continue;
      const auto texts = captions[to.seen.index];
      for (size_t place = 0; place < texts.size(); ++place) {
        auto one = given_caption(texts[place], captioner.vocabulary, work.nearest);
        if (auto refusal = caption_refusal(one, to.seen.name + ": caption", work.max_words); !refusal.empty()) {
          to.refusals.push_back({place, std::move(refusal)});
          continue;
        }
        place_of.push_back(place);
        walks.push_back({row, one.words()});
        given.push_back(std::move(one));
        picture_of.push_back(scored.size() - 1);
      }
      ++row;
    }
    if (walks.empty()) return scored;
    auto forced = ensemble.force(ensemble.annotate(batch.inputs), walks, work.decode, force);
    for (size_t i = 0; i < forced.size(); ++i) {
      ScoredPicture& to = scored[picture_of[i]];
      if (!std::isfinite(forced[i].log_probability)) {
        to.refusals.push_back(
            {place_of[i], to.seen.name + ": the model gives the words of a caption no finite probabilities"});
        continue;
      }
      to.given.push_back(beside(given[i], forced[i], captioner.vocabulary));
      to.given.back().place = place_of[i];
      Caption caption = caption_of(std::move(forced[i]), captioner.vocabulary);
      caption.text = given[i].text;
      const bool explained = work.explain && (work.explain_all || to.seen.captions.empty());
      std::optional<Explanation> explanation;
      if (explained)
        explanation = explain_caption(captioner, batch.inputs.front()[walks[i].picture], caption, *work.explain,
                                      work.explain_pixels, host.cancelled);
      to.seen.captions.push_back(seen_caption(std::move(caption), grid));
      to.seen.captions.back().phrases = phrases_in(given[i], work);
      for (const size_t unknown : to.given.back().unknown)
        to.seen.captions.back().left_out.push_back(to.given.back().tokens[unknown]);
      if (explanation) add_explanation(to.seen.captions.back(), *std::move(explanation));
    }
    return scored;
  };
  BatchPlan plan = work.plan;
  plan.side_by_side = !work.explain;
  if (work.explain) plan.batch_size = 1;  // each is kept as soon as it is explained
  compute_pictures(ensemble, pictures, plan, host, score, take);
}

Json score_record(const ScoredPicture& picture, size_t place, bool attention) {
  const SeenCaption& caption = picture.seen.captions[place];
  const GivenBeside& given = picture.given[place];
  SeenPicture alone{picture.seen};
  alone.captions = {caption};
  Json record = caption_record(alone);
  record.erase("confidence");
  record.erase("familiar");
  const auto add = [&](Json& word, size_t t) {
    word["rank"] = given.rank[t];
    word["likeliest"] = given.likeliest[t];
    word["likeliest_log_probability"] = rounded(given.likeliest_log_probability[t]);
  };
  const size_t T = caption.words.size();
  if (!attention && record.contains("phrases"))
    for (auto& phrase : record["phrases"]) phrase.erase("attention");
  for (size_t t = 0; t < T; ++t) {
    if (!attention) record["words"][t].erase("attention");
    add(record["words"][t], t);
  }
  record["end"] = {{"log_probability", rounded(caption.word_log_probability[T])},
                   {"plain_log_probability", rounded(caption.plain_word_log_probability[T])}};
  add(record["end"], T);
  record["perplexity"] = rounded(given.perplexity);
  record["unknown"] = Json::array();
  for (const size_t unknown : given.unknown) record["unknown"].push_back(given.tokens[unknown]);
  for (const size_t replaced : given.replaced) {
    const auto word = replaced - static_cast<size_t>(std::count_if(given.unknown.begin(), given.unknown.end(),
                                                                   [&](size_t unknown) { return unknown < replaced; }));
    record["replaced"].push_back({{"token", given.tokens[replaced]}, {"word", caption.words[word]}});
  }
  record["unknown_share"] =
      rounded(static_cast<double>(given.unknown.size()) / static_cast<double>(given.tokens.size()));
  return record;
}

}  // namespace attend
