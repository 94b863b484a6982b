#include "data/results.h"

#include <unordered_set>

#include "base/error.h"
#include "base/files.h"

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
