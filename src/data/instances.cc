#include "data/instances.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "data/caption_list.h"

namespace attend {
namespace {

[[noreturn]] void refuse(const std::string& place, const std::string& what) { throw InputError(place + ": " + what); }

const Json& list_of(const Json& json, const char* key, const std::string& file) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  if (found == json.end() || !found->is_array()) refuse(file, std::string("no list of \"") + key + "\"");
  return *found;
}

int64_t id_of(const Json& entry, const char* key, const std::string& place) {
  const auto found = entry.is_object() ? entry.find(key) : entry.end();
  if (found == entry.end() || !found->is_number_integer())
    refuse(place, std::string("no whole number \"") + key + "\"");
  return found->get<int64_t>();
}

/// The run lengths in COCO's text: six bits a character from '0' on, five of the number and one that says whether more follow;
/// from the fourth on a number is the difference to the one before the last.
std::vector<int64_t> counts_of(const std::string& text, const std::string& place) {
  std::vector<int64_t> counts;
  for (size_t at = 0; at < text.size();) {
    int64_t value = 0;
    int bits = 0;
    for (bool more = true; more; bits += 5) {
      if (at == text.size() || text[at] < '0' || text[at] > 'o' || bits > 40)
        refuse(place, "run lengths that are damaged");
      const int part = text[at++] - '0';
      value |= static_cast<int64_t>(part & 31) << bits;
      more = (part & 32) != 0;
      if (!more && (part & 16) != 0) value -= int64_t{1} << (bits + 5);
    }
    if (counts.size() > 2) value += counts[counts.size() - 2];
    counts.push_back(value);
  }
  return counts;
}

/// Sets the object's pixels in `mask`.
void draw_runs(const std::vector<int64_t>& counts, cv::Mat& mask, const std::string& place) {
  const int64_t all = static_cast<int64_t>(mask.rows) * mask.cols;
  int64_t at = 0;
  bool on = false;
  for (const int64_t count : counts) {
    if (count < 0 || count > all - at) refuse(place, "run lengths that don't fit the picture");
    for (const int64_t end = at + count; at < end; ++at)
      if (on) mask.at<uint8_t>(static_cast<int>(at % mask.rows), static_cast<int>(at / mask.rows)) = 255;
    on = !on;
  }
}

void draw_polygon(const Json& numbers, cv::Mat& mask, const std::string& place) {
  if (!numbers.is_array() || numbers.size() < 6 || numbers.size() % 2 != 0)
    refuse(place, "a polygon is a list of x, y, x, y, … of three points and more");
  const size_t count = numbers.size() / 2;
  std::vector<cv::Point2d> points;
  for (size_t i = 0; i < count; ++i) {
    if (!numbers[2 * i].is_number() || !numbers[2 * i + 1].is_number()) refuse(place, "a polygon is a list of numbers");
    points.emplace_back(numbers[2 * i].get<double>(), numbers[2 * i + 1].get<double>());
  }
  // Pixel (x, y) covers [x, x + 1): it is inside where its centre is, by the even-odd rule.
  for (int y = 0; y < mask.rows; ++y) {
    const double centre = y + 0.5;
    std::vector<double> crossings;
    for (size_t i = 0; i < count; ++i) {
      const auto &from = points[i], &to = points[(i + 1) % count];
      if ((from.y <= centre) != (to.y <= centre))
        crossings.push_back(from.x + (centre - from.y) * (to.x - from.x) / (to.y - from.y));
    }
    std::sort(crossings.begin(), crossings.end());
    for (size_t i = 0; i + 1 < crossings.size(); i += 2) {
      const auto column = [&](double x) {
        return static_cast<int>(std::clamp(std::ceil(x - 0.5), 0.0, static_cast<double>(mask.cols)));
      };
      const int left = column(crossings[i]), right = column(crossings[i + 1]);
      if (left < right) mask(cv::Rect(left, y, right - left, 1)) = 255;
    }
  }
}

}  // namespace

CategoryWords read_category_words(const std::filesystem::path& file) {
  const std::string text = read_file(file);
  // A spreadsheet that writes decimal commas puts semicolons between the cells.
  const std::string_view first = std::string_view(text).substr(0, text.find('\n'));
  const char separator = first.find('\t') != first.npos ? '\t' : first.find(';') != first.npos ? ';' : ',';
  TableReader table(text, separator);
  CategoryWords words;
  try {
    const auto header = table.next();
    const auto column = [&](const char* name) {
      const auto found = header ? std::find(header->begin(), header->end(), name) : decltype(header->begin()){};
      if (!header || found == header->end())
        throw InputError("its first row must name its columns, among them \"category\" and \"word\"");
      return static_cast<size_t>(found - header->begin());
    };
    const size_t category = column("category"), word = column("word");
    while (const auto row = table.next()) {
      if (row->size() != header->size())
        throw InputError(std::to_string(row->size()) + " cells, but " + std::to_string(header->size()) + " columns");
      words[(*row)[word]].push_back((*row)[category]);
    }
  } catch (const InputError& error) {
    throw InputError(file.string() + ":" + std::to_string(std::max<size_t>(table.line(), 1)) + ": " + error.what());
  }
  if (words.empty()) throw InputError(file.string() + ": no words in it");
  return words;
}

