// Captions in the metadata of picture files: read, and written in place.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace attend {

/// A picture file as it was when somebody looked at it.
struct FileStamp {
  uint64_t size = 0;
  int64_t modified = -1;  // ns since 1970
  bool operator==(const FileStamp&) const = default;
};

/// What a picture file says of itself.
enum class Place { kEmpty, kCaptioned, kNone };  // kNone: no kind of file that captions are written into

/// What becomes of a caption that is there.
enum class IfCaptioned { kSkip, kOverwrite, kAppend, kPrepend };

class CaptionMetadata {
 public:
  /// Throws InputError where the file can't be read. What cameras fill the field with by themselves ("OLYMPUS DIGITAL CAMERA") is
  /// no caption.
  static Place look(const std::string& path);

  /// Writes a caption (UTF-8, one line) into a picture that still is as `stamp` says, or as this object left it: as dc:description
  /// (XMP), Caption-Abstract (IPTC, its first 2000 bytes; not in WebP, which has no IPTC) and ImageDescription (EXIF). Each keeps
  /// its own text where the caption is appended or prepended as a line. All else in the file stays as it was, which is checked
  /// before the new file takes its place; mode, owner, times of access and modification, extended attributes and access lists
  /// are handed down. Returns false where a caption is there that stays. Throws Error or InputError, and has then written
  /// nothing: also for links, files with several names and read-only ones.
  bool write(const std::string& path, const FileStamp& stamp, const std::string& caption, IfCaptioned if_captioned);

 private:
  std::map<std::string, FileStamp> written_;
};

}  // namespace attend
