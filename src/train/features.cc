// B pictures in a batch · S input side · L grid cells · D annotation size
#include "train/features.h"

#include <cstring>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "model/pictures.h"
#include "model/workers.h"

namespace attend {
namespace {

constexpr size_t kBatch = 32;

/// Everything annotations depend on beside the picture.
std::string feature_key(Captioner& captioner) {
  OptionList list;
  auto options = captioner.options.encoder;
  options.list(list);
  uint64_t hash = 14695981039346656037ull;  // FNV-1a over the words of every tensor
  for (const auto& [name, tensor] : captioner.encoder->state()) {
    const auto values = tensor.detach().to(torch::kCPU, torch::kFloat).contiguous();
    const auto* words = static_cast<const uint32_t*>(values.data_ptr());
    for (int64_t i = 0; i < values.numel(); ++i) hash = (hash ^ words[i]) * 1099511628211ull;
  }
  return list.to_json().dump() + " weights " + std::to_string(hash);
}

struct Encoded {
  torch::Tensor annotations;  // fp16 [B, L, D]
  std::vector<uint64_t> hashes;
};

}  // namespace

FeatureStore encode_features(Captioner& captioner, const std::vector<std::filesystem::path>& pictures,
                             const std::filesystem::path& folder, int threads) {
  const auto [rows, columns] = captioner.encoder->grid(captioner.options.encoder.input_size);
  auto store = FeatureStore::open(folder, feature_key(captioner), pictures, static_cast<size_t>(rows * columns),
                                  static_cast<size_t>(captioner.encoder->annotation_size()));
  const auto missing = store.missing();
  const size_t batches = (missing.size() + kBatch - 1) / kBatch;
  const auto begin = [&](size_t batch) { return batch * kBatch; };
  const auto end = [&](size_t batch) { return std::min(missing.size(), (batch + 1) * kBatch); };
  struct Read {
    std::vector<cv::Mat> inputs;
    std::vector<uint64_t> hashes;
  };
  const auto read = [&](size_t batch) {
    Read some;
    for (size_t i = begin(batch); i < end(batch); ++i) {
      some.hashes.push_back(content_hash(pictures[missing[i]]));
      some.inputs.push_back(load_input(pictures[missing[i]], captioner.options.encoder));
    }
    return some;
  };
  const auto encode = [&](Read some) {
    const torch::NoGradGuard no_grad;
    return Encoded{captioner.annotate(stack_inputs(some.inputs)).to(torch::kCPU, torch::kHalf).contiguous(),  // [B, L, D]
                   std::move(some.hashes)};
  };
  Progress progress("encoding", static_cast<int64_t>(missing.size()));
  size_t batch = 0;
  compute_batches({batches, threads, captioner.device}, read, encode, [&](const Encoded& encoded) {
    const auto size = static_cast<size_t>(encoded.annotations[0].numel());
    const auto* values = static_cast<const uint16_t*>(encoded.annotations.data_ptr());
    for (size_t i = begin(batch); i < end(batch); ++i)
      store.put(missing[i], {values + (i - begin(batch)) * size, size}, encoded.hashes[i - begin(batch)]);
    progress.update(static_cast<int64_t>(end(batch)));
    if (interrupted()) {
      store.sync();
      throw Interrupted("stopped after " + std::to_string(end(batch)) + " of " + std::to_string(missing.size()) +
                        " pictures were encoded; run it again to go on");
    }
    ++batch;
  });
  store.sync();
  return store;
}

torch::Tensor stored_annotations(const FeatureStore& store, const Captioner& captioner,
                                 const std::vector<size_t>& rows) {
  const auto grid = captioner.encoder->grid(captioner.options.encoder.input_size);
  auto batch = torch::empty({static_cast<int64_t>(rows.size()), grid[0] * grid[1], captioner.encoder->annotation_size()},
                            torch::kHalf);  // [B, L, D]
  auto* to = static_cast<char*>(batch.data_ptr());
  for (const size_t row : rows) {
    const auto values = store.get(row);
    std::memcpy(to, values.data(), values.size_bytes());
    to += values.size_bytes();
  }
  return batch;
}

}  // namespace attend
