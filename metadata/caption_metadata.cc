#include "caption_metadata.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exiv2/exiv2.hpp>
#include <filesystem>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "containers.h"
#include "text/unicode.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

constexpr const char* kXmp = "Xmp.dc.description";
constexpr const char* kIptc = "Iptc.Application2.Caption";
constexpr const char* kIptcCharset = "Iptc.Envelope.CharacterSet";
constexpr const char* kExif = "Exif.Image.ImageDescription";
constexpr size_t kLongestIptc = 2000;  // bytes of a Caption-Abstract (IPTC-IIM 4.2, 2:120)

const char* const kNothingWritten = "; nothing was written to it";

// Exiv2 0.28 closed its buffers and named its pointers anew.
#if EXIV2_TEST_VERSION(0, 28, 0)
using ImagePointer = Exiv2::Image::UniquePtr;
std::string bytes_of(const Exiv2::DataBuf& buffer) {
  return {reinterpret_cast<const char*>(buffer.c_data()), buffer.size()};
}
#else
using ImagePointer = Exiv2::Image::AutoPtr;
std::string bytes_of(const Exiv2::DataBuf& buffer) {
  return {reinterpret_cast<const char*>(buffer.pData_), static_cast<size_t>(buffer.size_)};
}
std::string bytes_of(const Exiv2::DataBuf* buffer) { return bytes_of(*buffer); }
#endif

/// An image in memory, and its bytes as they are now.
struct Opened {
  std::vector<Exiv2::byte> memory;  // which Exiv2 writes to, where what is new finds room
  ImagePointer image;
  std::string bytes() const {
    Exiv2::BasicIo& io = image->io();
    io.open();
    const Exiv2::DataBuf all = io.read(static_cast<long>(io.size()));
    io.close();
    return bytes_of(all);
  }
};

Opened open_bytes(const std::string& bytes) {
  Opened opened{{bytes.begin(), bytes.end()}, ImagePointer()};
  opened.image = Exiv2::ImageFactory::open(opened.memory.data(), static_cast<long>(opened.memory.size()));
  opened.image->readMetadata();
  return opened;
}

std::string trimmed(std::string text) {
  const auto blank = [](unsigned char c) { return c <= ' '; };
  text.erase(std::find_if_not(text.rbegin(), text.rend(), blank).base(), text.end());
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), blank));
  return text;
}

/// What cameras write by themselves.
bool is_filler(const std::string& description) {
  static const std::set<std::string> fillers{"OLYMPUS DIGITAL CAMERA",
                                             "MINOLTA DIGITAL CAMERA",
                                             "KONICA MINOLTA DIGITAL CAMERA",
                                             "KODAK Digital Still Camera",
                                             "Digital Still Camera",
                                             "SONY DSC",
                                             "SAMSUNG DIGITAL CAMERA",
                                             "SAMSUNG",
                                             "Exif_JPEG_PICTURE",
                                             "DCIM",
                                             "default"};
  return fillers.contains(description);
}

/// The captions that a picture has; "" where it has none.
struct Captions {
  std::string xmp, iptc, exif;

  explicit Captions(const Exiv2::Image& image) {
    if (const auto at = image.xmpData().findKey(Exiv2::XmpKey(kXmp)); at != image.xmpData().end()) {
      const auto* languages = dynamic_cast<const Exiv2::LangAltValue*>(&at->value());
      xmp = trimmed(languages ? languages->toString(0) : at->toString());
      if (languages && xmp.empty() && !languages->value_.empty()) xmp = trimmed(languages->value_.begin()->second);
    }
    if (const auto at = image.iptcData().findKey(Exiv2::IptcKey(kIptc)); at != image.iptcData().end())
      iptc = trimmed(at->toString());
    if (const auto at = image.exifData().findKey(Exiv2::ExifKey(kExif)); at != image.exifData().end())
      exif = trimmed(at->toString());
    if (is_filler(exif)) exif.clear();
  }
  const std::string& any() const { return !xmp.empty() ? xmp : !iptc.empty() ? iptc : exif; }
};

bool is_utf8(const std::string& text) {
  std::string again;
  for (size_t at = 0; at < text.size();) append_utf8(again, next_code_point(text, at));
  return again == text;
}

bool is_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
}

/// The caption added to what is there as a line of its own, unless it is one of its lines.
std::string added(const std::string& there, const std::string& caption, IfCaptioned how) {
  if (there.empty() || how == IfCaptioned::kOverwrite) return caption;
  if (!is_utf8(there)) throw InputError(std::string("the caption that it has isn't UTF-8") + kNothingWritten);
  if (("\n" + there + "\n").find("\n" + caption + "\n") != std::string::npos) return there;
  return how == IfCaptioned::kPrepend ? caption + "\n" + there : there + "\n" + caption;
}

