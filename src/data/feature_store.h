// The feature store: annotations of pictures on disk in half precision, made once.
//
// n pictures · L = grid cells · D annotation size · row = one picture's annotations [L, D]
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace attend {

/// XXH3 (64 bits) of a file's bytes. Throws InputError when it can't be read.
uint64_t content_hash(const std::filesystem::path& file);

/// Rows for a list of pictures, found by what the pictures hold, not by their names or order.
///
/// Two files a key lie in the folder: `<hash>.rows`, the rows one after another, and `<hash>.index`, a log of records
/// (picture path, its size and times, its content's hash → row and the row's own hash). <hash> is that of the key, L and D, so that other
/// weights or another preprocessing never meet these rows. A row counts once its record is on disk, and a record is
/// written after its row is: whatever is interrupted, what was recorded stays good, and a torn last record is cut off.
/// A picture whose size and times are as recorded is trusted; any other is hashed again, and finds its row if its
/// content is known. Rows are never changed or removed; delete the two files to be rid of them.
///
///   auto store = FeatureStore::open(folder, key, pictures, 81, 1280);
///   for (size_t i : store.missing()) store.put(i, encode(pictures[i]), content_hash(pictures[i]));
///   store.sync();
///   store.read(0, row);  // [L, D]
///
/// A store that still misses rows is held by who opened it: whoever else opens it meanwhile, in this process or
/// another, gets an Error. A complete store is shared freely. Pictures must not change while they are encoded.
class FeatureStore {
 public:
  /// Finds the rows of `pictures` and which are missing; creates folder and files as needed. `key`: everything the
  /// annotations depend on beside the picture (encoder options, hash of the weights, preprocessing). Hashes pictures it
  /// can't trust on all processors, with a progress line, and throws Interrupted if asked to stop there. Throws Error
  /// when the folder can't be written or another process is filling the store, and has not ended within `patience`.
  static FeatureStore open(const std::filesystem::path& folder, const std::string& key,
                           std::vector<std::filesystem::path> pictures, size_t L, size_t D,
                           std::chrono::seconds patience = std::chrono::seconds(1));
  ~FeatureStore();  // as sync(), silently
  FeatureStore(FeatureStore&&) noexcept;

  /// Indices of the pictures without a row, ascending.
  std::vector<size_t> missing() const;
  bool complete() const;

  /// Stores the annotations of pictures[index], fp16 [L, D]; `hash` is the content_hash of the file they were made
  /// from. A picture that has a row keeps it. What was put is on disk, and counts, after the next sync(), which put()
  /// calls by itself every 64 MiB. Throws Error, naming the file, when it can't be written (a full disk). One thread at
  /// a time.
  void put(size_t index, std::span<const uint16_t> annotations, uint64_t hash);
  void sync();

  /// Gives up on pictures[index], which can't be encoded: it has no row and isn't missing any more.
  void leave_out(size_t index);

  /// Copies the annotations of pictures[index], fp16 [L, D], to `to`. The picture must have a row. Throws Error, naming the
  /// file and what to do, where the row is cut short or isn't what was put. From any thread.
  void read(size_t index, std::span<uint16_t> to) const;

  size_t size() const;  // n
  const std::filesystem::path& rows_file() const;

 private:
  struct State;
  explicit FeatureStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace attend
