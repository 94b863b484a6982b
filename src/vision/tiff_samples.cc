#include "vision/tiff_samples.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "vision/codecs.h"

namespace attend::codecs {
namespace {

template <class T>
T field(TIFF* tiff, uint32_t tag, T fallback) {
  T value = fallback;
  TIFFGetFieldDefaulted(tiff, tag, &value);
  return value;
}

/// What each value of a sample is in eight bits.
using Table = std::vector<unsigned char>;

/// Where a channel of the picture comes from.
struct Channel {
  int sample;
  Table table;
};

/// How a pixel is made of samples: blue, green, red or the light that yellow, magenta, cyan leave; then the light that black
/// leaves; then alpha.
struct Pixel {
  std::vector<Channel> channels;
  bool black = false, alpha = false, premultiplied = false;
};

uint16_t photometric_of(TIFF* tiff) {
  uint16_t kind;
  if (TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &kind)) return kind;
  return field<uint16_t>(tiff, TIFFTAG_SAMPLESPERPIXEL, 1) >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
}

Table levels(int bits, bool inverted) {
  const uint32_t most = (1u << bits) - 1;
  Table table(most + 1);
  for (uint32_t value = 0; value <= most; ++value)
    table[value] = static_cast<unsigned char>(((inverted ? most - value : value) * 255 + most / 2) / most);
  return table;
}

/// The palette's tables of blue, green and red: sixteen bits, or eight where none is larger.
std::array<Table, 3> palette_of(TIFF* tiff, int bits) {
  uint16_t* colours[3] = {};  // red, green, blue
  if (!TIFFGetField(tiff, TIFFTAG_COLORMAP, &colours[0], &colours[1], &colours[2]))
    throw Undecodable("not a whole TIFF: no palette");
  const size_t count = size_t{1} << bits;
  bool deep = false;
  for (const auto* list : colours) deep |= std::any_of(list, list + count, [](uint16_t value) { return value > 255; });
  std::array<Table, 3> tables;
  for (size_t c = 0; c < 3; ++c)
    for (size_t i = 0; i < count; ++i)
      tables[c].push_back(static_cast<unsigned char>(deep ? colours[2 - c][i] >> 8 : colours[2 - c][i]));
  return tables;
}

Pixel pixel_of(TIFF* tiff, int bits, int samples) {
  const uint16_t kind = photometric_of(tiff);
  uint16_t extra = 0;
  const uint16_t* kinds = nullptr;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra, &kinds);
  const int colours = kind == PHOTOMETRIC_RGB ? 3 : kind == PHOTOMETRIC_SEPARATED ? 4 : 1;
  if (samples < colours) throw Undecodable("not a TIFF: damaged header");
  Pixel pixel;
  if (kind == PHOTOMETRIC_PALETTE) {
    for (auto& table : palette_of(tiff, bits)) pixel.channels.push_back({0, std::move(table)});
  } else {
    const Table table = levels(bits, kind == PHOTOMETRIC_MINISWHITE || kind == PHOTOMETRIC_SEPARATED);
    for (int c = 0; c < 3; ++c) pixel.channels.push_back({colours == 1 ? 0 : 2 - c, table});
    pixel.black = colours == 4;
    if (pixel.black) pixel.channels.push_back({3, table});
  }
  for (int i = 0; i < extra && !pixel.alpha; ++i) {  // an unspecified one may be anything, near infrared for example
    if (kinds[i] != EXTRASAMPLE_ASSOCALPHA && kinds[i] != EXTRASAMPLE_UNASSALPHA) continue;
    pixel.alpha = true;
    pixel.premultiplied = kinds[i] == EXTRASAMPLE_ASSOCALPHA;
    pixel.channels.push_back({samples - extra + i, levels(bits, false)});
  }
  return pixel;
}

/// The index-th sample of a row: whole bytes as this machine has them, else bits from the highest on.
uint32_t sample_at(const unsigned char* row, size_t index, int bits) {
  if (bits == 8) return row[index];
  if (bits == 16) {
    uint16_t value;
    std::memcpy(&value, row + 2 * index, 2);
    return value;
  }
  uint32_t value = 0;
  for (size_t bit = index * static_cast<size_t>(bits), end = bit + static_cast<size_t>(bits); bit < end; ++bit)
    value = value << 1 | (row[bit / 8] >> (7 - bit % 8) & 1u);
  return value;
}

/// What libtiff decodes at once, and where it lies in the picture.
struct Block {
  bool tiled;
  int width, height;
  tmsize_t bytes, row;  // of all of it, and of one of its rows
};

