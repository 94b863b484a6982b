// T words
#include "app/given_pointing.h"

#include <algorithm>
#include <map>
#include <set>

#include "pipeline/score_pictures.h"
#include "text/ptb_tokenizer.h"

namespace attend {
namespace {

/// Of each token its place among the words that were walked, or -1 where the model doesn't know it.
std::vector<int> places_of(const GivenBeside& given) {
  std::vector<int> places;
  size_t unknown = 0;
  for (size_t i = 0; i < given.tokens.size(); ++i) {
    const bool left_out = unknown < given.unknown.size() && given.unknown[unknown] == i;
    unknown += left_out;
    places.push_back(left_out ? -1 : static_cast<int>(i - unknown));
  }
  return places;
}

/// A caption's words that name objects: token, its log-probability.
using Named = std::vector<std::pair<std::string, double>>;

Named named_of(const std::vector<MaskedObject>& objects, const GivenBeside& given, const SeenCaption& caption) {
  const auto places = places_of(given);
  Named named;
  for (const auto& object : objects)
    for (const int word : object.words)
      if (static_cast<size_t>(word) < places.size() && places[static_cast<size_t>(word)] >= 0)
        named.emplace_back(given.tokens[static_cast<size_t>(word)],
                           caption.plain_word_log_probability[static_cast<size_t>(places[static_cast<size_t>(word)])]);
  return named;
}

}  // namespace

std::vector<cv::Point2d> peaks_of(const SeenPicture& picture, const SeenCaption& caption) {
  const Geometry geometry = picture.geometry();
  std::vector<cv::Point2d> peaks;
  for (size_t t = 0; t < caption.attention.size(); ++t) {
    const auto map = caption.attention.map(t);
    const auto cell = static_cast<int>(std::max_element(map.begin(), map.end()) - map.begin());
    const auto [rows, columns] = caption.attention.grid;
    const cv::Rect2d area = geometry.cell(cell / columns, cell % columns, rows, columns);
    peaks.emplace_back(area.x + area.width / 2, area.y + area.height / 2);
  }
  return peaks;
}

GivenPointing point_given(Ensemble& ensemble, const std::vector<Example>& examples, const ObjectsOf& objects,
                          const DecodeOptions& decode, int threads, const Host& host) {
  const size_t n = examples.size();
  std::vector<PictureSource> pictures;
  std::vector<std::vector<std::string>> captions;
  for (size_t i = 0; i < n; ++i) {
    pictures.emplace_back(examples[i].picture);
    captions.push_back(examples[i].captions);
    if (n > 1) captions.back().push_back(examples[(i + 1) % n].captions.front());
  }
  GivenPointing found;
  std::map<size_t, Named> own, strange;  // of the first caption of each example, with its picture and with another
  ScoreWork work;
  work.decode = decode;
  work.plan.threads = threads;
  const auto take_one = [&](const SeenPicture& picture, const SeenCaption& caption, const GivenBeside& given) {
    const bool is_own = given.place < examples[picture.index].captions.size();
    const size_t of = is_own ? picture.index : (picture.index + 1) % n;
    const auto named = objects(examples[of], is_own ? given.place : 0, given.tokens);
    if (!is_own) {
      strange[of] = named_of(named, given, caption);
      return;
    }
    if (given.place == 0) own[of] = named_of(named, given, caption);
    const auto places = places_of(given);
    std::vector<MaskedObject> walked;
    for (const auto& object : named) {
      auto& one = walked.emplace_back(MaskedObject{object.mask, {}});
      for (const int word : object.words)
        if (static_cast<size_t>(word) < places.size() && places[static_cast<size_t>(word)] >= 0)
          one.words.push_back(places[static_cast<size_t>(word)]);
    }
    found.captions += !walked.empty();
    add_pointing(walked, peaks_of(picture, caption), found.pointing);
  };
  score_pictures(ensemble, pictures, captions, work, host, [&](std::vector<ScoredPicture>& batch) {
    for (const auto& scored : batch) {
      if (scored.seen.refused()) found.refusals.push_back(scored.seen.refusal);
      for (const auto& refusal : scored.refusals) found.refusals.push_back(refusal.text);
      for (size_t c = 0; c < scored.given.size(); ++c) take_one(scored.seen, scored.seen.captions[c], scored.given[c]);
    }
  });
  for (const auto& [of, words] : own) {
    const auto other = strange.find(of);
    if (other == strange.end()) continue;
    std::set<std::string> said;
    for (const auto& caption : examples[(of + n - 1) % n].captions)
      for (const auto& token : caption_tokens(caption)) said.insert(token);
    for (size_t w = 0; w < words.size(); ++w) {
      if (said.count(words[w].first)) continue;
      ++found.held;
      found.lower += other->second[w].second < words[w].second;
    }
  }
  return found;
}

}  // namespace attend
