// What of a picture file is no metadata: it has to be the same before and after a caption is written into it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace attend {

/// Everything in a JPEG, PNG, WebP or TIFF file but EXIF, XMP, IPTC and what only says where things lie: the coded picture, its
/// tables, profiles, comments, further pictures and whatever stands behind. Two files with the same show the same picture, bit
/// for bit. Nothing for a file of another kind. Throws InputError (without the file's name) for a damaged one.
std::optional<std::string> beside_metadata(std::string_view file);

/// The text chunks of a PNG under the keyword "Description", as they are.
std::string png_descriptions(std::string_view file);

}  // namespace attend
