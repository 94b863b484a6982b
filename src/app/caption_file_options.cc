#include "app/caption_file_options.h"

#include "base/error.h"

namespace attend {

void CaptionFileOptions::list(OptionList& options, bool sidecars) {
  options.section("", "Files");
  if (sidecars) {
    options.add("sidecar", sidecar, "write each caption to a .txt file beside its picture");
    options.add("sidecar_dir", sidecar_dir, "write the .txt files to this folder instead");
  }
  options.add("overlay", overlay, "folder for a page a picture that shows where every word looked");
  options.add(
      "overlay_words", overlay_words,
      "also write a file a word, to NAME.words in the overlay folder, as large as the picture (at most 2048 pixels)");
  options.add("overlay_format", overlay_format, "format of overlays", one_of({"jpg", "png", "webp"}));
  options.add("maps", maps,
              "folder for each picture's attention as numbers; with --explain also NAME.gradient.npy and NAME.pixels.npy");
  options.add("maps_format", maps_format, "npy: float32 [words, rows, columns]; json: as a line of --format jsonl",
              one_of({"npy", "json"}));
  options.add("overwrite", overwrite, "make files anew that are there already, instead of skipping them");
  options.add("animate", animate, "folder for an animation a picture: the attention moves through the sentence");
  options.add("animate_format", animate_format, "format of animations", one_of({"webp", "gif"}));
  options.add("font", font,
              "font file (TrueType, OpenType) for words and captions on overlays and animations; letters that it lacks come "
              "from the program's own, which has Latin, Greek and Cyrillic");
  style.list(options);
  animation.list(options);
  options.section("", "Explanations");
  options.add("explain", explain,
              "gradient: beside where each word looked, what moves its log-probability, by the grid's annotations and "
              "by the pixels, and the rank correlation of the two; in --format jsonl, --overlay, --maps and --html, of "
              "the best caption only",
              one_of({"gradient"}));
  explanation.list(options);
}

void CaptionFileOptions::check() {
  if (overlay_words && overlay.empty())
    throw UsageError("--overlay-words: say with --overlay DIR which folder the files go to");
  if (!font.empty() && overlay.empty() && animate.empty())
    throw UsageError("--font: is for overlays and animations; name a folder with --overlay or --animate");
  explained = !explain.empty();
}

}  // namespace attend
