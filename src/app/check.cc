#include <algorithm>
#include <cstdio>
#include <iostream>

#include "app/commands.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/printable.h"
#include "data/check_dataset.h"

namespace attend {
namespace {

CommandSyntax check_syntax() {
  return {"check",
          "DATA",
          1,
          1,
          "Says all that is wrong with a data set, before training does: pictures that are missing, can't be read, "
          "stand there twice or "
          "in two splits; captions without a word, twice, with marks, of unknown pictures; ids and names used twice. "
          "DATA is a file or "
          "folder of any form that docs/formats.md names. Exit status 1 where something is wrong.",
          {{"attend check captions.json --images photos", "look at everything"},
           {"attend check shards --json > report.json", "every entry that is wrong, for machines"}}};
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

void print(const DatasetReport& report, const std::string& data, int min_word_count, std::ostream& out) {
  constexpr size_t kMostNamed = 5;
  out << "data      " << printable(data) << " (" << report.form << ")\n";
  out << "pictures  " << report.pictures;
  std::string separator = ": ";
  for (const auto& [split, count] : report.splits) {
    out << separator << (split.empty() ? "of no split" : printable(split)) << " " << count;
    separator = ", ";
  }
  if (report.images.empty()) out << "; nobody looked for them: name their folder, --images";
  out << "\ncaptions  " << report.captions << ", " << report.least_captions << " to " << report.most_captions
      << " a picture\n";
  out << "words     " << report.words << ", " << report.different_words << " different, " << report.words_once
      << " of them once; " << report.vocabulary << " stand at least " << min_word_count << " times, with these "
      << percent(report.unknown_share) << " of all words are unknown\n";
  for (const auto& [kind, entries] : report.problems) {
    out << "\n" << kind << ": " << entries.size() << "\n";
    for (size_t i = 0; i < std::min(entries.size(), kMostNamed); ++i) out << "    " << printable(entries[i]) << "\n";
    if (entries.size() > kMostNamed) out << "    … (--json names all)\n";
  }
  if (report.sound()) out << "\nNothing is wrong.\n";
}

Json json_of(const DatasetReport& report, const std::string& data, int min_word_count) {
  Json json{{"data", data},
            {"form", report.form},
            {"images", report.images.string()},
            {"pictures", report.pictures},
            {"splits", Json::object()},
            {"captions", report.captions},
            {"least_captions", report.least_captions},
            {"most_captions", report.most_captions},
            {"words", report.words},
            {"different_words", report.different_words},
            {"words_once", report.words_once},
            {"min_word_count", min_word_count},
            {"vocabulary", report.vocabulary},
            {"unknown_share", report.unknown_share},
            {"sound", report.sound()},
            {"problems", Json::array()}};
  for (const auto& [split, count] : report.splits) json["splits"][split] = count;
  for (const auto& [kind, entries] : report.problems)
    json["problems"].push_back({{"kind", kind}, {"count", entries.size()}, {"entries", entries}});
  return json;
}

}  // namespace

int check_command(const std::vector<std::string>& arguments) {
  CheckOptions check;
  bool json = false;
  check.threads = 0;
  OptionList list;
  list.section("", "Data");
  list.add("images", check.images, "folder that file names in DATA start from; empty: beside it");
  list.add("pictures", check.pictures, "decode every picture");
  list.add("min_word_count", check.min_word_count,
           "a word that stands less often is unknown to a model that is trained on this", at_least(1));
  list.add("threads", check.threads, "0: one for each processor", between(0, 1024));
  list.add("json", json, "all of it as JSON");
  const CommandLine line = parse_command_line(arguments, list, check_syntax());
  if (answer(line, check_syntax(), list, std::cout)) return 0;
  watch_interrupts();
  if (check.threads == 0) check.threads = available_processors();
  const std::string& data = line.positional[0];
  const DatasetReport report = check_dataset(data, check);
  if (json)
    std::cout << json_of(report, data, check.min_word_count).dump(2, ' ', false, Json::error_handler_t::replace)
              << "\n";
  else
    print(report, data, check.min_word_count, std::cout);
  return report.sound() ? 0 : 1;
}

}  // namespace attend
