// Which files are to be written for each picture: caption, metadata, page of attention, a file a word, raw maps, animation.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "vision/find_pictures.h"
#include "viz/animation.h"
#include "viz/overlay.h"

namespace attend {

/// What becomes of a file, or of a caption in a picture's metadata, that is there already. A caption is appended or prepended to a
/// sidecar or to metadata as a line of its own, unless there is such a line; files of other kinds are then left as they are.
enum class IfExists { skip, overwrite, append, prepend };

/// Which files are wanted, and how they are made. An empty folder: none of its kind.
struct FileChoice {
  bool sidecar = false;
  std::filesystem::path sidecar_dir;  // empty: beside each picture
  std::string sidecar_ending = ".txt";
  bool xmp = false;
  bool metadata = false;  // in the pictures themselves
  std::filesystem::path overlay;
  bool overlay_words = false;
  std::string overlay_format = "jpg";  // jpg | png | webp
  OverlayOptions style;
  std::filesystem::path maps;
  std::string maps_format = "npy";  // npy | json
  std::filesystem::path animate;
  std::string animate_format = "webp";  // webp | gif
  AnimationOptions animation;
  bool explained = false;  // the pictures' captions are
  IfExists if_exists = IfExists::skip;

  bool any() const { return sidecar || !sidecar_dir.empty() || xmp || metadata || draws(); }
  /// Whether anything is written beside or into the pictures.
  bool beside() const { return xmp || metadata || (sidecar && sidecar_dir.empty()); }
  /// Whether there are files in folders of their own, whose names depend on all the pictures.
  bool has_folders() const { return !sidecar_dir.empty() || draws(); }
  /// Whether any of them shows maps of attention.
  bool draws() const { return !overlay.empty() || !maps.empty() || !animate.empty(); }
};

/// Where the files of one picture are to be written; an empty one isn't wanted, or is there already.
struct PictureFiles {
  std::filesystem::path sidecar, xmp, metadata, page, words, maps, gradient, pixels, animation;
  std::array<std::filesystem::path*, 9> all() {
    return {&sidecar, &xmp, &metadata, &page, &words, &maps, &gradient, &pixels, &animation};
  }
  bool any() const {
    return !sidecar.empty() || !xmp.empty() || !metadata.empty() || !page.empty() || !words.empty() || !maps.empty() ||
           !gradient.empty() || !pixels.empty() || !animation.empty();
  }
};

/// Gives every picture its files:
///
///   sidecar   NAME.txt beside the picture, or in sidecar_dir
///   xmp       NAME.xmp beside the picture
///   metadata  the picture itself
///   page      overlay/NAME.jpg
///   words     overlay/NAME.words/01-a.jpg, 02-dog.jpg, …
///   maps      maps/NAME.npy, f32 [words, rows, cols], or maps/NAME.json, a caption_record()
///   gradient  maps/NAME.gradient.npy, f32 [words, rows, cols], where captions are explained and maps are .npy
///   pixels    maps/NAME.pixels.npy, f32 [words, S, S], likewise
///   animation animate/NAME.webp
///
/// NAME is the picture's name below the folder or archive it was found in, without its extension. Pictures that would share it
/// take their whole path instead, without what leads out of the folder (a/x.jpg and b/x.jpg, x.jpg and x.png).
class FilePlanner {
 public:
  explicit FilePlanner(const FileChoice& choice) : choice_(choice) {}  // which must outlive it

  /// The files of these pictures. Of pictures in different calls that would share a NAME, the first keeps it.
  /// Throws UsageError where a file would replace one of the pictures or that of another picture, or stand beside one in an
  /// archive or video.
  std::vector<PictureFiles> plan(const std::vector<FoundPicture>& pictures);

 private:
  using Owners =
      std::unordered_map<std::string, std::filesystem::path>;  // file, or name of files → the picture that has it

  const FileChoice& choice_;
  Owners in_folders_, beside_, files_;
};

/// What prepare_folders() found.
struct FolderFaults {
  std::vector<bool> incomplete;     // of the plan: whether some of a picture's files can't be written
  std::vector<std::string> faults;  // a line a folder
  std::string no_file;              // the fault, where no file at all can be written
};

/// Makes the folders of the files and checks that they can be written. Throws Error where one that the choice names can't.
/// Any other, beside pictures or below the named ones, costs its own files only: they are taken out of the
/// plan.
FolderFaults prepare_folders(std::vector<PictureFiles>& plan, const FileChoice& choice);

}  // namespace attend
