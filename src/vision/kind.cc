#include "vision/kind.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <string>

#include "vision/exif.h"

namespace attend {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view bytes;
  size_t at;
  Kind kind;
};

bool has(std::string_view text, size_t at, std::string_view bytes) {
  return text.size() >= at + bytes.size() && text.substr(at, bytes.size()) == bytes;
}

constexpr Kind::Use kRead = Kind::kRead, kPicture = Kind::kPicture, kArchive = Kind::kArchive, kVideo = Kind::kVideo,
                    kOther = Kind::kOther;

constexpr Signature kSignatures[] = {
    {"\xff\xd8\xff\xf7"sv, 0, {"JPEG-LS", kPicture}},
    {"\xff\xd8\xff"sv, 0, {"JPEG", kRead}},
    {"\x89PNG"sv, 0, {"PNG", kRead}},
    {"GIF8"sv, 0, {"GIF", kRead}},
    {"WEBP"sv, 8, {"WebP", kRead}},
    {"\xff\x0a"sv, 0, {"JPEG XL", kRead}},
    {"\0\0\0\x0cJXL \r\n\x87\n"sv, 0, {"JPEG XL", kRead}},
    {"\0\0\0\x0cjP  "sv, 0, {"JPEG 2000", kRead}},
    {"\xff\x4f\xff\x51"sv, 0, {"JPEG 2000", kRead}},
    {"II\xbc\x01"sv, 0, {"JPEG XR", kPicture}},
    {"8BPS"sv, 0, {"Photoshop (PSD)", kPicture}},
    {"gimp xcf"sv, 0, {"GIMP (XCF)", kPicture}},
    {"FUJIFILMCCD-RAW"sv, 0, {"camera raw (RAF)", kPicture}},
    {"IIRO"sv, 0, {"camera raw (ORF)", kPicture}},
    {"IIRS"sv, 0, {"camera raw (ORF)", kPicture}},
    {"MMOR"sv, 0, {"camera raw (ORF)", kPicture}},
    {"IIU\0"sv, 0, {"camera raw (RW2)", kPicture}},
    {"\0MRM"sv, 0, {"camera raw (MRW)", kPicture}},
    {"FOVb"sv, 0, {"camera raw (X3F)", kPicture}},
    {"HEAPCCDR"sv, 6, {"camera raw (CRW)", kPicture}},
    {"\x76\x2f\x31\x01"sv, 0, {"OpenEXR", kPicture}},
    {"#?RADIANCE"sv, 0, {"Radiance HDR", kPicture}},
    {"#?RGBE"sv, 0, {"Radiance HDR", kPicture}},
    {"DDS "sv, 0, {"DDS", kPicture}},
    {"SDPX"sv, 0, {"DPX", kPicture}},
    {"XPDS"sv, 0, {"DPX", kPicture}},
    {"qoif"sv, 0, {"QOI", kPicture}},
    {"BPG\xfb"sv, 0, {"BPG", kPicture}},
    {"FLIF"sv, 0, {"FLIF", kPicture}},
    {"icns"sv, 0, {"icon (ICNS)", kPicture}},
    {"\x8bJNG"sv, 0, {"JNG", kPicture}},
    {"\x8aMNG"sv, 0, {"MNG", kPicture}},
    {"\x59\xa6\x6a\x95"sv, 0, {"Sun raster", kPicture}},
    {"\x01\xda\x01"sv, 0, {"SGI", kPicture}},
    {"\x01\xda\0"sv, 0, {"SGI", kPicture}},
    {"farbfeld"sv, 0, {"farbfeld", kPicture}},
    {"SIMPLE  ="sv, 0, {"FITS", kPicture}},
    {"DICM"sv, 128, {"DICOM", kPicture}},
    {"AT&TFORM"sv, 0, {"DjVu", kPicture}},
    {"\xd7\xcd\xc6\x9a"sv, 0, {"WMF", kPicture}},
    {"/* XPM"sv, 0, {"XPM", kPicture}},
    {"%PDF"sv, 0, {"PDF", kOther}},
    {"PK\x03\x04"sv, 0, {"a ZIP archive", kArchive}},
    {"PK\x05\x06"sv, 0, {"a ZIP archive", kArchive}},  // an empty one
    {"\x1f\x8b"sv, 0, {"gzip", kArchive}},             // of a tar archive, or whatever
    {"ustar"sv, 257, {"a tar archive", kArchive}},
    {"BZh"sv, 0, {"bzip2 (unpack it first)", kOther}},
    {"\xfd\x37zXZ\0"sv, 0, {"xz (unpack it first)", kOther}},
    {"\x28\xb5\x2f\xfd"sv, 0, {"zstd (unpack it first)", kOther}},
    {"7z\xbc\xaf\x27\x1c"sv, 0, {"a 7z archive (unpack it first)", kOther}},
    {"Rar!\x1a\x07"sv, 0, {"a RAR archive (unpack it first)", kOther}},
    {"\x1a\x45\xdf\xa3"sv, 0, {"a video (Matroska)", kVideo}},
    {"AVI "sv, 8, {"a video (AVI)", kVideo}},
    {"FLV\x01"sv, 0, {"a video (FLV)", kVideo}},
    {"\x30\x26\xb2\x75\x8e\x66\xcf\x11"sv, 0, {"a video (WMV)", kVideo}},
    {"\0\0\x01\xba"sv, 0, {"a video (MPEG)", kVideo}},
    {"PAR1"sv, 0, {"a Parquet table", kOther}},
    {"version https://git-lfs"sv,
     0,
     {"a pointer of Git LFS in place of the picture (git lfs pull fetches it)", kOther}},
};

