// attend alt: captions as the alternative texts of the pictures in HTML pages.
#include <iostream>

#include "app/commands.h"
#include "app/model_command.h"
#include "app/terminal.h"
#include "base/console.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/printable.h"
#include "pipeline/alt_pages.h"
#include "pipeline/caption_pictures.h"
#include "pipeline/caption_wording.h"

namespace attend {
namespace {

CommandSyntax alt_syntax() {
  return {
      "alt",
      "PAGE...",
      1,
      SIZE_MAX,
      "Writes captions into HTML pages as the alternative texts of their pictures, for people who can't see them. PAGE "
      "is a "
      "page or a folder, in which all .html and .htm files are pages, those of its subfolders too. Pictures without "
      "alt, or "
      "with an empty one, get a caption; those that lie elsewhere (https:, data:) or are marked as decoration "
      "(role=\"presentation\" or \"none\", aria-hidden=\"true\") are left "
      "alone. New pages go to the folder --output under their names; every other byte of them stays as it is.",
      {{"attend alt site --output site-with-alt --sentence", "a folder of pages, written to another"},
       {"attend alt index.html --output out --min-confidence 0.5",
        "only where the caption is more likely good than not"},
       {"attend alt site --output new --missing-only",
        "alt=\"\" stays: by the standard it says that a picture is decoration"}},
      {"output", "missing-only", "replace", "overwrite", "sentence", "min-confidence", "model"}};
}

struct AltOptions {
  AltWork work;
  Wording wording;

  void list(OptionList& options) {
    options.section("", "Pages");
    options.add("output", work.output, "folder that the new pages are written to; never that of the pages themselves");
    options.add(
        "root", work.root,
        "folder that addresses such as /img/a.jpg start from; empty: PAGE where it is a folder, or else a page's own");
    options.add("missing_only", work.missing_only, "leave an empty alt as it is, too");
    options.add("replace", work.replace, "replace alternative texts that are there");
    options.add("overwrite", work.overwrite, "replace pages that are in the output folder already");
    options.section("", "Texts");
    options.add("prefix", wording.prefix, "text before every caption");
    options.add("suffix", wording.suffix, "text behind every caption");
    options.add("sentence", wording.sentence, "texts begin with a capital and end with a full stop");
    options.add("min_confidence", work.min_confidence, "a caption of less confidence is not written; 0: all are",
                between(0, 1));
  }
};

/// Reads all pages. Throws InputError, UsageError or Error before anything is written.
void read(AltPages& pages, const std::vector<std::string>& names) {
  try {
    for (const auto& name : names) pages.add(name);
  } catch (const PageIsThere& fault) {
    throw Error(fault.what() + std::string(fault.is_source() ? "; name another folder with --output"
                                                             : "; name a new folder, or say --overwrite"));
  }
}

void print(const AltCounts& counts, double min_confidence) {
  std::cout << counted(counts.pages, "page") << ": " << counted(counts.written, "alternative text") << " written, "
            << counts.kept << " kept, " << counts.elsewhere << " elsewhere"
            << (min_confidence > 0 ? ", " + std::to_string(counts.unsure) + " less sure than --min-confidence" : "")
            << ", " << counts.failed << " failed\n";
}

}  // namespace

int alt_command(const std::vector<std::string>& arguments) {
  AltOptions options;
  ModelCommand command(arguments, alt_syntax());
  options.list(command.list);
  command.files.list(command.list);
  command.decode.list(command.list);
  command.run.list(command.list);
  const auto line = command.read();
  if (!line) return 0;
  options.work.refuse = complain;
  options.work.warn = warn;
  AltPages pages(options.work);
  if (!line->dump_config) {
    if (options.work.output.empty()) throw UsageError("say with --output DIR where the new pages are to go");
    read(pages, line->positional);
    pages.check_output();
  }
  const double min_confidence = options.work.min_confidence;
  if (!pages.pictures().empty() || line->dump_config) {
    auto ensemble = command.open();
    if (!ensemble) return 0;
    if (const auto fault = ensemble->confidence_fault(command.decode); min_confidence > 0 && !fault.empty())
      throw UsageError("--min-confidence: no confidence is known: " + fault);
    watch_interrupts();
    Progress progress("captioning", static_cast<int64_t>(pages.pictures().size()));
    caption_pictures(*ensemble, pages.pictures(), {command.decode, command.threads()}, terminal_host(progress),
                     [&](std::vector<SeenPicture>& batch) {
                       progress.clear();
                       for (auto& picture : batch) {
                         word_captions(picture, options.wording);
                         pages.take(picture);
                       }
                     });
  }
  pages.write();
  print(pages.counts(), min_confidence);
  return pages.counts().failed > 0 ? 1 : 0;
}

}  // namespace attend
