#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <numeric>
#include <optional>
#include <set>

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
#include "pipeline/caption_pictures.h"
#include "pipeline/caption_record.h"
#include "pipeline/page_record.h"
#include "pipeline/score_pictures.h"
#include "text/near_duplicates.h"
#include "text/ptb_tokenizer.h"
#include "text/word_vectors.h"

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
    std::set<std::filesystem::path> once;  // a name that is there twice would be of neither
    for (const auto& path : find_given_pictures(paths, options.recursive, missing)) {
      if (!once.insert(path).second) continue;
      pictures.index.add_name(path, static_cast<int64_t>(pictures.sources.size()));
      pictures.sources.emplace_back(path);
    }
    failed += missing.size();
    for (size_t i = 0; i < missing.size(); ++i) {
      if (pictures.sources.empty() && i + 1 == missing.size()) throw InputError(missing[i]);
      complain(missing[i]);
    }
    pictures.references.resize(pictures.sources.size());
    return pictures;
  }
  if (!paths.empty()) throw UsageError(paths.front() + ": the pictures of --captions are named in its file");
  const Dataset dataset = read_captions(options.captions, options.images, kAllPictures, 1);
  for (const auto& example : dataset.examples) {
    if (!options.split.empty() && example.split != options.split) continue;
    const auto place = static_cast<int64_t>(pictures.sources.size());
    pictures.index.add(example.id, place);
    pictures.index.add_name(
        options.images.empty() ? example.picture : example.picture.lexically_relative(options.images), place);
    pictures.sources.emplace_back(example.picture);
    pictures.references.push_back(example.captions);
  }
  if (pictures.sources.empty()) throw UsageError("--split: " + options.captions.string() + " has none of this name");
  return pictures;
}

bool is_model(const std::string& side) { return std::filesystem::path(side).extension() == ".safetensors"; }

/// Whether two paths may be of one file: the shorter is the end of the longer.
bool may_be_same(const std::filesystem::path& one, const std::filesystem::path& other) {
  const auto a = one.lexically_normal(), b = other.lexically_normal();
  const std::vector<std::filesystem::path> of_a(a.begin(), a.end()), of_b(b.begin(), b.end());
  const size_t count = std::min(of_a.size(), of_b.size());
  return std::equal(of_a.rbegin(), of_a.rbegin() + static_cast<std::ptrdiff_t>(count), of_b.rbegin());
}

/// The captions that a file has for the pictures; says how many it has none for, how many are of other pictures, and how many of
/// pictures in other folders.
std::vector<std::vector<std::string>> read_captions_of(const std::filesystem::path& file, const Pictures& pictures) {
  std::vector<std::pair<PictureId, std::string>> read;
  const auto id_of = [](std::string text) {
    PictureId id;
    id.text = std::move(text);
    return id;
  };
  if (file.extension() == ".json") {
    for (auto& result : read_results(file)) read.emplace_back(result.image_id, std::move(result.caption));
  } else {
    const CaptionList list = read_caption_list(file, {}, complain);
    for (size_t i = 0; i < list.pictures.size(); ++i) {
      auto one = list.pictures[i];
      for (auto& caption : one.captions) read.emplace_back(id_of(one.picture.string()), std::move(caption));
    }
  }
  std::vector<std::vector<std::string>> captions(pictures.sources.size());
  size_t strange = 0, again = 0, elsewhere = 0;
  std::string example;  // of those elsewhere
  for (auto& [id, caption] : read) {
    const auto place = pictures.index.find(id);
    if (!place || !caption_fault(caption).empty()) {
      ++strange;
      continue;
    }
    const auto& source = pictures.sources[static_cast<size_t>(*place)].name();
    if (std::filesystem::path(id.text).has_parent_path() && !may_be_same(id.text, source) && ++elsewhere == 1)
      example = id.text + " for " + source;
    auto& of_picture = captions[static_cast<size_t>(*place)];
    if (!of_picture.empty()) ++again;
    of_picture = {std::move(caption)};
  }
  if (again > 0)
    warn(file.string() + ": " + counted_of(again, read.size(), "caption") +
         " for pictures that have one there already; each picture's last is taken");
  if (elsewhere > 0)
    warn(file.string() + ": " + counted_of(elsewhere, read.size(), "caption") +
         " for pictures in another folder, found by the file's name alone: " + printable(example));
  if (strange > 0)
    warn(file.string() + ": " + counted_of(strange, read.size(), "caption") +
         " left out: of none of the pictures, or without words");
  return captions;
}

