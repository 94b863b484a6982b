// B pictures in a batch · S input side
#include "pipeline/caption_pictures.h"

#include <cmath>

#include "base/printable.h"
#include "pipeline/picture_batches.h"

namespace attend {
namespace {

/// Captions the pictures of a batch that could be read.
std::vector<SeenPicture> compute(Ensemble& ensemble, PictureBatch batch, const CaptionWork& work, const Host& host) {
  if (batch.inputs.empty()) return std::move(batch.pictures);
  Captioner& first = ensemble.first();
  const Grid grid = grid_of(first);
  auto captions = ensemble.caption(batch.inputs, work.decode);
  int64_t row = -1;
  for (auto& picture : batch.pictures) {
    if (picture.refused()) continue;
    auto& found = captions[static_cast<size_t>(++row)];
    if (!std::isfinite(found.front().log_probability)) {
      picture.refusal = picture.name + ": the model gives its words no finite probabilities";
      continue;
    }
    if (!found.front().holds_all) {
      picture.refusal = picture.name + ": no caption of at most " +
                        counted(static_cast<size_t>(work.decode.max_length), "word") +
                        " was found that says all of decode.must; more words (decode.max_length) or a wider beam "
                        "may help";
      continue;
    }
    std::optional<Explanation> explanation;
    if (work.explain)
      explanation = explain_caption(first, batch.inputs.front()[row], found.front(), *work.explain, work.explain_pixels,
                                    host.cancelled);
    picture.familiar = found.front().familiar;
    picture.distance = found.front().distance;
    for (auto& caption : found) picture.captions.push_back(seen_caption(std::move(caption), grid));
    if (explanation) add_explanation(picture.captions.front(), *std::move(explanation));
  }
  return std::move(batch.pictures);
}

}  // namespace

void caption_pictures(Ensemble& ensemble, std::span<const PictureSource> pictures, const CaptionWork& work,
                      const Host& host, const std::function<void(std::vector<SeenPicture>& batch)>& take) {
  // An explanation changes the encoder's precision while it is made: one batch at a time. It takes as long as many captions:
  // one picture a batch, so that each is kept as soon as it is explained.
  compute_pictures(
      ensemble, pictures, {work.threads, work.explain ? 1 : work.batch_size, !work.explain}, host,
      [&](PictureBatch batch) { return compute(ensemble, std::move(batch), work, host); }, take);
}

}  // namespace attend
