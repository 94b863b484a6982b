// Any number of pictures to captions, in order, in memory that doesn't grow with their number.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/host.h"
#include "decode/ensemble.h"
#include "decode/explain.h"
#include "pipeline/picture_source.h"
#include "pipeline/seen_picture.h"

namespace attend {

/// A usual batch_size: more take more memory, and no less time.
constexpr int kBatchSize = 16;

/// How pictures are captioned.
struct CaptionWork {
  DecodeOptions decode;
  int threads = 1;
  int batch_size = kBatchSize;              // pictures that a processor computes together, at most
  const ExplainOptions* explain = nullptr;  // how the best caption of each is explained; null: not
  bool explain_pixels = false;              // by its pixels, too
};

/// Captions `pictures` in batches, each read and captioned by one of work.threads workers, and hands every batch to `take`,
/// in this thread, in the order of the list. A picture that can't be read is handed on as refused. Throws Interrupted,
/// between batches, when the host asks to stop. Safe to call from several threads with one ensemble, but for explanations,
/// which change its precision while they are made.
void caption_pictures(Ensemble& ensemble, std::span<const PictureSource> pictures, const CaptionWork& work,
                      const Host& host, const std::function<void(std::vector<SeenPicture>& batch)>& take);

}  // namespace attend
