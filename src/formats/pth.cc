#include "formats/pth.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "base/error.h"
#include "base/files.h"
#include "base/printable.h"
#include "base/stand_in.h"
#include "formats/pickle.h"
#include "formats/zip_archive.h"

namespace attend::formats {
namespace {

using pickle::Pickle;
using pickle::Storage;
using pickle::Value;
using Bytes = std::span<const std::byte>;

constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);  // torch.serialization.MAGIC_NUMBER
constexpr int64_t kProtocol = 1001;                                                 // its PROTOCOL_VERSION
constexpr uint64_t kMostPickleBytes = 64 << 20;
constexpr int kMostZipVersion = 10;  // caffe2/serialize/versions.h, kMaxSupportedFileFormatVersion

int64_t element_size(const Storage& storage) { return storage.type ? size_of(*storage.type) : 1; }

/// storage.size · element_size, or nothing if that can't be.
std::optional<uint64_t> byte_count(const Storage& storage) {
  int64_t bytes;
  if (__builtin_mul_overflow(storage.size, element_size(storage), &bytes)) return std::nullopt;
  return static_cast<uint64_t>(bytes);
}

// From pickled values to tensors.

const std::string_view* text_of(const Value* value) { return std::get_if<std::string_view>(value); }

/// The dictionary with the most tensors among `value` and those nested in it; the first of equals, null without any.
const pickle::Dict* find_tensors(const Value& value) {
  const pickle::Dict* best = nullptr;
  std::ptrdiff_t most = 0;
  std::set<const Value*> seen;
  std::vector<const Value*> queue{&value};
  for (size_t i = 0; i < queue.size(); ++i) {
    const auto* dict = std::get_if<pickle::Dict>(queue[i]);
    if (!dict || !seen.insert(queue[i]).second) continue;
    const auto count = std::count_if(dict->items.begin(), dict->items.end(), [](const auto& item) {
      return text_of(item.first) && std::holds_alternative<pickle::StoredTensor>(*item.second);
    });
    if (count > most) {
      most = count;
      best = dict;
    }
    for (const auto& [key, nested] : dict->items) queue.push_back(nested);
  }
  return best;
}

using LoadStorage = std::function<Buffer(const Storage&)>;  // its bytes, element_size · storage.size of them

TensorView make_tensor(const pickle::StoredTensor& stored, std::string name, const LoadStorage& load,
                       const std::string& what) {
  TensorView view{std::move(name), stored.type, stored.sizes, stored.strides, {}, nullptr};
  if (std::count(view.shape.begin(), view.shape.end(), 0) > 0) return view;
  const Buffer storage = load(*stored.storage);
  if (view.type == ElementType::kBool) require_truth_values(storage.bytes(), what);
  int64_t last = 0;  // element, counted from the first; the pickle has checked that it lies in the storage
  for (size_t i = 0; i < view.shape.size(); ++i) last += (view.shape[i] - 1) * view.strides[i];
  const auto size = static_cast<size_t>(size_of(view.type));
  view.bytes = storage.bytes().subspan(static_cast<size_t>(stored.offset) * size, static_cast<size_t>(last + 1) * size);
  view.owner = storage.data;
  return view;
}

void strip_prefix(std::vector<TensorView>& tensors, const std::string& prefix) {
  const auto has = [&](const TensorView& tensor) { return tensor.name.starts_with(prefix); };
  if (!std::all_of(tensors.begin(), tensors.end(), has)) return;
  for (auto& tensor : tensors) tensor.name.erase(0, prefix.size());
}

std::vector<TensorView> make_tensors(const Pickle& pickle, const LoadStorage& load, const std::string& source) {
  const auto* dict = find_tensors(pickle.root());
  if (!dict) throw InputError(source + ": holds no dictionary of tensors; save a state_dict()");
  std::map<std::string, Buffer> storages;  // loaded once each: tensors of one storage share it
  const auto load_once = [&](const Storage& storage) {
    auto found = storages.find(storage.key);
    if (found == storages.end()) found = storages.emplace(storage.key, load(storage)).first;
    if (byte_count(storage) != found->second.size)
      throw InputError(source + ": gives storage " + quote(storage.key) + " two sizes; the file is damaged");
    return found->second;
  };
  std::map<std::string, TensorView> named;  // of equal names the last one counts
  for (const auto& [key, value] : dict->items) {
    const auto* stored = std::get_if<pickle::StoredTensor>(value);
    if (!stored || !text_of(key)) continue;
    const std::string name(*text_of(key));
    named.insert_or_assign(name, make_tensor(*stored, name, load_once, source + ": tensor " + quote(name)));
  }
  std::vector<TensorView> tensors;
  for (auto& [name, tensor] : named) tensors.push_back(std::move(tensor));
  strip_prefix(tensors, "module.");
  return tensors;
}

Buffer copy_bytes(Bytes bytes) {
  Buffer copy(bytes.size());
  std::copy(bytes.begin(), bytes.end(), copy.data.get());
  return copy;
}

// The files before PyTorch 1.6: pickles of a magic number, a version, the machine's ways, the values and the keys of
// the storages; then for each key the number of its elements (eight bytes) and the elements
// (torch.serialization._legacy_save).

const Value* find(const Value& dict, std::string_view key) {
  if (const auto* typed = std::get_if<pickle::Dict>(&dict))
    for (const auto& [name, value] : typed->items)
      if (text_of(name) && *text_of(name) == key) return value;
  return nullptr;
}

void check_legacy_header(Bytes bytes, size_t& position, const std::string& source) {
  const Pickle magic(bytes, position, source);
  const auto* number = std::get_if<pickle::BigInteger>(&magic.root());
  if (!number || number->bytes != kMagic) throw InputError(source + ": is a pickle, but none that PyTorch saved");
  const Pickle version(bytes, position, source);
  const auto* protocol = std::get_if<int64_t>(&version.root());
  if (!protocol || *protocol != kProtocol) throw InputError(source + ": is of a version that can't be read (not 1001)");
  const Pickle machine(bytes, position, source);
  const Value* little = find(machine.root(), "little_endian");
  if (!little || !std::holds_alternative<bool>(*little) || !std::get<bool>(*little))
    throw InputError(source + ": was saved on a big-endian machine; save it on a little-endian one");
}

/// Where the elements of each storage lie in `bytes`.
std::map<std::string, Bytes> find_legacy_storages(const Pickle& values, Bytes bytes, size_t& position,
                                                  const std::string& source) {
  std::map<std::string_view, const Storage*> known;
  for (const Storage* storage : values.storages()) known.emplace(storage->key, storage);
  const Pickle keys(bytes, position, source);
  const auto* list = std::get_if<pickle::List>(&keys.root());
  if (!list) throw InputError(source + ": has no list of storages; the file is damaged");
  std::map<std::string, Bytes> found;
  for (const Value* key : list->items) {
    const auto storage = text_of(key) ? known.find(*text_of(key)) : known.end();
    if (storage == known.end()) throw InputError(source + ": lists a storage that no tensor has; the file is damaged");
    const auto size = byte_count(*storage->second);
    int64_t count = -1;
    const size_t left = bytes.size() - position;
    if (!size || left < sizeof count || *size > left - sizeof count)
      throw InputError(source + ": is cut short within storage " + quote(storage->second->key));
    std::memcpy(&count, bytes.data() + position, sizeof count);
    if (count != storage->second->size)
      throw InputError(source + ": storage " + quote(storage->second->key) + " is not as long as its tensors say");
    found.emplace(storage->second->key, bytes.subspan(position + sizeof count, *size));
    position += sizeof count + *size;
  }
  return found;
}

std::vector<TensorView> read_legacy(Bytes bytes, const std::string& source) {
  size_t position = 0;
  check_legacy_header(bytes, position, source);
  const Pickle values(bytes, position, source);
  const auto storages = find_legacy_storages(values, bytes, position, source);
  const auto load = [&](const Storage& storage) {
    const auto found = storages.find(storage.key);
    if (found == storages.end()) throw InputError(source + ": lacks storage " + quote(storage.key));
    return copy_bytes(found->second);
  };
  return make_tensors(values, load, source);
}

// Zip archives.

std::string read_text(ZipArchive& archive, const std::string& name) {
  const Buffer content = archive.read(name);
  return {reinterpret_cast<const char*>(content.data.get()), content.size};
}

/// <root>data.pkl holds the values, <root>data/<key> the elements of a storage (torch.serialization._save).
std::vector<TensorView> read_zip(ZipArchive& archive, const std::string& root) {
  const std::string& source = archive.source();
  if (archive.size(root + "byteorder") && read_text(archive, root + "byteorder") != "little")
    throw InputError(source + ": was saved on a big-endian machine; save it on a little-endian one");
  if (archive.size(root + "version")) {
    const std::string version = read_text(archive, root + "version");
    const int number = std::atoi(version.c_str());
    if (number < 1 || number > kMostZipVersion)
      throw InputError(source + ": is of version " + quote(version) + ", which can't be read");
  }
  if (archive.size(root + "data.pkl").value_or(0) > kMostPickleBytes)
    throw InputError(source + ": holds more values than any network needs; refused");
  const Buffer content = archive.read(root + "data.pkl");
  size_t position = 0;
  const Pickle values(content.bytes(), position, source);
  const auto load = [&](const Storage& storage) {
    const std::string name = root + "data/" + storage.key;
    if (archive.size(name) != byte_count(storage))
      throw InputError(source + ": storage " + quote(storage.key) + " is missing or not as long as its tensors say");
    return archive.read(name);
  };
  return make_tensors(values, load, source);
}

std::vector<TensorView> read_bytes(Bytes bytes, const std::string& source, bool may_hold_file) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\x80")) return read_legacy(bytes, source);
  if (text.size() > 262 && text.substr(257, 5) == "ustar")
    throw InputError(source + ": is a tar archive (PyTorch before 0.1.10); load it in PyTorch and save it again");
  if (const auto what = stand_in(text.substr(0, 4096)); !what.empty()) throw InputError(source + ": is " + what);
  if (!text.starts_with("PK\3\4"))
    throw InputError(source + ": is neither a PyTorch file (zip archive or pickle) nor safetensors");
  ZipArchive archive(bytes, source);
  std::vector<std::string> files;
  for (const auto& name : archive.names()) {
    if (name == "data.pkl" || name.ends_with("/data.pkl")) return read_zip(archive, name.substr(0, name.size() - 8));
    if (name.ends_with(".pth")) files.push_back(name);
  }
  if (!may_hold_file || files.size() != 1)
    throw InputError(source + ": is a zip archive, but neither PyTorch's own nor one with a single .pth in it");
  const Buffer content = archive.read(files[0]);
  return read_bytes(content.bytes(), source + "/" + files[0], false);
}

}  // namespace

std::vector<TensorView> parse_pth(std::span<const std::byte> bytes, const std::string& source) {
  return read_bytes(bytes, source, true);
}

std::vector<TensorView> read_pth(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_pth(file.bytes(), path.string());
}

}  // namespace attend::formats
