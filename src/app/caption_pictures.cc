// B pictures in a batch · S input side
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
  std::vector<cv::Mat> inputs;  // u8 [S, S, 3] each, a form each; none when refused
  cv::Size size;
  std::string refusal;
};

/// The picture in each of the forms that are wanted, read once.
Loaded load(const std::filesystem::path& path, const std::vector<EncoderOptions>& forms) {
  int largest = 0;
  for (const auto& form : forms) largest = std::max(largest, form.input_size);
  try {
    const Picture picture = read_picture(path, largest);
    Loaded loaded{{}, picture.full, ""};
    for (const auto& form : forms)
      loaded.inputs.push_back(input_geometry(picture.full, form).to_input(picture.pixels));
    return loaded;
  } catch (const InputError& error) {
    return {{}, {}, error.what()};
  }
}

}  // namespace

void caption_pictures(Ensemble& ensemble, const std::vector<std::filesystem::path>& pictures,
                      const DecodeOptions& decode, int batch_size, int threads,
                      const std::function<void(std::vector<PictureCaptions>&)>& take,
                      const WantedExplanations* explain) {
  const auto full_batch = static_cast<size_t>(batch_size);
  OrderedPipeline<Loaded> pipeline(pictures.size(), threads, 2 * full_batch,
                                   [&](size_t i) { return load(pictures[i], ensemble.inputs()); });
  for (size_t done = 0; done < pictures.size();) {
    if (interrupted())
      throw Interrupted("stopped after " + std::to_string(done) + " of " + std::to_string(pictures.size()) +
                        " pictures");
    const size_t size = std::min(done == 0 ? std::min(full_batch, kFirstBatch) : full_batch, pictures.size() - done);
    std::vector<PictureCaptions> batch(size);
    std::vector<std::vector<cv::Mat>> inputs(ensemble.inputs().size());
    for (size_t i = 0; i < size; ++i) {
      Loaded loaded = *pipeline.next();
      batch[i] = {done + i, {}, loaded.size, std::move(loaded.refusal)};
      for (size_t form = 0; form < loaded.inputs.size(); ++form) inputs[form].push_back(std::move(loaded.inputs[form]));
    }
    if (!inputs.front().empty()) {
      std::vector<torch::Tensor> stacked;  // [B, S, S, 3] each
      for (const auto& form : inputs) stacked.push_back(stack_inputs(form));
      auto captions = ensemble.caption(stacked, decode);
      auto next = captions.begin();
      for (auto& picture : batch)
        if (picture.refusal.empty()) picture.captions = std::move(*next++);
      int64_t row = 0;
      for (auto& picture : batch)
        if (explain && picture.refusal.empty())
          picture.explanation = explain_caption(ensemble.first(), stacked.front()[row++], picture.captions.front(), explain->options,
                                                explain->pixels);
    }
    take(batch);
    done += size;
  }
}

}  // namespace attend
