#include "vision/kind.h"

#include <gtest/gtest.h>

#include "vision/picture_files.h"

namespace attend {
namespace {

using namespace std::string_literals;
using namespace attend::testing;

Kind of(const std::string& bytes) {
  return kind_of({reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()});
}

/// The first box of an ISO media file: a major brand, a version, compatible brands.
std::string media(const std::string& major, const std::string& compatible) {
  return "\0\0\0"s + static_cast<char>(16 + compatible.size()) + "ftyp" + major + "\0\0\0\0"s + compatible +
         "\0\0\0\x08"s;
}

/// A TIFF directory of SHORTs.
std::string tiff(const std::vector<std::pair<int, int>>& tags) {
  std::string bytes = "II*\0\x08\0\0\0"s + static_cast<char>(tags.size()) + '\0';
  for (const auto& [tag, value] : tags)
    for (const int number : {tag, 3, 1, 0, value, 0})
      bytes += {static_cast<char>(number), static_cast<char>(number >> 8)};
  return bytes + "\0\0\0\0"s;
}

TEST(KindOf, KnowsWhatIsRead) {
  const cv::Mat picture = gradient(9, 7);
  for (const auto& [name, extension] :
       {std::pair{"JPEG", ".jpg"}, {"PNG", ".png"}, {"WebP", ".webp"}, {"TIFF", ".tif"}, {"BMP", ".bmp"}}) {
    const Kind kind = kind_of(encoded(extension, picture));
    EXPECT_EQ(kind.name, name);
    EXPECT_EQ(kind.use, Kind::kRead);
  }
  EXPECT_EQ(of("GIF89a").name, "GIF");
  EXPECT_EQ(of("MM\0+\0\x08"s).name, "TIFF");  // BigTIFF
  EXPECT_EQ(of(tiff({{254, 0}})).use, Kind::kRead);
  EXPECT_EQ(of(tiff({{254, 1}})).use, Kind::kRead);
}

TEST(KindOf, KnowsModernPictures) {
  for (const auto& [name, bytes] : {std::pair{"HEIC", media("heic", "mif1heic")},
                                    {"HEIC", media("mif1", "mif1heic")},
                                    {"AVIF", media("avif", "mif1")},
                                    {"AVIF", media("mif1", "mif1avif")},
                                    {"HEIF", media("mif1", "miaf")},
                                    {"JPEG XL", "\xff\x0a\0"s},
                                    {"JPEG XL", "\0\0\0\x0cJXL \r\n\x87\n"s},
                                    {"JPEG 2000", "\0\0\0\x0cjP  \r\n\x87\n"s},
                                    {"JPEG 2000", "\xff\x4f\xff\x51"s},
                                    {"Netpbm", "P6\n3 2\n255\n"s},
                                    {"icon (ICO)", "\0\0\x01\0\x01\0"s}}) {
    EXPECT_EQ(of(bytes).name, name);
    EXPECT_EQ(of(bytes).use, Kind::kRead) << name;
  }
}

TEST(KindOf, KnowsPicturesThatAreNotRead) {
  for (const auto& [name, bytes] : {std::pair{"JPEG-LS", "\xff\xd8\xff\xf7\0"s},
                                    {"camera raw (CR3)", media("crx ", "crx isom")},
                                    {"camera raw (DNG)", tiff({{50706, 1}})},
                                    {"camera raw (CR2)", "II*\0\x10\0\0\0CR\x02\0"s},
                                    {"camera raw (NEF, ARW or the like)", tiff({{254, 1}, {330, 8}})},
                                    {"PFM", "Pf\n3 2\n-1.0\n"s},
                                    {"camera raw (CRW)", "II\x1a\0\0\0HEAPCCDR"s},
                                    {"TGA", "\0\0\x0a\0\0\0\0\0\0\0\0\0\x40\0\x30\0\x18\x20"s},
                                    {"TGA", "\0\x01\x01\0\0\0\x01\x18\0\0\0\0\x40\0\x30\0\x08\0"s},
                                    {"PCX", "\x0a\x05\x01\x08\0\0\0\0\x3f\0\x2f\0\0\0\0\0\0\0"s},
                                    {"Photoshop (PSD)", "8BPS\0\x01"s},
                                    {"SVG", "<?xml version=\"1.0\"?>\n<svg xmlns"s},
                                    {"SVG", " <SVG>"s}}) {
    EXPECT_EQ(of(bytes).name, name);
    EXPECT_EQ(of(bytes).use, Kind::kPicture) << name;
  }
}

TEST(KindOf, AllElseIsNoPicture) {
  for (const auto& bytes :
       {""s, "x"s, "a dog runs\n"s, "BMW builds cars that are driven\n"s, "{\"images\": []}"s, "\0\0\0\0\0\0\0\0\0"s,
        std::string(40, '\0'), "P6"s, "II"s, "RIFF\x24\0\0\0WAVEfmt "s, "<?xml version=\"1.0\"?><rss>"s}) {
    EXPECT_EQ(of(bytes).name, "") << bytes;
    EXPECT_EQ(of(bytes).use, Kind::kOther) << bytes;
  }
  for (const auto& bytes : {"%PDF-1.7"s, "<!DOCTYPE html><html>"s, "Rar!\x1a\x07\x01\0"s, "7z\xbc\xaf\x27\x1c"s,
                            "\xfd\x37zXZ\0"s, "\x28\xb5\x2f\xfd"s, "BZh91AY"s, "PAR1"s}) {
    EXPECT_NE(of(bytes).name, "");
    EXPECT_EQ(of(bytes).use, Kind::kOther) << bytes;
  }
}

TEST(KindOf, ArchivesAndVideosMayHavePicturesInThem) {
  for (const auto& bytes : {"PK\x03\x04"s, "PK\x05\x06"s, "\x1f\x8b\x08"s, std::string(257, 'n') + "ustar\0"s,
                            std::string(257, 'n') + "ustar  \0"s})
    EXPECT_EQ(of(bytes).use, Kind::kArchive) << of(bytes).name;
  for (const auto& bytes : {media("isom", "isomavc1mp41"), media("qt  ", "qt  "), "RIFF\x24\0\0\0AVI LIST"s,
                            "\x1a\x45\xdf\xa3"s, "FLV\x01"s, "\0\0\x01\xba"s})
    EXPECT_EQ(of(bytes).use, Kind::kVideo) << of(bytes).name;
}

}  // namespace
}  // namespace attend
