// What was seen in a picture, as the pages of viz/ take it.
#pragma once

#include "pipeline/picture_source.h"
#include "pipeline/seen_picture.h"
#include "viz/caption_page.h"

namespace attend {

/// A picture under its name, without its thumbnail; maps are in an eighth of their memory.
PagePicture page_record(const SeenPicture& picture);

/// Reads a picture and makes it small. A page reads every picture once more: keeping the pictures of a batch could take
/// gigabytes. Throws InputError.
Thumbnail read_thumbnail(const PictureSource& picture);

}  // namespace attend
