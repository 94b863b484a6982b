#include "app/caption_file_options.h"

#include "base/error.h"
#include "vision/find_pictures.h"

namespace attend {

void CaptionFileOptions::list(OptionList& options, bool sidecars) {
  options.section("", "Files");
  if (sidecars) {
    options.add("sidecar", sidecar, "write each caption to a .txt file beside its picture");
    options.add("sidecar_dir", sidecar_dir, "write the .txt files to this folder instead");
    options.add("sidecar_ending", sidecar_ending, "what their names end with in place of .txt");
    options.add("xmp", xmp,
                "write each caption to an .xmp file beside its picture, as dc:description, for photo managers");
    options.add(
        "metadata", metadata,
        "write each caption into its picture (JPEG, PNG, WebP, TIFF), as XMP, IPTC and EXIF have it; what is coded "
        "in the picture stays bit for bit, a picture that has a caption stays as "
        "it is; with --xmp too, the .xmp file stands beside pictures that have no place for it (HEIC, GIF, …)");
  }
  options.add("overlay", overlay, "folder for a page a picture that shows where every word looked");
  options.add("overlay_words", overlay_words,
              "also write a file a word, to NAME.words in the overlay folder: the picture at its size (at most 2048 "
              "pixels) below the word");
  options.add("overlay_format", overlay_format, "format of overlays", one_of({"jpg", "png", "webp"}));
  options.add(
      "maps", maps,
      "folder for each picture's attention as numbers; with --explain also NAME.gradient.npy and NAME.pixels.npy");
  options.add("maps_format", maps_format, "npy: float32 [words, rows, columns]; json: as a line of --format jsonl",
              one_of({"npy", "json"}));
  options.add(
      "if_exists", if_existing,
      "what becomes of files, and of captions in --metadata, that are there: skip them, overwrite them, or append or "
      "prepend the caption to a sidecar or to metadata as a line of its own",
      one_of({"skip", "overwrite", "append", "prepend"}));
  options.add("overwrite", overwrite, "--if-exists overwrite: make files anew that are there already");
  options.add("animate", animate, "folder for an animation a picture: the attention moves through the sentence");
  options.add("animate_format", animate_format, "format of animations", one_of({"webp", "gif"}));
  options.add(
      "font", font,
      "font file (TrueType, OpenType) for words and captions on overlays and animations; letters that it lacks come "
      "from the program's own, which has Latin, Greek and Cyrillic");
  style.list(options);
  animation.list(options);
  options.section("", "Explanations");
  options.add(
      "explain", explain,
      "beside where each word looked, what moves its log-probability, by the grid's annotations and by the "
      "pixels, and the rank correlation of attention and annotations: plain, the gradient's norm; input, the "
      "gradient times the input; smooth, the mean gradient over noisy copies of the picture. In --format jsonl, "
      "--overlay, --maps and --html, of the best caption only",
      one_of({"plain", "input", "smooth"}));
  explanation.list(options);
}

void CaptionFileOptions::check(const CommandLine& line) {
  const auto needs_folder = [](const std::string& flag, const char* folder) {
    throw UsageError("--" + flag + ": say with --" + folder + " DIR which folder the files go to");
  };
  if (overlay_words && overlay.empty()) needs_folder("overlay-words", "overlay");
  for (const auto& flag : line.flags) {  // what has no effect; with --dump-config they are written down
    if (line.dump_config) break;
    const bool drawn = !overlay.empty() || (flag != "overlay-format" && !animate.empty());
    if (flag.starts_with("overlay-") && !drawn) needs_folder(flag, "overlay");
    if (flag.starts_with("animate-") && animate.empty()) needs_folder(flag, "animate");
    if (flag == "maps-format" && maps.empty()) needs_folder(flag, "maps");
  }
  if (!font.empty() && overlay.empty() && animate.empty())
    throw UsageError("--font: is for overlays and animations; name a folder with --overlay or --animate");
  if (overwrite && if_existing != "skip" && if_existing != "overwrite")
    throw UsageError("--overwrite and --if-exists " + if_existing + ": say one of them");
  if (overwrite || if_existing == "overwrite") if_exists = IfExists::overwrite;
  if (if_existing == "append") if_exists = IfExists::append;
  if (if_existing == "prepend") if_exists = IfExists::prepend;
  const bool adds = if_exists == IfExists::append || if_exists == IfExists::prepend;
  if (adds && !sidecar && sidecar_dir.empty() && !metadata)
    throw UsageError("--if-exists " + if_existing +
                     ": is of sidecars and metadata; say --sidecar, --sidecar-dir DIR or --metadata");
  if (!sidecar_ending.starts_with('.')) sidecar_ending.insert(0, 1, '.');
  if (sidecar_ending.size() < 2 || sidecar_ending.size() > 32 || sidecar_ending.find('/') != sidecar_ending.npos)
    throw UsageError("--sidecar-ending: \"" + sidecar_ending + "\" is no ending of a name");
  if (line.flags.contains("sidecar-ending") && !sidecar && sidecar_dir.empty() && !line.dump_config)
    throw UsageError("--sidecar-ending: is of sidecars; say --sidecar or --sidecar-dir DIR");
  if (has_picture_extension("x" + sidecar_ending) || (xmp && sidecar_ending == ".xmp"))
    throw UsageError("--sidecar-ending: " + sidecar_ending + " is of pictures or metadata; name another");
  explained = !explain.empty();
  if (explained) explanation.kind = explain;
}

}  // namespace attend