Block block_of(TIFF* tiff, cv::Size size) {
  if (TIFFIsTiled(tiff))
    return {true, static_cast<int>(field<uint32_t>(tiff, TIFFTAG_TILEWIDTH, 0)),
            static_cast<int>(field<uint32_t>(tiff, TIFFTAG_TILELENGTH, 0)), TIFFTileSize(tiff), TIFFTileRowSize(tiff)};
  const auto rows =
      std::min<uint32_t>(field<uint32_t>(tiff, TIFFTAG_ROWSPERSTRIP, UINT32_MAX), static_cast<uint32_t>(size.height));
  return {false, size.width, static_cast<int>(rows), TIFFStripSize(tiff), TIFFScanlineSize(tiff)};
}

/// A u8 picture of pixel.channels, or an empty one.
cv::Mat read_channels(TIFF* tiff, cv::Size size, const Pixel& pixel, int bits, int samples) {
  const Block block = block_of(tiff, size);
  if (block.width <= 0 || block.height <= 0 || block.bytes <= 0) return {};
  const bool separate = field<uint16_t>(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) == PLANARCONFIG_SEPARATE;
  const int channels = static_cast<int>(pixel.channels.size()), in_row = separate ? 1 : samples;
  cv::Mat picture(size, CV_8UC(channels));
  std::vector<unsigned char> bytes(static_cast<size_t>(block.bytes));
  for (int top = 0; top < size.height; top += block.height)
    for (int left = 0; left < size.width; left += block.width)
      for (int plane = 0; plane < (separate ? samples : 1); ++plane) {
        const auto wanted = [&](const Channel& channel) { return !separate || channel.sample == plane; };
        if (std::none_of(pixel.channels.begin(), pixel.channels.end(), wanted)) continue;
        const int width = std::min(block.width, size.width - left), height = std::min(block.height, size.height - top);
        const auto x0 = static_cast<uint32_t>(left), y0 = static_cast<uint32_t>(top);
        const auto s = static_cast<uint16_t>(plane);
        const tmsize_t needed = block.tiled ? block.bytes : block.row * height;
        const tmsize_t got =
            block.tiled ? TIFFReadEncodedTile(tiff, TIFFComputeTile(tiff, x0, y0, 0, s), bytes.data(), block.bytes)
                        : TIFFReadEncodedStrip(tiff, TIFFComputeStrip(tiff, y0, s), bytes.data(), needed);
        if (got < needed) return {};
        for (int y = 0; y < height; ++y) {
          const unsigned char* row = bytes.data() + block.row * y;
          unsigned char* to = picture.ptr(top + y) + left * channels;
          for (int c = 0; c < channels; ++c) {
            const Channel& channel = pixel.channels[static_cast<size_t>(c)];
            if (!wanted(channel)) continue;
            const auto first = static_cast<size_t>(separate ? 0 : channel.sample);
            for (int x = 0; x < width; ++x)
              to[x * channels + c] = channel.table[sample_at(row, first + static_cast<size_t>(x) * in_row, bits)];
          }
        }
      }
  return picture;
}

}  // namespace

bool has_plain_samples(TIFF* tiff) {
  const uint16_t kind = photometric_of(tiff);
  return kind == PHOTOMETRIC_MINISWHITE || kind == PHOTOMETRIC_MINISBLACK || kind == PHOTOMETRIC_RGB ||
         kind == PHOTOMETRIC_PALETTE ||
         (kind == PHOTOMETRIC_SEPARATED && field<uint16_t>(tiff, TIFFTAG_INKSET, INKSET_CMYK) == INKSET_CMYK);
}

cv::Mat read_samples(TIFF* tiff, cv::Size size) {
  const int bits = field<uint16_t>(tiff, TIFFTAG_BITSPERSAMPLE, 1),
            samples = field<uint16_t>(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
  const Pixel pixel = pixel_of(tiff, bits, samples);
  const cv::Mat picture = read_channels(tiff, size, pixel, bits, samples);
  if (picture.empty() || picture.channels() == 3) return picture;
  cv::Mat bgr(size, CV_8UC3);
  const int channels = picture.channels();
  for (int y = 0; y < size.height; ++y) {
    const unsigned char* from = picture.ptr(y);
    unsigned char* to = bgr.ptr(y);
    for (int x = 0; x < size.width; ++x, from += channels, to += 3)
      for (int c = 0; c < 3; ++c) {
        const int light = pixel.black ? (from[c] * from[3] + 127) / 255 : from[c];
        const int alpha = pixel.alpha ? from[channels - 1] : 255;
        const int over_white =
            pixel.premultiplied ? light + 255 - alpha : (light * alpha + 255 * (255 - alpha) + 127) / 255;
        to[c] = static_cast<unsigned char>(std::min(over_white, 255));
      }
  }
  return bgr;
}

}  // namespace attend::codecs
