#include "vision/mark.h"

#include <webp/mux.h>
#include <zlib.h>

#include <cstdint>
#include <memory>

#include "base/error.h"
#include "base/files.h"

namespace attend {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr std::string_view kMark = "Drawn by attend, not a photograph";

std::string big_endian(uint32_t value, int size) {
  std::string bytes;
  for (int i = size - 1; i >= 0; --i) bytes.push_back(static_cast<char>(value >> 8 * i));
  return bytes;
}

std::string jpeg_comment() {
  return "\xff\xfe" + big_endian(static_cast<uint32_t>(kMark.size() + 2), 2) + std::string(kMark);
}

std::string png_comment() {
  const std::string body = "tEXtComment\0"s.append(kMark);
  const auto sum = ::crc32(0, reinterpret_cast<const unsigned char*>(body.data()), static_cast<unsigned>(body.size()));
  return big_endian(static_cast<uint32_t>(body.size() - 4), 4) + body + big_endian(static_cast<uint32_t>(sum), 4);
}

std::string gif_comment() { return "\x21\xfe" + std::string(1, static_cast<char>(kMark.size())).append(kMark) + '\0'; }

std::string marked_webp(const std::string& file) {
  const std::string xmp =
      R"(<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">)"
      R"(<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool=")" +
      std::string(kMark) + R"("/></rdf:RDF></x:xmpmeta>)";
  const auto data = [](const std::string& bytes) {
    return WebPData{reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  };
  const WebPData all = data(file), chunk = data(xmp);
  const std::unique_ptr<WebPMux, void (*)(WebPMux*)> mux(WebPMuxCreate(&all, 0), WebPMuxDelete);
  WebPData made{};
  if (!mux || WebPMuxSetChunk(mux.get(), "XMP ", &chunk, 0) != WEBP_MUX_OK ||
      WebPMuxAssemble(mux.get(), &made) != WEBP_MUX_OK)
    return file;
  std::string bytes(reinterpret_cast<const char*>(made.bytes), made.size);
  WebPDataClear(&made);
  return bytes;
}

/// Where a GIF's blocks begin: behind its header, screen descriptor and global colour map.
size_t gif_blocks(const std::string& file) {
  const auto flags = static_cast<unsigned char>(file[10]);
  return 13 + (flags & 0x80 ? 3u << ((flags & 7) + 1) : 0u);
}

/// Where a JPEG's tables begin: behind its first segments, which its readers expect first (JFIF, EXIF).
size_t jpeg_tables(const std::string& file) {
  size_t at = 2;
  while (at + 4 <= file.size() && file[at] == '\xff' && (file[at + 1] & 0xf0) == 0xe0)
    at += 2 + (size_t{static_cast<unsigned char>(file[at + 2])} << 8 | static_cast<unsigned char>(file[at + 3]));
  return at;
}

}  // namespace

std::string marked(std::string file) {
  const auto with = [&](size_t at, const std::string& comment) {
    return at <= file.size() ? file.insert(at, comment) : file;
  };
  if (file.starts_with("\xff\xd8\xff"sv)) return with(jpeg_tables(file), jpeg_comment());
  if (file.starts_with("\x89PNG\r\n\x1a\n"sv)) return with(33, png_comment());  // behind IHDR
  if (file.starts_with("GIF8"sv) && file.size() > 10) return with(gif_blocks(file), gif_comment());
  if (file.starts_with("RIFF"sv)) return marked_webp(file);
  return file;
}

bool is_marked(const std::filesystem::path& path, std::string_view first) {
  constexpr size_t kFlags = 20, kXmp = 4;  // of a WebP's VP8X chunk
  if (first.find(kMark) != first.npos) return true;
  if (first.size() <= kFlags || first.substr(8, 8) != "WEBPVP8X" || !(first[kFlags] & kXmp)) return false;
  try {
    return read_regular_file(path).find(kMark) != std::string::npos;
  } catch (const InputError&) {
    return false;
  }
}

}  // namespace attend
