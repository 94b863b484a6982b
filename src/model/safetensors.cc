// Tensors keep whatever shape their file or caller gives them.
#include "model/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <set>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "base/error.h"
#include "model/weights.h"

static_assert(std::endian::native == std::endian::little, "tensors are read and written in the machine's own order");

namespace attend {
namespace {

using PlainJson = nlohmann::json;  // finds a key in logarithmic time, unlike Json: headers come from outside

constexpr uint64_t kMostHeaderBytes = 100'000'000;  // the limit of the reference implementation
constexpr size_t kMostDimensions = 64;
constexpr const char* kMetadata = "__metadata__";

constexpr std::pair<const char*, torch::ScalarType> kTypes[] = {
    {"F64", torch::kFloat64}, {"F32", torch::kFloat32}, {"F16", torch::kFloat16}, {"BF16", torch::kBFloat16},
    {"I64", torch::kInt64},   {"I32", torch::kInt32},   {"I16", torch::kInt16},   {"I8", torch::kInt8},
    {"U8", torch::kUInt8},    {"BOOL", torch::kBool}};

/// Where one tensor stands, as the header says and as far as it has been checked.
struct Entry {
  std::string name;
  torch::ScalarType type;
  std::vector<int64_t> shape;
  uint64_t begin, end;  // bytes from the end of the header
};

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw InputError(path.string() + ": " + what + "; the file is damaged or no safetensors file");
}

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& name, const std::string& what) {
  fail(path, "tensor " + quote(name) + " " + what);
}

std::span<const std::byte> header_bytes(std::span<const std::byte> bytes, const std::filesystem::path& path) {
  uint64_t length;
  if (bytes.size() < sizeof length) fail(path, "has no header");
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > kMostHeaderBytes)
    fail(path, "its header would take " + std::to_string(length) + " bytes (most: 100 MB)");
  if (length > bytes.size() - sizeof length) fail(path, "ends within its header");
  return bytes.subspan(sizeof length, length);
}

/// The header as JSON: an object that names nothing twice and is no deeper and wider than the format needs.
PlainJson parse_header(std::span<const std::byte> header, const std::filesystem::path& path) {
  const auto* text = reinterpret_cast<const char*>(header.data());
  if (header.empty() || text[0] != '{') fail(path, "its header doesn't begin with {");
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  size_t dimensions = 0;
  const auto check = [&](int depth, PlainJson::parse_event_t event, PlainJson& value) {
    using Event = PlainJson::parse_event_t;
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key && !keys.back().insert(value.get<std::string>()).second)
      fail(path, "its header names " + quote(value.get<std::string>()) + " twice");
    if (event == Event::array_start) dimensions = 0;
    if (depth > 3 || (depth == 3 && ++dimensions > kMostDimensions))
      fail(path, "its header is deeper than the format allows");
    return true;
  };
  try {
    return PlainJson::parse(text, text + header.size(), check);
  } catch (const PlainJson::parse_error&) {
    fail(path, "its header is not valid JSON");
  } catch (const PlainJson::exception&) {
    fail(path, "its header holds a number too large for JSON");
  }
}

Json read_metadata(const PlainJson& stored, const std::filesystem::path& path) {
  if (!stored.is_object()) fail(path, "its __metadata__ is not an object");
  Json metadata = Json::object();
  auto& entries = metadata.get_ref<Json::object_t&>();
  for (const auto& [key, value] : stored.items()) {
    if (!value.is_string()) fail(path, "its __metadata__ " + quote(key) + " is not a string");
    entries.emplace_back(key, value.get<std::string>());
  }
  return metadata;
}

uint64_t read_count(const PlainJson& value, const std::filesystem::path& path, const std::string& name,
                    const char* what) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > INT64_MAX)
    fail(path, name, std::string("has ") + what + " that are not whole numbers from 0 up");
  return value.get<uint64_t>();
}

/// The bytes that `shape` takes. Zeros don't excuse a product that overflows: strides are products of the others.
uint64_t byte_count(const Entry& entry, const std::filesystem::path& path) {
  int64_t bytes = static_cast<int64_t>(torch::elementSize(entry.type));
  bool empty = false;
  for (const int64_t extent : entry.shape) {
    empty |= extent == 0;
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(extent, 1), &bytes))
      fail(path, entry.name, "has a shape too large for any memory");
  }
  return empty ? 0 : static_cast<uint64_t>(bytes);
}

