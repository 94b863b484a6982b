// What was seen in a picture, as the pages of viz/ take it.
#pragma once

#include <string>
#include <vector>

#include "pipeline/picture_source.h"
#include "pipeline/seen_picture.h"
#include "viz/caption_page.h"

namespace attend {

/// A picture under its name, without its thumbnail; maps are in an eighth of their memory.
PagePicture page_record(const SeenPicture& picture);

/// Reads a picture and makes it small. A page reads every picture once more: keeping the pictures of a batch could take
/// gigabytes. Throws InputError.
Thumbnail read_thumbnail(const PictureSource& picture);

/// Counts captions whose maps say nothing.
class MapFaultCount {
 public:
  void add(const MapFaults& faults);
  /// What is to be said of them in the end, a line a fault.
  std::vector<std::string> remarks() const;

 private:
  size_t captions_ = 0, even_ = 0, alike_ = 0;
};

}  // namespace attend
