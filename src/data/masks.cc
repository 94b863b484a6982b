#include "data/masks.h"

#include <cmath>
#include <string>

#include "base/error.h"

namespace attend {
namespace {

constexpr int64_t max_side = 1 << 15;

[[noreturn]] void refuse(const std::string& place, const std::string& what) { throw InputError(place + ": " + what); }

const Json& member(const Json& json, const char* key, const std::string& place) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  if (found == json.end())
    refuse(place, std::string("no \"") + key + "\"; only files that attend shapes writes have it");
  return *found;
}

int64_t whole_number(const Json& json, int64_t most, const std::string& place) {
  if (!json.is_number_unsigned() || json.get<uint64_t>() > static_cast<uint64_t>(most))
    refuse(place, json.dump() + " is no whole number from 0 to " + std::to_string(most));
  return json.get<int64_t>();
}

cv::Mat decode_mask(const Json& segmentation, const std::string& place) {
  const Json& size = member(segmentation, "size", place);
  const Json& counts = member(segmentation, "counts", place);
  if (!size.is_array() || size.size() != 2 || !counts.is_array())
    refuse(place, "size [h, w] and a list of counts are needed");
  const auto height = whole_number(size[0], max_side, place + ".size"),
             width = whole_number(size[1], max_side, place + ".size");
  cv::Mat mask = cv::Mat::zeros(static_cast<int>(height), static_cast<int>(width), CV_8UC1);
  int64_t at = 0;
  bool on = false;
  for (const auto& count : counts) {
    const int64_t end = at + whole_number(count, height * width - at, place + ".counts");
    for (; at < end; ++at)
      if (on) mask.at<uint8_t>(static_cast<int>(at % height), static_cast<int>(at / height)) = 255;
    on = !on;
  }
  if (at != height * width) refuse(place + ".counts", "they don't fill the mask");
  return mask;
}

}  // namespace

Json encode_mask(const cv::Mat& mask) {
  Json counts = Json::array();
  int64_t run = 0;
  bool on = false;
  for (int x = 0; x < mask.cols; ++x)
    for (int y = 0; y < mask.rows; ++y) {
      if ((mask.at<uint8_t>(y, x) != 0) != on) {
        counts.push_back(std::exchange(run, 0));
        on = !on;
      }
      ++run;
    }
  counts.push_back(run);
  return {{"size", {mask.rows, mask.cols}}, {"counts", counts}};
}

std::unordered_map<int64_t, std::vector<MaskedObject>> read_masks(const std::filesystem::path& captions) {
  const Json json = read_json_file(captions);
  std::unordered_map<int64_t, std::vector<MaskedObject>> masks;
  const std::string source = captions.string();
  size_t index = 0;
  for (const auto& annotation : member(json, "annotations", source)) {
    const std::string place = source + ": annotations[" + std::to_string(index++) + "]";
    const int64_t id = whole_number(member(annotation, "image_id", place), INT64_MAX, place + ".image_id");
    const auto [objects, is_new] = masks.try_emplace(id);
    if (!is_new) refuse(place + ".image_id", std::to_string(id) + " has objects already");
    for (const auto& object : member(annotation, "objects", place)) {
      MaskedObject masked{decode_mask(member(object, "segmentation", place), place), {}};
      for (const auto& word : member(object, "words", place))
        masked.words.push_back(static_cast<int>(whole_number(word, INT32_MAX, place + ".words")));
      objects->second.push_back(std::move(masked));
    }
  }
  return masks;
}

void add_pointing(const std::vector<MaskedObject>& objects, std::span<const cv::Point2d> peaks, Pointing& pointing) {
  for (const auto& [mask, words] : objects)
    for (const int word : words) {
      ++pointing.words;
      if (static_cast<size_t>(word) >= peaks.size()) continue;
      const cv::Point2d peak = peaks[static_cast<size_t>(word)];
      const cv::Point pixel(static_cast<int>(std::floor(peak.x)), static_cast<int>(std::floor(peak.y)));
      if (cv::Rect(0, 0, mask.cols, mask.rows).contains(pixel) && mask.at<uint8_t>(pixel) != 0) ++pointing.inside;
    }
}

}  // namespace attend
