// A progress line on stderr, drawn only when stderr is a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace attend {

/// "1:05" or "2:03:04".
std::string clock_text(double seconds);

/// One line that is redrawn in place: "captioning  120/1000  31.2/s  0:28 left  note". Silent unless stderr is a
/// terminal, so logs and pipes stay clean.
class Progress {
 public:
  Progress(std::string what, int64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of the total are finished; redraws at most ten times a second.
  void update(int64_t done, const std::string& note = "");
  /// Removes the line, so that another message can be written; the next update() draws it again.
  void clear();

 private:
  std::string what_;
  int64_t total_;
  bool shown_, drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_{};
};

/// Writes "attend: …" to stderr, on a line of its own: an error.
void complain(const std::string& message);
/// The same of what one should know: no error.
void note(const std::string& message);
/// Writes "attend: warning: …" to stderr, on a line of its own.
void warn(const std::string& message);

}  // namespace attend
