#include "data/sentences.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/console.h"
#include "base/error.h"
#include "base/printable.h"
#include "text/raw_caption.h"

namespace attend {
namespace {

/// The whole text; zlib passes on what isn't gzipped as it is.
std::string read_text(const std::filesystem::path& file) {
  errno = 0;
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> in(::gzopen(file.c_str(), "rb"), ::gzclose);
  if (!in) throw InputError(file.string() + ": can't be opened: " + std::strerror(errno ? errno : ENOMEM));
  std::string text;
  char part[1 << 16];
  int count;
  while ((count = ::gzread(in.get(), part, sizeof part)) > 0) text.append(part, static_cast<size_t>(count));
  int error = Z_OK;
  const char* why = ::gzerror(in.get(), &error);
  if (count == 0 && error == Z_OK) return text;
  throw InputError(file.string() + ": can't be read: " +
                   (error == Z_BUF_ERROR ? "cut short"
                    : error == Z_ERRNO   ? std::strerror(errno)
                                         : why));
}

}  // namespace

std::vector<std::string> read_sentences(const std::filesystem::path& file, double max_faulty) {
  const std::string text = read_text(file);
  std::vector<std::string> sentences;
  size_t lines = 0, wordless = 0, marked = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    std::replace_if(
        line.begin(), line.end(), [](unsigned char c) { return c < ' '; }, ' ');
    if (line.find_first_not_of(' ') == std::string::npos) continue;
    ++lines;
    marked += take_off_marks(line);
    if (has_word(line))
      sentences.push_back(std::move(line));
    else
      ++wordless;
  }
  if (sentences.empty()) throw InputError(file.string() + ": no sentences in it; a caption a line is needed");
  const std::string faults = counted_of(wordless, lines, "line") + " without a word";
  if (static_cast<double>(wordless) > max_faulty * static_cast<double>(lines))
    throw InputError(file.string() + ": " + faults + ", more than --max-faulty puts up with");
  if (wordless > 0) warn(file.string() + ": left out: " + faults);
  if (marked > 0)
    warn(file.string() + ": " + counted_of(marked, lines, "line") +
         " with marks such as <start> and <end> at its ends; they are taken off, attend sets its own");
  return sentences;
}

}  // namespace attend
