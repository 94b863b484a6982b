#include "formats/safetensors.h"

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
#include "base/files.h"
#include "base/printable.h"
#include "base/stand_in.h"

static_assert(std::endian::native == std::endian::little, "tensors are read and written in the machine's own order");

namespace attend::formats {
namespace {

using PlainJson = nlohmann::json;  // finds a key in logarithmic time, unlike Json: headers come from outside

constexpr uint64_t kMostHeaderBytes = 100'000'000;  // the limit of the reference implementation
constexpr size_t kMostDimensions = 64;
constexpr const char* kMetadata = "__metadata__";

constexpr std::pair<const char*, ElementType> kTypes[] = {
    {"F64", ElementType::kFloat64},   {"F32", ElementType::kFloat32}, {"F16", ElementType::kFloat16},
    {"BF16", ElementType::kBFloat16}, {"I64", ElementType::kInt64},   {"I32", ElementType::kInt32},
    {"I16", ElementType::kInt16},     {"I8", ElementType::kInt8},     {"U8", ElementType::kUInt8},
    {"BOOL", ElementType::kBool}};

/// Where one tensor stands, as the header says and as far as it has been checked.
struct Entry {
  std::string name;
  ElementType type;
  std::vector<int64_t> shape;
  uint64_t begin, end;  // bytes from the end of the header
};

[[noreturn]] void fail(const std::string& source, const std::string& what) {
  throw InputError(source + ": " + what + "; the file is damaged or no safetensors file");
}

[[noreturn]] void fail(const std::string& source, const std::string& name, const std::string& what) {
  fail(source, "tensor " + quote(name) + " " + what);
}

std::span<const std::byte> header_bytes(std::span<const std::byte> bytes, const std::string& source) {
  constexpr size_t kLook = 4096;
  const auto look = bytes.first(std::min(bytes.size(), kLook));
  if (const auto what = stand_in({reinterpret_cast<const char*>(look.data()), look.size()}); !what.empty())
    throw InputError(source + ": is " + what);
  uint64_t length;
  if (bytes.size() < sizeof length) fail(source, "has no header");
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > kMostHeaderBytes)
    fail(source, "its header would take " + std::to_string(length) + " bytes (most: 100 MB)");
  if (length > bytes.size() - sizeof length) fail(source, "ends within its header");
  return bytes.subspan(sizeof length, length);
}

/// The header as JSON: an object that names nothing twice and is no deeper and wider than the format needs.
PlainJson parse_header(std::span<const std::byte> header, const std::string& source) {
  const auto* text = reinterpret_cast<const char*>(header.data());
  if (header.empty() || text[0] != '{') fail(source, "its header doesn't begin with {");
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  size_t dimensions = 0;
  const auto check = [&](int depth, PlainJson::parse_event_t event, PlainJson& value) {
    using Event = PlainJson::parse_event_t;
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key && !keys.back().insert(value.get<std::string>()).second)
      fail(source, "its header names " + quote(value.get<std::string>()) + " twice");
    if (event == Event::array_start) dimensions = 0;
    if (depth > 3 || (depth == 3 && ++dimensions > kMostDimensions))
      fail(source, "its header is deeper than the format allows");
    return true;
  };
  try {
    return PlainJson::parse(text, text + header.size(), check);
  } catch (const PlainJson::parse_error&) {
    fail(source, "its header is not valid JSON");
  } catch (const PlainJson::exception&) {
    fail(source, "its header holds a number too large for JSON");
  }
}

Json read_metadata(const PlainJson& stored, const std::string& source) {
  if (!stored.is_object()) fail(source, "its __metadata__ is not an object");
  Json metadata = Json::object();
  auto& entries = metadata.get_ref<Json::object_t&>();
  for (const auto& [key, value] : stored.items()) {
    if (!value.is_string()) fail(source, "its __metadata__ " + quote(key) + " is not a string");
    entries.emplace_back(key, value.get<std::string>());
  }
  return metadata;
}

uint64_t read_count(const PlainJson& value, const std::string& source, const std::string& name, const char* what) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > INT64_MAX)
    fail(source, name, std::string("has ") + what + " that are not whole numbers from 0 up");
  return value.get<uint64_t>();
}

/// The bytes that `shape` takes. Zeros don't excuse a product that overflows: strides are products of the others.
uint64_t byte_count(const Entry& entry, const std::string& source) {
  int64_t bytes = size_of(entry.type);
  bool empty = false;
  for (const int64_t extent : entry.shape) {
    empty |= extent == 0;
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(extent, 1), &bytes))
      fail(source, entry.name, "has a shape too large for any memory");
  }
  return empty ? 0 : static_cast<uint64_t>(bytes);
}

