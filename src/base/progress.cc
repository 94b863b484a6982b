#include "base/progress.h"

#include <unistd.h>

#include <cstdio>

#include "base/printable.h"
#include "base/speaker.h"

namespace attend {
namespace {
bool line_open = false;  // a progress line stands on the terminal without its newline
std::string speaker;     // one of several processes that isn't the one that speaks; empty where there is no other

void erase_line() {
  if (!line_open) return;
  std::fputs("\r\033[K", stderr);
  line_open = false;
}
}  // namespace

std::string clock_text(double seconds) {
  const auto total = static_cast<long long>(seconds + 0.5);
  char text[32];
  if (total >= 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", total / 3600, total / 60 % 60, total % 60);
  else
    std::snprintf(text, sizeof text, "%lld:%02lld", total / 60, total % 60);
  return text;
}

Progress::Progress(std::string what, int64_t total)
    : what_(std::move(what)),
      total_(total),
      shown_(speaker.empty() && ::isatty(STDERR_FILENO)),
      start_(std::chrono::steady_clock::now()) {}

Progress::~Progress() { clear(); }

void Progress::update(int64_t done, const std::string& note) {
  using namespace std::chrono;
  const auto now = steady_clock::now();
  if (!shown_ || (drawn_ && done != total_ && now - last_ < milliseconds(100))) return;
  last_ = now;
  drawn_ = line_open = true;
  const double elapsed = duration<double>(now - start_).count();
  const double rate = elapsed > 0 ? static_cast<double>(done) / elapsed : 0;
  if (total_ <= 0) {  // nobody knows how many there will be
    std::fprintf(stderr, "\r\033[K%s  %lld  %.1f/s  %s", what_.c_str(), static_cast<long long>(done), rate,
                 printable(note).c_str());
    std::fflush(stderr);
    return;
  }
  const std::string left =
      rate > 0 ? clock_text(static_cast<double>(total_ - done) / rate) + " left" : std::string("starting");
  std::fprintf(stderr, "\r\033[K%s  %lld/%lld  %.1f/s  %s  %s", what_.c_str(), static_cast<long long>(done),
               static_cast<long long>(total_), rate, left.c_str(), printable(note).c_str());
  std::fflush(stderr);
}

void Progress::clear() {
  if (drawn_) erase_line();
}

void speak_as(const std::string& who) { speaker = who + ": "; }

void complain(const std::string& message) {
  erase_line();
  std::fprintf(stderr, "attend: %s\n", printable(speaker + message).c_str());
}

void note(const std::string& message) {
  if (speaker.empty()) complain(message);
}

void warn(const std::string& message) { note("warning: " + message); }

}  // namespace attend
