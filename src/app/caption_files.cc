#include "app/caption_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <opencv2/imgproc.hpp>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "app/caption_record.h"
#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "model/pictures.h"
#include "vision/picture.h"
#include "viz/npy.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

/// Longer side of a word's picture, at most: a word's file of a 30-megapixel photograph would take a second.
constexpr int kLongestWordPicture = 2048;

fs::path without_extension(fs::path path) { return path.replace_extension(); }

/// The path without what leads out of a folder it is joined to: "/a/../b/x.jpg" → "b/x.jpg".
fs::path inside(const fs::path& path) {
  fs::path kept;
  for (const auto& part : path.lexically_normal().relative_path())
    if (part != ".." && part != ".") kept /= part;
  return kept;
}

/// The path with an ending. A name that file systems would find too long loses its end, and gets a number made of all of
/// it instead.
fs::path with_ending(const fs::path& path, const std::string& ending) {
  constexpr size_t kLongestName = 255;
  std::string name = path.filename().string();
  if (name.size() + ending.size() > kLongestName) {
    char number[32];
    std::snprintf(number, sizeof number, "-%016zx", std::hash<std::string>()(name));
    size_t kept = kLongestName - ending.size() - std::strlen(number);
    while (kept > 0 && (name[kept] & 0xc0) == 0x80) --kept;  // not amid a character
    name = name.substr(0, kept) + number;
  }
  return path.parent_path() / (name + ending);
}

/// names[i]: shorter[i] where no other picture has it, else longer[i], else that with a number.
std::vector<fs::path> distinct_names(const std::vector<FoundPicture>& pictures, const std::vector<fs::path>& shorter,
                                     const std::vector<fs::path>& longer) {
  std::unordered_map<std::string, size_t> owner;  // short name → a picture that has it
  std::unordered_set<std::string> shared;
  for (size_t i = 0; i < pictures.size(); ++i) {
    const auto [found, is_new] = owner.emplace(shorter[i].native(), i);
    if (!is_new && pictures[found->second].path != pictures[i].path) shared.insert(shorter[i].native());
  }
  for (const auto& name : shared) owner.erase(name);
  std::vector<fs::path> names;
  for (size_t i = 0; i < pictures.size(); ++i) {
    if (shared.count(shorter[i].native()) == 0) {
      names.push_back(shorter[i]);
      continue;
    }
    fs::path name = longer[i];
    for (int number = 2;; ++number) {
      const auto [found, is_new] = owner.emplace(name.native(), i);
      if (is_new || pictures[found->second].path == pictures[i].path) break;
      name = with_ending(longer[i], "-").concat(std::to_string(number));
    }
    names.push_back(std::move(name));
  }
  return names;
}

/// Makes the folder if need be and writes a block there that never gets a name: a read-only or full folder shows now,
/// not after an hour.
void check_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(folder.string() + ": the folder can't be made: " + error.message());
  const fs::path probe = folder / ".attend";
  try {
    AtomicFile(probe).write(std::string(4096, '\0'));
  } catch (const Error& fault) {
    const std::string what = fault.what();
    throw Error(folder.string() + what.substr(probe.string().size()));
  }
}

/// Which of the files that a picture could have are there already.
class Existing {
 public:
  Existing(const std::vector<FoundPicture>& pictures, bool overwrite) : pictures_(pictures), overwrite_(overwrite) {}

  /// `target`, a file of `picture`, or nothing where it is there and stays. Throws UsageError where it is one of the
  /// pictures or a file of another one.
  fs::path wanted(fs::path target, const fs::path& picture) {
    if (const auto owner = owners_.emplace(target.native(), picture).first->second; owner != picture)
      throw UsageError(target.string() + ": would be written for " + owner.string() + " and for " + picture.string() +
                       "; caption them apart");
    struct stat status;
    if (::stat(target.c_str(), &status) != 0) return target;
    if (is_picture(status))
      throw UsageError(target.string() + ": is one of the pictures and would be replaced; name another folder");
    return overwrite_ ? target : fs::path();
  }

 private:
  bool is_picture(const struct stat& status) {
    if (files_.empty())
      for (const auto& picture : pictures_) {
        struct stat of_picture;
        if (::stat(picture.path.c_str(), &of_picture) == 0) files_.emplace(of_picture.st_dev, of_picture.st_ino);
      }
    return files_.count({status.st_dev, status.st_ino}) > 0;
  }

  const std::vector<FoundPicture>& pictures_;
  const bool overwrite_;
  std::set<std::pair<dev_t, ino_t>> files_;
  std::unordered_map<std::string, fs::path> owners_;  // file → the picture it is written for
};

