#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "data/forms.h"

namespace attend {
namespace {

class JsonReader {
 public:
  explicit JsonReader(Collector& collector) : collector_(collector) {}

  void read() {
    const auto& file = collector_.source().string();
    const Json rest = parse();
    if (!rest.is_object() || !rest.contains("images") || !rest["images"].is_array())
      throw InputError(file +
                       ": no \"images\" list; COCO captions JSON or Karpathy's dataset JSON is needed, or another form "
                       "of docs/formats.md");
    if (rest.contains("annotations") && !rest["annotations"].is_array())
      throw InputError(file + ": \"annotations\" is no list; COCO's is one of {\"image_id\", \"caption\"}");
    if (rest.contains("splits")) read_split_lists(rest["splits"]);
    for (auto& [id, caption, origin] : annotations_)
      collector_.append_caption(collector_.find(id, "image_id " + id.said(), true, "for an unknown picture"),
                                std::move(caption), origin);
  }

 private:
  /// Karpathy and Li 2015 trained on "restval", too.
  static std::string learnt(const std::string& split) { return split == "restval" ? "train" : split; }

  struct Annotation {
    PictureId picture;
    std::string caption;
    uint32_t origin;
  };

  /// Hands every entry of "images" and "annotations" on while the file is parsed and keeps only what is left of it: a
  /// tree of the whole file would take several times the memory of the result.
  Json parse() {
    const MappedFile mapped(collector_.source());
    const auto* text = reinterpret_cast<const char*>(mapped.bytes().data());
    std::string section;
    bool in_list = false;
    const auto on_event = [&](int depth, Json::parse_event_t event, Json& value) {
      using Event = Json::parse_event_t;
      if (depth == 1 && event == Event::key) {
        section = value.get<std::string>();
        in_list = false;
      } else if (depth == 1 && event == Event::array_start) {
        in_list = section == "images" || section == "annotations";
      }
      const bool whole = event == Event::object_end || event == Event::array_end || event == Event::value;
      if (depth != 2 || !in_list || !whole) return true;
      section == "images" ? take_picture(value) : take_annotation(value);
      return false;
    };
    return parse_json({text, mapped.bytes().size()}, collector_.source().string(), on_event);
  }

  void take_picture(const Json& entry) {
    const std::string place = "images[" + std::to_string(collector_.see_picture()) + "]";
    try {
      if (!entry.is_object()) throw Malformed{"no object"};
      PictureId id = id_of(entry, {"id", "cocoid", "imgid"});
      if (!collector_.claim(id)) return;
      const auto name = text_of(entry, {"file_name", "filename"});
      if (!name) throw Malformed{"no file_name"};
      const auto folder = text_of(entry, {"filepath"}).value_or("");
      const auto split = learnt(text_of(entry, {"split"}).value_or(""));
      const auto sentences = entry.find("sentences");
      if (sentences != entry.end() && !sentences->is_array()) throw Malformed{"sentences is no list"};
      const int64_t picture = collector_.add_picture(std::move(id), std::filesystem::path(folder) / *name, split);
      if (sentences == entry.end()) return;
      size_t number = 0;  // Karpathy's form: the captions stand in the picture's own entry
      for (const auto& sentence : *sentences) {
        const auto said = take_caption(sentence, "raw", place + ".sentences[" + std::to_string(number++) + "]");
        if (said) collector_.append_caption(picture, said->first, said->second);
      }
    } catch (const Malformed& fault) {
      collector_.picture_fault("malformed", place + ": " + fault.what);
    }
  }

  void take_annotation(const Json& entry) {
    const std::string place = "annotations[" + std::to_string(annotations_seen_++) + "]";
    auto said = take_caption(entry, "caption", place);
    if (!said) return;
    try {
      annotations_.push_back({id_of(entry, {"image_id"}), std::move(said->first), said->second});
    } catch (const Malformed& fault) {
      collector_.caption_fault("malformed", place + ": " + fault.what);
    }
  }

  /// The caption of one entry and its origin, or nothing and a fault.
  std::optional<std::pair<std::string, uint32_t>> take_caption(const Json& entry, const char* key,
                                                               const std::string& place) {
    collector_.see_caption();
    try {
      if (!entry.is_object()) throw Malformed{"no object"};
      auto caption = text_of(entry, {key});
      if (!caption) throw Malformed{std::string("no ") + key};
      auto text = collector_.clean(*std::move(caption), place);
      if (!text) return std::nullopt;
      const auto origin = entry.find("source");
      return std::pair(*std::move(text), origin == entry.end() || !origin->is_string()
                                             ? 0
                                             : collector_.origin_of(origin->get<std::string>()));
    } catch (const Malformed& fault) {
      collector_.caption_fault("malformed", place + ": " + fault.what);
    }
    return std::nullopt;
  }

  /// {"train": [id or file name, …], …} for the pictures that don't name their own split.
  void read_split_lists(const Json& splits) {
    const auto& file = collector_.source().string();
    if (!splits.is_object()) throw InputError(file + ": splits: an object of lists is needed");
    for (const auto& [split, list] : splits.items()) {
      if (!list.is_array()) throw InputError(file + ": splits." + split + ": a list is needed");
      for (const auto& item : list) {
        const std::string place = "splits." + split + ": " + item.dump();
        const auto id = read_picture_id(item);
        if (id)
          collector_.set_split(collector_.find(*id, place, false, "unknown in a split list"), learnt(split));
        else
          collector_.picture_fault("unknown in a split list", place);
      }
    }
  }

  Collector& collector_;
  std::vector<Annotation> annotations_;  // they may stand before the pictures they are for
  int64_t annotations_seen_ = 0;
};

}  // namespace

void read_json_captions(Collector& collector) { JsonReader(collector).read(); }

}  // namespace attend
