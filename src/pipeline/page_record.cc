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

}  // namespace attend
