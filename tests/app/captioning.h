// A folder to run `attend caption` in.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "app/run_command.h"
#include "vision/picture_files.h"

namespace attend::testing {

class Captioning : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  /// In the test's folder.
  Outcome caption(std::vector<std::string> arguments, Circumstances how = {}) {
    how.folder = folder_.path();
    arguments.insert(arguments.begin(), "caption");
    return with_model(arguments, how);
  }
  /// The names of the pictures that were captioned, as they stand in text.
  static std::vector<std::string> names(const Outcome& run) {
    std::vector<std::string> list;
    for (const auto& line : run.out_lines()) list.push_back(line.substr(0, line.find('\t')));
    return list;
  }

  TemporaryFolder folder_;
};

}  // namespace attend::testing
