#include "evaluate/candidates.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/console.h"
#include "base/error.h"
#include "base/printable.h"
#include "data/results.h"
#include "text/raw_caption.h"

namespace attend {
namespace {

/// "12 (1, 2, 3, …)"
std::string some(const std::vector<std::string>& ids) {
  std::string text = std::to_string(ids.size()) + " (";
  for (size_t i = 0; i < std::min<size_t>(ids.size(), 3); ++i) text += (i ? ", " : "") + ids[i];
  return text + (ids.size() > 3 ? ", …)" : ")");
}

/// The captions of a results file, an example each: nothing where there is none.
std::vector<std::optional<std::string>> match_results(const std::filesystem::path& file,
                                                      const std::vector<Example>& examples, const CandidateFiles& files,
                                                      size_t& without_picture) {
  auto results = read_results(file);
  const PictureIndex index = index_of(examples, files.images);
  std::vector<std::optional<std::string>> captions(examples.size());
  std::vector<std::string> missing, unknown;
  size_t marked = 0, wordless = 0;
  for (auto& [id, caption] : results) {
    if (std::string copy = caption; take_off_marks(copy)) ++marked;
    if (!has_word(caption)) ++wordless;
    std::optional<int64_t> at;
    try {
      at = index.find(id);
    } catch (const InputError& fault) {
      throw InputError(file.string() + ": image_id: " + fault.what());
    }
    if (!at) {
      unknown.push_back(id.said());
      continue;
    }
    auto& place = captions[static_cast<size_t>(*at)];
    if (place) throw InputError(file.string() + ": image_id " + id.said() + ": its picture has a caption already");
    place = std::move(caption);
  }
  for (size_t i = 0; i < examples.size(); ++i)
    if (!captions[i]) missing.push_back(examples[i].id.said());
  const std::string of = " of " + files.captions.string(), advice = "; --partial scores the others";
  if (missing.size() == examples.size())
    throw InputError(file.string() + ": no caption for any picture" + of +
                     (unknown.empty() ? "" : "; it has captions for " + some(unknown) + ", which are none of them"));
  if (!files.partial && !missing.empty())
    throw InputError(file.string() + ": no caption for these pictures" + of + ": " + some(missing) + advice);
  if (!files.partial && !unknown.empty())
    throw InputError(file.string() + ": captions for pictures that are none" + of + ": " + some(unknown) + advice);
  if (wordless > 0)
    warn(file.string() + ": " + counted_of(wordless, results.size(), "caption") + " without a word, scored as such");
  if (marked > 0)
    warn(file.string() + ": " + counted_of(marked, results.size(), "caption") +
         " with marks such as <start> and <end> at its ends, which count as words and lower the figures; "
         "take them off");
  without_picture += unknown.size();
  return captions;
}

}  // namespace

Candidates read_candidates(std::vector<Example> examples, const CandidateFiles& files) {
  Candidates candidates;
  std::vector<std::optional<std::string>> captions, compared;
  if (!files.candidates.empty())
    captions = match_results(files.candidates, examples, files, candidates.without_picture);
  if (!files.compare.empty()) compared = match_results(files.compare, examples, files, candidates.without_picture);
  for (size_t i = 0; i < examples.size(); ++i) {
    if ((!captions.empty() && !captions[i]) || (!compared.empty() && !compared[i])) {
      ++candidates.without_caption;
      continue;
    }
    if (!captions.empty()) candidates.captions.push_back(*std::move(captions[i]));
    if (!compared.empty()) candidates.compared.push_back(*std::move(compared[i]));
    candidates.examples.push_back(std::move(examples[i]));
  }
  if (candidates.examples.empty())
    throw InputError(files.compare.string() + ": has no caption for a picture that " + files.candidates.string() +
                     " has one for");
  return candidates;
}

}  // namespace attend
