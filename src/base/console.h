// Where lines for whoever started this process go, and how far its work is. A program takes one (base/stderr_console.h); without
// one all is silent, as a library has to be.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace attend {

/// What a program puts behind the functions below. They are called from one thread at a time. Lines come without their newline;
/// names in them may hold control characters.
class Console {
 public:
  virtual ~Console() = default;
  virtual void error(const std::string& line) = 0;
  virtual void note(const std::string& line) = 0;
  virtual void say(const std::string& line) = 0;
  /// How far work is that began at `start`: `done` of `total`, which is 0 where nobody knows how many there will be.
  virtual void progress(const std::string& what, int64_t done, int64_t total, const std::string& note,
                        std::chrono::steady_clock::time_point start) = 0;
  /// What progress() drew goes: the work has ended, or other output follows.
  virtual void clear() = 0;
};

/// From now on this one, which must outlive its use; null: none. Returns the one before.
Console* use_console(Console* console);

/// An error, in one line.
void complain(const std::string& message);
/// What one should know: no error.
void note(const std::string& message);
/// The same as "warning: …".
void warn(const std::string& message);
/// A line as it is: figures, while work goes on.
void say(const std::string& line);

/// How far a piece of work is.
class Progress {
 public:
  /// Of `total` pieces; 0 where nobody knows how many there will be.
  Progress(std::string what, int64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of the total are finished; told at most ten times a second.
  void update(int64_t done, const std::string& note = "");
  /// Removes the line, so that another message can be written; the next update() draws it again.
  void clear();

 private:
  const std::string what_;
  const int64_t total_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_{};
  bool drawn_ = false;
};

}  // namespace attend
