// What a layer says, for a test to read.
#pragma once

#include <string>
#include <utility>

#include "base/console.h"

namespace attend {

/// The console of this process while it lives.
class Said : public Console {
 public:
  Said() : before_(use_console(this)) {}
  ~Said() override { use_console(before_); }
  void error(const std::string& line) override { text += line + "\n"; }
  void note(const std::string& line) override { text += line + "\n"; }
  void say(const std::string& line) override { text += line + "\n"; }
  void progress(const std::string&, int64_t, int64_t, const std::string&,
                std::chrono::steady_clock::time_point) override {}
  void clear() override {}

  std::string text;  // a line each

 private:
  Console* const before_;
};

}  // namespace attend
