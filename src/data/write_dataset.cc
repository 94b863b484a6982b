#include "data/write_dataset.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_set>

#include "base/console.h"
#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/printable.h"
#include "base/tar.h"
#include "data/collector.h"
#include "data/table.h"
#include "text/ptb_tokenizer.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

std::string json_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// A folder of copies of pictures and of files that say something of them. It appears whole.
class PictureFolder {
 public:
  explicit PictureFolder(const fs::path& out) : folder_(out) {}

  void copy(const fs::path& picture, const fs::path& name) { put(name, read_regular_file(picture)); }
  void put(const fs::path& name, const std::string& bytes) {
    const fs::path path = folder_.path() / name;
    fs::create_directories(path.parent_path());
    std::ofstream out(path, std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (!out) throw Error(path.string() + ": can't be written: " + std::strerror(errno));
  }
  /// Adds to a file that stays open: for a few of them.
  void append(const fs::path& name, const std::string& text) {
    auto& file = files_[name];
    if (!file) file = std::make_unique<AtomicFile>(folder_.path() / name);
    file->write(text);
  }
  void commit() {
    for (auto& [name, file] : files_) file->commit();
    folder_.commit();
  }

 private:
  AtomicFolder folder_;
  std::map<fs::path, std::unique_ptr<AtomicFile>> files_;
};

bool is_usual_split(const std::string& name) { return name == "train" || name == "val" || name == "test"; }

/// What files and folders of a split are called. Throws InputError where they can't be called so.
std::string folder_of(const std::string& split) {
  if (split == "val") return "validation";
  if (split.starts_with('.') || split.find_first_of(std::string_view("/\0", 2)) != split.npos)
    throw InputError("the split " + quote(split) + " can't be a folder's name; jsonl and csv hold it");
  return split;
}

/// A data set with what its writers ask of it.
class Writer {
 public:
  Writer(const Dataset& dataset, const WriteOptions& options) : dataset_(dataset), options_(options) {
    std::vector<std::string> names;
    for (const auto& example : dataset.examples) {
      names.push_back(name_of(example));
      has_splits_ |= !example.split.empty();
      has_captions_ |= !example.captions.empty();
      numbered_ &= example.id.number >= 0;
      single_ &= example.captions.size() == 1;
      const std::string id = example.id.said();
      has_ids_ |= id != names.back();
      has_keys_ |= id != names.back() && id != bare_name(example).replace_extension().string();
      for (const auto origin : example.origins) has_origins_ |= origin > 0;
    }
  }

  void coco(const fs::path& out) const {
    AtomicFile file(out);
    file.write("{\"images\": [");
    for_each([&](const Example& example, size_t i) {
      Json image{{"id", number_of(example, i)}, {"file_name", name_of(example)}};
      if (!example.split.empty()) image["split"] = example.split;
      file.write((i ? ",\n" : "\n") + json_text(image));
    });
    file.write("\n]");
    if (has_captions_) {
      file.write(", \"annotations\": [");
      int64_t number = 0;
      for (size_t i = 0; i < dataset_.examples.size(); ++i)
        for (size_t c = 0; c < dataset_.examples[i].captions.size(); ++c) {
          const auto& example = dataset_.examples[i];
          Json annotation{{"id", number}, {"image_id", number_of(example, i)}, {"caption", example.captions[c]}};
          if (example.origins[c] > 0) annotation["source"] = dataset_.origins[example.origins[c]];
          file.write((number++ ? ",\n" : "\n") + json_text(annotation));
        }
      file.write("\n]");
    }
    file.write("}\n");
    file.commit();
  }

  void karpathy(const fs::path& out) const {
    const auto unsaid = static_cast<size_t>(std::count_if(dataset_.examples.begin(), dataset_.examples.end(),
                                                          [](const Example& e) { return e.split.empty(); }));
    if (unsaid > 0)
      note(dataset_.source + ": " +
           (has_splits_
                ? "says no split of " + counted(unsaid, "picture") + (unsaid > 1 ? ", which count" : ", which counts")
                : "says no splits: all " + counted(unsaid, "picture") + " count") +
           " as \"train\"; --val-share takes some to validate on");
    AtomicFile file(out);
    file.write("{\"dataset\": " + json_text(out.stem().string()) + ", \"images\": [");
    int64_t number = 0;
    for_each([&](const Example& example, size_t i) {
      const fs::path name = name_of(example);
      Json image{{"filepath", name.parent_path().string()},
                 {"filename", name.filename().string()},
                 {"imgid", number_of(example, i)},
                 {"split", example.split.empty() ? "train" : example.split},
                 {"sentids", Json::array()},
                 {"sentences", Json::array()}};
      for (size_t c = 0; c < example.captions.size(); ++c) {
        Json sentence{{"raw", example.captions[c]},
                      {"tokens", caption_tokens(example.captions[c])},
                      {"imgid", image["imgid"]},
                      {"sentid", number}};
        if (example.origins[c] > 0) sentence["source"] = dataset_.origins[example.origins[c]];
        image["sentids"].push_back(number++);
        image["sentences"].push_back(std::move(sentence));
      }
      file.write((i ? ",\n" : "\n") + json_text(image));
    });
    file.write("\n]}\n");
    file.commit();
  }

