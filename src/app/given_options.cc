#include "app/given_options.h"

#include <algorithm>
#include <set>

#include "base/console.h"
#include "base/error.h"
#include "base/printable.h"
#include "data/dataset.h"
#include "data/results.h"
#include "text/near_duplicates.h"
#include "text/nearest_words.h"
#include "text/ptb_tokenizer.h"
#include "vision/find_pictures.h"

namespace attend {

void GivenOptions::list(OptionList& options) {
  options.section("", "Captions");
  options.add("caption", caption, "a caption of each of the pictures named; may be given several times");
  options.add("captions", captions,
              "file of pictures with captions, in place of pictures on the command line: COCO or Karpathy's JSON, JSON "
              "lines, CSV "
              "or TSV with columns file and caption, or the .txt lines of attend caption; or COCO results, which name "
              "pictures by their ids");
  options.add(
      "data", data,
      "of COCO results in --captions: captions file of the pictures, which says their ids; without it, pictures "
      "on the command line, whose file names are or have the ids");
  options.add("images", images,
              "folder that file names in --captions, or in --data, start from; without it, the working folder");
  options.add("sidecar", sidecar, "the captions are in a .txt file beside each picture, one a line");
  options.add("recursive", recursive, "look in subfolders for pictures, too");
}

CaptionList GivenOptions::gather(const std::vector<std::string>& paths) const {
  const int from = !captions.empty() + !caption.empty() + sidecar;
  if (from != 1)
    throw UsageError(from == 0 ? "no captions: give them with --caption TEXT, --captions FILE or --sidecar"
                               : "--caption, --captions and --sidecar: captions come from one of them");
  CaptionList list;
  if (!captions.empty() && is_results(captions)) return gather_results(paths);
  if (!data.empty()) throw UsageError("--data: says the ids of COCO results; --captions names none");
  if (!captions.empty()) {
    if (!paths.empty()) throw UsageError(paths.front() + ": the pictures of --captions are named in its file");
    list = read_caption_list(captions, images, complain);
  } else {
    if (!images.empty()) throw UsageError("--images: is where the pictures of --captions lie; name one");
    std::vector<std::string> missing;
    auto pictures = find_given_pictures(paths, recursive, missing);
    for (const auto& refusal : missing) complain(refusal);
    if (sidecar) {
      list = read_sidecars(pictures, complain);
    } else {
      auto given = caption;
      for (auto& text : given)
        if (const auto fault = caption_fault(text); !fault.empty()) throw UsageError("--caption: " + fault);
      for (auto& picture : pictures) list.pictures.add({std::move(picture), given});
      list.captions = given.size() * list.pictures.size();
    }
    list.refused += missing.size();
    list.captions += missing.size();
  }
  if (list.pictures.empty() && list.refused == 0)
    throw InputError((captions.empty() ? paths.front() : captions.string()) + ": no pictures with captions there");
  return list;
}

CaptionList GivenOptions::gather_results(const std::vector<std::string>& paths) const {
  NamedPictures named;
  std::vector<std::string> missing;
  if (!data.empty()) {
    if (!paths.empty()) throw UsageError(paths.front() + ": the pictures are those of --data");
    auto examples = read_captions(data, images, kAllPictures, 1).examples;
    named.index = index_of(examples, images);
    for (auto& example : examples) named.pictures.push_back(std::move(example.picture));
  } else {
    if (paths.empty())
      throw UsageError(captions.string() +
                       ": results name pictures by ids; name the pictures, or with --data a captions file of them");
    if (!images.empty()) throw UsageError("--images: is where the pictures of --data lie; name one");
    named = find_named_pictures(paths, recursive, missing);
    for (const auto& refusal : missing) complain(refusal);
  }
  CaptionList list = read_result_captions(captions, named.index, named.pictures, complain);
  list.captions += missing.size(), list.refused += missing.size();
  return list;
}

void WeighingOptions::list(OptionList& options, DecodeOptions& decode) {
  // The flags of a search that mean something here, under their names and with their bounds there.
  OptionList all;
  decode.list(all);
  options.section("decode", "Weighing");
  const auto same = [&](const char* key, auto& value) {
    for (const auto& field : all.fields())
      if (field.key == key) options.add(key, value, field.help, field.allowed);
  };
  same("temperature", decode.temperature);
  same("frequency_exponent", decode.frequency_exponent);
  same("locations", decode.locations);
  options.section("", "Weighing");
  options.add("paths", paths,
              "of --locations sampled: how many paths through the picture are drawn for each caption; the mean of its "
              "probabilities is taken, and of its maps",
              between(1, 10000));
  options.add(
      "unknown", unknown,
      "words that the model doesn't know: skip, as if they weren't there; nearest: another form of the word, or "
      "a word that is a letter away, stands for them where the model knows one. Either way they are named",
      one_of({"skip", "nearest"}));
}

NearestWords WeighingOptions::nearest(const CaptionList& list, const Vocabulary& vocabulary) const {
  if (unknown == "skip") return {};
  WordNumbers numbers;
  for (size_t i = 0; i < list.pictures.size(); ++i)
    for (const auto& caption : list.pictures[i].captions) numbers.of(caption_tokens(caption));
  return nearest_words(numbers.words(), vocabulary);
}

void WeighingOptions::check(const DecodeOptions& decode) const {
  if (paths > 1 && decode.locations != "sampled") throw UsageError("--paths: is of --locations sampled only");
}

void PhraseOptions::list(OptionList& options) {
  options.add(
      "phrase", phrase,
      "words that stand side by side in a caption, such as \"black dog\": they get a map of their own, the mean "
      "of theirs, wherever they stand; may be given several times");
  options.add("noun_phrases", noun_phrases,
              "such a map of every noun phrase of English captions, as far as it is told by closed classes of words: "
              "\"a man\" and \"a red hat\" in \"a man wearing a red hat\"");
}

std::vector<GivenPhrase> PhraseOptions::find(const CaptionList& list) const {
  std::vector<GivenPhrase> phrases;
  for (const auto& text : phrase) {
    phrases.push_back({text, caption_tokens(text)});
    if (phrases.back().tokens.empty()) throw UsageError("--phrase: \"" + text + "\" has no words");
  }
  std::vector<bool> found(phrases.size());
  for (size_t i = 0; i < list.pictures.size(); ++i)
    for (const auto& caption : list.pictures[i].captions) {
      if (std::find(found.begin(), found.end(), false) == found.end()) return phrases;
      const auto tokens = caption_tokens(caption);
      for (size_t p = 0; p < phrases.size(); ++p) found[p] = found[p] || !phrases[p].places_in(tokens).empty();
    }
  for (size_t i = 0; i < phrases.size(); ++i)
    if (!found[i] && list.captions > 0)
      throw UsageError("--phrase: \"" + phrases[i].text + "\" is in none of the captions");
  return phrases;
}

std::vector<std::filesystem::path> find_given_pictures(const std::vector<std::string>& paths, bool recursive,
                                                       std::vector<std::string>& refusals) {
  if (paths.empty()) throw UsageError("no pictures: name files, folders or patterns");
  const FoundPictures found = find_pictures(paths, recursive);
  const auto remarks = found.remarks();
  const bool nothing = found.pictures.empty() && found.refusals.empty();  // why is then all there is to say
  for (size_t i = 0; i + nothing < remarks.size(); ++i) warn(remarks[i]);
  if (nothing) throw InputError(remarks.empty() ? paths.front() + ": no pictures there" : remarks.back());
  refusals = found.refusals;
  std::vector<std::filesystem::path> pictures;
  for (const auto& picture : found.pictures) pictures.push_back(picture.path);
  return pictures;
}

NamedPictures find_named_pictures(const std::vector<std::string>& paths, bool recursive,
                                  std::vector<std::string>& refusals) {
  NamedPictures named;
  std::set<std::filesystem::path> once;  // a name that is there twice would be of neither
  for (auto& picture : find_given_pictures(paths, recursive, refusals)) {
    if (!once.insert(picture).second) continue;
    named.index.add_name(picture, static_cast<int64_t>(named.pictures.size()));
    named.pictures.push_back(std::move(picture));
  }
  return named;
}

GivenPictures::GivenPictures(const CaptionStore& store)
    : pictures(store.size(), [&store](size_t i) { return PictureSource(store[i].picture); }),
      captions(store.size(), [&store](size_t i) { return store[i].captions; }) {}

void warn_without_attention(const Ensemble& ensemble) {
  for (const auto& captioner : ensemble.captioners())
    if (captioner.options.attention.kind == "none")
      return warn("the model looks everywhere alike (attention of kind none): its maps are even and tell nothing");
}

std::string count_of_captions(size_t part, size_t all) { return counted_of(part, all, "caption"); }

}  // namespace attend