/// What one side says of each picture, or why nothing.
using Said = std::vector<std::optional<SeenPicture>>;

void keep(SeenPicture picture, Said& said) {
  const size_t index = picture.index;
  if (picture.refused())
    complain(picture.refusal);
  else if (!picture.captions.empty())
    said[index] = std::move(picture);
}

Said captions_of(const std::string& side, const Pictures& pictures, Ensemble& ensemble, const ModelCommand& command) {
  Said said(pictures.sources.size());
  Progress progress(side, static_cast<int64_t>(said.size()));
  if (is_model(side)) {
    CaptionWork work{command.decode, command.threads()};
    work.decode.n_best = 1;
    caption_pictures(ensemble, pictures.sources, work, terminal_host(progress), [&](std::vector<SeenPicture>& batch) {
      progress.clear();
      for (auto& picture : batch) keep(std::move(picture), said);
    });
    return said;
  }
  const auto all = read_captions_of(side, pictures);
  std::vector<PictureSource> sources;
  std::vector<std::vector<std::string>> captions;
  std::vector<size_t> places;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].empty()) continue;
    sources.push_back(pictures.sources[i]), captions.push_back(all[i]), places.push_back(i);
  }
  if (sources.empty()) throw InputError(side + ": has a caption of none of the pictures");
  ScoreWork work;
  work.plan.threads = command.threads();
  work.decode = command.decode;
  score_pictures(ensemble, sources, captions, work, terminal_host(progress), [&](std::vector<ScoredPicture>& batch) {
    progress.clear();
    for (auto& picture : batch) {
      for (const auto& refusal : picture.refusals) complain(refusal.text);
      picture.seen.index = places[picture.seen.index];
      keep(std::move(picture.seen), said);
    }
  });
  return said;
}

/// A picture of which both say something.
struct Compared {
  size_t picture;
  double disagreement;
};

std::vector<Compared> compare(const Said& a, const Said& b) {
  WordNumbers numbers;
  std::vector<std::vector<int32_t>> texts;
  std::vector<size_t> document;
  std::vector<Compared> compared;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!a[i] || !b[i]) continue;
    compared.push_back({i, 0});
    for (const auto* side : {&*a[i], &*b[i]}) {
      texts.push_back(numbers.of(caption_tokens(side->best().text)));
      document.push_back(i);
    }
  }
  const auto vectors = word_vectors(texts, document);
  for (size_t c = 0; c < compared.size(); ++c)
    compared[c].disagreement =
        texts[2 * c] == texts[2 * c + 1] ? 0 : std::max(0.0, 1 - cosine(vectors[2 * c], vectors[2 * c + 1]));
  std::stable_sort(compared.begin(), compared.end(),
                   [](const Compared& x, const Compared& y) { return x.disagreement > y.disagreement; });
  return compared;
}

void print(const std::vector<Compared>& compared, const Said& a, const Said& b, const std::string& format) {
  static const bool on_terminal = ::isatty(STDOUT_FILENO) != 0;
  const auto shown = [&](const std::string& text) { return on_terminal ? printable(text) : text; };
  for (const auto& [picture, disagreement] : compared) {
    const SeenPicture &of_a = *a[picture], &of_b = *b[picture];
    if (format == "jsonl") {
      Json record = name_record(of_a.name);
      record["disagreement"] = std::round(disagreement * 1e6) / 1e6;
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
  CaptionPage page(file, "left by " + names[0] + ", right by " + names[1] + "; most disagreement first",
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
  std::vector<Said> said;
  for (const auto& side : sides) {
    command.files.models = is_model(side) ? std::vector<std::filesystem::path>{side} : judge;
    auto ensemble = command.open();
    said.push_back(captions_of(side, pictures, *ensemble, command));
  }
  const auto compared = compare(said[0], said[1]);
  print(compared, said[0], said[1], options.format);
  flush_output();
  if (!options.html.empty()) write_page(options.html, sides, pictures, compared, said[0], said[1]);
  const size_t left_out = pictures.sources.size() - compared.size();
  failed += left_out;
  if (!compared.empty()) {
    const auto same =
        std::count_if(compared.begin(), compared.end(), [](const auto& one) { return one.disagreement == 0; });
    note("the same words for " + counted_of(static_cast<size_t>(same), compared.size(), "picture"));
  }
  if (failed > 0)
    complain(counted_of(failed, failed + compared.size(), "picture") +
             " not compared: no caption by one side, or it can't be read");
  return failed > 0 ? 1 : 0;
}

}  // namespace attend
