// The files `attend caption` writes for a picture: caption, page of attention, a file a word, raw maps.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "app/caption_pictures.h"
#include "base/options.h"
#include "vision/find_pictures.h"
#include "viz/animation.h"
#include "viz/overlay.h"

namespace attend {

struct CaptionFileOptions {
  bool sidecar = false;
  std::filesystem::path sidecar_dir;  // empty: beside each picture
  std::filesystem::path overlay;      // empty: no pages
  bool overlay_words = false;
  std::string overlay_format = "jpg";
  OverlayOptions style;
  std::filesystem::path font;  // empty: the program's own
  std::filesystem::path maps;  // empty: no maps
  std::string maps_format = "npy";
  std::filesystem::path animate;  // empty: no animations
  std::string animate_format = "webp";
  AnimationOptions animation;
  std::string explain;  // empty: no explanations
  ExplainOptions explanation;
  bool overwrite = false;

  void list(OptionList& options);
  /// Throws UsageError where one of them needs another.
  void check() const;
  bool any() const { return sidecar || !sidecar_dir.empty() || draws(); }
  /// Whether any of them shows maps of attention.
  bool draws() const { return !overlay.empty() || !maps.empty() || !animate.empty(); }
  bool explains() const { return !explain.empty(); }
};

/// Where the files of one picture are to be written; an empty one isn't wanted, or is there already.
struct PictureFiles {
  std::filesystem::path sidecar, page, words, maps, gradient, pixels, animation;
  std::array<std::filesystem::path*, 7> all() {
    return {&sidecar, &page, &words, &maps, &gradient, &pixels, &animation};
  }
  bool any() const {
    return !sidecar.empty() || !page.empty() || !words.empty() || !maps.empty() || !gradient.empty() ||
           !pixels.empty() || !animation.empty();
  }
};

/// Gives every picture its files:
///
///   sidecar   NAME.txt beside the picture, or in sidecar_dir
///   page      overlay/NAME.jpg
///   words     overlay/NAME.words/01-a.jpg, 02-dog.jpg, …
///   maps      maps/NAME.npy, f32 [words, rows, cols], or maps/NAME.json, a caption_record()
///   gradient  maps/NAME.gradient.npy, f32 [words, rows, cols], where captions are explained and maps are .npy
///   pixels    maps/NAME.pixels.npy, f32 [words, S, S], likewise
///   animation animate/NAME.webp
///
/// NAME is the picture's name below the folder it was found in, without its extension. Pictures that would share it
/// take their whole path instead, without what leads out of the folder (a/x.jpg and b/x.jpg, x.jpg and x.png).
/// Throws UsageError where a file would replace one of the pictures or that of another picture.
std::vector<PictureFiles> plan_files(const std::vector<FoundPicture>& pictures, const CaptionFileOptions& options);

/// Makes the folders of the files and checks that they can be written. Throws Error where one that the options name can't,
/// or none can. Any other, beside pictures or below the named ones, is reported and costs its own files only: they are
/// taken out of the plan, and the result says of which pictures.
std::vector<bool> prepare_folders(std::vector<PictureFiles>& plan, const CaptionFileOptions& options);

/// Writes the files of one picture, each of them whole or not at all. Throws Error or InputError.
void write_files(const PictureFiles& files, const std::filesystem::path& path, const PictureCaptions& picture,
                 const Captioner& captioner, const CaptionFileOptions& options);

}  // namespace attend
