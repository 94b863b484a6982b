// The feature store filled by an encoder: annotations made once, read at every epoch.
//
// B pictures in a batch · L grid cells · D annotation size
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <vector>

#include "data/feature_store.h"
#include "model/captioner.h"
#include "train/ranks.h"

namespace attend {

/// A picture that can't be read, and why.
struct Refusal {
  size_t picture;
  std::string reason;  // begins with its name
};

/// Opens the store in `folder` for these pictures and this encoder (its options and a hash of its weights are the key), and
/// encodes what it misses: pictures are decoded on other threads meanwhile, with a progress line, and an interrupted
/// run goes on where it stopped. Pictures that can't be read have no row and are added to `refused`. Every rank encodes its
/// share; rank 0 alone writes, and `refused` is the same on all. Throws Interrupted after Ctrl-C, InputError where a rank doesn't see
/// in `folder` what rank 0 wrote.
FeatureStore encode_features(Captioner& captioner, const std::vector<std::filesystem::path>& pictures,
                             const std::filesystem::path& folder, int threads, std::vector<Refusal>& refused,
                             Ranks& ranks);

/// The refusals of all ranks.
std::vector<Refusal> of_all_ranks(const std::vector<Refusal>& refused, Ranks& ranks);

/// Warns of every picture that was refused and returns their files. Throws InputError when they are more than the share
/// `max_faulty` of all pictures.
std::vector<std::filesystem::path> put_up_with(const std::vector<Refusal>& refused,
                                               const std::vector<std::filesystem::path>& pictures, double max_faulty);

/// These rows of the store as one tensor, fp16 [B, L, D] on the CPU.
torch::Tensor stored_annotations(const FeatureStore& store, const Captioner& captioner,
                                 const std::vector<size_t>& rows);

}  // namespace attend
