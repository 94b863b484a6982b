// The mark that pictures drawn by attend carry, so that none is captioned as a photograph when it lies among them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace attend {

/// The bytes of a JPEG, PNG, GIF or WebP file with the mark in them: as a comment, in WebP as XMP. Others come back as they
/// are.
std::string marked(std::string file);

/// Whether a file that begins with `first` (kKindBytes, or all of it) has the mark. Only of a WebP with XMP, which stands
/// at its end, more is read.
bool is_marked(const std::filesystem::path& path, std::string_view first);

}  // namespace attend
