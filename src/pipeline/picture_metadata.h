// Captions in the pictures' own metadata, written by the program attend-metadata (metadata/README.md).
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "pipeline/captioned_index.h"
#include "pipeline/file_plan.h"

namespace attend {

/// One child process for all pictures. It is started with the first one, and again where a picture has ended it.
class PictureMetadata {
 public:
  enum class Found { kNothing, kCaption, kNoPlace };  // kNoPlace: a kind of file that captions aren't written into

  /// Throws Error where the program isn't beside this one.
  PictureMetadata();
  ~PictureMetadata();
  PictureMetadata(const PictureMetadata&) = delete;

  /// Whether a picture has a caption. One that can't be read has none.
  Found look(const std::filesystem::path& picture);
  /// Writes `caption` into a picture that is as it was under `stamp`, or as this object left it. Throws Error that says why it
  /// wasn't written; the picture is then as it was.
  void write(const std::filesystem::path& picture, const CaptionedIndex::Stamp& stamp, const std::string& caption,
             IfExists if_exists);

 private:
  void start();
  void end() noexcept;
  /// The answer's fields. Throws Error where the program ends instead.
  std::vector<std::string> ask(const std::vector<std::string>& request, const std::filesystem::path& picture);

  std::filesystem::path program_;
  pid_t child_ = -1;
  int to_child_ = -1, from_child_ = -1;
};

}  // namespace attend
