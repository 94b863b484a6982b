#include <gif_lib.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "vision/codecs.h"

namespace attend::codecs {
namespace {

[[noreturn]] void fail(int code) {
  const char* reason = GifErrorString(code);
  throw Undecodable(std::string("not a whole GIF: ") + (reason ? reason : "damaged"));
}

int read_bytes(GifFileType* gif, GifByteType* to, int size) {
  auto& rest = *static_cast<Bytes*>(gif->UserData);
  const size_t count = std::min(rest.size(), static_cast<size_t>(std::max(size, 0)));
  std::memcpy(to, rest.data(), count);
  rest = rest.subspan(count);
  return static_cast<int>(count);
}

struct Close {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};

/// Passes over an extension block; returns the transparent index if it is one that sets it, else `transparent`.
int read_extension(GifFileType* gif, int transparent) {
  int code = 0;
  GifByteType* block = nullptr;
  if (DGifGetExtension(gif, &code, &block) == GIF_ERROR) fail(gif->Error);
  while (block) {
    GraphicsControlBlock control;
    if (code == GRAPHICS_EXT_FUNC_CODE && DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
      transparent = control.TransparentColor;
    if (DGifGetExtensionNext(gif, &block) == GIF_ERROR) fail(gif->Error);
  }
  return transparent;
}

/// The order in which rows are stored.
std::vector<int> row_order(int height, bool interlaced) {
  std::vector<int> rows;
  rows.reserve(static_cast<size_t>(height));
  if (!interlaced) {
    for (int y = 0; y < height; ++y) rows.push_back(y);
  } else {  // GIF89a, appendix E: every 8th row from 0, every 8th from 4, every 4th from 2, every 2nd from 1
    constexpr int passes[][2] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}};
    for (const auto& [first, step] : passes)
      for (int y = first; y < height; y += step) rows.push_back(y);
  }
  return rows;
}

/// The frame whose descriptor comes next, laid on a white canvas, which grows where the frame is larger than the screen.
cv::Mat read_frame(GifFileType* gif, int transparent, const ReadLimits& limits) {
  if (DGifGetImageDesc(gif) == GIF_ERROR) fail(gif->Error);
  const auto& frame = gif->Image;
  check_size(frame.Width, frame.Height, limits);
  const ColorMapObject* colours = frame.ColorMap ? frame.ColorMap : gif->SColorMap;
  if (!colours) throw Undecodable("not a whole GIF: no colour map");
  const cv::Size size(std::max(gif->SWidth, frame.Left + frame.Width),
                      std::max(gif->SHeight, frame.Top + frame.Height));
  check_size(size.width, size.height, limits);
  cv::Mat canvas(size, CV_8UC3, cv::Scalar::all(255));
  std::vector<GifPixelType> line(static_cast<size_t>(frame.Width));
  for (const int row : row_order(frame.Height, frame.Interlace)) {
    if (DGifGetLine(gif, line.data(), frame.Width) == GIF_ERROR) fail(gif->Error);
    auto* to = canvas.ptr<cv::Vec3b>(frame.Top + row) + frame.Left;
    for (int x = 0; x < frame.Width; ++x) {
      const int index = line[static_cast<size_t>(x)];
      if (index == transparent || index >= colours->ColorCount) continue;
      const auto& colour = colours->Colors[index];
      to[x] = {colour.Blue, colour.Green, colour.Red};
    }
  }
  return canvas;
}

/// Passes over a frame without decoding it.
void skip_frame(GifFileType* gif) {
  int code_size = 0;
  GifByteType* block = nullptr;
  if (DGifGetImageDesc(gif) == GIF_ERROR || DGifGetCode(gif, &code_size, &block) == GIF_ERROR) fail(gif->Error);
  while (block)
    if (DGifGetCodeNext(gif, &block) == GIF_ERROR) fail(gif->Error);
}

}  // namespace

Stored read_gif(Bytes file, const ReadLimits& limits) {
  int error = 0;
  const std::unique_ptr<GifFileType, Close> gif(DGifOpen(&file, read_bytes, &error));
  if (!gif) fail(error);
  if (gif->SWidth > 0 && gif->SHeight > 0) check_size(gif->SWidth, gif->SHeight, limits);
  Stored stored;
  int transparent = NO_TRANSPARENT_COLOR;
  for (;;) {  // to the end, so that a file cut in a later frame is noticed
    while (!file.empty() && file.front() == 0) file = file.subspan(1);  // some writers leave zeros between blocks
    if (file.empty() && !stored.pixels.empty()) break;                  // nothing but the end mark is missing
    GifRecordType type;
    if (DGifGetRecordType(gif.get(), &type) == GIF_ERROR) fail(gif->Error);
    if (type == TERMINATE_RECORD_TYPE) break;
    if (type == EXTENSION_RECORD_TYPE) transparent = read_extension(gif.get(), transparent);
    if (type != IMAGE_DESC_RECORD_TYPE) continue;
    if (stored.pixels.empty()) {
      stored.pixels = read_frame(gif.get(), transparent, limits);
    } else {
      skip_frame(gif.get());
    }
  }
  if (stored.pixels.empty()) throw Undecodable("a GIF without a picture");
  stored.full = stored.pixels.size();
  return stored;
}

}  // namespace attend::codecs
