// Folders that links may lead back to.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <utility>

namespace attend {

/// Which folders a walk has entered, by what they are, not by their names.
class VisitedFolders {
 public:
  /// Whether `folder` is entered for the first time; true of one that can't be looked at, which costs itself when it is read.
  bool enter(const std::filesystem::path& folder) {
    struct stat status;
    return ::stat(folder.c_str(), &status) != 0 || visited_.insert({status.st_dev, status.st_ino}).second;
  }

 private:
  std::set<std::pair<dev_t, ino_t>> visited_;
};

}  // namespace attend
