#include "pipeline/compare_captioners.h"

#include <algorithm>
#include <utility>

#include "data/results.h"
#include "pipeline/caption_pictures.h"
#include "pipeline/score_pictures.h"
#include "text/near_duplicates.h"
#include "text/ptb_tokenizer.h"
#include "text/word_vectors.h"

namespace attend {
namespace {

/// Whether two paths may be of one file: the shorter is the end of the longer.
bool may_be_same(const std::filesystem::path& one, const std::filesystem::path& other) {
  const auto a = one.lexically_normal(), b = other.lexically_normal();
  const std::vector<std::filesystem::path> of_a(a.begin(), a.end()), of_b(b.begin(), b.end());
  const size_t count = std::min(of_a.size(), of_b.size());
  return std::equal(of_a.rbegin(), of_a.rbegin() + static_cast<std::ptrdiff_t>(count), of_b.rbegin());
}

/// The captions of a file and what each says that its picture is, in the file's order.
std::vector<std::pair<PictureId, std::string>> read_entries(const std::filesystem::path& file,
                                                            const TakeRefusal& refuse) {
  std::vector<std::pair<PictureId, std::string>> entries;
  if (file.extension() == ".json") {
    for (auto& result : read_results(file)) entries.emplace_back(result.image_id, std::move(result.caption));
    return entries;
  }
  const CaptionList list = read_caption_list(file, {}, refuse);
  for (size_t i = 0; i < list.pictures.size(); ++i) {
    auto one = list.pictures[i];
    PictureId id;
    id.text = one.picture.string();
    for (auto& caption : one.captions) entries.emplace_back(id, std::move(caption));
  }
  return entries;
}

void keep(SeenPicture picture, const CompareWork& work, Said& said) {
  const size_t index = picture.index;
  if (picture.refused())
    work.refuse(picture.refusal);
  else if (!picture.captions.empty())
    said[index] = std::move(picture);
}

}  // namespace

CaptionsOfPictures read_captions_of(const std::filesystem::path& file, std::span<const PictureSource> pictures,
                                    const PictureIndex& index, const TakeRefusal& refuse) {
  auto entries = read_entries(file, refuse);
  CaptionsOfPictures read;
  read.captions.resize(pictures.size());
  read.all = entries.size();
  for (auto& [id, caption] : entries) {
    const auto place = index.find(id);
    if (!place || !caption_fault(caption).empty()) {
      ++read.strange;
      continue;
    }
    const auto& picture = pictures[static_cast<size_t>(*place)].name();
    if (std::filesystem::path(id.text).has_parent_path() && !may_be_same(id.text, picture) && ++read.elsewhere == 1)
      read.named_elsewhere = id.text, read.taken_for = picture;
    auto& of_picture = read.captions[static_cast<size_t>(*place)];
    read.again += of_picture.has_value();
    of_picture = std::move(caption);
  }
  return read;
}

Said said_by_model(Ensemble& model, std::span<const PictureSource> pictures, const CompareWork& work,
                   const Host& host) {
  Said said(pictures.size());
  CaptionWork caption{work.decode, work.threads};
  caption.decode.n_best = 1;
  caption_pictures(model, pictures, caption, host, [&](std::vector<SeenPicture>& batch) {
    for (auto& picture : batch) keep(std::move(picture), work, said);
  });
  return said;
}

Said said_in_captions(Ensemble& model, std::span<const PictureSource> pictures,
                      const std::vector<std::optional<std::string>>& captions, const CompareWork& work,
                      const Host& host, UnknownWords& unknown) {
  Said said(pictures.size());
  std::vector<size_t> places;  // of pictures with a caption
  for (size_t i = 0; i < captions.size(); ++i)
    if (captions[i]) places.push_back(i);
  const ListView<PictureSource> sources(places.size(), [&](size_t i) { return pictures[places[i]]; });
  const ListView<std::vector<std::string>> given(places.size(),
                                                 [&](size_t i) { return std::vector{*captions[places[i]]}; });
  ScoreWork score;
  score.plan.threads = work.threads;
  score.decode = work.decode;
  score_pictures(model, sources, given, score, host, [&](std::vector<ScoredPicture>& batch) {
    for (auto& picture : batch) {
      for (const auto& refusal : picture.refusals) work.refuse(refusal.text);
      for (const auto& one : picture.given) unknown.add(one.tokens, one.unknown, one.replaced);
      picture.seen.index = places[picture.seen.index];
      keep(std::move(picture.seen), work, said);
    }
  });
  return said;
}

std::vector<Compared> compare_said(const Said& a, const Said& b) {
  WordNumbers numbers;
  std::vector<std::vector<int32_t>> texts;
  std::vector<size_t> document;
  std::vector<Compared> compared;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!a[i] || !b[i]) continue;
    compared.push_back({i, 0});
    for (const auto* side : {&*a[i], &*b[i]}) {
      texts.push_back(numbers.of(caption_tokens(side->best().text)));
      document.push_back(i);
    }
  }
  const auto vectors = word_vectors(texts, document);
  for (size_t c = 0; c < compared.size(); ++c)
    compared[c].disagreement =
        texts[2 * c] == texts[2 * c + 1] ? 0 : std::max(0.0, 1 - cosine(vectors[2 * c], vectors[2 * c + 1]));
  std::stable_sort(compared.begin(), compared.end(),
                   [](const Compared& x, const Compared& y) { return x.disagreement > y.disagreement; });
  return compared;
}

}  // namespace attend
