#include "pipeline/retrieve.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "app/given_options.h"
#include "app/model_command.h"
#include "app/terminal.h"
#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/printable.h"
#include "base/process.h"
#include "pipeline/caption_record.h"

namespace attend {
namespace {

struct RetrieveOptions {
  std::vector<std::string> text;
  std::filesystem::path texts, captions, images, data;
  bool recursive = false;
  std::string find = "pictures", format = "text";
  bool recall = false;
  RetrieveWork work;

  void list(OptionList& options) {
    options.section("", "What is searched");
    options.add("text", text, "a text; may be given several times");
    options.add("texts", texts, "file of texts, one a line");
    options.add("captions", captions,
                "file of pictures with captions, as attend score takes it: both the pictures and the texts");
    options.add("images", images, "folder that file names in --captions start from; without it, the working folder");
    options.add(
        "data", data,
        "of COCO results in --captions: captions file of the pictures, which says their ids; without it, PATH's "
        "file names are or have them");
    options.add("recursive", recursive, "look in subfolders for pictures, too");
    options.add("find", find,
                "pictures: for each text, the best pictures; texts: for each picture, the best texts; alike: for each "
                "picture, the others most like it, without any text",
                one_of({"pictures", "texts", "alike"}));
    options.section("", "Search");
    options.add("top", work.top, "how many are found for each", between(1, 100000));
    options.add("candidates", work.candidates,
                "how many of a cheap first search the decoder weighs; more take longer and miss less",
                between(1, 1000000));
    options.add("others", work.others,
                "pictures that a text is held against where texts are looked for: likely texts are likely with any",
                between(1, 1000));
    options.add("seed", work.seed, "which they are", at_least(0));
    options.section("", "Output");
    options.add(
        "format", format,
        "text: what was asked with, rank, what was found, and log-probability or contrast, between tabs; jsonl: "
        "a JSON object a text or picture",
        one_of({"text", "jsonl"}));
    options.add("recall", recall,
                "with --captions: print how often a caption's own picture is among the first 1, 5 and 10, and a "
                "picture's own captions, in place of what was found");
    options.add("max_words", work.max_words, "a text of more words is refused", between(1, 100000));
  }

