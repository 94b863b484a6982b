// Any number of pictures in batches, in order, in memory that doesn't grow with their number: what captioning, scoring and
// auditing share.
//
// B pictures of a batch · S input side
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/host.h"
#include "base/list_view.h"
#include "base/printable.h"
#include "decode/ensemble.h"
#include "decode/explain.h"
#include "model/workers.h"
#include "pipeline/picture_source.h"
#include "pipeline/seen_picture.h"

namespace attend {

/// Pictures that were read.
struct PictureBatch {
  std::vector<SeenPicture> pictures;  // without captions; refused where they couldn't be read
  // u8 [B, S, S, 3] of those that could, one for each of Ensemble::inputs(); none: all are refused
  std::vector<torch::Tensor> inputs;
};

/// Reads pictures first to last - 1 of the list.
PictureBatch read_batch(const Ensemble& ensemble, const ListView<PictureSource>& pictures, size_t first, size_t last);

/// The grid of a captioner's annotations.
Grid grid_of(const Captioner& captioner);

/// A caption without LibTorch, its maps, where it has some, over `grid`.
SeenCaption seen_caption(Caption caption, Grid grid);
void add_explanation(SeenCaption& caption, Explanation explanation);

/// How pictures are worked on.
struct BatchPlan {
  int threads = 1;
  int batch_size = 16;       // pictures that a processor computes together, at most
  bool side_by_side = true;  // a worker a batch; else one batch at a time
  bool alike = false;        // batches of about one size, none of a picture alone where there are others
  size_t done = 0;           // so many first batches are left out
};

/// Where each batch of so many pictures begins, and the end. Small first ones let something be seen soon, small last ones let all
/// workers end together.
std::vector<size_t> batch_starts(size_t pictures, size_t workers, const BatchPlan& plan);

/// take(compute(batch)) for every batch of `pictures`, each read and computed by one of plan.threads workers, taken in this
/// thread in the order of the list. Throws Interrupted when the host asks to stop: after the batch that is taken then, or where
/// compute() throws it, before that one.
template <class Compute, class Take>
void compute_pictures(const Ensemble& ensemble, const ListView<PictureSource>& pictures, const BatchPlan& plan,
                      const Host& host, Compute&& compute, Take&& take) {
  const auto device = ensemble.first().device;
  auto starts = batch_starts(pictures.size(), device.is_cpu() ? static_cast<size_t>(plan.threads) : 1, plan);
  starts.erase(starts.begin(), starts.begin() + static_cast<std::ptrdiff_t>(std::min(plan.done, starts.size() - 1)));
  const auto read = [&](size_t number) { return read_batch(ensemble, pictures, starts[number], starts[number + 1]); };
  const auto compute_or_stop = [&](PictureBatch batch) -> std::optional<decltype(compute(std::move(batch)))> {
    try {
      return compute(std::move(batch));
    } catch (const Interrupted&) {
      return std::nullopt;
    }
  };
  size_t number = 0;
  compute_batches({starts.size() - 1, plan.threads, device, plan.side_by_side}, read, compute_or_stop,
                  [&](auto computed) {
                    if (computed) {
                      take(*computed);
                      host.progress(static_cast<int64_t>(starts[++number]), static_cast<int64_t>(pictures.size()));
                    }
                    if (!computed || host.cancelled())
                      throw Interrupted("stopped after " + counted_of(starts[number], pictures.size(), "picture"));
                  });
}

}  // namespace attend