Entry read_entry(const std::string& name, const PlainJson& stored, const std::filesystem::path& path) {
  if (!stored.is_object() || stored.size() != 3 || !stored.contains("dtype") || !stored.contains("shape") ||
      !stored.contains("data_offsets"))
    fail(path, name, "doesn't have exactly dtype, shape and data_offsets");
  const auto& dtype = stored["dtype"];
  const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                  [&](const auto& known) { return dtype.is_string() && dtype == known.first; });
  if (type == std::end(kTypes))
    throw InputError(path.string() + ": tensor " + quote(name) + " has a type that can't be read: " +
                     (dtype.is_string() ? quote(dtype.get<std::string>()) : "not a string"));
  Entry entry{name, type->second, {}, 0, 0};
  if (!stored["shape"].is_array()) fail(path, name, "has a shape that is not a list");
  for (const auto& extent : stored["shape"])
    entry.shape.push_back(static_cast<int64_t>(read_count(extent, path, name, "extents")));
  const auto& offsets = stored["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) fail(path, name, "doesn't have two data_offsets");
  entry.begin = read_count(offsets[0], path, name, "data_offsets");
  entry.end = read_count(offsets[1], path, name, "data_offsets");
  const uint64_t bytes = byte_count(entry, path);
  if (entry.end < entry.begin || entry.end - entry.begin != bytes)
    fail(path, name, "has data_offsets that don't fit its shape, which takes " + std::to_string(bytes) + " bytes");
  return entry;
}

/// The tensors must fill the bytes after the header, without overlaps or gaps.
void check_layout(std::vector<Entry>& entries, uint64_t data_size, const std::filesystem::path& path) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
  uint64_t end = 0;
  for (const auto& entry : entries) {
    if (entry.end > data_size) fail(path, entry.name, "ends behind the end of the file");
    if (entry.begin < end) fail(path, entry.name, "overlaps another");
    if (entry.begin > end) fail(path, entry.name, "leaves a gap before it");
    end = entry.end;
  }
  if (end != data_size) fail(path, "has " + std::to_string(data_size - end) + " bytes that belong to no tensor");
}

torch::Tensor view(const Entry& entry, const std::shared_ptr<MappedFile>& file, std::span<const std::byte> data,
                   const std::filesystem::path& path) {
  if (entry.begin == entry.end) return torch::empty(entry.shape, entry.type);
  const std::byte* bytes = data.data() + entry.begin;
  const size_t size = entry.end - entry.begin;
  if (entry.type == torch::kBool && std::any_of(bytes, bytes + size, [](std::byte b) { return b > std::byte{1}; }))
    fail(path, entry.name, "has truth values that are neither 0 nor 1");
  if (reinterpret_cast<uintptr_t>(bytes) % torch::elementSize(entry.type) != 0) {
    auto copy = torch::empty(entry.shape, entry.type);
    std::memcpy(copy.data_ptr(), bytes, size);
    return copy;
  }
  return torch::from_blob(
      const_cast<std::byte*>(bytes), entry.shape, [file](void*) {}, entry.type);
}

const char* type_name(const torch::Tensor& tensor) {
  for (const auto& [name, type] : kTypes)
    if (tensor.defined() && tensor.scalar_type() == type) return name;
  return nullptr;
}

}  // namespace

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  const auto file = std::make_shared<MappedFile>(path);
  const auto header = header_bytes(file->bytes(), path);
  const auto data = file->bytes().subspan(sizeof(uint64_t) + header.size());
  const PlainJson stored = parse_header(header, path);
  SafetensorsFile result;
  std::vector<Entry> entries;
  for (const auto& [name, value] : stored.items()) {
    if (name == kMetadata) {
      result.metadata = read_metadata(value, path);
    } else {
      entries.push_back(read_entry(name, value, path));
    }
  }
  check_layout(entries, data.size(), path);
  for (const auto& entry : entries) result.tensors.emplace(entry.name, view(entry, file, data, path));
  return result;
}

void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<TensorMap::const_iterator> order;
  for (auto item = tensors.begin(); item != tensors.end(); ++item) {
    if (item->first == kMetadata || !type_name(item->second))
      throw Error(path.string() + ": tensor " + quote(item->first) + " has a name or type that can't be written");
    order.push_back(item);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](auto a, auto b) { return a->second.element_size() > b->second.element_size(); });

  Json header = Json::object();
  auto& entries = header.get_ref<Json::object_t&>();
  if (!metadata.empty()) entries.emplace_back(kMetadata, Json(metadata));
  uint64_t end = 0;
  for (const auto& item : order) {
    const auto& tensor = item->second;
    const uint64_t begin = std::exchange(end, end + static_cast<uint64_t>(tensor.numel()) * tensor.element_size());
    entries.emplace_back(
        item->first,
        Json{{"dtype", type_name(tensor)}, {"shape", tensor.sizes().vec()}, {"data_offsets", {begin, end}}});
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::type_error&) {
    throw Error(path.string() + ": can't be written: a name or a metadata string is not UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t length = text.size();
  if (length > kMostHeaderBytes) throw Error(path.string() + ": can't be written: its header would exceed 100 MB");

  AtomicFile file(path);
  file.write(&length, sizeof length);
  file.write(text);
  for (const auto& item : order) {
    const auto bytes = item->second.detach().to(torch::kCPU).contiguous();  // as given
    file.write(bytes.data_ptr(), bytes.nbytes());
  }
  file.commit();
}

}  // namespace attend