/// Whether a key says where something lies, or is made of such things: it changes when a file is written.
bool is_place(const std::string& key, const std::string& tag) {
  static const std::set<std::string> keys{
      "Exif.Image.ExifTag",   "Exif.Image.GPSTag",  "Exif.Photo.InteroperabilityTag", "Exif.Image.SubIFDs",
      "Exif.Image.XMLPacket", "Exif.Image.IPTCNAA", "Exif.Image.ImageResources",      "Exif.Photo.MakerNote"};
  return keys.contains(key) || tag.ends_with("Offset") || tag.ends_with("Offsets") || tag == "JPEGInterchangeFormat" ||
         tag == "PreviewImageStart" || tag == "ThumbnailImage";
}

/// All metadata but captions and places, sorted, a text each.
std::vector<std::string> other_metadata(Exiv2::Image& image) {
  std::vector<std::string> list{"comment " + image.comment()};
  const bool notes_read =
      image.exifData().findKey(Exiv2::ExifKey("Exif.MakerNote.ByteOrder")) != image.exifData().end();
  for (const auto& datum : image.exifData()) {
    const bool raw_notes = datum.key() == "Exif.Photo.MakerNote" && !notes_read;
    if (datum.key() == kExif || (is_place(datum.key(), datum.tagName()) && !raw_notes)) continue;
    std::string bytes(static_cast<size_t>(datum.size()), '\0');
    datum.copy(reinterpret_cast<Exiv2::byte*>(bytes.data()), Exiv2::littleEndian);
    list.push_back(datum.key() + " " + bytes);
  }
  const Exiv2::DataBuf thumbnail = Exiv2::ExifThumbC(image.exifData()).copy();
  list.push_back("thumbnail " + bytes_of(thumbnail));
  for (const auto& datum : image.iptcData())
    if (datum.key() != kIptc && datum.key() != kIptcCharset) list.push_back(datum.key() + " " + datum.toString());
  for (const auto& datum : image.xmpData()) {
    if (datum.key() != kXmp) {
      list.push_back(datum.key() + " " + datum.toString());
    } else if (const auto* languages = dynamic_cast<const Exiv2::LangAltValue*>(&datum.value())) {
      for (const auto& [language, text] : languages->value_)
        if (language != "x-default") list.push_back(datum.key() + " " + language + " " + text);
    }
  }
  if (image.iccProfileDefined()) list.push_back("profile " + bytes_of(image.iccProfile()));
  std::sort(list.begin(), list.end());
  return list;
}

void set_iptc(Exiv2::IptcData& iptc, std::string caption) {
  if (caption.size() > kLongestIptc) {
    size_t kept = kLongestIptc;
    while (kept > 0 && (caption[kept] & 0xc0) == 0x80) --kept;  // not amid a character
    caption.resize(kept);
  }
  if (!is_ascii(caption)) {
    if (!iptc.empty() && !iptc.detectCharset())
      throw InputError(std::string("has IPTC in letters of another kind than UTF-8") + kNothingWritten);
    iptc[kIptcCharset] = std::string("\x1b%G");  // UTF-8, ISO 2022
  }
  iptc[kIptc] = caption;
}

void set_captions(Exiv2::Image& image, const Captions& there, const std::string& caption, IfCaptioned how) {
  const auto text_of = [&](const std::string& own) { return added(own.empty() ? there.any() : own, caption, how); };
  image.xmpData()[kXmp] = "lang=\"x-default\" " + text_of(there.xmp);
  if (image.checkMode(Exiv2::mdIptc) & Exiv2::amWrite) set_iptc(image.iptcData(), text_of(there.iptc));
  image.exifData()[kExif] = text_of(there.exif);
}

constexpr size_t kPngHead = 8 + 25;  // its signature and IHDR, which stands first

/// Exiv2 0.27 writes a PNG's EXIF as hexadecimal text, of which browsers know nothing: they would lose its orientation. This is
/// the standard's chunk (PNG, third edition, 11.3.4.5).
std::string exif_chunk(Exiv2::ExifData exif) {
  Exiv2::Blob blob;
  Exiv2::ExifParser::encode(blob, Exiv2::littleEndian, exif);
  const auto number = [](size_t value) {
    std::string digits;
    for (const int shift : {24, 16, 8, 0}) digits += static_cast<char>(value >> shift & 255);
    return digits;
  };
  const std::string body = "eXIf" + std::string(blob.begin(), blob.end());
  return number(blob.size()) + body +
         number(::crc32(0, reinterpret_cast<const Bytef*>(body.data()), uInt(body.size())));
}

/// The file with the metadata that `opened` now has.
std::string written(Opened& opened, const std::string& file) {
  Exiv2::Image& image = *opened.image;
  const bool png = image.mimeType() == "image/png";
  const Exiv2::ExifData exif = image.exifData();
  if (png) image.clearExifData(), image.clearComment();
  image.writeMetadata();
  std::string made = opened.bytes();
  if (png) made.insert(kPngHead, exif_chunk(exif) + png_descriptions(file));  // Exiv2 drops a text of that name
  return made;
}

