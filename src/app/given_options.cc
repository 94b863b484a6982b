#include "app/given_options.h"

#include "base/console.h"
#include "base/error.h"
#include "vision/find_pictures.h"

namespace attend {

void GivenOptions::list(OptionList& options) {
  options.section("", "Captions");
  options.add("caption", caption, "a caption of each of the pictures named; may be given several times");
  options.add("captions", captions,
              "file of pictures with captions, in place of pictures on the command line: COCO or Karpathy's JSON, JSON "
              "lines, CSV "
              "or TSV with columns file and caption, or the .txt lines of attend caption");
  options.add("images", images, "folder that file names in --captions start from; without it, the working folder");
  options.add("sidecar", sidecar, "the captions are in a .txt file beside each picture, one a line");
  options.add("recursive", recursive, "look in subfolders for pictures, too");
}

CaptionList GivenOptions::gather(const std::vector<std::string>& paths) const {
  const int from = !captions.empty() + !caption.empty() + sidecar;
  if (from != 1)
    throw UsageError(from == 0 ? "no captions: give them with --caption TEXT, --captions FILE or --sidecar"
                               : "--caption, --captions and --sidecar: captions come from one of them");
  CaptionList list;
  if (!captions.empty()) {
    if (!paths.empty()) throw UsageError(paths.front() + ": the pictures of --captions are named in its file");
    list = read_caption_list(captions, images);
  } else {
    if (!images.empty()) throw UsageError("--images: is where the pictures of --captions lie; name one");
    CaptionList missing;
    auto pictures = find_given_pictures(paths, recursive, missing);
    if (sidecar) {
      list = read_sidecars(pictures);
    } else {
      auto given = caption;
      for (auto& text : given)
        if (const auto fault = caption_fault(text); !fault.empty()) throw UsageError("--caption: " + fault);
      for (auto& picture : pictures) list.pictures.push_back({std::move(picture), given});
      list.captions = given.size() * list.pictures.size();
    }
    list.refusals.insert(list.refusals.begin(), missing.refusals.begin(), missing.refusals.end());
    list.captions += missing.refusals.size();
  }
  for (const auto& refusal : list.refusals) complain(refusal);
  if (list.pictures.empty() && list.refusals.empty())
    throw InputError((captions.empty() ? paths.front() : captions.string()) + ": no pictures with captions there");
  return list;
}

void WeighingOptions::list(OptionList& options, DecodeOptions& decode) {
  // The flags of a search that mean something here, under their names and with their bounds there.
  OptionList all;
  decode.list(all);
  options.section("decode", "Weighing");
  const auto same = [&](const char* key, auto& value) {
    for (const auto& field : all.fields())
      if (field.key == key) options.add(key, value, field.help, field.allowed);
  };
  same("temperature", decode.temperature);
  same("frequency_exponent", decode.frequency_exponent);
  same("locations", decode.locations);
  options.section("", "Weighing");
  options.add("paths", paths,
              "of --locations sampled: how many paths through the picture are drawn for each caption; the mean of its "
              "probabilities is taken, and of its maps",
              between(1, 10000));
}

void WeighingOptions::check(const DecodeOptions& decode) const {
  if (paths > 1 && decode.locations != "sampled") throw UsageError("--paths: is of --locations sampled only");
}

std::vector<std::filesystem::path> find_given_pictures(const std::vector<std::string>& paths, bool recursive,
                                                       CaptionList& list) {
  if (paths.empty()) throw UsageError("no pictures: name files, folders or patterns");
  const FoundPictures found = find_pictures(paths, recursive);
  for (const auto& remark : found.remarks()) warn(remark);
  for (const auto& [folder, deeper] : found.empty)
    warn(folder.string() + ": no pictures there" + (deeper ? "; --recursive looks in subfolders too" : ""));
  list.refusals = found.refusals;
  std::vector<std::filesystem::path> pictures;
  for (const auto& picture : found.pictures) pictures.push_back(picture.path);
  return pictures;
}

GivenPictures::GivenPictures(const std::vector<CaptionedPicture>& list) {
  for (const auto& one : list) {
    pictures.emplace_back(one.picture);
    captions.push_back(one.captions);
  }
}

std::string count_of_captions(size_t part, size_t all) {
  return std::to_string(part) + " of " + std::to_string(all) + (all == 1 ? " caption" : " captions");
}

}  // namespace attend
