// T words · L = h·w grid cells
#include "app/page_record.h"

#include "app/caption_record.h"
#include "base/error.h"
#include "base/progress.h"
#include "model/pictures.h"
#include "vision/picture.h"

namespace attend {

void check_html_name(const std::filesystem::path& path) {
  if (!path.empty() && path.extension() != ".html" && path.extension() != ".htm")
    throw UsageError("--html: " + path.string() + ": name a file that ends in .html");
}

PageCaption page_caption(const Caption& caption, std::array<int64_t, 2> grid) {
  const auto maps = attention_maps(caption, grid);
  PageCaption page{caption.text, caption.words, caption.word_log_probability, caption.log_probability, {}, {}};
  page.maps.push_back(page_maps("attention", maps));
  page.faults = check_maps(maps);
  page.confidence = caption.confidence;
  page.familiar = caption.familiar;
  if (!caption.locations.empty() && caption.locations.front() >= 0)
    page.maps.push_back(page_maps("chosen cell", location_maps(caption, grid)));
  return page;
}

Thumbnail read_thumbnail(const std::filesystem::path& path) {
  return make_thumbnail(read_picture(path, kThumbnailSide).pixels);
}

cv::Rect2d page_area(cv::Size picture, const EncoderOptions& encoder) {
  const cv::Rect2d area = input_geometry(picture, encoder).input_area();
  return {area.x / picture.width, area.y / picture.height, area.width / picture.width, area.height / picture.height};
}

PagePicture page_picture(const std::filesystem::path& path, const std::string& name, const PictureCaptions& picture,
                         const Captioner& captioner) {
  const auto& encoder = captioner.options.encoder;
  PagePicture page{name, read_thumbnail(path), page_area(picture.size, encoder), {}, {}, {}};
  const auto grid = captioner.encoder->grid(encoder.input_size);
  for (const auto& caption : picture.captions) page.captions.push_back(page_caption(caption, grid));
  if (picture.explanation) {
    auto& maps = page.captions.front().maps;
    maps.push_back(page_maps("gradient", gradient_maps(*picture.explanation, grid)));
    maps.back().rank_correlation = picture.explanation->rank_correlation;
    maps.push_back(page_maps("pixels", pixel_maps(*picture.explanation)));
  }
  return page;
}

void MapFaultCount::add(const MapFaults& faults) {
  ++captions_;
  even_ += faults.even;
  alike_ += faults.alike;
}

void MapFaultCount::warn_of() const {
  const std::string all = " of " + std::to_string(captions_) + (captions_ == 1 ? " caption" : " captions");
  if (even_ > 0)
    warn(std::to_string(even_) + all + ": the attention is near-uniform; its maps don't tell where the model looked");
  if (alike_ > 0)
    warn(std::to_string(alike_) + all + ": every word has the same map; the maps don't tell the words apart");
}

}  // namespace attend
