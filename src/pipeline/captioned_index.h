// Which pictures have been captioned before, known by their content.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace attend {

/// A text file that only grows: a line a picture, "HASH SIZE MODIFIED PATH" between tabs.
///
///   HASH      XXH3 of the file's bytes, 64 bits, 16 hexadecimal digits
///   SIZE      of the file in bytes
///   MODIFIED  when it last was, in nanoseconds since 1970
///   PATH      absolute; a backslash, tab, newline and carriage return in it are \\, \t, \n, \r
///
/// Lines that begin with # are remarks, and so is the first, which says what the file is. Files may be joined (cat). Several
/// programs may add to one file: each line is written at once, at its end.
class CaptionedIndex {
 public:
  /// A file as it was when it was looked at. One in an archive is as old as that.
  struct Stamp {
    uint64_t size = 0;
    int64_t modified = -1;  // ns; -1: there is no such file, or it can't be looked at
    bool operator==(const Stamp&) const = default;
  };

  /// Reads the index; one that isn't there is made with the first picture that is added. Throws InputError where the file is
  /// something else or can't be read, Error where it can't be written.
  explicit CaptionedIndex(const std::filesystem::path& file);

  static Stamp stamp_of(const std::filesystem::path& picture);

  /// Whether the picture was captioned as it is now, under whatever name. Reads it only where one of its size was, and this
  /// one is another or has been touched since. One that can't be read isn't known.
  bool knows(const std::filesystem::path& picture, const Stamp& stamp) const;

  /// The line of a picture that has been captioned, or "" where it isn't any more what it was under `stamp`. Reads it. May be
  /// called from several threads.
  static std::string line_of(const std::filesystem::path& picture, const Stamp& stamp);
  /// Adds such lines to the file. Throws Error.
  void add(const std::string& lines);

  /// Whether a file's text is that of an index.
  static bool is_index(std::string_view text);
  /// Indexes as one: each line once, in their order. Lines that were cut short are left out.
  static std::string joined(const std::vector<std::string_view>& indexes);

  /// How many lines were no lines of an index: what a program that was stopped amid one leaves.
  size_t faulty_lines() const { return faulty_; }

 private:
  struct Entry {
    Stamp stamp;
    uint64_t hash;
  };
  /// Takes a line apart, of which the path is left. False where it is no line of an index.
  static bool parse(std::string_view& line, Entry& entry);
  void take(const std::string& line);

  std::filesystem::path file_;
  bool is_new_ = true, line_open_ = false;
  size_t faulty_ = 0;
  std::unordered_map<std::string, Entry> by_path_;
  std::unordered_set<uint64_t> sizes_, hashes_;
};

}  // namespace attend