/// The file with the caption in it, checked.
std::string with_caption(const std::string& file, const std::string& caption, IfCaptioned how, bool& stays) {
  const auto rest = beside_metadata(file);
  if (!rest)
    throw InputError(
        "captions are written into JPEG, PNG, WebP and TIFF files only; an .xmp file beside it can hold its caption");
  Opened opened = open_bytes(file);
  const Captions there(*opened.image);
  stays = how == IfCaptioned::kSkip && !there.any().empty();
  if (stays) return file;
  const auto metadata = other_metadata(*opened.image);
  set_captions(*opened.image, there, caption, how);
  std::string made = written(opened, file);
  if (beside_metadata(made) != rest)
    throw InputError(std::string("what isn't metadata would not stay bit for bit as it is") + kNothingWritten);
  const Opened again = open_bytes(made);
  if (other_metadata(*again.image) != metadata)
    throw InputError(std::string("its other metadata would not stay as they are") + kNothingWritten);
  return made;
}

FileStamp stamp_of(const struct stat& status) {
  return {static_cast<uint64_t>(status.st_size),
          status.st_mtim.tv_sec * int64_t{1'000'000'000} + status.st_mtim.tv_nsec};
}

struct stat status_of(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) throw InputError(std::strerror(errno));
  return status;
}

/// Throws where a new file under this name would break something, or isn't allowed to stand there.
void check_replaceable(const std::string& path, const struct stat& status) {
  std::error_code error;
  if (S_ISLNK(status.st_mode))
    throw InputError("is a link to " + fs::read_symlink(path, error).string() +
                     "; name that file to have the caption written into it");
  if (!S_ISREG(status.st_mode)) throw InputError("is no regular file; no caption is written into it");
  if (status.st_nlink > 1)
    throw InputError("is one file under " + std::to_string(status.st_nlink) +
                     " names (hard links), which would part; no caption is written into it");
  if ((status.st_mode & 0222) == 0 || ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0)
    throw InputError("is read-only; no caption is written into it");
}

/// Copies what a renamed file would lose: extended attributes, access lists, times.
class HandedDown {
 public:
  explicit HandedDown(const std::string& path) : status_(status_of(path)) {
    std::string names(65536, '\0');
    const ssize_t length = ::llistxattr(path.c_str(), names.data(), names.size());
    names.resize(length > 0 ? static_cast<size_t>(length) : 0);
    for (size_t at = 0; at < names.size(); at += std::strlen(&names[at]) + 1) {
      const std::string name = &names[at];
      if (!name.starts_with("user.") && name != "system.posix_acl_access") continue;
      std::string value(65536, '\0');
      const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
      if (size >= 0) attributes_.emplace_back(name, value.substr(0, static_cast<size_t>(size)));
    }
  }
  void to(const std::string& path) const {
    for (const auto& [name, value] : attributes_)
      ::lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0);
    const timespec times[] = {status_.st_atim, status_.st_mtim};
    ::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }

 private:
  const struct stat status_;
  std::vector<std::pair<std::string, std::string>> attributes_;
};

/// Does `work` on a file; faults are said with its name.
template <class Work>
auto named(const std::string& path, Work work) {
  try {
    return work();
  } catch (const Error& fault) {
    const std::string what = fault.what();
    throw InputError(what.starts_with(path) ? what : path + ": " + what);
  } catch (const Exiv2::Error& fault) {
    throw InputError(path + ": its metadata can't be read or written: " + fault.what() + kNothingWritten);
  }
}

}  // namespace

Place CaptionMetadata::look(const std::string& path) {
  return named(path, [&] {
    const std::string file = read_regular_file(path);
    if (!beside_metadata(file)) return Place::kNone;
    return Captions(*open_bytes(file).image).any().empty() ? Place::kEmpty : Place::kCaptioned;
  });
}

bool CaptionMetadata::write(const std::string& path, const FileStamp& stamp, const std::string& caption,
                            IfCaptioned if_captioned) {
  return named(path, [&] {
    const auto status = status_of(path);
    check_replaceable(path, status);
    const FileStamp now = stamp_of(status);
    const auto own = written_.find(path);
    const auto check_unchanged = [&] {
      if (stamp_of(status_of(path)) != now || (now != stamp && (own == written_.end() || own->second != now)))
        throw InputError("was changed since it was looked at; nothing was written to it");
    };
    check_unchanged();
    bool stays = false;
    const std::string file = read_regular_file(path), made = with_caption(file, caption, if_captioned, stays);
    if (stays) return false;
    if (made == file) return true;
    const HandedDown handed_down(path);
    AtomicFile out(path);
    out.write(made);
    check_unchanged();
    out.commit();
    handed_down.to(path);
    written_[path] = stamp_of(status_of(path));
    return true;
  });
}

}  // namespace attend
