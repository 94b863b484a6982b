#include "pipeline/picture_source.h"

#include <opencv2/imgproc.hpp>

#include "base/error.h"

namespace attend {
namespace {

Picture pixels_of(const RgbPicture& from) {
  const ReadLimits limits;
  const auto refuse = [&](const std::string& why) { throw InputError(from.name + ": " + why); };
  if (from.width <= 0 || from.height <= 0)
    refuse("an empty picture (" + std::to_string(from.width) + "x" + std::to_string(from.height) + " pixels)");
  if (from.width > limits.max_pixels / from.height)
    refuse("too large (" + std::to_string(from.width) + "x" + std::to_string(from.height) + " pixels; at most " +
           std::to_string(limits.max_pixels) + " are taken)");
  if (!from.pixels) refuse("no pixels");
  if (from.stride < 3 * static_cast<size_t>(from.width))
    refuse("its rows are " + std::to_string(from.stride) + " bytes apart, and " + std::to_string(3 * from.width) +
           " bytes long");
  const cv::Mat rgb(from.height, from.width, CV_8UC3, const_cast<unsigned char*>(from.pixels),
                    from.stride);  // only read
  Picture picture{{}, rgb.size()};
  cv::cvtColor(rgb, picture.pixels, cv::COLOR_RGB2BGR);
  return picture;
}

}  // namespace

const std::string& PictureSource::name() const {
  if (const auto* file = std::get_if<std::filesystem::path>(&from_)) return file->native();
  if (const auto* encoded = std::get_if<EncodedPicture>(&from_)) return encoded->name;
  return std::get<RgbPicture>(from_).name;
}

std::optional<double> PictureSource::time() const {
  const auto* pixels = std::get_if<RgbPicture>(&from_);
  return pixels ? pixels->time : std::nullopt;
}

Picture PictureSource::read(int reduce_to) const {
  if (const auto* file = std::get_if<std::filesystem::path>(&from_)) return read_picture(*file, reduce_to);
  if (const auto* encoded = std::get_if<EncodedPicture>(&from_))
    return decode_picture(encoded->bytes, encoded->name, reduce_to);
  return pixels_of(std::get<RgbPicture>(from_));
}

}  // namespace attend
