// B pictures of a batch · S input side · T words · L = h·w grid cells
#include "pipeline/picture_batches.h"

#include <algorithm>

#include "model/pictures.h"

namespace attend {
namespace {

/// weights [T, L], L = rows · columns.
MapStack stack_of(const torch::Tensor& weights, Grid grid) {
  const auto cells = weights.to(torch::kCPU, torch::kFloat).contiguous();  // [T, L]
  TORCH_CHECK(cells.size(-1) == static_cast<int64_t>(grid.cells()), "maps of ", cells.size(-1), " cells on a grid of ",
              grid.cells());
  const auto* first = cells.data_ptr<float>();
  return {grid, {first, first + cells.numel()}};
}

}  // namespace

PictureBatch read_batch(const Ensemble& ensemble, const ListView<PictureSource>& pictures, size_t first, size_t last) {
  const auto& forms = ensemble.inputs();
  int largest = 0;
  for (const auto& form : forms) largest = std::max(largest, form.input_size);
  PictureBatch batch;
  std::vector<std::vector<cv::Mat>> inputs(forms.size());  // u8 [S, S, 3] each
  for (size_t i = first; i < last; ++i) {
    SeenPicture& seen = batch.pictures.emplace_back();
    const PictureSource source = pictures[i];
    seen.index = i;
    seen.name = source.name();
    seen.time = source.time();
    try {
      const Picture picture = source.read(largest);
      seen.size = picture.full;
      seen.input_size = forms.front().input_size;
      seen.resize = parse_resize(forms.front().resize);
      for (size_t form = 0; form < forms.size(); ++form)
        inputs[form].push_back(input_geometry(picture.full, forms[form]).to_input(picture.pixels));
    } catch (const InputError& error) {
      seen.refusal = error.what();
    }
  }
  if (inputs.front().empty()) return batch;
  for (auto& form : inputs) {
    batch.inputs.push_back(stack_inputs(form));
    form.clear();  // or the batch would be in memory twice
  }
  return batch;
}

Grid grid_of(const Captioner& captioner) {
  const auto [rows, columns] = captioner.encoder->grid(captioner.options.encoder.input_size);
  return {static_cast<int>(rows), static_cast<int>(columns)};
}

SeenCaption seen_caption(Caption caption, Grid grid) {
  SeenCaption seen;
  seen.plain_log_probability = caption.plain_log_probability();
  seen.text = std::move(caption.text);
  seen.words = std::move(caption.words);
  seen.word_log_probability = std::move(caption.word_log_probability);
  seen.plain_word_log_probability = std::move(caption.plain_word_log_probability);
  seen.log_probability = caption.log_probability;
  if (caption.alpha.defined()) seen.attention = stack_of(caption.alpha, grid);
  seen.locations = std::move(caption.locations);
  seen.confidence = caption.confidence;
  seen.evidence = std::move(caption.evidence);
  return seen;
}

void add_explanation(SeenCaption& caption, Explanation explanation) {
  caption.gradient = stack_of(explanation.cells, caption.attention.grid);
  if (explanation.pixels.defined()) {
    const auto& pixels = explanation.pixels;  // [T, S, S]
    caption.pixels = stack_of(pixels.flatten(1), {static_cast<int>(pixels.size(1)), static_cast<int>(pixels.size(2))});
  }
  caption.rank_correlation = std::move(explanation.rank_correlation);
}

std::vector<size_t> batch_starts(size_t pictures, size_t workers, const BatchPlan& plan) {
  constexpr size_t kSmallBatch = 4;
  const auto most = static_cast<size_t>(plan.batch_size);
  std::vector<size_t> starts{0};
  if (plan.alike) {
    const size_t batches = std::max<size_t>(1, (pictures + most / 2) / most);
    for (size_t n = 1; n <= batches && pictures > 0; ++n) starts.push_back(pictures * n / batches);
    return starts;
  }
  while (starts.back() < pictures) {
    const size_t left = pictures - starts.back(), share = std::max((left + workers - 1) / workers, kSmallBatch);
    const size_t size = starts.size() <= workers ? kSmallBatch : share;
    starts.push_back(starts.back() + std::min({size, most, left}));
  }
  return starts;
}

}  // namespace attend
