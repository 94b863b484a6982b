// B pictures in a batch · S input side · L grid cells · D annotation size
#include "train/features.h"

#include <algorithm>
#include <optional>

#include "base/console.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/printable.h"
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

std::vector<Refusal> of_all_ranks(const std::vector<Refusal>& refused, Ranks& ranks) {
  if (ranks.alone()) return refused;
  Json own = Json::array();
  for (const auto& one : refused) own.push_back({one.picture, one.reason});
  std::string bytes;
  Json::to_msgpack(own, bytes);
  Json all = Json::array();
  for (const auto& of_rank : ranks.gather(bytes))
    for (const auto& one : Json::from_msgpack(of_rank)) all.push_back(one);
  std::vector<Refusal> list;
  for (const auto& one : ranks.broadcast(all)) list.push_back({one[0].get<size_t>(), one[1].get<std::string>()});
  return list;
}

namespace {

/// What another rank encoded, on its way to rank 0.
std::string packed(const Encoded& encoded) {
  Json refused = Json::array();
  for (const auto& one : encoded.read.refused) refused.push_back({one.picture, one.reason});
  std::vector<uint8_t> rows;
  if (encoded.annotations.defined()) {
    const auto* begin = static_cast<const uint8_t*>(encoded.annotations.data_ptr());
    rows.assign(begin, begin + encoded.annotations.nbytes());
  }
  std::string bytes;
  Json::to_msgpack({{"pictures", encoded.read.pictures},
                    {"hashes", encoded.read.hashes},
                    {"refused", std::move(refused)},
                    {"rows", Json::binary(std::move(rows))}},
                   bytes);
  return bytes;
}

Encoded unpacked(const std::string& bytes, int64_t L, int64_t D) {
  const Json json = Json::from_msgpack(bytes);
  Encoded encoded;
  encoded.read.pictures = json["pictures"].get<std::vector<size_t>>();
  encoded.read.hashes = json["hashes"].get<std::vector<uint64_t>>();
  for (const auto& one : json["refused"])
    encoded.read.refused.push_back({one[0].get<size_t>(), one[1].get<std::string>()});
  const auto& rows = json["rows"].get_binary();
  encoded.annotations =
      torch::empty({static_cast<int64_t>(encoded.read.pictures.size()), L, D}, torch::kHalf);  // [B, L, D]
  std::copy(rows.begin(), rows.end(), static_cast<uint8_t*>(encoded.annotations.data_ptr()));
  return encoded;
}

void put_in(FeatureStore& store, const Encoded& encoded, std::vector<Refusal>& refused) {
  for (const auto& refusal : encoded.read.refused) {
    store.leave_out(refusal.picture);
    refused.push_back(refusal);
  }
  for (size_t i = 0; i < encoded.read.pictures.size(); ++i) {
    const auto row = encoded.annotations[static_cast<int64_t>(i)];  // [L, D]
    store.put(encoded.read.pictures[i],
              {static_cast<const uint16_t*>(row.data_ptr()), static_cast<size_t>(row.numel())}, encoded.read.hashes[i]);
  }
}

}  // namespace

FeatureStore encode_features(Captioner& captioner, const std::vector<std::filesystem::path>& pictures,
                             const std::filesystem::path& folder, int threads, std::vector<Refusal>& refused,
                             Ranks& ranks) {
  const auto [rows, columns] = captioner.encoder->grid(captioner.options.encoder.input_size);
  const int64_t L = rows * columns, D = captioner.encoder->annotation_size();
  const std::string key = feature_key(captioner);
  ranks.require_same({{"encoder", key}, {"pictures", pictures.size()}});
  const auto open = [&](std::chrono::seconds patience) {
    return FeatureStore::open(folder, key, pictures, static_cast<size_t>(L), static_cast<size_t>(D), patience);
  };
  std::optional<FeatureStore> store;
  if (ranks.first()) store.emplace(open(std::chrono::seconds(1)));
  const auto missing = ranks.broadcast(store ? Json(store->missing()) : Json()).get<std::vector<size_t>>();
  const auto rank = static_cast<size_t>(ranks.rank()), size = static_cast<size_t>(ranks.size());
  const size_t rounds = (missing.size() + kBatch * size - 1) / (kBatch * size);
  const auto end = [&](size_t batch) { return std::min(missing.size(), (batch + 1) * kBatch); };
  const auto read = [&](size_t round) {
    Read some;
    const size_t batch = round * size + rank;
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
  size_t round = 0;
  compute_batches({rounds, threads, captioner.device}, read, encode, [&](const Encoded& encoded) {
    const auto all = ranks.gather(ranks.first() ? "" : packed(encoded));
    if (store) put_in(*store, encoded, refused);
    for (size_t r = 1; r < all.size(); ++r) put_in(*store, unpacked(all[r], L, D), refused);
    const size_t done = end(round * size + size - 1);
    progress.update(static_cast<int64_t>(done));
    if (ranks.any(interrupted())) {
      if (store) store->sync();
      ranks.barrier();
      throw Interrupted("stopped after " + counted_of(done, missing.size(), "picture") +
                        " were encoded; run it again to go on");
    }
    ++round;
  });
  if (store) store->sync();
  refused = of_all_ranks(refused, ranks);  // after which rank 0 has written all
  if (store) return std::move(*store);

  store.emplace(open(std::chrono::minutes(5)));  // one after another
  for (const auto& refusal : refused) store->leave_out(refusal.picture);
  if (const size_t unseen = store->missing().size())
    throw InputError(folder.string() + ": rank 0 wrote the features of " + counted(unseen, "picture") +
                     " that aren't there; the feature store has to lie in a folder that all ranks see");
  store->sync();
  return std::move(*store);
}

std::vector<std::filesystem::path> put_up_with(const std::vector<Refusal>& refused,
                                               const std::vector<std::filesystem::path>& pictures, double max_faulty) {
  std::vector<std::filesystem::path> files;
  for (const auto& refusal : refused) {
    warn("left out: " + refusal.reason);
    files.push_back(pictures[refusal.picture]);
  }
  if (static_cast<double>(refused.size()) > max_faulty * static_cast<double>(pictures.size()))
    throw InputError(counted_of(refused.size(), pictures.size(), "picture") +
                     " can't be read, more than --max-faulty (" + Json(max_faulty).dump() +
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