  void json_lines(const fs::path& out) const {
    AtomicFile file(out);
    for_each([&](const Example& example, size_t) {
      for (const auto& record : records(example, name_of(example), false)) file.write(json_text(record) + "\n");
    });
    file.commit();
  }

  void table(const fs::path& out, char delimiter) const {
    AtomicFile file(out);
    const auto row = [&](const std::vector<std::optional<std::string>>& fields) {
      std::string line;
      for (const auto& field : fields)
        if (field) line += (line.empty() ? "" : std::string(1, delimiter)) + csv_field(*field, delimiter);
      file.write(line + "\n");
    };
    const auto when = [](bool there, const std::string& field) { return there ? std::optional(field) : std::nullopt; };
    row({"image", when(has_captions_, "caption"), when(has_splits_, "split"), when(has_ids_, "id"),
         when(has_origins_, "source")});
    for_each([&](const Example& example, size_t) {
      for (size_t c = 0; c < std::max(example.captions.size(), size_t{!has_captions_}); ++c)
        row({name_of(example), when(has_captions_, has_captions_ ? example.captions[c] : ""),
             when(has_splits_, example.split), when(has_ids_, example.id.said()),
             when(has_origins_, has_captions_ ? dataset_.origins[example.origins[c]] : "")});
    });
    file.commit();
  }

  /// Hugging Face's: metadata.jsonl beside the pictures, in a folder for each split.
  void image_folder(const fs::path& out) const {
    PictureFolder folder(out);
    const auto names = places([](const Example& example) { return fs::path(folder_of(example.split)); });
    for_each([&](const Example& example, size_t i) {
      const fs::path split = folder_of(example.split);
      folder.copy(example.picture, names[i]);
      for (const auto& record :
           records(example, (split.empty() ? names[i] : names[i].lexically_relative(split)).string(), true))
        folder.append(split / "metadata.jsonl", json_text(record) + "\n");
    });
    folder.commit();
  }

  /// Flickr8k.token.txt and a list of names for each split, as its archive of texts has them, beside the folder of its
  /// pictures.
  void flickr8k(const fs::path& out) const {
    if (!has_captions_) throw InputError(dataset_.source + ": has no captions, and Flickr8k's form is a list of them");
    check_splits("Flickr8k's form", has_splits_);
    say_what_is_lost(out);
    const std::map<std::string, std::string> lists{{"train", "train"}, {"val", "dev"}, {"test", "test"}};
    PictureFolder folder(out);
    const auto names = places([](const Example&) { return fs::path(); });
    for_each([&](const Example& example, size_t i) {
      const std::string& name = names[i].native();
      if (name.find_first_of("\t\r\n") != name.npos)
        throw InputError(example.picture.string() +
                         ": a tab or a line break in a name can't stand in Flickr8k.token.txt; rename the picture");
      folder.copy(example.picture, "Flicker8k_Dataset" / names[i]);
      for (size_t c = 0; c < example.captions.size(); ++c)
        folder.append("Flickr8k.token.txt", name + "#" + std::to_string(c) + "\t" + example.captions[c] + "\n");
      if (has_splits_) folder.append("Flickr_8k." + lists.at(example.split) + "Images.txt", name + "\n");
    });
    folder.commit();
  }

