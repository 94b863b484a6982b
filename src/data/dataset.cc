#include "data/dataset.h"

#include <set>
#include <unordered_set>

#include "base/console.h"
#include "base/error.h"
#include "base/printable.h"
#include "data/collector.h"
#include "data/forms.h"
#include "data/hash.h"

namespace attend {
std::vector<size_t> Dataset::split(const std::string& name) const {
  std::vector<size_t> indices;
  std::map<std::string, size_t> counts;
  for (size_t i = 0; i < examples.size(); ++i) {
    ++counts[examples[i].split];
    if (examples[i].split == name) indices.push_back(i);
  }
  if (!indices.empty()) return indices;
  std::string there;
  for (const auto& [other, count] : counts) there += " " + other + " (" + std::to_string(count) + ")";
  throw InputError(source + ": no pictures of split \"" + name + "\"; there are" + (there.empty() ? " none" : there) +
                   (counts.size() == 1
                        ? "; where the data name no splits, data.val_share (--val-share 0.1) takes some to validate on"
                        : ""));
}

uint64_t Dataset::hash() const {
  std::string all;
  for (const auto& example : examples) {
    all += std::to_string(example.source) + '\n' + example.picture.filename().string() + '\n' + example.split + '\n';
    for (size_t c = 0; c < example.captions.size(); ++c)
      all += origins[example.origins[c]] + '\t' + example.captions[c] + '\n';
  }
  return hash_bytes(all);
}

void CaptionFiles::list(OptionList& options) {
  options.add(
      "train_captions", train_captions,
      "captions to learn from: a file or folder of any form that docs/formats.md names (COCO, Karpathy, Flickr8k, "
      "CSV, JSON lines, imagefolder, WebDataset, .txt beside pictures)");
  options.add("val_captions", val_captions, "captions to validate on; empty: the same file");
  options.add("images", images, "folder that file names in the captions files start from");
  options.add("val_images", val_images, "the same for the validation captions; empty: the same folder");
  options.add("train_split", train_split, "split to learn from");
  options.add("val_split", val_split, "split to validate on");
}

void DataSource::list(OptionList& options) {
  options.add("name", name, "what it is called in messages and in the log; empty: the folder of its captions");
  CaptionFiles::list(options);
  options.add("share", share, "share of its training pictures that an epoch shows, others in every epoch",
              between(0.0001, 1));
  options.add("weight", weight, "weight of its captions' words in the loss", between(0, 1000));
}

void DataOptions::list(OptionList& options) {
  options.section("data", "Data");
  CaptionFiles::list(options);
  options.add_items("sources", sources,
                    "several sources to learn from together, in place of the files above: a list of {\"name\", "
                    "\"train_captions\", \"val_captions\", \"images\", \"val_images\", \"train_split\", \"val_split\", "
                    "\"share\" of its pictures that an epoch shows, \"weight\" of its words in the loss}");
  options.add(
      "caption_weights", caption_weights,
      "weight in the loss of the words of annotations whose \"source\" is NAME, such as rebuilt=0.3; others have 1",
      between(0, 1000));
  options.add("val_share", val_share,
              "share of the pictures that is validated on, drawn by their names, where the data name no splits and no "
              "val_captions are given",
              between(0, 0.9));
  options.add("sentences", sentences,
              "text file, may be gzipped: a caption a line, of no picture; see --sentence-share");
  options.add("max_faulty", max_faulty, "share of faulty pictures, and of captions, that is left out and put up with",
              between(0, 1));
}

std::vector<DataSource> DataOptions::all_sources() const {
  if (sources.empty()) {
    if (train_captions.empty())
      throw UsageError("data.train_captions: say which file holds the captions to learn from");
    DataSource only;
    static_cast<CaptionFiles&>(only) = *this;
    return {only};
  }
  if (!train_captions.empty() || !val_captions.empty() || !images.empty() || !val_images.empty())
    throw UsageError(
        "data.sources: train_captions, val_captions, images and val_images stand beside it; name the data in "
        "one of the two ways");
  auto named = sources;
  std::set<std::string> names;
  for (auto& source : named) {
    if (source.train_captions.empty()) throw UsageError("data.sources: one has no train_captions");
    if (source.name.empty())
      source.name =
          std::filesystem::absolute(source.train_captions).lexically_normal().parent_path().filename().string();
    if (!names.insert(source.name).second)
      throw UsageError("data.sources: two are called " + source.name + "; give each a name of its own");
  }
  return named;
}

namespace {

/// Where a split was asked for that the data don't name, so that all of them stand for it.
void say_no_splits(const Collector& collector, const std::string& split) {
  if (collector.has_splits()) return;
  note(collector.source().string() + ": says no splits: all " +
       counted(static_cast<size_t>(collector.pictures_seen()), "picture") + " count as " + quote(split));
}

}  // namespace

Dataset read_captions(const std::filesystem::path& file, const std::filesystem::path& images,
                      const std::string& whole_split, double max_faulty) {
  Dataset dataset;
  std::unordered_set<std::string> names;
  const FormFile found = form_of(file);
  Collector collector(found.file, images, max_faulty, dataset, names);
  read_form(found.form, collector);
  collector.finish(std::set<std::string>{whole_split, "train", "val", "test"}, whole_split, true);
  if (whole_split != kAllPictures) say_no_splits(collector, whole_split);
  return dataset;
}

WholeDataset read_everything(const std::filesystem::path& data, const std::filesystem::path& images, double max_faulty,
                             Findings* findings) {
  WholeDataset whole;
  std::unordered_set<std::string> names;
  const FormFile found = form_of(data);
  Collector collector(found.file, images, max_faulty, whole.dataset, names, findings);
  read_form(found.form, collector);
  collector.finish(std::nullopt, "", true);
  whole.form = name_of(found.form);
  whole.images = collector.images();
  whole.pictures = collector.pictures_seen();
  whole.captions = collector.captions_seen();
  return whole;
}

bool is_in_val_share(const std::filesystem::path& picture, double share) {
  return static_cast<double>(hash_bytes(picture.filename().string())) < share * 0x1p64;
}

namespace {

/// Adds the pictures of a source; returns whether its data say which splits they are of.
bool read_source(const DataSource& source, const DataOptions& options, Dataset& dataset,
                 std::unordered_set<std::string>& names) {
  const bool one_file = source.val_captions.empty() || source.val_captions == source.train_captions;
  const auto& val_images = source.val_images.empty() ? source.images : source.val_images;
  const std::set<std::string> splits{source.train_split, source.val_split, "train", "val", "test"};
  const size_t first = dataset.examples.size();
  const auto read = [&](const std::filesystem::path& file, const std::filesystem::path& images,
                        const std::string& split) {
    const FormFile found = form_of(file);
    Collector collector(found.file, images, options.max_faulty, dataset, names);
    read_form(found.form, collector);
    collector.finish(splits, split, one_file);
    if (split != "train" && split != "val") say_no_splits(collector, split);  // who names others expects them
    return collector.has_splits();
  };
  const bool has_splits = read(source.train_captions, source.images, source.train_split);
  if (!one_file) read(source.val_captions, val_images, source.val_split);
  if (!one_file || has_splits) return true;
  for (size_t i = first; i < dataset.examples.size(); ++i)
    if (is_in_val_share(dataset.examples[i].picture, options.val_share)) dataset.examples[i].split = source.val_split;
  return false;
}

}  // namespace

Dataset read_dataset(const DataOptions& options) {
  Dataset dataset;
  dataset.sources.clear();
  std::unordered_set<std::string> names;
  bool all_have_splits = true;
  for (const auto& source : options.all_sources()) {
    const size_t first = dataset.examples.size();
    all_have_splits = read_source(source, options, dataset, names) && all_have_splits;
    bool learns = false;
    for (size_t i = first; i < dataset.examples.size(); ++i) {
      auto& example = dataset.examples[i];
      learns = learns || example.split == source.train_split;
      example.source = dataset.sources.size();
      if (options.sources.empty()) continue;
      if (example.split == source.train_split)
        example.split = options.train_split;
      else if (example.split == source.val_split)
        example.split = options.val_split;
    }
    if (!learns && !options.sources.empty())
      throw InputError(source.train_captions.string() + ": no pictures of split \"" + source.train_split + "\"");
    dataset.sources.push_back(source.name);
  }
  if (all_have_splits && options.val_share > 0)
    warn("data.val_share: of no effect, the data name their splits themselves");
  return dataset;
}

}  // namespace attend
