// What is said of words that a model doesn't know.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace attend {

/// Words of captions that the model doesn't know, counted.
class UnknownWords {
 public:
  /// A caption: its tokens, and the places of those that were left out, and of those that a known word stands for.
  void add(const std::vector<std::string>& tokens, const std::vector<size_t>& left_out,
           const std::vector<size_t>& replaced = {});
  /// "12 of 340 words (3.5 %) aren't in the model's vocabulary and were left out: zebra (3), …", and another line of those for which
  /// known ones stand; none where there are none.
  std::vector<std::string> said() const;

 private:
  std::string said(const std::map<std::string, size_t>& counts, const char* what) const;

  size_t all_ = 0;
  std::map<std::string, size_t> left_out_, replaced_;
};

/// "12 of 340 words (3.5 %) aren't in the model's vocabulary and were left out"
std::string unknown_share(size_t unknown, size_t all, const std::string& what = "were left out");

}  // namespace attend
