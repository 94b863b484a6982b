// Captions as the pages of viz/ take them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/caption_pictures.h"
#include "viz/caption_page.h"

namespace attend {

/// Throws UsageError unless `path`, the value of --html, is empty or ends in .html or .htm.
void check_html_name(const std::filesystem::path& path);

/// A caption with its words and maps, these in an eighth of their memory.
PageCaption page_caption(const Caption& caption, std::array<int64_t, 2> grid);

/// A captioned picture under the name `name`. Reads the picture once more for its thumbnail: keeping the pictures of a
/// batch could take gigabytes. Throws InputError.
PagePicture page_picture(const std::filesystem::path& path, const std::string& name, const PictureCaptions& picture,
                         const Captioner& captioner);

/// Reads a picture and makes it small. Throws InputError.
Thumbnail read_thumbnail(const std::filesystem::path& path);

/// What the encoder saw, in shares of a picture's width and height.
cv::Rect2d page_area(cv::Size picture, const EncoderOptions& encoder);

/// Counts captions whose maps say nothing, and warns of them in the end.
class MapFaultCount {
 public:
  void add(const MapFaults& faults);
  void warn_of() const;

 private:
  size_t captions_ = 0, even_ = 0, alike_ = 0;
};

}  // namespace attend
