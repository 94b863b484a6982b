// B pictures in a batch · S input side · T words · L = h·w grid cells
#include "pipeline/caption_pictures.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "model/pictures.h"
#include "model/workers.h"

namespace attend {
namespace {

constexpr size_t kSmallBatch = 4;

/// A batch of pictures as they were read.
struct Read {
  std::vector<SeenPicture> batch;
  std::vector<std::vector<cv::Mat>> inputs;  // u8 [S, S, 3] of the pictures that could be read, a list a form
};

/// Adds the picture in each of the forms that are wanted, read once, or why it is refused.
void add_picture(const PictureSource& source, size_t index, const std::vector<EncoderOptions>& forms, Read& to) {
  int largest = 0;
  for (const auto& form : forms) largest = std::max(largest, form.input_size);
  SeenPicture& seen = to.batch.emplace_back();
  seen.index = index;
  seen.name = source.name();
  try {
    const Picture picture = source.read(largest);
    seen.size = picture.full;
    seen.input_size = forms.front().input_size;
    seen.resize = parse_resize(forms.front().resize);
    for (size_t form = 0; form < forms.size(); ++form)
      to.inputs[form].push_back(input_geometry(picture.full, forms[form]).to_input(picture.pixels));
  } catch (const InputError& error) {
    seen.refusal = error.what();
  }
}

/// Where each batch begins, and the end. The first ones are small, so that captions come soon; so are the last ones, so
/// that all workers end together.
std::vector<size_t> split(size_t pictures, size_t full_batch, size_t workers) {
  std::vector<size_t> starts{0};
  while (starts.back() < pictures) {
    const size_t left = pictures - starts.back(), share = std::max((left + workers - 1) / workers, kSmallBatch);
    const size_t size = starts.size() <= workers ? kSmallBatch : share;
    starts.push_back(starts.back() + std::min({size, full_batch, left}));
  }
  return starts;
}

/// weights [T, L], L = rows · columns.
MapStack stack_of(const torch::Tensor& weights, Grid grid) {
  const auto cells = weights.to(torch::kCPU, torch::kFloat).contiguous();  // [T, L]
  TORCH_CHECK(cells.size(-1) == static_cast<int64_t>(grid.cells()), "maps of ", cells.size(-1), " cells on a grid of ", grid.cells());
  const auto* first = cells.data_ptr<float>();
  return {grid, {first, first + cells.numel()}};
}

SeenCaption seen_caption(Caption&& caption, Grid grid) {
  SeenCaption seen;
  seen.plain_log_probability = caption.plain_log_probability();
  seen.text = std::move(caption.text);
  seen.words = std::move(caption.words);
  seen.word_log_probability = std::move(caption.word_log_probability);
  seen.plain_word_log_probability = std::move(caption.plain_word_log_probability);
  seen.log_probability = caption.log_probability;
  seen.attention = stack_of(caption.alpha, grid);
  seen.locations = std::move(caption.locations);
  seen.confidence = caption.confidence;
  seen.evidence = std::move(caption.evidence);
  return seen;
}

void add_explanation(SeenCaption& caption, Explanation&& explanation) {
  caption.gradient = stack_of(explanation.cells, caption.attention.grid);
  if (explanation.pixels.defined()) {
    const auto& pixels = explanation.pixels;  // [T, S, S]
    caption.pixels = stack_of(pixels.flatten(1), {static_cast<int>(pixels.size(1)), static_cast<int>(pixels.size(2))});
  }
  caption.rank_correlation = std::move(explanation.rank_correlation);
}

/// Captions the pictures of a batch that could be read.
std::vector<SeenPicture> compute(Ensemble& ensemble, Read read, const CaptionWork& work) {
  if (read.inputs.front().empty()) return std::move(read.batch);
  Captioner& first = ensemble.first();
  const auto [rows, columns] = first.encoder->grid(first.options.encoder.input_size);
  const Grid grid{static_cast<int>(rows), static_cast<int>(columns)};
  std::vector<torch::Tensor> stacked;  // [B, S, S, 3] each
  for (auto& form : read.inputs) {
    stacked.push_back(stack_inputs(form));
    form.clear();  // or the batch would be in memory twice while it is captioned
  }
  auto captions = ensemble.caption(stacked, work.decode);
  int64_t row = -1;
  for (auto& picture : read.batch) {
    if (picture.refused()) continue;
    auto& found = captions[static_cast<size_t>(++row)];
    if (!std::isfinite(found.front().log_probability)) {
      picture.refusal = picture.name + ": the model gives its words no finite probabilities";
      continue;
    }
    std::optional<Explanation> explanation;
    if (work.explain) explanation = explain_caption(first, stacked.front()[row], found.front(), *work.explain, work.explain_pixels);
    picture.familiar = found.front().familiar;
    picture.distance = found.front().distance;
    for (auto& caption : found) picture.captions.push_back(seen_caption(std::move(caption), grid));
    if (explanation) add_explanation(picture.captions.front(), *std::move(explanation));
  }
  return std::move(read.batch);
}

}  // namespace

void caption_pictures(Ensemble& ensemble, std::span<const PictureSource> pictures, const CaptionWork& work, const Host& host,
                      const std::function<void(std::vector<SeenPicture>& batch)>& take) {
  const auto device = ensemble.first().device;
  const auto starts = split(pictures.size(), static_cast<size_t>(work.batch_size),
                            device.is_cpu() ? static_cast<size_t>(work.threads) : 1);
  const auto read = [&](size_t number) {
    Read some{{}, std::vector<std::vector<cv::Mat>>(ensemble.inputs().size())};
    for (size_t i = starts[number]; i < starts[number + 1]; ++i) add_picture(pictures[i], i, ensemble.inputs(), some);
    return some;
  };
  size_t done = 0;
  // An explanation changes the encoder's precision while it is made: one batch at a time.
  compute_batches({starts.size() - 1, work.threads, device, !work.explain}, read,
                  [&](Read some) { return compute(ensemble, std::move(some), work); },
                  [&](std::vector<SeenPicture> batch) {
                    if (host.cancelled())
                      throw Interrupted("stopped after " + std::to_string(done) + " of " +
                                        std::to_string(pictures.size()) + " pictures");
                    done += batch.size();
                    take(batch);
                    host.progress(static_cast<int64_t>(done), static_cast<int64_t>(pictures.size()));
                  });
}

}  // namespace attend
