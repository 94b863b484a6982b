#include "base/tar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "base/parallel.h"

namespace attend {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TarTest : public ::testing::Test {
 protected:
  TarTest() {
    std::string name = (fs::temp_directory_path() / "attend-tar-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~TarTest() override { fs::remove_all(folder_); }

  fs::path at(const std::string& name) const { return folder_ / name; }
  static std::vector<std::string> names(const fs::path& tar) {
    std::vector<std::string> list;
    for (const auto& member : list_archive(tar, nullptr).members) list.push_back(member.name);
    return list;
  }
  /// What tar and Python write, by a command in the folder; false where the program isn't there.
  bool run(const std::string& command) const {
    return std::system(("cd " + folder_.string() + " && " + command + " 2> /dev/null").c_str()) == 0;
  }
  static std::string refusal(const fs::path& tar) {
    try {
      list_archive(tar, nullptr);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  }

  fs::path folder_;
  const std::string long_name_ = "a folder/" + std::string(150, 'n') + "/picture.jpg";
};

TEST_F(TarTest, WhatIsWrittenIsReadWhereItLies) {
  const std::string large(1'000'003, 'x');
  TarWriter writer(at("a.tar"));
  writer.add("one.txt", "first");
  writer.add(long_name_, large);
  writer.add("empty", "");
  writer.finish();
  EXPECT_THAT(names(at("a.tar")), ElementsAre("one.txt", long_name_, "empty"));
  EXPECT_EQ(read_file(at("a.tar/one.txt")), "first");
  EXPECT_EQ(read_regular_file(at("a.tar") / long_name_), large);
  EXPECT_EQ(read_regular_file(at("a.tar") / long_name_, 10), std::string(10, 'x'));
  EXPECT_EQ(read_file(at("a.tar/empty")), "");
  EXPECT_THROW(read_file(at("a.tar/none")), InputError);
  EXPECT_THROW(read_file(at("none.tar/one.txt")), InputError);
  parallel_for(40, 4, [&](size_t i) {
    if (read_file(at(i % 2 ? "a.tar/one.txt" : "a.tar/empty")) != (i % 2 ? "first" : "")) throw Error("differs");
  });
}

TEST_F(TarTest, WhatTarAndPythonWriteIsRead) {
  std::ofstream(at("plain")) << "plain";
  fs::create_directories(at(long_name_).parent_path());
  std::ofstream(at(long_name_)) << "long";
  for (const char* format : {"ustar", "pax", "gnu", "posix", "v7"}) {
    const bool holds_long = std::string(format) != "v7" && std::string(format) != "ustar";
    const std::string files = holds_long ? "plain './a folder'" : "plain";
    if (!run("tar --format=" + std::string(format) + " -cf t.tar " + files)) GTEST_SKIP() << "no tar";
    EXPECT_EQ(read_file(at("t.tar/plain")), "plain") << format;
    if (holds_long) {
      EXPECT_EQ(read_file(at("t.tar") / long_name_), "long") << format;
    }
    fs::remove(at("t.tar"));
  }
  if (!run("python3 -c \"import tarfile; t = tarfile.open('p.tar', 'w'); t.add('plain'); t.add('a folder'); "
           "t.close()\""))
    return;
  EXPECT_EQ(read_file(at("p.tar/plain")), "plain");
  EXPECT_EQ(read_file(at("p.tar") / long_name_), "long");
}

TEST_F(TarTest, WhatIsWrittenIsReadByTar) {
  TarWriter writer(at("a.tar"));
  writer.add("one.txt", "first");
  writer.add(long_name_, "second");
  writer.finish();
  if (!run("tar -xf a.tar")) GTEST_SKIP() << "no tar";
  EXPECT_EQ(read_file(at("one.txt")), "first");
  EXPECT_EQ(read_file(at(long_name_)), "second");
}

TEST_F(TarTest, AnArchiveThatChangesIsListedAnew) {
  for (const std::string text : {"first", "second, longer"}) {
    TarWriter writer(at("a.tar"));
    writer.add("file", text);
    writer.finish();
    EXPECT_EQ(read_file(at("a.tar/file")), text);
  }
}

TEST_F(TarTest, OfTwoWithOneNameTheLaterCounts) {
  TarWriter writer(at("a.tar"));
  writer.add("file", "first");
  writer.add("file", "second");
  writer.finish();
  EXPECT_THAT(names(at("a.tar")), ElementsAre("file"));
  EXPECT_EQ(read_file(at("a.tar/file")), "second");
}

TEST_F(TarTest, CutAndDamagedArchivesAreRefusedWithThePlace) {
  TarWriter writer(at("a.tar"));
  writer.add("one", std::string(600, '1'));
  writer.add("two", "2");
  writer.finish();
  const std::string whole = read_file(at("a.tar"));
  const auto write = [&](const std::string& bytes) {
    std::ofstream(at("b.tar"), std::ios::binary) << bytes;
    return at("b.tar");
  };
  EXPECT_THAT(refusal(write(whole.substr(0, 900))),
              HasSubstr("b.tar: not a whole tar archive: byte 0: ends too early"));
  EXPECT_THAT(refusal(write(whole.substr(0, 1700))), HasSubstr("byte 1536: ends too early"));
  EXPECT_THAT(refusal(write(whole.substr(0, 2560))), HasSubstr("byte 2560: ends without an end mark"));
  EXPECT_EQ(refusal(write(whole.substr(0, 3072))), "");  // half of the mark will do
  EXPECT_THAT(refusal(write("")), HasSubstr("ends without an end mark"));
  EXPECT_THAT(refusal(write("no archive at all")), HasSubstr("ends too early"));
  EXPECT_THAT(refusal(write(std::string(1000, 'x'))), HasSubstr("no tar header"));
  std::string damaged = whole;
  damaged[1540] = '?';
  EXPECT_THAT(refusal(write(damaged)), HasSubstr("byte 1536: a damaged header"));
  EXPECT_THAT(refusal(write("\x1f\x8b compressed")), HasSubstr("can't be unpacked (gzip)"));
}

}  // namespace
}  // namespace attend
