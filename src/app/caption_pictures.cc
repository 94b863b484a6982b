// B pictures in a batch · S input side · L grid cells · D annotation size
#include "app/caption_pictures.h"

#include <algorithm>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "model/pictures.h"
#include "vision/picture.h"

namespace attend {
namespace {

/// Pictures in the first batch: the first captions come soon, while the others are still being read.
constexpr size_t kFirstBatch = 4;

struct Loaded {
  cv::Mat input;  // u8 [S, S, 3]; empty when refused
  cv::Size size;
  std::string refusal;
};

Loaded load(const std::filesystem::path& path, const EncoderOptions& encoder) {
  try {
    const Picture picture = read_picture(path, encoder.input_size);
    return {input_geometry(picture.full, encoder).to_input(picture.pixels), picture.full, ""};
  } catch (const InputError& error) {
    return {{}, {}, error.what()};
  }
}

}  // namespace

void caption_pictures(Captioner& captioner, const std::vector<std::filesystem::path>& pictures,
                      const DecodeOptions& decode, int batch_size, int threads,
                      const std::function<void(std::vector<PictureCaptions>&)>& take,
                      const WantedExplanations* explain) {
  const auto full_batch = static_cast<size_t>(batch_size);
  OrderedPipeline<Loaded> pipeline(pictures.size(), threads, 2 * full_batch,
                                   [&](size_t i) { return load(pictures[i], captioner.options.encoder); });
  const torch::NoGradGuard no_grad;
  for (size_t done = 0; done < pictures.size();) {
    if (interrupted())
      throw Interrupted("stopped after " + std::to_string(done) + " of " + std::to_string(pictures.size()) +
                        " pictures");
    const size_t size = std::min(done == 0 ? std::min(full_batch, kFirstBatch) : full_batch, pictures.size() - done);
    std::vector<PictureCaptions> batch(size);
    std::vector<cv::Mat> inputs;
    for (size_t i = 0; i < size; ++i) {
      Loaded loaded = *pipeline.next();
      batch[i] = {done + i, {}, loaded.size, std::move(loaded.refusal)};
      if (!loaded.input.empty()) inputs.push_back(std::move(loaded.input));
    }
    if (!inputs.empty()) {
      const auto stacked = stack_inputs(inputs);             // [B, S, S, 3]
      const auto annotations = captioner.annotate(stacked);  // [B, L, D]
      auto captions = caption_annotations(captioner, annotations, decode);
      auto next = captions.begin();
      for (auto& picture : batch)
        if (picture.refusal.empty()) picture.captions = std::move(*next++);
      int64_t row = 0;
      for (auto& picture : batch)
        if (explain && picture.refusal.empty())
          picture.explanation = explain_caption(captioner, stacked[row++], picture.captions.front(), explain->options,
                                                explain->pixels);
    }
    take(batch);
    done += size;
  }
}

}  // namespace attend