/// The families of TIFF: cameras' raw files are TIFF, too, but their first picture is a thumbnail.
Kind kind_of_tiff(std::span<const unsigned char> first, std::string_view text) {
  constexpr uint16_t kDngVersion = 50706, kNewSubfileType = 254, kReducedResolution = 1, kSubDirectories = 330;
  if (has(text, 8, "CR")) return {"camera raw (CR2)", kPicture};
  if (first_directory_tag(first, kDngVersion)) return {"camera raw (DNG)", kPicture};
  if ((first_directory_tag(first, kNewSubfileType).value_or(0) & kReducedResolution) &&
      first_directory_tag(first, kSubDirectories))
    return {"camera raw (NEF, ARW or the like)", kPicture};
  return {"TIFF", kRead};
}

/// ISO media files say in their first box ("ftyp") which brands they conform to.
Kind kind_of_media(std::string_view text) {
  const auto length = std::min<size_t>(static_cast<unsigned char>(text[3]), text.size());
  bool heif = false;
  for (size_t at = 8; at + 4 <= length; at += at == 8 ? 8 : 4) {  // the major brand, its version, compatible brands
    const auto brand = text.substr(at, 4);
    if (brand == "avif" || brand == "avis") return {"AVIF", kRead};
    if (brand == "heic" || brand == "heix" || brand == "heim" || brand == "heis" || brand == "hevc" || brand == "hevx")
      return {"HEIC", kRead};
    if (brand == "crx ") return {"camera raw (CR3)", kPicture};
    heif |= brand == "mif1" || brand == "msf1";
  }
  return heif ? Kind{"HEIF", kRead} : Kind{"a video (MP4)", kVideo};
}

/// A bitmap's second header has one of a few sizes, which tells it from text that begins with BM.
bool is_bmp(std::string_view text) {
  if (!has(text, 0, "BM")) return false;
  if (text.size() < 18) return true;  // cut short
  constexpr unsigned char sizes[] = {12, 16, 40, 52, 56, 64, 108, 124};
  return std::find(std::begin(sizes), std::end(sizes), static_cast<unsigned char>(text[14])) != std::end(sizes) &&
         has(text, 15, "\0\0\0"sv);
}

/// An icon or a cursor: its first entry must make sense, as its first bytes are those of many a file.
bool is_icon(std::string_view text) {
  if (!has(text, 0, "\0\0\x01\0"sv) && !has(text, 0, "\0\0\x02\0"sv)) return false;
  const auto byte = [&](size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
  const size_t count = byte(4) | byte(5) << 8, offset = byte(18) | byte(19) << 8 | byte(20) << 16;
  return count > 0 && (text.size() < 22 || (byte(9) == 0 && byte(21) == 0 && offset >= 6 + 16 * count));
}

/// Formats without a signature, whose first numbers take few values.
Kind kind_of_numbers(std::span<const unsigned char> first) {
  if (first.size() < 18) return {};
  const auto one_of = [](unsigned char value, std::initializer_list<int> values) {
    return std::find(values.begin(), values.end(), value) != values.end();
  };
  if (first[0] == 0x0a && first[1] <= 5 && first[2] == 1 && one_of(first[3], {1, 2, 4, 8})) return {"PCX", kPicture};
  const bool palette = first[1] == 1 && one_of(first[2], {1, 9}) && one_of(first[7], {15, 16, 24, 32});
  const bool plain =
      first[1] == 0 && one_of(first[2], {2, 3, 10, 11}) && first[5] == 0 && first[6] == 0 && first[7] == 0;
  if ((palette || plain) && first[0] == 0 && first[3] == 0 && first[4] == 0 && one_of(first[16], {8, 15, 16, 24, 32}) &&
      (first[12] || first[13]) && (first[14] || first[15]))
    return {"TGA", kPicture};
  return {};
}

/// Of text: its first word that isn't blank, in lower case, tells what it is.
Kind kind_of_text(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text[0]))) text.remove_prefix(1);
  std::string lower(text);
  for (char& letter : lower) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  if (lower.starts_with("<!doctype html") || lower.starts_with("<html")) return {"a web page (HTML)", kOther};
  if (lower.starts_with("<svg") ||
      ((lower.starts_with("<?xml") || lower.starts_with("<!--") || lower.starts_with("<!doctype svg")) &&
       lower.find("<svg") != std::string::npos))
    return {"SVG", kPicture};
  return {};
}

}  // namespace

Kind kind_of(std::span<const unsigned char> first) {
  first = first.first(std::min(first.size(), kKindBytes));
  const std::string_view text(reinterpret_cast<const char*>(first.data()), first.size());
  if (text.starts_with("II*\0"sv) || text.starts_with("MM\0*"sv)) return kind_of_tiff(first, text);
  if (text.starts_with("II+\0"sv) || text.starts_with("MM\0+"sv)) return {"TIFF", kRead};  // BigTIFF
  if (is_bmp(text)) return {"BMP", kRead};
  if (is_icon(text)) return {"icon (ICO)", kRead};
  if (has(text, 0, "\0\0\0"sv) && has(text, 4, "ftyp")) return kind_of_media(text);
  for (const auto& [bytes, at, kind] : kSignatures)
    if (has(text, at, bytes)) return kind;
  if (text.size() > 2 && text[0] == 'P' && "1234567Ff"sv.find(text[1]) != text.npos &&
      std::isspace(static_cast<unsigned char>(text[2])))
    return {text[1] == 'F' || text[1] == 'f' ? "PFM" : "Netpbm", text[1] == 'F' || text[1] == 'f' ? kPicture : kRead};
  if (const Kind kind = kind_of_numbers(first); !kind.name.empty()) return kind;
  return kind_of_text(text);
}

}  // namespace attend
