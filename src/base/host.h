// What long work tells whoever asked for it, and asks of them: the outside of a library.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace attend {

/// Silent and patient by default. All are called from the thread that asked for the work, and may throw to end it.
struct Host {
  /// `done` of `total` pictures are finished.
  std::function<void(int64_t done, int64_t total)> progress = [](int64_t, int64_t) {};
  /// What one should know, in one line.
  std::function<void(const std::string& message)> warn = [](const std::string&) {};
  /// Whether the work is to stop: it then throws Interrupted, and what was due to be saved has been saved. Explanations, which
  /// take long, ask it from other threads.
  std::function<bool()> cancelled = [] { return false; };
};

}  // namespace attend
