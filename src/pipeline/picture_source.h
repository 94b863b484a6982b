// A picture to caption, wherever it is.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "vision/picture.h"

namespace attend {

/// The bytes of a picture file, as read_picture() takes them: JPEG, PNG, …
struct EncodedPicture {
  std::span<const unsigned char> bytes;
  std::string name;  // in messages
};

/// Pixels: u8, red, green, blue, from the upper left row by row.
struct RgbPicture {
  const unsigned char* pixels = nullptr;
  int width = 0, height = 0;
  size_t stride = 0;                // bytes from the beginning of a row to that of the next, at least 3 · width
  std::string name;                 // in messages
  std::optional<double> time = {};  // of a frame, seconds from the video's beginning
};

/// A file, the bytes of one, or pixels; bytes and pixels belong to whoever made the value, and are to outlive it.
class PictureSource {
 public:
  PictureSource(std::filesystem::path file) : from_(std::move(file)) {}
  PictureSource(EncodedPicture picture) : from_(std::move(picture)) {}
  PictureSource(RgbPicture picture) : from_(std::move(picture)) {}

  /// Of a file its path, byte for byte.
  const std::string& name() const;
  /// Of a video's frame when it is, in seconds.
  std::optional<double> time() const;
  /// The upright picture; reduce_to as read_picture() has it. Throws InputError that begins with the name.
  Picture read(int reduce_to = 0) const;

 private:
  std::variant<std::filesystem::path, EncodedPicture, RgbPicture> from_;
};

}  // namespace attend
