// B pictures in a batch · S input side · L grid cells · D annotation size
#include "train/features.h"

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

/// Pictures of a batch: those that could be read, and those that couldn't.
struct Read {
  std::vector<size_t> pictures;  // [B]
  std::vector<uint64_t> hashes;  // [B]
  std::vector<cv::Mat> inputs;   // [B]
  std::vector<Refusal> refused;
};

struct Encoded {
  Read read;
  torch::Tensor annotations;  // fp16 [B, L, D]
};

}  // namespace

FeatureStore encode_features(Captioner& captioner, const std::vector<std::filesystem::path>& pictures,
                             const std::filesystem::path& folder, int threads, std::vector<Refusal>& refused) {
  const auto [rows, columns] = captioner.encoder->grid(captioner.options.encoder.input_size);
  auto store = FeatureStore::open(folder, feature_key(captioner), pictures, static_cast<size_t>(rows * columns),
                                  static_cast<size_t>(captioner.encoder->annotation_size()));
  const auto missing = store.missing();
  const size_t batches = (missing.size() + kBatch - 1) / kBatch;
  const auto end = [&](size_t batch) { return std::min(missing.size(), (batch + 1) * kBatch); };
  const auto read = [&](size_t batch) {
    Read some;
    for (size_t i = batch * kBatch; i < end(batch); ++i) {
      try {
        const uint64_t hash = content_hash(pictures[missing[i]]);
        some.inputs.push_back(load_input(pictures[missing[i]], captioner.options.encoder));
        some.hashes.push_back(hash);
        some.pictures.push_back(missing[i]);
      } catch (const InputError& error) {
        some.refused.push_back({missing[i], error.what()});
      }
    }
    return some;
  };
  const auto encode = [&](Read some) {
    const torch::NoGradGuard no_grad;
    Encoded encoded;
    if (!some.inputs.empty())
      encoded.annotations =
          captioner.annotate(stack_inputs(some.inputs)).to(torch::kCPU, torch::kHalf).contiguous();  // [B, L, D]
    some.inputs.clear();
    encoded.read = std::move(some);
    return encoded;
  };
  Progress progress("encoding", static_cast<int64_t>(missing.size()));
  size_t batch = 0;
  compute_batches({batches, threads, captioner.device}, read, encode, [&](const Encoded& encoded) {
    for (const auto& refusal : encoded.read.refused) {
      store.leave_out(refusal.picture);
      refused.push_back(refusal);
    }
    for (size_t i = 0; i < encoded.read.pictures.size(); ++i) {
      const auto row = encoded.annotations[static_cast<int64_t>(i)];  // [L, D]
      store.put(encoded.read.pictures[i],
                {static_cast<const uint16_t*>(row.data_ptr()), static_cast<size_t>(row.numel())},
                encoded.read.hashes[i]);
    }
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

std::vector<std::filesystem::path> put_up_with(const std::vector<Refusal>& refused,
                                               const std::vector<std::filesystem::path>& pictures, double max_faulty) {
  std::vector<std::filesystem::path> files;
  for (const auto& refusal : refused) {
    warn("left out: " + refusal.reason);
    files.push_back(pictures[refusal.picture]);
  }
  if (static_cast<double>(refused.size()) > max_faulty * static_cast<double>(pictures.size()))
    throw InputError(std::to_string(refused.size()) + " of " + std::to_string(pictures.size()) +
                     " pictures can't be read, more than --max-faulty (" + Json(max_faulty).dump() +
                     " of them) puts up with; mend or remove them, or raise it");
  return files;
}

torch::Tensor stored_annotations(const FeatureStore& store, const Captioner& captioner,
                                 const std::vector<size_t>& rows) {
  const auto grid = captioner.encoder->grid(captioner.options.encoder.input_size);
  auto batch =
      torch::empty({static_cast<int64_t>(rows.size()), grid[0] * grid[1], captioner.encoder->annotation_size()},
                   torch::kHalf);  // [B, L, D]
  const auto size = static_cast<size_t>(grid[0] * grid[1] * captioner.encoder->annotation_size());
  auto* to = static_cast<uint16_t*>(batch.data_ptr());
  for (const size_t row : rows) {
    store.read(row, {to, size});
    to += size;
  }
  return batch;
}

}  // namespace attend
