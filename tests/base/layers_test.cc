// The one way down: a directory of src/ includes only itself and what stands to its left in src/README.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "base/files.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

const fs::path sources = fs::path(ATTEND_SOURCE_DIR) / "src";

/// The layers from left to right: the line of src/README.md that joins names with arrows.
std::vector<std::string> layers() {
  std::istringstream readme(read_file(sources / "README.md"));
  for (std::string line; std::getline(readme, line);) {
    if (line.rfind("    ", 0) != 0 || line.find(" → ") == std::string::npos) continue;
    std::vector<std::string> names;
    std::istringstream words(line);
    for (std::string word; words >> word;)
      if (word != "→") names.push_back(word);
    return names;
  }
  return {};
}

/// "base/files.h" for a line that includes it with quotes, or nothing.
std::string included(const std::string& line) {
  static const std::string directive = "#include \"";
  if (line.rfind(directive, 0) != 0) return "";
  return line.substr(directive.size(), line.rfind('"') - directive.size());
}

TEST(Layers, EveryDirectoryIsALayerAndHasALineInTheTable) {
  const auto names = layers();
  ASSERT_GE(names.size(), 2u);
  const std::string readme = read_file(sources / "README.md");
  for (const auto& entry : fs::directory_iterator(sources)) {
    if (!entry.is_directory()) continue;
    const std::string name = entry.path().filename();
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << "src/" << name << " is no layer";
    EXPECT_NE(readme.find("| `" + name + "/` |"), std::string::npos) << name << " is not in the table";
  }
}

TEST(Layers, IncludeOnlyThemselvesAndWhatStandsToTheirLeft) {
  const auto names = layers();
  size_t seen = 0;
  for (size_t layer = 0; layer < names.size(); ++layer) {
    if (!fs::exists(sources / names[layer])) continue;
    for (const auto& file : fs::recursive_directory_iterator(sources / names[layer])) {
      if (file.path().extension() != ".h" && file.path().extension() != ".cc") continue;
      std::istringstream text(read_file(file.path()));
      for (std::string line; std::getline(text, line);) {
        const std::string header = included(line);
        if (header.empty()) continue;
        ++seen;
        const auto place = std::find(names.begin(), names.end(), header.substr(0, header.find('/')));
        EXPECT_LE(place - names.begin(), static_cast<std::ptrdiff_t>(layer))
            << file.path() << " includes \"" << header << "\", which is not to the left of " << names[layer];
        EXPECT_TRUE(fs::exists(sources / header)) << file.path() << " includes \"" << header << '"';
      }
    }
  }
  EXPECT_GT(seen, 10u);
}

TEST(Layers, OnlyThoseNamedSeeLibTorch) {
  for (const char* name : {"base", "text", "metrics", "vision", "data", "viz", "formats", "kernels"}) {
    if (!fs::exists(sources / name)) continue;
    for (const auto& file : fs::recursive_directory_iterator(sources / name)) {
      if (!file.is_regular_file()) continue;
      const std::string text = read_file(file.path());
      for (const char* header : {"#include <torch/", "#include <ATen/", "#include <c10/"})
        EXPECT_EQ(text.find(header), std::string::npos) << file.path() << " has " << header;
    }
  }
}

/// A library prints nothing and ends no process; what is to be said goes to the Console of base/console.h.
TEST(Layers, OnlyProgramsPrintAndEnd) {
  const std::regex prints(
      R"(std::c(out|err|log)\b|\b(printf|puts|perror)\(|\bstd(out|err)\)|f(printf|flush)\(std(out|err)|\b(exit|_exit|_Exit|abort)\()");
  const std::vector<std::string> of_programs{"base/stderr_console.cc", "base/process.cc"};
  size_t seen = 0;
  for (const auto& file : fs::recursive_directory_iterator(sources)) {
    const std::string name = fs::relative(file.path(), sources);
    if (file.path().extension() != ".h" && file.path().extension() != ".cc") continue;
    if (name.rfind("app/", 0) == 0 || std::find(of_programs.begin(), of_programs.end(), name) != of_programs.end())
      continue;
    ++seen;
    std::istringstream text(read_file(file.path()));
    for (std::string line; std::getline(text, line);)
      EXPECT_FALSE(std::regex_search(line.substr(0, line.find("//")), prints)) << name << ": " << line;
  }
  EXPECT_GT(seen, 100u);
}

}  // namespace
}  // namespace attend
