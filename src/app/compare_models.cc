// attend compare-models: what two captioners say of the same pictures, and where each looks.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <optional>

#include "app/given_options.h"
#include "app/model_command.h"
#include "app/output_name.h"
#include "app/terminal.h"
#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/printable.h"
#include "base/process.h"
#include "data/dataset.h"
#include "data/results.h"
#include "pipeline/caption_record.h"
#include "pipeline/compare_captioners.h"
#include "pipeline/page_record.h"

namespace attend {
namespace {

struct CompareOptions {
  std::filesystem::path captions, images, html;
  std::string split, format = "text";
  bool recursive = false;

  void list(OptionList& options) {
    options.section("", "Pictures");
    options.add(
        "captions", captions,
        "the pictures are those of this captions file, of any form that docs/formats.md names; what people said "
        "of them stands on the page");
    options.add("images", images, "folder that file names in --captions start from");
    options.add("split", split, "only pictures of this split of --captions");
    options.add("recursive", recursive, "look in subfolders for pictures, too");
    options.section("", "Output");
    options.add("format", format,
                "text: disagreement, picture, the one's caption, the other's, between tabs; jsonl: a JSON object a "
                "picture, with words and attention",
                one_of({"text", "jsonl"}));
    options.add("html", html,
                "write a page of both side by side to this file: point at a word and see where it looked");
  }
};

CommandSyntax compare_models_syntax() {
  return {
      "compare-models",
      "A B [PATH...]",
      2,
      SIZE_MAX,
      "Shows what two captioners say of the same pictures, and where each looks, sorted by disagreement: 1 less the "
      "cosine of both captions' words, rare ones counting more; 0 for the same words. A and B are models "
      "(.safetensors), or files of captions that other captioners wrote: COCO results (.json), or what attend caption "
      "writes (.jsonl, .csv, .txt), whose pictures are found by their id or their file's name. Where such captions "
      "look is what --model, or the model that comes with attend, finds of them.",
      {{"attend compare-models a.safetensors b.safetensors photos --html both.html", "two models, side by side"},
       {"attend compare-models a.safetensors results.json --captions val.json --images photos",
        "a model and another captioner's results"}}};
}

/// The pictures that are compared, and how files of captions name them.
struct Pictures {
  std::vector<PictureSource> sources;
  std::vector<std::vector<std::string>> references;
  PictureIndex index;
};

Pictures gather(const CompareOptions& options, const std::vector<std::string>& paths, size_t& failed) {
  Pictures pictures;
  if (options.captions.empty()) {
    if (!options.images.empty()) throw UsageError("--images: is where the pictures of --captions lie; name one");
    if (!options.split.empty()) throw UsageError("--split: is of the pictures of --captions; name one");
    std::vector<std::string> missing;
    NamedPictures named = find_named_pictures(paths, options.recursive, missing);
    pictures.index = std::move(named.index);
    for (auto& path : named.pictures) pictures.sources.emplace_back(std::move(path));
    failed += missing.size();
    for (size_t i = 0; i < missing.size(); ++i) {
      if (pictures.sources.empty() && i + 1 == missing.size()) throw InputError(missing[i]);
      complain(missing[i]);
    }
    pictures.references.resize(pictures.sources.size());
    return pictures;
  }
  if (!paths.empty()) throw UsageError(paths.front() + ": the pictures of --captions are named in its file");
  auto examples = read_captions(options.captions, options.images, kAllPictures, 1).examples;
  if (!options.split.empty())
    std::erase_if(examples, [&](const Example& example) { return example.split != options.split; });
  pictures.index = index_of(examples, options.images);
  for (auto& example : examples) {
    pictures.sources.emplace_back(std::move(example.picture));
    pictures.references.push_back(std::move(example.captions));
  }
  if (pictures.sources.empty()) throw UsageError("--split: " + options.captions.string() + " has none of this name");
  return pictures;
}

bool is_model(const std::string& side) { return std::filesystem::path(side).extension() == ".safetensors"; }

/// The captions that a file has for the pictures; says how many it has none for, how many are of other pictures, and how many of
/// pictures in other folders. Throws InputError where it has none.
std::vector<std::optional<std::string>> captions_in(const std::string& file, const Pictures& pictures) {
  auto read = read_captions_of(file, pictures.sources, pictures.index, complain);
  const auto say = [&](size_t count, const std::string& what) {
    if (count > 0) warn(file + ": " + counted_of(count, read.all, "caption") + what);
  };
  say(read.again, " for pictures that have one there already; each picture's last is taken");
  say(read.elsewhere, " for pictures in another folder, found by the file's name alone: " +
                          printable(read.named_elsewhere + " for " + read.taken_for));
  say(read.strange, " left out: of none of the pictures, or without words");
  if (std::none_of(read.captions.begin(), read.captions.end(), [](const auto& one) { return one.has_value(); }))
    throw InputError(file + ": has a caption of none of the pictures");
  return std::move(read.captions);
}

/// What a side says, and a line of the words in it that the model doesn't know.
struct Side {
  Said said;
  std::vector<std::string> unknown;
};

Side side_of(const std::string& side, const Pictures& pictures, Ensemble& ensemble, const ModelCommand& command) {
  Progress progress(side, static_cast<int64_t>(pictures.sources.size()));
  CompareWork work{command.decode, command.threads(), [&](const std::string& refusal) {
                     progress.clear();
                     complain(refusal);
                   }};
  if (is_model(side)) return {said_by_model(ensemble, pictures.sources, work, terminal_host(progress)), {}};
  const auto captions = captions_in(side, pictures);
  UnknownWords unknown;
  Said said = said_in_captions(ensemble, pictures.sources, captions, work, terminal_host(progress), unknown);
  return {std::move(said), unknown.said()};
}

void print(const std::vector<Compared>& compared, const Said& a, const Said& b, const std::string& format) {
  static const bool on_terminal = ::isatty(STDOUT_FILENO) != 0;
  const auto shown = [&](const std::string& text) { return on_terminal ? printable(text) : text; };
  for (const auto& [picture, disagreement] : compared) {
    const SeenPicture &of_a = *a[picture], &of_b = *b[picture];
    if (format == "jsonl") {
      Json record = name_record(of_a.name);
      record["disagreement"] = rounded(disagreement);
      record["a"] = caption_record(of_a);
      record["b"] = caption_record(of_b);
      std::cout << one_line(record) << "\n";
      continue;
    }
    char number[32];
    std::snprintf(number, sizeof number, "%.3f", disagreement);
    std::cout << number << "\t" << shown(of_a.name) << "\t" << shown(of_a.best().text) << "\t"
              << shown(of_b.best().text) << "\n";
  }
}

void write_page(const std::filesystem::path& file, const std::vector<std::string>& names, const Pictures& pictures,
                const std::vector<Compared>& compared, const Said& a, const Said& b) {
  CaptionPage page(file, "each picture by " + names[0] + ", then by " + names[1] + "; most disagreement first",
                   {{"disagreement", 3}});
  for (const auto& [picture, disagreement] : compared) {
    const Thumbnail thumbnail = read_thumbnail(pictures.sources[picture]);
    const auto side = [&](const SeenPicture& seen, const std::string& name) {
      PagePicture one = page_record(seen);
      one.name += " by " + name;
      one.thumbnail = thumbnail;
      one.references = pictures.references[picture];
      one.figures = {disagreement};
      return one;
    };
    page.add_pair(side(*a[picture], names[0]), side(*b[picture], names[1]));
  }
  page.finish();
}

}  // namespace

int compare_models_command(const std::vector<std::string>& arguments) {
  ModelCommand command(arguments, compare_models_syntax());
  CompareOptions options;
  options.list(command.list);
  command.files.list(command.list);
  command.decode.list(command.list);
  command.run.list(command.list);
  const auto line = command.read();
  if (!line) return 0;
  if (line->dump_config) return command.open(), 0;
  check_html_name(options.html);
  const std::vector<std::string> sides(line->positional.begin(), line->positional.begin() + 2);
  if (!command.files.models.empty() && is_model(sides[0]) && is_model(sides[1]))
    throw UsageError("--model: says where captions of a file look; both sides are models");
  size_t failed = 0;
  const Pictures pictures = gather(options, {line->positional.begin() + 2, line->positional.end()}, failed);
  check_output("--html", options.html, {options.captions, sides[0], sides[1]});
  watch_interrupts();
  const auto judge = command.files.models;
  std::vector<Side> both;
  for (const auto& side : sides) {
    command.files.models = is_model(side) ? std::vector<std::filesystem::path>{side} : judge;
    auto ensemble = command.open();
    both.push_back(side_of(side, pictures, *ensemble, command));
  }
  const Said &a = both[0].said, &b = both[1].said;
  const auto compared = compare_said(a, b);
  print(compared, a, b, options.format);
  flush_output();
  if (!options.html.empty()) write_page(options.html, sides, pictures, compared, a, b);
  const size_t left_out = pictures.sources.size() - compared.size();
  failed += left_out;
  if (!compared.empty()) {
    const auto same =
        std::count_if(compared.begin(), compared.end(), [](const auto& one) { return one.disagreement == 0; });
    note("the same words for " + counted_of(static_cast<size_t>(same), compared.size(), "picture"));
  }
  for (size_t i = 0; i < both.size(); ++i)
    for (const auto& text : both[i].unknown) note(sides[i] + ": " + text);
  if (failed > 0)
    complain(counted_of(failed, failed + compared.size(), "picture") +
             " not compared: no caption by one side, or it can't be read");
  return failed > 0 ? 1 : 0;
}

}  // namespace attend