  void check() const {
    const int from = !text.empty() + !texts.empty() + !captions.empty();
    if (find == "alike" && (!text.empty() || !texts.empty() || recall))
      throw UsageError("--find alike: holds pictures against pictures; it takes no texts, and no --recall");
    if (from != 1 && find != "alike")
      throw UsageError(from == 0 ? "no texts: give them with --text TEXT, --texts FILE or --captions FILE"
                                 : "--text, --texts and --captions: texts come from one of them");
    if (recall && captions.empty()) throw UsageError("--recall: needs --captions, which say what belongs together");
    if (captions.empty() && !images.empty())
      throw UsageError("--images: is where the pictures of --captions lie; name one");
    if (captions.empty() && !data.empty())
      throw UsageError("--data: says the ids of COCO results in --captions; name one");
  }
};

CommandSyntax retrieve_syntax() {
  return {
      "retrieve",
      "[PATH...]",
      0,
      SIZE_MAX,
      "Finds the pictures that a text is of, or the texts that are a picture's, by how likely a captioner finds the "
      "text with the picture. A first search goes by single words, the decoder weighs its best. Pictures are ranked "
      "by the text's log-probability, texts by their contrast: their log-probability less that of their mean "
      "probability with other pictures. With a single picture there are none, and a word's mean log-probability "
      "stands in its place.",
      {{"attend retrieve photos --text 'a dog on a beach'", "the ten likeliest pictures of a folder"},
       {"attend retrieve photos --texts keywords.txt --find texts --top 3", "for each picture, three of the texts"},
       {"attend retrieve photos --find alike --top 1", "for each picture, the one most like it"},
       {"attend retrieve --captions captions_val.json --images photos --recall",
        "how well a model finds what belongs together"}}};
}

/// Pictures, texts, and the picture that each text is of.
struct Searched {
  std::vector<PictureSource> pictures;
  std::vector<std::string> texts;
  std::vector<size_t> picture_of;  // [texts], where --captions says so
  size_t refused = 0, all = 0;
};

void read_texts(const std::filesystem::path& file, Searched& searched) {
  const std::string all = read_file(file);
  if (all.starts_with("\xff\xfe") || all.starts_with("\xfe\xff"))
    throw InputError(file.string() + ": is UTF-16; save it as UTF-8");
  std::string_view rest = all;
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  size_t lines = 0;
  for (size_t line = 1; !rest.empty(); ++line) {
    const size_t length = std::min(rest.find('\n'), rest.size());
    std::string text(rest.substr(0, length));
    rest.remove_prefix(std::min(length + 1, rest.size()));
    if (text.find_first_not_of(" \t\r") == text.npos) continue;
    ++lines, ++searched.all;
    if (const auto fault = caption_fault(text); !fault.empty()) {
      complain(file.string() + ":" + std::to_string(line) + ": " + fault);
      ++searched.refused;
    } else {
      searched.texts.push_back(std::move(text));
    }
  }
  if (lines == 0) throw InputError(file.string() + ": no texts in it");
}

Searched gather(const RetrieveOptions& options, const std::vector<std::string>& paths) {
  Searched searched;
  if (!options.captions.empty()) {
    GivenOptions given;
    given.captions = options.captions, given.images = options.images, given.data = options.data;
    const CaptionList list = given.gather(paths);
    for (size_t i = 0; i < list.pictures.size(); ++i) {
      const auto one = list.pictures[i];
      for (const auto& caption : one.captions) {
        searched.texts.push_back(caption);
        searched.picture_of.push_back(searched.pictures.size());
      }
      searched.pictures.emplace_back(one.picture);
    }
    searched.refused = list.refused, searched.all = list.captions;
    return searched;
  }
  std::vector<std::string> missing;
  for (auto& picture : find_given_pictures(paths, options.recursive, missing)) searched.pictures.emplace_back(picture);
  searched.refused = missing.size(), searched.all = searched.refused + searched.pictures.size();
  for (const auto& refusal : missing) complain(refusal);
  for (auto text : options.text) {
    if (const auto fault = caption_fault(text); !fault.empty()) throw UsageError("--text: " + fault);
    searched.texts.push_back(std::move(text));
  }
  searched.all += searched.texts.size();
  if (!options.texts.empty()) read_texts(options.texts, searched);
  return searched;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", value);
  return text;
}

void print_found(const Retrieval& found, const Searched& searched, const RetrieveOptions& options) {
  static const bool on_terminal = ::isatty(STDOUT_FILENO) != 0;
  const auto shown = [&](const std::string& text) { return on_terminal ? printable(text) : text; };
  const bool pictures = options.find == "pictures";
  const auto& lists = pictures ? found.of_text : found.of_picture;
  for (size_t asked = 0; asked < lists.size(); ++asked) {
    if (options.format == "text") {
      for (size_t rank = 0; rank < lists[asked].size(); ++rank) {
        const Match& match = lists[asked][rank];
        const std::string &name = searched.pictures[match.picture].name(), &text = searched.texts[match.text];
        std::cout << shown(pictures ? text : name) << "\t" << rank + 1 << "\t" << shown(pictures ? name : text) << "\t"
                  << number(pictures ? match.log_probability : match.contrast) << "\n";
      }
      continue;
    }
    if (lists[asked].empty()) continue;
    Json record = pictures ? Json{{"text", searched.texts[asked]}} : name_record(searched.pictures[asked].name());
    Json& list = record[options.find] = Json::array();
    for (const Match& match : lists[asked]) {
      list.push_back(pictures ? name_record(searched.pictures[match.picture].name())
                              : Json{{"text", searched.texts[match.text]}});
      list.back()["log_probability"] = match.log_probability;
      list.back()["contrast"] = match.contrast;
    }
    std::cout << one_line(record) << "\n";
  }
}

void print_alike(const AlikePictures& found, const Searched& searched, const std::string& format) {
  static const bool on_terminal = ::isatty(STDOUT_FILENO) != 0;
  const auto shown = [&](size_t picture) {
    const std::string& name = searched.pictures[picture].name();
    return on_terminal ? printable(name) : name;
  };
  for (size_t i = 0; i < found.of_picture.size(); ++i) {
    const auto& list = found.of_picture[i];
    if (list.empty()) continue;
    if (format == "jsonl") {
      Json record = name_record(searched.pictures[i].name());
      for (const auto& [picture, likeness] : list) {
        record["alike"].push_back(name_record(searched.pictures[picture].name()));
        record["alike"].back()["likeness"] = likeness;
      }
      std::cout << one_line(record) << "\n";
      continue;
    }
    for (size_t rank = 0; rank < list.size(); ++rank)
      std::cout << shown(i) << "\t" << rank + 1 << "\t" << shown(list[rank].picture) << "\t"
                << number(list[rank].likeness) << "\n";
  }
}

Json json_of(const Recall& recall) {
  return {{"recall_at_1", recall.at_1},
          {"recall_at_5", recall.at_5},
          {"recall_at_10", recall.at_10},
          {"median_rank", recall.median_rank ? Json(*recall.median_rank) : Json()},
          {"among_candidates", recall.among_candidates}};
}

void print_recall(const RetrievalRecall& recall, const Searched& searched, const RetrieveOptions& options) {
  if (options.format == "jsonl") {
    std::cout << one_line({{"pictures", searched.pictures.size()},
                           {"texts", searched.texts.size()},
                           {"candidates", options.work.candidates},
                           {"image_from_text", json_of(recall.image_from_text)},
                           {"text_from_image", json_of(recall.text_from_image)}})
              << "\n";
    return;
  }
  std::cout << counted(searched.pictures.size(), "picture") << ", " << counted(searched.texts.size(), "text") << "\n"
            << "                   R@1    R@5   R@10  median rank  among the candidates\n";
  const auto row = [&](const char* way, const Recall& of) {
    char line[160];
    const std::string middle =
        of.median_rank ? std::to_string(*of.median_rank) : ">" + std::to_string(options.work.candidates);
    std::snprintf(line, sizeof line, "%s  %5.1f  %5.1f  %5.1f  %11s  %20.1f\n", way, 100 * of.at_1, 100 * of.at_5,
                  100 * of.at_10, middle.c_str(), 100 * of.among_candidates);
    std::cout << line;
  };
  row("image from text", recall.image_from_text);
  row("text from image", recall.text_from_image);
}

}  // namespace

int retrieve_command(const std::vector<std::string>& arguments) {
  ModelCommand command(arguments, retrieve_syntax(), false);
  RetrieveOptions options;
  options.work.plan.batch_size = 8;
  options.list(command.list);
  command.files.list(command.list);
  command.run.list(command.list);
  command.list.add("batch_size", options.work.plan.batch_size,
                   "pictures that a processor computes together; more take more memory", between(1, 4096));
  const auto line = command.read();
  if (!line) return 0;
  options.check();
  Searched searched = gather(options, line->positional);
  size_t failed = searched.refused;
  if (searched.pictures.size() == 1 && options.find == "alike")
    throw InputError(searched.pictures[0].name() + ": is one picture alone; --find alike needs two or more");
  if (!searched.pictures.empty() && options.find == "alike") {
    auto ensemble = command.open();
    if (!ensemble) return 0;
    options.work.plan.threads = command.threads();
    watch_interrupts();
    Progress progress("comparing", static_cast<int64_t>(searched.pictures.size()));
    const auto found =
        find_alike_pictures(*ensemble, searched.pictures, options.work.top, options.work.plan, terminal_host(progress));
    progress.clear();
    for (const auto& refusal : found.refusals) complain(refusal), ++failed;
    print_alike(found, searched, options.format);
    flush_output();
  } else if (!searched.pictures.empty() && !searched.texts.empty()) {
    auto ensemble = command.open();
    if (!ensemble) return 0;
    RetrieveWork& work = options.work;
    work.plan.threads = command.threads();
    work.pictures = options.recall || options.find == "pictures";
    work.texts = options.recall || options.find == "texts";
    if (options.recall) work.top = work.candidates = std::max(work.candidates, 10);
    watch_interrupts();
    Progress progress("searching", 2 * static_cast<int64_t>(searched.pictures.size()));
    const auto found = retrieve(*ensemble, searched.pictures, searched.texts, work, terminal_host(progress));
    progress.clear();
    for (const auto* list : {&found.picture_refusals, &found.text_refusals})
      for (const auto& refusal : *list) complain(refusal), ++failed;
    options.recall ? print_recall(recall_of(found, searched.picture_of), searched, options)
                   : print_found(found, searched, options);
    flush_output();
    for (const auto& said : found.unknown.said()) note(said);
  }
  if (failed > 0)
    complain(std::to_string(failed) + " of " + std::to_string(searched.all) + " pictures and texts failed");
  return failed > 0 ? 1 : 0;
}

}  // namespace attend
