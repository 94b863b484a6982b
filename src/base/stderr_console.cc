#include "base/stderr_console.h"

#include <unistd.h>

#include <cstdio>

#include "base/printable.h"

namespace attend {

std::string clock_text(double seconds) {
  const auto total = static_cast<long long>(seconds + 0.5);
  char text[32];
  if (total >= 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", total / 3600, total / 60 % 60, total % 60);
  else
    std::snprintf(text, sizeof text, "%lld:%02lld", total / 60, total % 60);
  return text;
}

void StderrConsole::error(const std::string& line) {
  clear();
  std::fprintf(stderr, "attend: %s\n", printable(speaker_ + line).c_str());
}

void StderrConsole::note(const std::string& line) {
  if (speaker_.empty()) error(line);
}

void StderrConsole::say(const std::string& line) {
  if (!speaker_.empty()) return;
  clear();
  std::fprintf(stderr, "%s\n", printable(line).c_str());
}

void StderrConsole::progress(const std::string& what, int64_t done, int64_t total, const std::string& note,
                             std::chrono::steady_clock::time_point start) {
  if (!speaker_.empty() || !::isatty(STDERR_FILENO)) return;
  line_open_ = true;
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double rate = elapsed > 0 ? static_cast<double>(done) / elapsed : 0;
  std::string count = std::to_string(done), left;
  if (total > 0) {
    count += "/" + std::to_string(total);
    left = rate > 0 ? clock_text(static_cast<double>(total - done) / rate) + " left  " : "starting  ";
  }
  std::fprintf(stderr, "\r\033[K%s  %s  %.1f/s  %s%s", what.c_str(), count.c_str(), rate, left.c_str(),
               printable(note).c_str());
  std::fflush(stderr);
}

void StderrConsole::clear() {
  if (line_open_) std::fputs("\r\033[K", stderr);
  line_open_ = false;
}

StderrConsole& stderr_console() {
  static StderrConsole console;
  return console;
}

}  // namespace attend
