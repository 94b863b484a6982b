#include "base/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <thread>

#include "base/error.h"

namespace attend {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class Files : public ::testing::Test {
 protected:
  Files() {
    std::string name = ::testing::TempDir() + "files_test_XXXXXX";
    if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    folder = name;
  }
  ~Files() override { fs::remove_all(folder); }

  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder)) found.push_back(entry.path().filename().native());
    return found;
  }
  static std::string message(const std::function<void()>& act) {
    try {
      act();
    } catch (const Error& error) {
      return error.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
  }

  fs::path folder;
};

TEST_F(Files, EveryByteIsWrittenAndRead) {
  std::string bytes;
  for (int i = 0; i < 300000; ++i) bytes += static_cast<char>(i * 7);
  write_file_atomically(folder / "x", bytes);
  EXPECT_EQ(read_file(folder / "x"), bytes);
  const MappedFile map(folder / "x");
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(map.bytes().data()), map.bytes().size()), bytes);
}

TEST_F(Files, EmptyFilesAreReadAndMapped) {
  write_file_atomically(folder / "empty", "");
  EXPECT_EQ(read_file(folder / "empty"), "");
  EXPECT_TRUE(MappedFile(folder / "empty").bytes().empty());
}

TEST_F(Files, AMapOutlivesTheNameAndMoves) {
  write_file_atomically(folder / "x", "abc");
  MappedFile map(folder / "x");
  fs::remove(folder / "x");
  const MappedFile moved(std::move(map));
  EXPECT_EQ(static_cast<char>(moved.bytes()[2]), 'c');
  EXPECT_EQ(moved.bytes().size(), 3u);
}

TEST_F(Files, FilesWithoutASizeAreReadWhole) { EXPECT_THAT(read_file("/proc/self/status"), HasSubstr("Pid:")); }

TEST_F(Files, MissingFilesAndFoldersAreNamed) {
  const fs::path missing = folder / "missing";
  EXPECT_THAT(message([&] { read_file(missing); }), AllOf(StartsWith(missing.string()), HasSubstr("No such file")));
  EXPECT_THAT(message([&] { MappedFile map(missing); }), StartsWith(missing.string()));
  EXPECT_THAT(message([&] { read_file(folder); }), AllOf(StartsWith(folder.string()), HasSubstr("is a directory")));
  EXPECT_THROW(MappedFile map(folder), InputError);
}

TEST_F(Files, NothingStandsUnderTheNameUntilCommit) {
  {
    AtomicFile file(folder / "x");
    file.write("half");
    EXPECT_FALSE(fs::exists(folder / "x"));
    EXPECT_EQ(names().size(), 1u) << "rename is atomic only within a file system";
    file.write(" and half");
    file.commit();
    EXPECT_EQ(read_file(folder / "x"), "half and half");
  }
  EXPECT_THAT(names(), ::testing::ElementsAre("x"));
}

TEST_F(Files, DroppedWithoutCommitNothingIsLeft) {
  try {
    AtomicFile file(folder / "x");
    file.write("half");
    throw std::runtime_error("interrupted");
  } catch (const std::runtime_error&) {
  }
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(Files, TheOldFileStaysWholeUntilTheNewOneIs) {
  write_file_atomically(folder / "x", "old");
  {
    AtomicFile file(folder / "x");
    file.write("new but dropped");
    EXPECT_EQ(read_file(folder / "x"), "old");
  }
  EXPECT_EQ(read_file(folder / "x"), "old");
  write_file_atomically(folder / "x", "new");
  EXPECT_EQ(read_file(folder / "x"), "new");
  EXPECT_THAT(names(), ::testing::ElementsAre("x"));
}

TEST_F(Files, ReadersOfAFileThatIsRewrittenSeeOneVersionOrTheOther) {
  const std::string a(200000, 'a'), b(100000, 'b');
  write_file_atomically(folder / "x", a);
  std::thread writer([&] {
    for (int i = 0; i < 20; ++i) write_file_atomically(folder / "x", i % 2 ? a : b);
  });
  for (int i = 0; i < 50; ++i) {
    const std::string text = read_file(folder / "x");
    EXPECT_TRUE(text == a || text == b) << text.size();
  }
  writer.join();
}

TEST_F(Files, TwoWritersOfOneNameDoNotMeet) {
  AtomicFile one(folder / "x"), two(folder / "x");
  one.write("one");
  two.write("two");
  two.commit();
  one.commit();
  EXPECT_EQ(read_file(folder / "x"), "one");
  EXPECT_THAT(names(), ::testing::ElementsAre("x"));
}

TEST_F(Files, PlacesThatCannotBeWrittenAreNamed) {
  write_file_atomically(folder / "file", "x");
  for (const fs::path& place : {folder / "missing" / "x", folder / "file" / "x", fs::path("/proc/x")})
    EXPECT_THAT(message([&] { write_file_atomically(place, "text"); }),
                AllOf(StartsWith(place.string()), HasSubstr("can't be written")));
}

TEST_F(Files, ADiskThatFillsUpIsAnErrorAndLeavesNothing) {
  // A limit on the size of files stands in for a full disk: write() falls short, then fails.
  struct rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small = {1000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string error = message([&] { write_file_atomically(folder / "x", std::string(5000, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(error, AllOf(StartsWith((folder / "x").string()), HasSubstr("can't be written: File too large")));
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(Files, ACommitThatFailsLeavesNothing) {
  fs::create_directory(folder / "x");
  fs::create_directory(folder / "x" / "inside");
  EXPECT_THAT(message([&] { write_file_atomically(folder / "x", "text"); }), HasSubstr("can't be written"));
  EXPECT_THAT(names(), ::testing::ElementsAre("x"));
}

TEST_F(Files, ABareNameIsWrittenInTheCurrentFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder);
  write_file_atomically("bare", "x");
  fs::current_path(before);
  EXPECT_EQ(read_file(folder / "bare"), "x");
}

TEST_F(Files, NamesMayBeAnyBytes) {
  const fs::path name = folder / "\xff\xfe n\n.txt";
  write_file_atomically(name, "x");
  EXPECT_EQ(read_file(name), "x");
}

}  // namespace
}  // namespace attend
