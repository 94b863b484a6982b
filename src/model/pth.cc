// Tensors keep whatever shape their file gives them.
#include "model/pth.h"

#include <zip.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>

#include "base/error.h"
#include "base/files.h"
#include "model/pickle.h"
#include "model/weights.h"

namespace attend {
namespace {

using pickle::Pickle;
using pickle::Storage;
using pickle::Value;
using Bytes = std::span<const std::byte>;

constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);  // torch.serialization.MAGIC_NUMBER
constexpr int64_t kProtocol = 1001;                                                 // its PROTOCOL_VERSION
constexpr uint64_t kMostPickleBytes = 64 << 20;
constexpr int kMostZipVersion = 10;  // caffe2/serialize/versions.h, kMaxSupportedFileFormatVersion

int64_t element_size(const Storage& storage) {
  return storage.type ? static_cast<int64_t>(torch::elementSize(*storage.type)) : 1;
}

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
      return text_of(item.first) && std::holds_alternative<pickle::TensorView>(*item.second);
    });
    if (count > most) {
      most = count;
      best = dict;
    }
    for (const auto& [key, nested] : dict->items) queue.push_back(nested);
  }
  return best;
}

using LoadStorage = std::function<torch::Tensor(const Storage&)>;  // → its bytes [element_size · storage.size]

torch::Tensor make_tensor(const pickle::TensorView& view, const LoadStorage& load, const std::string& what) {
  if (std::count(view.sizes.begin(), view.sizes.end(), 0) > 0) return torch::empty(view.sizes, view.type);  // as given
  const auto bytes = load(*view.storage);  // [element_size · storage.size]
  if (view.type == torch::kBool && bytes.gt(1).any().item<bool>())
    throw InputError(what + " has truth values that are neither 0 nor 1; the file is damaged");
  const auto whole = bytes.size(0) / static_cast<int64_t>(torch::elementSize(view.type));
  const auto elements = bytes.slice(0, 0, whole * static_cast<int64_t>(torch::elementSize(view.type))).view(view.type);
  return elements.as_strided(view.sizes, view.strides, view.offset);  // as given
}

void strip_prefix(TensorMap& tensors, const std::string& prefix) {
  if (!std::all_of(tensors.begin(), tensors.end(), [&](const auto& item) { return item.first.starts_with(prefix); }))
    return;
  TensorMap stripped;
  for (auto& [name, tensor] : tensors) stripped.emplace(name.substr(prefix.size()), std::move(tensor));
  tensors = std::move(stripped);
}

TensorMap make_tensors(const Pickle& pickle, const LoadStorage& load, const std::string& source) {
  const auto* dict = find_tensors(pickle.root());
  if (!dict) throw InputError(source + ": holds no dictionary of tensors; save a state_dict()");
  std::map<std::string, torch::Tensor> storages;  // bytes, loaded once each: tensors of one storage share it
  const auto load_once = [&](const Storage& storage) {
    auto found = storages.find(storage.key);
    if (found == storages.end()) found = storages.emplace(storage.key, load(storage)).first;
    if (byte_count(storage) != found->second.nbytes())
      throw InputError(source + ": gives storage " + quote(storage.key) + " two sizes; the file is damaged");
    return found->second;
  };
  TensorMap tensors;
  for (const auto& [key, value] : dict->items) {
    const auto* view = std::get_if<pickle::TensorView>(value);
    if (!view || !text_of(key)) continue;
    const std::string name(*text_of(key));
    tensors[name] = make_tensor(*view, load_once, source + ": tensor " + quote(name));
  }
  strip_prefix(tensors, "module.");
  return tensors;
}

