#include "data/results.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "base/error.h"
#include "base/files.h"
#include "data/dataset.h"
#include "data/records.h"

namespace attend {

std::vector<Result> read_results(const std::filesystem::path& file) {
  const Json json = read_json_file(file);
  if (!json.is_array()) throw InputError(file.string() + ": a list of {\"image_id\", \"caption\"} is needed");
  std::vector<Result> results;
  std::unordered_set<std::string> seen;
  for (const auto& entry : json) {
    const std::string place = file.string() + ": [" + std::to_string(results.size()) + "]";
    if (!entry.is_object()) throw InputError(place + ": no object");
    const auto written = entry.find("image_id");
    const auto id = written == entry.end() ? std::nullopt : read_picture_id(*written);
    if (!id) throw InputError(place + ".image_id: " + kPictureIdForm);
    const auto caption = entry.find("caption");
    if (caption == entry.end() || !caption->is_string()) throw InputError(place + ".caption: a string is needed");
    if (!seen.insert(id->key()).second)
      throw InputError(place + ".image_id: " + id->said() + " has a caption already; one a picture is allowed");
    results.push_back({*id, caption->get<std::string>()});
  }
  return results;
}

PictureIndex index_of(const std::vector<Example>& examples, const std::filesystem::path& images) {
  PictureIndex index;
  for (size_t i = 0; i < examples.size(); ++i) {
    const auto& picture = examples[i].picture;
    index.add(examples[i].id, static_cast<int64_t>(i));
    index.add_name(images.empty() ? picture : picture.lexically_relative(images), static_cast<int64_t>(i));
  }
  return index;
}

bool is_results(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return false;
  constexpr size_t kFirst = 1 << 16;  // more than any entry has
  const MappedFile mapped(file);
  const std::string_view text(reinterpret_cast<const char*>(mapped.bytes().data()),
                              std::min(mapped.bytes().size(), kFirst));
  const size_t open = text.find_first_of("[{"), begin = text.find('{'),
               end = text.find('}', std::min(begin, text.size()));
  if (open == text.npos || text[open] != '[' || end == text.npos) return false;
  const Json first = Json::parse(text.substr(begin, end + 1 - begin), nullptr, false);
  return first.is_object() && first.contains("image_id") && first.contains("caption") && !names_file(first);
}

void write_results(const std::filesystem::path& file, const std::vector<Result>& results) {
  AtomicFile out(file);
  std::string separator = "[\n";
  for (const auto& [image_id, caption] : results) {
    const Json entry = {{"image_id", image_id.json()}, {"caption", caption}};
    out.write(separator + entry.dump(-1, ' ', false, Json::error_handler_t::replace));
    separator = ",\n";
  }
  out.write(results.empty() ? "[]\n" : "\n]\n");
  out.commit();
}

}  // namespace attend
