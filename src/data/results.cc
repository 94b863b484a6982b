#include "data/results.h"

#include <unordered_set>

#include "base/error.h"
#include "base/files.h"

namespace attend {

std::vector<Result> read_results(const std::filesystem::path& file) {
  const Json json = read_json_file(file);
  if (!json.is_array()) throw InputError(file.string() + ": a list of {\"image_id\", \"caption\"} is needed");
  std::vector<Result> results;
  std::unordered_set<int64_t> seen;
  for (const auto& entry : json) {
    const std::string place = file.string() + ": [" + std::to_string(results.size()) + "]";
    if (!entry.is_object()) throw InputError(place + ": no object");
    const auto id = entry.find("image_id");
    if (id == entry.end() || !id->is_number_unsigned() || id->get<uint64_t>() > INT64_MAX)
      throw InputError(place + ".image_id: a whole number from 0 to 2^63-1 is needed");
    const auto caption = entry.find("caption");
    if (caption == entry.end() || !caption->is_string()) throw InputError(place + ".caption: a string is needed");
    if (!seen.insert(id->get<int64_t>()).second)
      throw InputError(place + ".image_id: " + id->dump() + " has a caption already; one a picture is allowed");
    results.push_back({id->get<int64_t>(), caption->get<std::string>()});
  }
  return results;
}

void write_results(const std::filesystem::path& file, const std::vector<Result>& results) {
  AtomicFile out(file);
  std::string separator = "[\n";
  for (const auto& [image_id, caption] : results) {
    const Json entry = {{"image_id", image_id}, {"caption", caption}};
    out.write(separator + entry.dump(-1, ' ', false, Json::error_handler_t::replace));
    separator = ",\n";
  }
  out.write(results.empty() ? "[]\n" : "\n]\n");
  out.commit();
}

}  // namespace attend
