#include <algorithm>
#include <iostream>

#include "app/commands.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/printable.h"
#include "data/write_dataset.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

CommandSyntax convert_syntax() {
  return {
      "convert",
      "IN OUT",
      2,
      2,
      "Turns a data set into another form. IN is a file or folder of any form that docs/formats.md names; what it "
      "holds says which. "
      "OUT's ending says what is written: .json (COCO captions), .jsonl, .csv, .tsv, .tar (WebDataset), or none (a "
      "folder: Hugging "
      "Face's imagefolder); --to asks for other forms. Captions files name the pictures where they lie; folders and "
      "archives hold copies of them, byte for byte. What is faulty is left out with a warning, see --max-faulty.",
      {{"attend convert Flickr8k captions.json", "Flickr8k's own files as COCO captions JSON"},
       {"attend convert captions.json shards --to webdataset --images photos",
        "as archives of 5,000 pictures, by splits"},
       {"attend convert photos dataset --val-share 0.1",
        "pictures with .txt beside them as an imagefolder, a tenth to validate on"},
       {"attend convert 'shards/train-{000..010}.tar' photos --to sidecars",
        "archives of a WebDataset as pictures with .txt beside them"}}};
}

struct ConvertOptions {
  fs::path images;
  std::string to = "auto";
  double max_faulty = 0.01, val_share = 0;
  WriteOptions write;

  void list(OptionList& options) {
    std::vector<std::string> forms = kOutForms;
    forms.insert(forms.begin(), "auto");
    options.section("", "Data");
    options.add("images", images, "folder that file names in IN start from; empty: beside it");
    options.add("to", to, "form of OUT; auto: by its ending", one_of(forms));
    options.add("val_share", val_share,
                "share of the pictures for the split \"val\", by their names, where IN names no splits; the others are "
                "\"train\"",
                between(0, 0.9));
    options.add("shard_pictures", write.shard_pictures, "pictures in each archive of a folder of archives",
                at_least(1));
    options.add("max_faulty", max_faulty, "share of faulty pictures, and of captions, that is left out and put up with",
                between(0, 1));
    options.add("overwrite", write.overwrite, "replace OUT where it is a file that is there");
  }
};

OutForm form_of_name(const std::string& to, const fs::path& out) {
  std::string name = to;
  const std::string ending = out.extension().string();
  if (name == "auto") {
    name = ending == ".json"                           ? "coco"
           : ending == ".jsonl" || ending == ".ndjson" ? "jsonl"
           : ending == ".csv" || ending == ".tsv"      ? ending.substr(1)
           : ending == ".tar"                          ? "webdataset"
           : ending.empty()                            ? "imagefolder"
                                                       : "";
    if (name.empty())
      throw UsageError(out.string() +
                       ": its ending names no form; say --to coco, jsonl, csv, imagefolder, … (see --help)");
  }
  return static_cast<OutForm>(std::find(kOutForms.begin(), kOutForms.end(), name) - kOutForms.begin());
}

}  // namespace

int convert_command(const std::vector<std::string>& arguments) {
  ConvertOptions options;
  OptionList list;
  options.list(list);
  const CommandLine line = parse_command_line(arguments, list, convert_syntax());
  if (answer(line, convert_syntax(), list, std::cout)) return 0;
  watch_interrupts();
  const fs::path in = line.positional[0], out = line.positional[1];
  options.write.form = form_of_name(options.to, out);
  WholeDataset whole = read_everything(in, options.images, options.max_faulty);
  auto& examples = whole.dataset.examples;
  const bool has_splits =
      std::any_of(examples.begin(), examples.end(), [](const Example& example) { return !example.split.empty(); });
  if (options.val_share > 0 && has_splits) throw UsageError("--val-share: " + in.string() + " names its splits itself");
  for (auto& example : examples)
    if (options.val_share > 0) example.split = is_in_val_share(example.picture, options.val_share) ? "val" : "train";
  options.write.images = whole.images;
  write_dataset(whole.dataset, out, options.write);
  size_t captions = 0;
  for (const auto& example : examples) captions += example.captions.size();
  std::cout << out.string() << ": " << counted(examples.size(), "picture") << ", " << counted(captions, "caption")
            << (whole.images.empty() || holds_pictures(options.write.form) ? ""
                                                                           : ", names below " + whole.images.string())
            << "\n";
  return 0;
}

}  // namespace attend
