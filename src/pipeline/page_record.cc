#include "pipeline/page_record.h"

namespace attend {
namespace {

PageCaption page_caption(const SeenCaption& caption) {
  const auto maps = maps_of(caption.attention);
  PageCaption page{caption.text, caption.words, caption.word_log_probability, caption.log_probability, {}, {}};
  page.maps.push_back(page_maps("attention", maps));
  page.faults = check_maps(maps);
  page.confidence = caption.confidence;
  page.left_out = caption.left_out;
  for (const auto& [text, words] : caption.phrases)
    if (!words.empty()) page.phrases.push_back({text, words});
  if (!caption.locations.empty() && caption.locations.front() >= 0)
    page.maps.push_back(page_maps("chosen cell", location_maps(caption)));
  if (!caption.explained()) return page;
  page.maps.push_back(page_maps("gradient", gradient_maps(caption)));
  page.maps.back().rank_correlation = caption.rank_correlation;
  page.maps.push_back(page_maps("pixels", pixel_maps(caption)));
  return page;
}

}  // namespace

PagePicture page_record(const SeenPicture& picture) {
  const cv::Rect2d area = picture.area();
  const double width = picture.size.width, height = picture.size.height;
  PagePicture page{picture.name, {}, {area.x / width, area.y / height, area.width / width, area.height / height},
                   {},           {}, {}};
  for (const auto& caption : picture.captions) page.captions.push_back(page_caption(caption));
  page.captions.front().familiar = picture.familiar;
  return page;
}

Thumbnail read_thumbnail(const PictureSource& picture) { return make_thumbnail(picture.read(kThumbnailSide).pixels); }

void MapFaultCount::add(const MapFaults& faults) {
  ++captions_;
  even_ += faults.even;
  alike_ += faults.alike;
}

std::vector<std::string> MapFaultCount::remarks() const {
  const std::string all = " of " + std::to_string(captions_) + (captions_ == 1 ? " caption" : " captions");
  std::vector<std::string> lines;
  if (even_ > 0)
    lines.push_back(std::to_string(even_) + all +
                    ": the attention is near-uniform; its maps don't tell where the model looked");
  if (alike_ > 0)
    lines.push_back(std::to_string(alike_) + all +
                    ": every word has the same map; the maps don't tell the words apart");
  return lines;
}

}  // namespace attend