Entry read_entry(const std::string& name, const PlainJson& stored, const std::string& source) {
  if (!stored.is_object() || stored.size() != 3 || !stored.contains("dtype") || !stored.contains("shape") ||
      !stored.contains("data_offsets"))
    fail(source, name, "doesn't have exactly dtype, shape and data_offsets");
  const auto& dtype = stored["dtype"];
  const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                  [&](const auto& known) { return dtype.is_string() && dtype == known.first; });
  if (type == std::end(kTypes))
    throw InputError(source + ": tensor " + quote(name) + " has a type that can't be read: " +
                     (dtype.is_string() ? quote(dtype.get<std::string>()) : "not a string"));
  Entry entry{name, type->second, {}, 0, 0};
  if (!stored["shape"].is_array()) fail(source, name, "has a shape that is not a list");
  for (const auto& extent : stored["shape"])
    entry.shape.push_back(static_cast<int64_t>(read_count(extent, source, name, "extents")));
  const auto& offsets = stored["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) fail(source, name, "doesn't have two data_offsets");
  entry.begin = read_count(offsets[0], source, name, "data_offsets");
  entry.end = read_count(offsets[1], source, name, "data_offsets");
  const uint64_t bytes = byte_count(entry, source);
  if (entry.end < entry.begin || entry.end - entry.begin != bytes)
    fail(source, name, "has data_offsets that don't fit its shape, which takes " + std::to_string(bytes) + " bytes");
  return entry;
}

/// The tensors must fill the bytes after the header, without overlaps or gaps.
void check_layout(std::vector<Entry>& entries, uint64_t data_size, const std::string& source) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
  uint64_t end = 0;
  for (const auto& entry : entries) {
    if (entry.end > data_size) fail(source, entry.name, "ends behind the end of the file");
    if (entry.begin < end) fail(source, entry.name, "overlaps another");
    if (entry.begin > end) fail(source, entry.name, "leaves a gap before it");
    end = entry.end;
  }
  if (end != data_size) fail(source, "has " + counted(data_size - end, "byte") + " of no tensor");
}

TensorView view(const Entry& entry, std::span<const std::byte> data, const std::shared_ptr<const void>& owner,
                const std::string& source) {
  TensorView view{entry.name, entry.type, entry.shape, row_major_strides(entry.shape), {}, nullptr};
  if (entry.begin == entry.end) return view;
  view.bytes = data.subspan(entry.begin, entry.end - entry.begin);
  view.owner = owner;
  if (view.type == ElementType::kBool) require_truth_values(view.bytes, source + ": tensor " + quote(view.name));
  if (reinterpret_cast<uintptr_t>(view.bytes.data()) % static_cast<uintptr_t>(size_of(view.type)) != 0) {
    const Buffer copy(view.bytes.size());
    std::copy(view.bytes.begin(), view.bytes.end(), copy.data.get());
    view.bytes = copy.bytes();
    view.owner = copy.data;
  }
  return view;
}

const char* name_of(ElementType type) {
  for (const auto& [name, known] : kTypes)
    if (known == type) return name;
  return nullptr;
}

}  // namespace

SafetensorsFile parse_safetensors(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                                  const std::string& source) {
  const auto header = header_bytes(bytes, source);
  const auto data = bytes.subspan(sizeof(uint64_t) + header.size());
  const PlainJson stored = parse_header(header, source);
  SafetensorsFile result;
  std::vector<Entry> entries;
  for (const auto& [name, value] : stored.items()) {
    if (name == kMetadata) {
      result.metadata = read_metadata(value, source);
    } else {
      entries.push_back(read_entry(name, value, source));
    }
  }
  check_layout(entries, data.size(), source);
  for (const auto& entry : entries) result.tensors.push_back(view(entry, data, owner, source));
  return result;
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  const auto file = std::make_shared<MappedFile>(path);
  return parse_safetensors(file->bytes(), file, path.string());
}

void write_safetensors(const std::filesystem::path& path, const std::vector<TensorView>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::set<std::string> names{kMetadata};
  std::vector<const TensorView*> order;
  for (const auto& tensor : tensors) {
    if (!names.insert(tensor.name).second)
      throw Error(path.string() + ": can't be written: " + quote(tensor.name) +
                  " can't be the name of a tensor, or of two");
    int64_t bytes = size_of(tensor.type);
    for (const int64_t extent : tensor.shape) bytes *= extent;
    if (!is_row_major(tensor) || static_cast<uint64_t>(bytes) != tensor.bytes.size())
      throw Error(path.string() + ": can't be written: the elements of tensor " + quote(tensor.name) +
                  " don't lie in order");
    order.push_back(&tensor);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const auto* a, const auto* b) { return size_of(a->type) > size_of(b->type); });

  Json header = Json::object();
  auto& entries = header.get_ref<Json::object_t&>();
  if (!metadata.empty()) entries.emplace_back(kMetadata, Json(metadata));
  uint64_t end = 0;
  for (const auto* tensor : order) {
    const uint64_t begin = std::exchange(end, end + tensor->bytes.size());
    entries.emplace_back(
        tensor->name, Json{{"dtype", name_of(tensor->type)}, {"shape", tensor->shape}, {"data_offsets", {begin, end}}});
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
  for (const auto* tensor : order) file.write(tensor->bytes.data(), tensor->bytes.size());
  file.commit();
}

}  // namespace attend::formats