torch::Tensor copy_bytes(Bytes bytes) {
  auto copy = torch::empty({static_cast<int64_t>(bytes.size())}, torch::kUInt8);  // [bytes]
  if (!bytes.empty()) std::memcpy(copy.data_ptr(), bytes.data(), bytes.size());
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

TensorMap read_legacy(Bytes bytes, const std::string& source) {
  size_t position = 0;
  check_legacy_header(bytes, position, source);
  const Pickle values(bytes, position, source);
  const auto storages = find_legacy_storages(values, bytes, position, source);
  const auto load = [&](const Storage& storage) {
    const auto found = storages.find(storage.key);
    if (found == storages.end()) throw InputError(source + ": lacks storage " + quote(storage.key));
    return copy_bytes(found->second);  // [bytes]
  };
  return make_tensors(values, load, source);
}

// Zip archives.

class ZipArchive {
 public:
  /// `bytes` must outlive it. `source` names it in errors.
  ZipArchive(Bytes bytes, std::string source) : source_(std::move(source)), left_(16 * bytes.size() + (64 << 20)) {
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t* opened = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
    if (opened) archive_.reset(zip_open_from_source(opened, ZIP_RDONLY, &error));
    const std::string reason = zip_error_strerror(&error);
    if (opened && !archive_) zip_source_free(opened);
    zip_error_fini(&error);
    if (!archive_) throw InputError(source_ + ": is damaged or cut short (zip archive: " + reason + ")");
  }

  const std::string& source() const { return source_; }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    const auto count = zip_get_num_entries(archive_.get(), 0);
    for (zip_int64_t i = 0; i < count; ++i)
      if (const char* name = zip_get_name(archive_.get(), static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW))
        names.emplace_back(name);
    return names;
  }

  /// The size that the archive gives `name`, in bytes; nothing if it has none such.
  std::optional<uint64_t> size(const std::string& name) const {
    zip_stat_t status;
    if (zip_stat(archive_.get(), name.c_str(), ZIP_FL_ENC_RAW, &status) != 0) return std::nullopt;
    if (!(status.valid & ZIP_STAT_SIZE)) return std::nullopt;
    return status.size;
  }

  /// The bytes of `name`, unpacked and their checksum compared: u8 [bytes]. All that is read from one archive together
  /// is bounded by its own size, so that a small file can't fill the memory.
  torch::Tensor read(const std::string& name) {
    const auto bytes = size(name);
    if (!bytes) throw InputError(source_ + ": has no " + quote(name) + "; the file is damaged");
    if (*bytes > left_) throw InputError(source_ + ": unpacks to more than 16 times its size; refused");
    left_ -= *bytes;
    const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(
        zip_fopen(archive_.get(), name.c_str(), ZIP_FL_ENC_RAW), zip_fclose);
    if (!file) throw InputError(source_ + ": " + quote(name) + " can't be unpacked: " + zip_strerror(archive_.get()));
    auto content = torch::empty({static_cast<int64_t>(*bytes)}, torch::kUInt8);  // [bytes]
    auto* to = content.data_ptr<uint8_t>();
    uint64_t got = 0;
    zip_int64_t step = 1;
    uint8_t beyond;  // the read after the last byte is the one that compares the checksum
    while (step > 0 && got < *bytes)
      if ((step = zip_fread(file.get(), to + got, *bytes - got)) > 0) got += static_cast<uint64_t>(step);
    if (got != *bytes || zip_fread(file.get(), &beyond, 1) != 0)
      throw InputError(source_ + ": " + quote(name) + " is damaged: " + zip_file_strerror(file.get()));
    return content;
  }

 private:
  const std::string source_;
  std::unique_ptr<zip_t, void (*)(zip_t*)> archive_{nullptr, zip_discard};
  uint64_t left_;  // bytes that may still be unpacked
};

Bytes bytes_of(const torch::Tensor& content) {
  return {static_cast<const std::byte*>(content.data_ptr()), content.nbytes()};
}

std::string read_text(ZipArchive& archive, const std::string& name) {
  const auto content = archive.read(name);  // [bytes]
  return {static_cast<const char*>(content.data_ptr()), content.nbytes()};
}

/// <root>data.pkl holds the values, <root>data/<key> the elements of a storage (torch.serialization._save).
TensorMap read_zip(ZipArchive& archive, const std::string& root) {
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
  const auto content = archive.read(root + "data.pkl");  // [bytes]
  size_t position = 0;
  const Pickle values(bytes_of(content), position, source);
  const auto load = [&](const Storage& storage) {
    const std::string name = root + "data/" + storage.key;
    if (archive.size(name) != byte_count(storage))
      throw InputError(source + ": storage " + quote(storage.key) + " is missing or not as long as its tensors say");
    return archive.read(name);  // [bytes]
  };
  return make_tensors(values, load, source);
}

TensorMap read_bytes(Bytes bytes, const std::string& source, bool may_hold_file) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\x80")) return read_legacy(bytes, source);
  if (text.size() > 262 && text.substr(257, 5) == "ustar")
    throw InputError(source + ": is a tar archive (PyTorch before 0.1.10); load it in PyTorch and save it again");
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
  const auto content = archive.read(files[0]);  // [bytes]
  return read_bytes(bytes_of(content), source + "/" + files[0], false);
}

}  // namespace

TensorMap read_pth(const std::filesystem::path& path) {
  const MappedFile file(path);
  return read_bytes(file.bytes(), path.string(), true);
}

}  // namespace attend