  /// A text file beside each picture, a caption a line, in a folder for each split.
  void sidecars(const fs::path& out) const {
    check_splits("the form", false);
    say_what_is_lost(out);
    PictureFolder folder(out);
    const auto names = places([this](const Example& example) {
      const auto bare = bare_name(example);  // whose first folder mustn't say what the data don't
      const bool misleads =
          example.split.empty() && bare.has_parent_path() && is_usual_split(split_name(*bare.begin()));
      return fs::path(misleads ? "pictures" : folder_of(example.split));
    });
    // A picture has two text files, NAME.txt and NAME.jpg.txt; the first that it shares with none is written.
    const auto texts_of = [](const fs::path& name) {
      return std::array{fs::path(name).replace_extension(".txt"), fs::path(name.native() + ".txt")};
    };
    std::map<fs::path, int> owners{{"captions.txt", 1}, {"Flickr8k.token.txt", 1}};  // would make it another form
    for (const auto& name : names) {
      const auto texts = texts_of(name);
      for (size_t i = 0; i < (texts[0] == texts[1] ? 1u : 2u); ++i) ++owners[texts[i]];
    }
    for_each([&](const Example& example, size_t i) {
      const auto texts = texts_of(names[i]);
      const auto own =
          std::find_if(texts.begin(), texts.end(), [&](const fs::path& text) { return owners[text] == 1; });
      if (own == texts.end())
        throw InputError(example.picture.string() + ": its captions would be another's, too, in " + texts[1].string() +
                         "; rename the picture");
      folder.copy(example.picture, names[i]);
      std::string lines;
      for (const auto& caption : example.captions) lines += caption + "\n";
      if (!lines.empty()) folder.put(*own, lines);
    });
    folder.commit();
  }

  /// One archive.
  void archive(const fs::path& out) const {
    TarWriter tar(out);
    std::unordered_set<std::string> taken;
    for_each([&](const Example& example, size_t) { add_sample(example, taken, tar); });
    tar.finish();
  }

  /// Archives of some pictures each, by splits: train-000000.tar, …
  void archives(const fs::path& out) const {
    for (const auto& example : dataset_.examples) folder_of(example.split);  // which may refuse
    AtomicFolder folder(out);
    struct Shard {
      std::unique_ptr<TarWriter> tar;
      int64_t pictures = 0, number = 0;
    };
    std::map<std::string, Shard> shards;
    std::unordered_set<std::string> taken;
    for_each([&](const Example& example, size_t) {
      auto& shard = shards[example.split];
      if (shard.tar && shard.pictures == options_.shard_pictures) {
        shard.tar->finish();
        shard.tar.reset(), shard.pictures = 0, ++shard.number;
      }
      if (!shard.tar) {
        char number[16];
        std::snprintf(number, sizeof number, "%06ld", static_cast<long>(shard.number));
        shard.tar = std::make_unique<TarWriter>(
            folder.path() / ((example.split.empty() ? "pictures" : example.split) + "-" + number + ".tar"));
      }
      add_sample(example, taken, *shard.tar);
      ++shard.pictures;
    });
    for (auto& [split, shard] : shards) shard.tar->finish();
    folder.commit();
  }

 private:
  void for_each(const std::function<void(const Example&, size_t)>& write) const {
    Progress progress("converting", static_cast<int64_t>(dataset_.examples.size()));
    for (size_t i = 0; i < dataset_.examples.size(); ++i) {
      if (interrupted()) throw Interrupted("interrupted; nothing has been written");
      write(dataset_.examples[i], i);
      progress.update(static_cast<int64_t>(i + 1));
    }
  }

  std::string name_of(const Example& example) const {
    return (options_.images.empty() ? example.picture : example.picture.lexically_relative(options_.images)).string();
  }

  /// The name without the folder of its split and without the archive it lies in, which the result has of its own.
  fs::path bare_name(const Example& example) const {
    fs::path name = name_of(example), bare;
    bool first = true;
    for (const auto& part : name) {
      const bool own = first && !example.split.empty() && split_name(part) == example.split;
      first = false;
      if (part == ".." || part == "/" || own || is_tar_name(part)) continue;
      bare /= part;
    }
    return bare;
  }

  /// The name, or where another has it one with a number.
  static fs::path unique(const fs::path& name, std::unordered_set<std::string>& taken) {
    fs::path free = name;
    for (int number = 2; !taken.insert(free.string()).second; ++number)
      free = name.parent_path() / (name.stem().string() + "_" + std::to_string(number) + name.extension().string());
    return free;
  }

  /// The names that pictures have in a folder, each below the one that is `folder_of_one` of it.
  std::vector<fs::path> places(const std::function<fs::path(const Example&)>& folder_of_one) const {
    std::vector<fs::path> names;
    std::unordered_set<std::string> taken;
    size_t renamed = 0;
    for (const auto& example : dataset_.examples) {
      const fs::path wanted = folder_of_one(example) / bare_name(example);
      renamed += names.emplace_back(unique(wanted, taken)) != wanted;
    }
    if (renamed > 0)
      note(dataset_.source + ": " + counted(renamed, "picture") +
           " got a number behind the name: others have the same");
    return names;
  }

