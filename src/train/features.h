// The feature store filled by an encoder: annotations made once, read at every epoch.
//
// B pictures in a batch · L grid cells · D annotation size
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <vector>

#include "data/feature_store.h"
#include "model/captioner.h"

namespace attend {

/// Opens the store in `folder` for these pictures and this encoder (its options and a hash of its weights are the key), and
/// encodes what it misses: pictures are decoded on other threads meanwhile, with a progress line, and an interrupted
/// run goes on where it stopped. Throws InputError for a picture that can't be read; Interrupted after Ctrl-C.
FeatureStore encode_features(Captioner& captioner, const std::vector<std::filesystem::path>& pictures,
                             const std::filesystem::path& folder, int threads);

/// These rows of the store as one tensor, fp16 [B, L, D] on the CPU.
torch::Tensor stored_annotations(const FeatureStore& store, const Captioner& captioner,
                                 const std::vector<size_t>& rows);

}  // namespace attend
