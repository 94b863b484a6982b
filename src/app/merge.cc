// attend merge: what several runs of attend caption wrote, as one run would have written it.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "app/commands.h"
#include "app/output_name.h"
#include "base/console.h"
#include "base/error.h"
#include "base/files.h"
#include "base/printable.h"
#include "pipeline/caption_parts.h"
#include "vision/find_pictures.h"
#include "vision/name_list.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostNames = 3;  // in a message

CommandSyntax merge_syntax() {
  return {
      "merge",
      "PART...",
      1,
      SIZE_MAX,
      "Joins what runs of attend caption --shard I/N wrote (JSON lines, CSV or text) in the order that one run on a "
      "folder has, or that of --pictures. A part that is missing, a picture that is there twice and, with --pictures, "
      "one "
      "that has no line are named; then nothing is written and the exit status is 1. Indexes of --only-new become one "
      "that knows all pictures.",
      {{"attend merge part-*.jsonl > captions.jsonl", "the parts of a job array, checked"},
       {"attend merge part-*.csv --pictures photos --recursive --output captions.csv",
        "also whether every picture has its line"},
       {"attend merge old.jsonl new.jsonl --shards 1 --latest > captions.jsonl",
        "of pictures that were captioned again the last caption"},
       {"attend merge a.index b.index --output all.index", "one index of two machines"}}};
}

struct MergeOptions {
  int shards = 0;
  bool latest = false;
  std::vector<std::string> pictures;
  std::string files_from;
  bool recursive = false;
  std::vector<std::string> exclude;
  fs::path output;  // empty: standard output

  void list(OptionList& options) {
    options.section("", "Parts");
    options.add("shards", shards, "the N of --shard I/N; 0: found out from the pictures' paths", at_least(0));
    options.add("latest", latest, "of several captions of one picture take that which stands last");
    options.section("", "Pictures");
    options.add(
        "pictures", pictures,
        "files, folders and patterns that were captioned: their order, and whether each has its line; may be repeated");
    options.add("files_from", files_from, "read more of these from this file, one a line");
    options.add("recursive", recursive, "look in subfolders too");
    options.add("exclude", exclude, "pass over pictures as attend caption does; may be repeated");
    options.section("", "Output");
    options.add("output", output, "write to this file, which appears whole, and not to standard output");
  }
};

/// `> PART` has emptied it before attend could read it, and with `>> PART` it would be there twice.
bool is_standard_output(const std::string& part) {
  struct stat of_part, of_output;
  return ::stat(part.c_str(), &of_part) == 0 && ::fstat(STDOUT_FILENO, &of_output) == 0 && S_ISREG(of_part.st_mode) &&
         of_part.st_dev == of_output.st_dev && of_part.st_ino == of_output.st_ino;
}

/// "a.jpg, b.jpg, c.jpg and 12 more"
std::string some_of(const std::vector<fs::path>& paths) {
  std::string text;
  for (size_t i = 0; i < std::min(paths.size(), kMostNames); ++i) text += (i ? ", " : "") + paths[i].string();
  return text + (paths.size() > kMostNames ? " and " + std::to_string(paths.size() - kMostNames) + " more" : "");
}

/// "1 picture has", "3 pictures have"
std::string with_verb(size_t count, const std::string& noun, const char* of_one, const char* of_many) {
  return counted(count, noun) + (count == 1 ? of_one : of_many);
}

/// What is wrong with the files, a line each. refusals: what --pictures names and isn't there.
std::vector<std::string> lines_of(const JoinFaults& faults, const std::vector<std::string>& files,
                                  const std::vector<std::string>& refusals, int shards) {
  std::vector<std::string> lines;
  if (faults.mixed)
    lines.push_back(shards > 0 ? "a file holds pictures of more than one of " + std::to_string(shards) +
                                     " parts; was it --shard I/" + std::to_string(shards) + "?"
                               : "these files aren't the parts of one --shard I/N; `cat` joins others");
  if (!faults.missing.empty()) {
    std::string missing;
    for (const uint64_t shard : faults.missing)
      missing += (missing.empty() ? "" : ", ") + std::to_string(shard) + "/" + std::to_string(faults.shards);
    lines.push_back("missing: the output of --shard " + missing);
  }
  for (size_t i = 0; i < std::min(faults.twice.size(), kMostNames); ++i) {
    const auto& twice = faults.twice[i];
    lines.push_back(twice.picture.string() + ": is there twice, in " + files[twice.file] + " and " + files[twice.last] +
                    "; --latest takes the last");
  }
  if (faults.twice.size() > kMostNames)
    lines.push_back(std::to_string(faults.twice.size() - kMostNames) + " more are there twice");
  lines.insert(lines.end(), refusals.begin(), refusals.end());
  if (!faults.without_entry.empty())
    lines.push_back(with_verb(faults.without_entry.size(), "picture", " has", " have") +
                    " no line: " + some_of(faults.without_entry));
  if (!faults.unknown.empty())
    lines.push_back(with_verb(faults.unknown.size(), "line", " is", " are") +
                    " of no picture that is named: " + some_of(faults.unknown));
  return lines;
}

void write(const CaptionParts& parts, const std::vector<CaptionEntry>& entries, const fs::path& output) {
  if (output.empty()) return parts.write(entries, [](std::string_view text) { std::cout << text; });
  AtomicFile file(output);
  parts.write(entries, [&](std::string_view text) { file.write(text); });
  file.commit();
}

}  // namespace

int merge_command(const std::vector<std::string>& arguments) {
  MergeOptions options;
  OptionList list;
  options.list(list);
  const CommandLine line = parse_command_line(arguments, list, merge_syntax());
  if (answer(line, merge_syntax(), list, std::cout)) return 0;
  std::vector<fs::path> read(options.pictures.begin(), options.pictures.end());
  read.emplace_back(options.files_from);
  check_output("--output", options.output, read);
  const auto& files = line.positional;
  for (const auto& file : files)
    if (options.output.empty() && is_standard_output(file))
      throw UsageError(file + ": is a part and takes the output, too; write elsewhere, or say --output FILE");
  const CaptionParts parts(files);
  if (parts.form() == CaptionForm::kIndex) return write(parts, {}, options.output), 0;

  std::vector<std::string> names = options.pictures, refusals;
  if (!options.files_from.empty())
    for (auto& name : parse_name_list(read_file(options.files_from), '\n', options.files_from))
      names.push_back(std::move(name));
  JoinPlan plan{static_cast<uint64_t>(options.shards), options.latest};
  if (!names.empty()) {
    FoundPictures found = find_pictures(names, options.recursive, options.exclude);
    refusals = std::move(found.refusals);
    plan.pictures.emplace();
    for (auto& picture : found.pictures) plan.pictures->push_back(std::move(picture.path));
  }
  const JoinedCaptions joined = parts.join(plan);
  const auto faults = lines_of(joined.faults, files, refusals, options.shards);
  for (const auto& fault : faults) complain(fault);
  if (!faults.empty()) return complain("nothing is written"), 1;
  if (options.pictures.empty() && options.files_from.empty())
    for (size_t i = 0; i < files.size(); ++i)
      if (parts.is_empty(i))
        warn(files[i] +
             ": is empty; right where its part had no pictures, wrong where that run failed (--pictures tells)");
  write(parts, joined.entries, options.output);
  note(counted(joined.entries.size(), "picture") + " from " + counted(files.size(), "file"));
  return 0;
}

}  // namespace attend