  /// Throws InputError where pictures are of a split that a form hasn't got: any but these three, and, with `all`, none.
  void check_splits(const std::string& form, bool all) const {
    std::map<std::string, size_t> others;
    for (const auto& example : dataset_.examples)
      if (!is_usual_split(example.split) && (all || !example.split.empty()))
        ++others[example.split.empty() ? "none" : quote(example.split)];
    if (others.empty()) return;
    std::string there;
    for (const auto& [split, count] : others)
      there += (there.empty() ? "" : ", ") + counted(count, "picture") + " of " + split;
    throw InputError(dataset_.source + ": " + form + " knows the splits train, val and test, but there are " + there +
                     "; imagefolder, jsonl and csv hold them");
  }

  void say_what_is_lost(const fs::path& out) const {
    if (has_keys_ || has_origins_)
      note(out.string() + ": has no ids and no sources of captions, as " + dataset_.source + " has");
  }

  Json number_of(const Example& example, size_t index) const {
    return numbered_ ? Json(example.id.number) : Json(static_cast<int64_t>(index + 1));
  }

  /// A record for each origin of its captions, as a rule one. In an imagefolder that has one caption a picture it is a
  /// "text", as Hugging Face's tools know it, and the folder is the split.
  std::vector<Json> records(const Example& example, const std::string& name, bool in_folder) const {
    std::vector<Json> list;
    std::vector<uint32_t> origins = example.origins;
    std::sort(origins.begin(), origins.end());
    origins.erase(std::unique(origins.begin(), origins.end()), origins.end());
    if (origins.empty()) origins.push_back(0);
    for (const auto origin : origins) {
      Json& record = list.emplace_back(Json{{"file_name", name}});
      Json captions = Json::array();
      for (size_t c = 0; c < example.captions.size(); ++c)
        if (example.origins[c] == origin) captions.push_back(example.captions[c]);
      if (!in_folder && !example.split.empty()) record["split"] = example.split;
      if (has_ids_) record["id"] = example.id.json();
      if (in_folder && single_)
        record["text"] = captions[0];
      else if (has_captions_)
        record["captions"] = std::move(captions);
      if (origin > 0) record["source"] = dataset_.origins[origin];
    }
    return list;
  }

  void add_sample(const Example& example, std::unordered_set<std::string>& taken, TarWriter& tar) const {
    const fs::path name = bare_name(example);
    std::string stem = name.stem().string(), ending = name.extension().string();
    std::replace(stem.begin(), stem.end(), '.', '_');  // a key ends at the first dot
    for (char& letter : ending) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    const std::string key = unique(name.parent_path() / stem, taken).string();
    const std::string bytes = read_regular_file(example.picture);
    tar.add(key + (ending.empty() ? ".jpg" : ending), bytes);
    std::string lines;
    for (const auto& caption : example.captions) lines += (lines.empty() ? "" : "\n") + caption;
    if (has_captions_) tar.add(key + ".txt", lines);
    auto list = records(example, name.string(), false);
    if (list.size() == 1 && !has_ids_ && example.split.empty() && !has_origins_) return;  // the text says it all
    list[0]["captions"] = example.captions;
    if (list.size() > 1) list[0].erase("source");
    tar.add(key + ".json", json_text(list[0]));
  }

  const Dataset& dataset_;
  const WriteOptions& options_;
  bool has_splits_ = false, has_captions_ = false, has_ids_ = false, has_origins_ = false;
  bool has_keys_ = false;                 // ids that aren't names without their endings either
  bool numbered_ = true, single_ = true;  // every id is a number; every picture has one caption
};

void check_free(const fs::path& out, bool overwrite) {
  std::error_code error;
  const auto status = fs::status(out, error);
  if (status.type() == fs::file_type::not_found) return;
  if (fs::is_directory(status) ? !fs::is_empty(out, error) : !overwrite)
    throw Error(out.string() + ": is there already; " +
                (fs::is_directory(status) ? "name a new folder" : "remove it, or say --overwrite"));
}

}  // namespace

void write_dataset(const Dataset& dataset, const fs::path& out, const WriteOptions& options) {
  check_free(out, options.overwrite);
  const Writer writer(dataset, options);
  switch (options.form) {
    case OutForm::kCoco:
      return writer.coco(out);
    case OutForm::kKarpathy:
      return writer.karpathy(out);
    case OutForm::kJsonLines:
      return writer.json_lines(out);
    case OutForm::kCsv:
      return writer.table(out, ',');
    case OutForm::kTsv:
      return writer.table(out, '\t');
    case OutForm::kImageFolder:
      return writer.image_folder(out);
    case OutForm::kWebDataset:
      return out.extension() == ".tar" ? writer.archive(out) : writer.archives(out);
    case OutForm::kFlickr8k:
      return writer.flickr8k(out);
    case OutForm::kSidecars:
      return writer.sidecars(out);
  }
}

}  // namespace attend
