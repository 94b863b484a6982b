// Names of pictures on standard input, as they come.
#pragma once

#include <string>
#include <vector>

namespace attend {

class NameStream {
 public:
  /// `end` stands behind each name: a newline or NUL.
  explicit NameStream(char end) : end_(end) {}

  /// Waits for the next name, and takes those behind it that are there already, `most` at most. Empty: there are no more.
  /// Throws InputError for what is no list of names (parse_name_list()) or can't be read, Interrupted when the program is
  /// asked to stop meanwhile.
  std::vector<std::string> next(size_t most);

 private:
  /// Whether standard input has something to be read, or has ended.
  bool is_ready(int milliseconds) const;
  void read();

  const char end_;
  std::string buffer_;
  bool ended_ = false;
};

}  // namespace attend
