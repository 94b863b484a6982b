#include "base/console.h"

#include <utility>

namespace attend {
namespace {
Console* used = nullptr;
}  // namespace

Console* use_console(Console* console) { return std::exchange(used, console); }

void complain(const std::string& message) {
  if (used) used->error(message);
}

void note(const std::string& message) {
  if (used) used->note(message);
}

void warn(const std::string& message) { note("warning: " + message); }

void say(const std::string& line) {
  if (used) used->say(line);
}

Progress::Progress(std::string what, int64_t total) : what_(std::move(what)), total_(total) {}

Progress::~Progress() { clear(); }

void Progress::update(int64_t done, const std::string& note) {
  const auto now = std::chrono::steady_clock::now();
  if (!used || (drawn_ && done != total_ && now - last_ < std::chrono::milliseconds(100))) return;
  last_ = now;
  drawn_ = true;
  used->progress(what_, done, total_, note, start_);
}

void Progress::clear() {
  if (std::exchange(drawn_, false) && used) used->clear();
}

}  // namespace attend