std::vector<WordMap> word_maps(const Caption& caption, std::array<int64_t, 2> grid) {
  auto maps = attention_maps(caption, grid);
  std::vector<WordMap> words;
  for (size_t t = 0; t < maps.size(); ++t) {
    words.push_back({caption.words[t], std::move(maps[t])});
    const auto columns = static_cast<int>(grid[1]), cell = static_cast<int>(caption.locations[t]);
    if (cell >= 0) words.back().cell = cv::Point(cell % columns, cell / columns);
  }
  return words;
}

/// What the words depend on, to stand beneath where they looked.
std::vector<MapRow> explanation_rows(const PictureCaptions& picture, const Captioner& captioner) {
  if (!picture.explanation) return {};
  const auto figure = [](double correlation) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", correlation);
    return std::isnan(correlation) ? std::string("–") : std::string(text);
  };
  const auto& explanation = *picture.explanation;
  const auto grid = captioner.encoder->grid(captioner.options.encoder.input_size);
  MapRow cells{"The annotations that move the word's probability. ρ: rank correlation with attention, " +
                   figure(mean_rank_correlation(explanation)) + " over all words",
               {}},
      pixels{"The pixels that move it", {}};
  for (auto& map : gradient_maps(explanation, grid))
    cells.maps.push_back({"ρ " + figure(explanation.rank_correlation[cells.maps.size()]), std::move(map)});
  for (auto& map : pixel_maps(explanation)) pixels.maps.push_back({"pixels", std::move(map)});
  return {std::move(cells), std::move(pixels)};
}

/// "03-dog": the place and the word, without what file names are better without.
std::string word_file(size_t place, const std::string& word) {
  char number[32];
  std::snprintf(number, sizeof number, "%02zu-", place + 1);
  std::string name = number;
  for (const char c : word.substr(0, 64))
    name.push_back(std::isalnum(static_cast<unsigned char>(c)) || (c & 0x80) || c == '-' ? c : '_');
  return name;
}

/// A folder with a picture a word; it appears when all are in it, in place of one that was there before.
void write_words(const fs::path& path, const cv::Mat& picture, const Geometry& geometry,
                 const std::vector<WordMap>& words, const CaptionFileOptions& options) {
  AtomicFolder folder(path);
  for (size_t t = 0; t < words.size(); ++t)
    write_picture(folder.path() / (word_file(t, words[t].word) + "." + options.overlay_format),
                  draw_word(picture, geometry, words[t], options.style));
  folder.commit();
}

void write_overlays(const PictureFiles& files, const fs::path& path, const PictureCaptions& picture,
                    const Captioner& captioner, const CaptionFileOptions& options) {
  const auto& encoder = captioner.options.encoder;
  const Caption& caption = picture.captions.front();
  const auto words = word_maps(caption, captioner.encoder->grid(encoder.input_size));
  const auto geometry = input_geometry(picture.size, encoder);
  // Read again: keeping the pictures of a batch could take gigabytes.
  const int small = std::max(options.style.tile, files.animation.empty() ? 0 : options.animation.size);
  auto [pixels, full] = read_picture(path, files.words.empty() ? small : kLongestWordPicture);
  if (full != picture.size) throw InputError(path.string() + ": was changed while it was captioned; nothing is drawn on it");
  if (!files.animation.empty())
    write_animation(files.animation, animate(pixels, geometry, words, options.style, options.animation));
  if (!files.page.empty())
    write_picture(files.page, draw_page(pixels, geometry, words, caption.text, options.style,
                                        explanation_rows(picture, captioner)));
  if (files.words.empty()) return;
  if (const double scale = double(kLongestWordPicture) / std::max(pixels.cols, pixels.rows); scale < 1)
    cv::resize(pixels, pixels, {std::max(1, int(pixels.cols * scale)), std::max(1, int(pixels.rows * scale))}, 0, 0,
               cv::INTER_AREA);
  write_words(files.words, pixels, geometry, words, options);
}

}  // namespace

