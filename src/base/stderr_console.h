// The console of a program: standard error.
#pragma once

#include <string>

#include "base/console.h"

namespace attend {

/// "1:05" or "2:03:04".
std::string clock_text(double seconds);

/// Writes "attend: …", a line each. Progress is one line that is redrawn in place: "captioning  120/1000  31.2/s  0:28 left  note",
/// where standard error is a terminal, so logs and pipes stay clean.
class StderrConsole : public Console {
 public:
  /// From now on this is one of several processes that work together, and not the one that speaks for all: its errors begin with
  /// `who`, and the rest is left to the one that does.
  void speak_as(const std::string& who) { speaker_ = who + ": "; }

  void error(const std::string& line) override;
  void note(const std::string& line) override;
  void say(const std::string& line) override;
  void progress(const std::string& what, int64_t done, int64_t total, const std::string& note,
                std::chrono::steady_clock::time_point start) override;
  void clear() override;

 private:
  std::string speaker_;     // empty where there is no other
  bool line_open_ = false;  // a progress line stands on the terminal without its newline
};

/// This process's.
StderrConsole& stderr_console();

}  // namespace attend
