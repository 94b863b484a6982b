// The walk-through of docs/captioning.md: its own commands, two weeks of an album.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "app/run_command.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// The lines of code under a heading of the document.
std::string commands_under(const std::string& heading) {
  std::istringstream document(read_file(fs::path(ATTEND_SOURCE_DIR) / "docs/captioning.md"));
  std::string commands;
  bool inside = false;
  for (std::string line; std::getline(document, line);) {
    if (line.starts_with("## ")) inside = line == "## " + heading;
    if (inside && line.starts_with("    ")) commands += line.substr(4) + "\n";
  }
  return commands;
}

TEST(Album, GrowsFromWeekToWeekByTheDocumentsCommands) {
  if (!fs::exists(fs::path(ATTEND_PROGRAM).parent_path() / "attend-metadata"))
    GTEST_SKIP() << "attend-metadata is not built: no Exiv2 (libexiv2-dev)";
  const std::string commands = commands_under("An album, from the phone to the family");
  ASSERT_THAT(commands, HasSubstr("build/release/attend caption "));
  TemporaryFolder folder;
  const auto at = [&](const std::string& name) { return (folder.path() / name).string(); };
  // In place of the built program: the same on the tests' model.
  fs::create_directories(at("build/release"));
  std::ofstream(at("build/release/attend"))
      << "#!/bin/bash\nexec '" ATTEND_PROGRAM "' \"$1\" --threads 1 --model '" ATTEND_TINY_MODEL "' \"${@:2}\"\n";
  fs::permissions(at("build/release/attend"), fs::perms(0755));
  const auto week = [&] {
    const auto run = run_command({"/bin/bash", "-euc", commands}, {.folder = folder.path()});
    EXPECT_EQ(run.status, 0) << run.err;
    return run;
  };
  const auto rows = [&] {
    const std::string table = read_file(at("album.csv"));
    EXPECT_THAT(table, StartsWith("file,caption,"));
    EXPECT_EQ(table.find("file,caption,", 1), table.npos);
    return std::count(table.begin(), table.end(), '\n') - 1;
  };
  const auto caption_of = [&](const std::string& name) {
    const std::string table = read_file(at("album.csv"));
    const size_t start = table.find(name + ",") + name.size() + 1;
    return table.substr(start, table.find(',', start) - start);
  };

  folder.write("phone/one.jpg", jpeg(gradient(40, 30), {.exif = exif(6)}));
  fs::create_directories(at("phone/holiday"));
  fs::copy_file(fs::path(ATTEND_SOURCE_DIR) / "tests/fuzz/seeds/heif/small.heic", at("phone/holiday/two.heic"));
  const std::string on_phone = read_file(at("phone/one.jpg"));
  week();
  EXPECT_EQ(rows(), 2);
  EXPECT_THAT(read_file(at("album/one.jpg")), HasSubstr(caption_of("album/one.jpg")));
  EXPECT_FALSE(fs::exists(at("album/one.xmp")));
  EXPECT_THAT(read_file(at("album/holiday/two.xmp")), HasSubstr(caption_of("album/holiday/two.heic")));
  EXPECT_EQ(read_file(at("album/holiday/two.heic")), read_file(at("phone/holiday/two.heic")));
  EXPECT_EQ(read_file(at("phone/one.jpg")), on_phone);

  cv::Mat other = gradient(40, 30);
  cv::circle(other, {20, 15}, 8, {0, 255, 255}, -1);
  folder.write("phone/three.jpg", jpeg(other));
  const std::string before = read_file(at("album/one.jpg"));
  week();
  EXPECT_EQ(rows(), 3);
  EXPECT_EQ(read_file(at("album/one.jpg")), before);
  EXPECT_THAT(read_file(at("album/three.jpg")), HasSubstr(caption_of("album/three.jpg")));
  const std::string page = read_file(at("family.html"));
  for (const auto* name : {"one.jpg", "two.heic", "three.jpg"}) EXPECT_THAT(page, HasSubstr(name));
  week();  // nothing new
  EXPECT_EQ(rows(), 3);
}

}  // namespace
}  // namespace attend::testing
