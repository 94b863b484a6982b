#include "data/picture_id.h"

#include <charconv>
#include <cmath>

#include "base/error.h"

namespace attend {
namespace {

/// The number in a name that COCO's files of 2014 have, which are called otherwise since: "COCO_val2014_000000000042.jpg".
std::optional<int64_t> number_in_coco_name(std::string_view name) {
  constexpr size_t kDigits = 12;
  if (name.ends_with(".jpg")) name.remove_suffix(4);
  if (!name.starts_with("COCO_") || name.size() < 6 + kDigits || name[name.size() - kDigits - 1] != '_')
    return std::nullopt;
  int64_t number = 0;
  const char* end = name.data() + name.size();
  const auto read = std::from_chars(end - kDigits, end, number);
  return read.ec == std::errc() && read.ptr == end && number >= 0 ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<PictureId> read_picture_id(const Json& json) {
  if (json.is_number_unsigned() && json.get<uint64_t>() <= INT64_MAX) return PictureId(json.get<int64_t>());
  if (json.is_number_float()) {
    const double value = json.get<double>();
    const bool whole = value >= 0 && value < 0x1p53 && std::trunc(value) == value;  // beyond, neighbours are one number
    return whole ? std::optional<PictureId>(static_cast<int64_t>(value)) : std::nullopt;
  }
  if (!json.is_string() || json.get_ref<const std::string&>().empty()) return std::nullopt;
  PictureId id;
  id.text = json.get<std::string>();
  // "42.0", as pandas writes numbers into texts, is 42, too.
  const auto whole = id.text.find_last_not_of('0');
  const bool is_float = whole != id.text.npos && whole + 1 < id.text.size() && id.text[whole] == '.';
  const char* end = id.text.data() + (is_float ? whole : id.text.size());
  int64_t number = 0;
  const auto read = std::from_chars(id.text.data(), end, number);
  if (read.ec == std::errc() && read.ptr == end && number >= 0 && id.text[0] != '-') id.number = number;
  return id;
}

bool PictureIndex::add(const PictureId& id, int64_t picture) {
  return by_id_.emplace(id.key(), Known{picture, !id.text.empty()}).second;
}

void PictureIndex::add_name(const std::filesystem::path& file, int64_t picture) {
  for (const auto& name : {file, file.filename(), file.stem()}) {
    const auto [known, is_new] = by_name_.emplace(name.string(), picture);
    if (!is_new && known->second != picture) known->second = std::nullopt;
  }
  if (!by_id_.empty()) return;  // nobody asks for numbers then
  auto number = number_in_coco_name(file.filename().string());
  if (const auto id = read_picture_id(Json(file.stem().string())); !number && id && id->number >= 0)
    number = id->number;
  if (!number) return;
  const auto [known, is_new] = by_number_.emplace(*number, picture);
  if (!is_new && known->second != picture) known->second = std::nullopt;
}

std::optional<int64_t> PictureIndex::find(const PictureId& id) const {
  if (by_id_.empty() && id.number >= 0) {
    const auto numbered = by_number_.find(id.number);
    if (numbered != by_number_.end()) return numbered->second;
  }
  const auto known = by_id_.find(id.key());
  auto named = id.text.empty() ? by_name_.end() : by_name_.find(id.text);
  // Names stand with another folder, or with none; those that COCO gave in 2014 have its ids in them.
  if (named == by_name_.end() && id.text.find('/') != id.text.npos)
    named = by_name_.find(std::filesystem::path(id.text).filename().string());
  const auto by_name = named == by_name_.end() ? std::nullopt : named->second;
  if (known == by_id_.end() && named == by_name_.end() && !id.text.empty()) {
    const auto number = number_in_coco_name(std::filesystem::path(id.text).filename().string());
    if (const auto numbered = number ? by_id_.find(std::to_string(*number)) : by_id_.end(); numbered != by_id_.end())
      return numbered->second.picture;
  }
  if (known == by_id_.end()) return by_name;
  if (by_name && *by_name != known->second.picture && !known->second.is_text)
    throw InputError("\"" + id.text + "\" is one picture's id and the name of another's file; write ids as numbers");
  return known->second.picture;
}

}  // namespace attend
