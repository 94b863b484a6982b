// The part of Python's pickle language (Python's Lib/pickletools.py) that a dictionary of tensors needs. Nothing is
// ever executed: names of functions and classes that aren't in a fixed list of PyTorch's own are refused as they are
// read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "formats/tensor_view.h"

namespace attend::formats::pickle {

struct Value;

struct None {};
/// An integer that doesn't fit 64 bits, as its bytes.
struct BigInteger {
  std::string_view bytes;
};
struct List {
  std::vector<Value*> items;
};
struct Tuple {
  std::vector<Value*> items;
};
/// In the order of insertion; of equal keys the last one counts.
struct Dict {
  std::vector<std::pair<Value*, Value*>> items;
};
/// What a name in the list of allowed ones stands for.
struct Global {
  enum class Kind { OrderedDict, Size, Tensor, TypedTensor, Parameter, Storage, Type } kind;
  std::optional<ElementType> type;  // of a Storage (none: it counts bytes) or a Type
};
/// Where elements are kept; their bytes lie elsewhere in the file, under `key`.
struct Storage {
  std::string key;
  std::optional<ElementType> type;
  int64_t size = 0;        // elements (bytes where there is no type) under `key`
  int64_t view_begin = 0;  // the elements of them that are this storage
  int64_t view_size = 0;
};
/// A tensor of `storage`; every element it reaches lies inside, and it has no more elements than the storage.
struct StoredTensor {
  const Storage* storage;
  ElementType type;
  int64_t offset;  // elements from the beginning of `key`'s
  std::vector<int64_t> sizes, strides;
};

struct Value : std::variant<None, bool, int64_t, double, BigInteger, std::string_view, List, Tuple, Dict, Global,
                            Storage, StoredTensor> {
  using variant::variant;
};

/// One unpickled value and all it is made of. Strings are views of the bytes it was read from.
class Pickle {
 public:
  /// Reads the pickle that begins at bytes[position] and leaves `position` behind it. Throws InputError, which begins
  /// with `source`, on anything that isn't tensors, dictionaries, lists, tuples, numbers, strings, None and booleans.
  Pickle(std::span<const std::byte> bytes, size_t& position, const std::string& source);
  Pickle(const Pickle&) = delete;
  Pickle& operator=(const Pickle&) = delete;

  const Value& root() const { return *root_; }
  /// Every storage that the pickle names, in its order.
  const std::vector<const Storage*>& storages() const { return storages_; }

 private:
  class Reader;

  std::deque<Value> values_;  // values refer to each other, in cycles too: all end together
  std::vector<const Storage*> storages_;
  const Value* root_ = nullptr;
};

}  // namespace attend::formats::pickle