void CaptionFileOptions::list(OptionList& options) {
  options.section("", "Files");
  options.add("sidecar", sidecar, "write each caption to a .txt file beside its picture");
  options.add("sidecar_dir", sidecar_dir, "write the .txt files to this folder instead");
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

void CaptionFileOptions::check() const {
  if (overlay_words && overlay.empty())
    throw UsageError("--overlay-words: say with --overlay DIR which folder the files go to");
  if (!font.empty() && overlay.empty() && animate.empty())
    throw UsageError("--font: is for overlays and animations; name a folder with --overlay or --animate");
}

std::vector<PictureFiles> plan_files(const std::vector<FoundPicture>& pictures, const CaptionFileOptions& options) {
  const bool sidecars = options.sidecar || !options.sidecar_dir.empty();
  const bool beside = sidecars && options.sidecar_dir.empty();
  std::vector<fs::path> shorter, longer;
  for (const auto& [path, name] : pictures) {
    shorter.push_back(without_extension(inside(name)));
    longer.push_back(inside(path));
  }
  const auto names = distinct_names(pictures, shorter, longer);
  std::vector<fs::path> places;  // of sidecars, without .txt
  if (beside) {
    for (size_t i = 0; i < pictures.size(); ++i) {
      shorter[i] = without_extension(pictures[i].path.lexically_normal());
      longer[i] = pictures[i].path.lexically_normal();
    }
    places = distinct_names(pictures, shorter, longer);
  } else {
    for (const auto& name : names) places.push_back(options.sidecar_dir / name);
  }

  std::vector<PictureFiles> plan(pictures.size());
  Existing existing(pictures, options.overwrite);
  for (size_t i = 0; i < pictures.size(); ++i) {
    PictureFiles& files = plan[i];
    const auto wanted = [&](fs::path target) { return existing.wanted(std::move(target), pictures[i].path); };
    if (sidecars) files.sidecar = wanted(with_ending(places[i], ".txt"));
    if (!options.overlay.empty()) {
      const fs::path page = options.overlay / names[i];
      files.page = wanted(with_ending(page, "." + options.overlay_format));
      if (options.overlay_words) files.words = wanted(with_ending(page, ".words"));
    }
    if (!options.maps.empty()) {
      const fs::path maps = options.maps / names[i];
      files.maps = wanted(with_ending(maps, "." + options.maps_format));
      if (options.explains() && options.maps_format == "npy") {
        files.gradient = wanted(with_ending(maps, ".gradient.npy"));
        files.pixels = wanted(with_ending(maps, ".pixels.npy"));
      }
    }
    if (!options.animate.empty())
      files.animation = wanted(with_ending(options.animate / names[i], "." + options.animate_format));
  }
  return plan;
}

std::vector<bool> prepare_folders(std::vector<PictureFiles>& plan, const CaptionFileOptions& options) {
  for (const auto* folder : {&options.sidecar_dir, &options.overlay, &options.maps, &options.animate})
    if (!folder->empty()) check_folder(*folder);
  struct Folder {
    std::string fault;  // "": it can be written
    size_t pictures = 0;
  };
  std::map<fs::path, Folder> folders;
  std::vector<bool> incomplete(plan.size());
  size_t wanted = 0, refused = 0;  // files
  for (size_t i = 0; i < plan.size(); ++i) {
    std::set<Folder*> faulty;
    for (auto* file : plan[i].all()) {
      if (file->empty()) continue;
      ++wanted;
      const auto [folder, is_new] = folders.try_emplace(file->has_parent_path() ? file->parent_path() : fs::path("."));
      try {
        if (is_new) check_folder(folder->first);
      } catch (const Error& fault) {
        folder->second.fault = fault.what();
      }
      if (folder->second.fault.empty()) continue;
      faulty.insert(&folder->second);
      file->clear();
      ++refused;
    }
    for (auto* folder : faulty) ++folder->pictures;
    incomplete[i] = !faulty.empty();
  }
  for (const auto& [path, folder] : folders) {
    if (folder.fault.empty()) continue;
    if (refused == wanted) throw Error(folder.fault);
    complain(folder.fault + "; files of " + std::to_string(folder.pictures) +
             (folder.pictures == 1 ? " picture" : " pictures") + " would stand there and are left out");
  }
  return incomplete;
}

void write_files(const PictureFiles& files, const fs::path& path, const PictureCaptions& picture,
                 const Captioner& captioner, const CaptionFileOptions& options) {
  if (!files.page.empty() || !files.words.empty() || !files.animation.empty())
    write_overlays(files, path, picture, captioner, options);
  if (!files.maps.empty()) {
    if (options.maps_format == "json")
      write_file_atomically(files.maps, one_line(caption_record(path, picture, captioner)) + "\n");
    else
      write_npy(files.maps, attention_maps(picture.captions.front(),
                                           captioner.encoder->grid(captioner.options.encoder.input_size)));
  }
  if (!files.gradient.empty())
    write_npy(files.gradient, maps_of(picture.explanation->cells,
                                      captioner.encoder->grid(captioner.options.encoder.input_size)));
  if (!files.pixels.empty()) {
    const auto& pixels = picture.explanation->pixels;  // [T, S, S]
    write_npy(files.pixels, maps_of(pixels.flatten(1), {pixels.size(1), pixels.size(2)}));
  }
  if (!files.sidecar.empty()) write_file_atomically(files.sidecar, picture.captions.front().text + "\n");
}

}  // namespace attend