Instances::Instances(const std::filesystem::path& file) {
  const Json json = read_json_file(file);
  const std::string source = file.string();
  std::unordered_map<int64_t, std::string> names;
  size_t index = 0;
  for (const auto& category : list_of(json, "categories", source)) {
    const std::string place = source + ": categories[" + std::to_string(index++) + "]";
    const int64_t id = id_of(category, "id", place);
    const auto name = category.find("name");
    if (name == category.end() || !name->is_string()) refuse(place, "no \"name\"");
    categories_.push_back(names[id] = name->get<std::string>());
  }
  index = 0;
  for (const auto& image : list_of(json, "images", source)) {
    const std::string place = source + ": images[" + std::to_string(index++) + "]";
    const int64_t width = id_of(image, "width", place), height = id_of(image, "height", place);
    if (width < 1 || height < 1 || width > 1 << 15 || height > 1 << 15) refuse(place, "no picture's width and height");
    sizes_[id_of(image, "id", place)] = cv::Size(static_cast<int>(width), static_cast<int>(height));
  }
  index = 0;
  for (const auto& annotation : list_of(json, "annotations", source)) {
    Object object{{}, source + ": annotations[" + std::to_string(index++) + "]", {}, {}};
    const int64_t picture = id_of(annotation, "image_id", object.place);
    const auto name = names.find(id_of(annotation, "category_id", object.place));
    if (name == names.end()) refuse(object.place, "a category_id that no category has");
    if (!sizes_.count(picture)) refuse(object.place, "an image_id that no image has");
    object.category = name->second;
    if (const auto found = annotation.find("segmentation"); found != annotation.end()) object.segmentation = *found;
    if (const auto box = annotation.find("bbox"); box != annotation.end()) {
      const bool fits = box->is_array() && box->size() == 4 &&
                        std::all_of(box->begin(), box->end(), [](const Json& side) { return side.is_number(); });
      if (!fits) refuse(object.place, "a bbox is [x, y, width, height]");
      object.box = {(*box)[0].get<double>(), (*box)[1].get<double>(), (*box)[2].get<double>(), (*box)[3].get<double>()};
    } else if (object.segmentation.empty()) {
      refuse(object.place, "no segmentation and no bbox");
    }
    objects_[picture].push_back(std::move(object));
  }
}

CategoryWords Instances::category_words() const {
  CategoryWords words;
  for (const auto& category : categories_) {
    if (category.find(' ') != category.npos) continue;
    const bool hisses =
        category.ends_with("s") || category.ends_with("x") || category.ends_with("ch") || category.ends_with("sh");
    words[category].push_back(category);
    words[category + (hisses ? "es" : "s")].push_back(category);
  }
  return words;
}

std::vector<MaskedObject> Instances::named_by(int64_t image_id, const std::vector<std::string>& words,
                                              const CategoryWords& names) const {
  std::vector<MaskedObject> named;
  const auto objects = objects_.find(image_id);
  if (objects == objects_.end()) return named;
  for (size_t t = 0; t < words.size(); ++t) {
    const auto categories = names.find(words[t]);
    if (categories == names.end()) continue;
    cv::Mat mask;
    for (const auto& object : objects->second) {
      const auto& of_word = categories->second;
      if (std::find(of_word.begin(), of_word.end(), object.category) == of_word.end()) continue;
      if (mask.empty()) mask = cv::Mat::zeros(sizes_.at(image_id), CV_8UC1);
      const Json& shape = object.segmentation;
      if (shape.is_array() && !shape.empty()) {
        for (const auto& polygon : shape) draw_polygon(polygon, mask, object.place);
      } else if (shape.is_object()) {
        const auto counts = shape.find("counts");
        if (counts == shape.end() || !(counts->is_string() || counts->is_array())) refuse(object.place, "no counts");
        try {
          draw_runs(counts->is_string() ? counts_of(counts->get<std::string>(), object.place)
                                        : counts->get<std::vector<int64_t>>(),
                    mask, object.place);
        } catch (const Json::exception&) {
          refuse(object.place, "counts are whole numbers");
        }
      } else {
        mask(cv::Rect(object.box) & cv::Rect(0, 0, mask.cols, mask.rows)) = 255;
      }
    }
    if (!mask.empty()) named.push_back({std::move(mask), {static_cast<int>(t)}});
  }
  return named;
}

}  // namespace attend
