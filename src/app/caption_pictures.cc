// B pictures in a batch · S input side
#include "app/caption_pictures.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "model/pictures.h"
#include "model/workers.h"
#include "vision/picture.h"

namespace attend {
namespace {

constexpr size_t kSmallBatch = 4;

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

}  // namespace

void caption_pictures(Ensemble& ensemble, const std::vector<std::filesystem::path>& pictures,
                      const DecodeOptions& decode, int batch_size, int threads,
                      const std::function<void(std::vector<PictureCaptions>&)>& take,
                      const WantedExplanations* explain) {
  const auto device = ensemble.first().device;
  const auto starts =
      split(pictures.size(), static_cast<size_t>(batch_size), device.is_cpu() ? static_cast<size_t>(threads) : 1);
  struct Read {
    std::vector<PictureCaptions> batch;
    std::vector<std::vector<cv::Mat>> inputs;  // of the pictures that could be read, a list a form
  };
  const auto read = [&](size_t number) {
    Read some{{}, std::vector<std::vector<cv::Mat>>(ensemble.inputs().size())};
    for (size_t i = starts[number]; i < starts[number + 1]; ++i) {
      Loaded loaded = load(pictures[i], ensemble.inputs());
      some.batch.push_back({i, {}, loaded.size, std::move(loaded.refusal)});
      for (size_t form = 0; form < loaded.inputs.size(); ++form)
        some.inputs[form].push_back(std::move(loaded.inputs[form]));
    }
    return some;
  };
  const auto caption = [&](Read of) {
    if (of.inputs.front().empty()) return std::move(of.batch);
    std::vector<torch::Tensor> stacked;  // [B, S, S, 3] each
    for (auto& form : of.inputs) {
      stacked.push_back(stack_inputs(form));
      form.clear();  // or the batch would be in memory twice while it is captioned
    }
    auto captions = ensemble.caption(stacked, decode);
    size_t row = 0;
    for (auto& picture : of.batch) {
      if (!picture.refusal.empty()) continue;
      picture.captions = std::move(captions[row]);
      if (!std::isfinite(picture.captions.front().log_probability)) {
        picture.captions.clear();
        picture.refusal = pictures[picture.index].string() + ": the model gives its words no finite probabilities";
        ++row;
        continue;
      }
      if (explain)
        picture.explanation = explain_caption(ensemble.first(), stacked.front()[static_cast<int64_t>(row)],
                                              picture.captions.front(), explain->options, explain->pixels);
      ++row;
    }
    return std::move(of.batch);
  };
  size_t done = 0;
  // An explanation changes the encoder's precision while it is made: one batch at a time.
  compute_batches({starts.size() - 1, threads, device, !explain}, read, caption,
                  [&](std::vector<PictureCaptions> batch) {
                    if (interrupted())
                      throw Interrupted("stopped after " + std::to_string(done) + " of " +
                                        std::to_string(pictures.size()) + " pictures");
                    done += batch.size();
                    take(batch);
                  });
}

}  // namespace attend
