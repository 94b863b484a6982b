#include "base/atomic_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"

namespace attend {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class AtomicFiles : public ::testing::Test {
 protected:
  AtomicFiles() {
    std::string name = ::testing::TempDir() + "atomic_file_test_XXXXXX";
    if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    folder = name;
  }
  ~AtomicFiles() override { fs::remove_all(folder); }

  std::vector<std::string> names(const fs::path& where = {}) const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(where.empty() ? folder : where))
      found.push_back(entry.path().filename().native());
    return found;
  }
  static mode_t mode(const fs::path& path) {
    struct stat status;
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
  }
  /// How a process ends that runs `work`: as waitpid() says.
  template <class Work>
  static int run(Work work) {
    const pid_t child = ::fork();
    if (child == 0) {
      work();
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  }

  fs::path folder;
};

TEST_F(AtomicFiles, AFileKeepsItsMode) {
  for (const mode_t kept : {0600, 0640, 0666, 0755}) {
    std::ofstream(folder / "x") << "old";
    ::chmod((folder / "x").c_str(), kept);
    write_file_atomically(folder / "x", "new");
    EXPECT_EQ(mode(folder / "x"), kept);
    EXPECT_EQ(read_file(folder / "x"), "new");
  }
}

TEST_F(AtomicFiles, ALinkStaysAndItsTargetIsReplaced) {
  fs::create_directory(folder / "there");
  write_file_atomically(folder / "there/target", "old");
  fs::create_symlink("there/target", folder / "link");
  fs::create_symlink("link", folder / "link of a link");
  write_file_atomically(folder / "link of a link", "new");
  EXPECT_EQ(read_file(folder / "there/target"), "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link of a link") && fs::is_symlink(folder / "link"));
  fs::create_symlink("there/missing", folder / "dangling");
  write_file_atomically(folder / "dangling", "made");
  EXPECT_EQ(read_file(folder / "there/missing"), "made");
  fs::create_symlink("ring", folder / "ring");
  EXPECT_THROW(write_file_atomically(folder / "ring", "x"), Error);
}

TEST_F(AtomicFiles, DevicesAndPipesAreWrittenTo) {
  write_file_atomically("/dev/null", "x");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_THROW(write_file_atomically("/dev/full", "x"), Error);

  const fs::path fifo = folder / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  std::string read;
  std::thread reader([&] { read = read_file(fifo); });
  write_file_atomically(fifo, "through");
  reader.join();
  EXPECT_EQ(read, "through");
  EXPECT_TRUE(fs::is_fifo(fifo));
  check_writable(fifo);  // would wait for a reader if it opened it
}

TEST_F(AtomicFiles, OpenDescriptorsAreWrittenWhereTheyStand) {
  const int file = ::open((folder / "x").c_str(), O_WRONLY | O_CREAT, 0600);
  ASSERT_EQ(::write(file, "before ", 7), 7);
  write_file_atomically("/dev/fd/" + std::to_string(file), "inside ");
  write_file_atomically("/proc/self/fd/" + std::to_string(file), "of ");
  ASSERT_EQ(::write(file, "after", 5), 5);
  ::close(file);
  EXPECT_EQ(read_file(folder / "x"), "before inside of after");
}

TEST_F(AtomicFiles, ReadOnlyFilesAndFoldersAreRefused) {
  write_file_atomically(folder / "x", "kept");
  fs::create_directory(folder / "closed");
  ::chmod((folder / "x").c_str(), 0444);
  ::chmod(folder.c_str(), 0755);
  ::chmod((folder / "closed").c_str(), 0555);
  const int status = run([&] {
    if (::getuid() == 0 && ::setuid(65534) != 0) ::_exit(9);
    for (const auto& place : {folder / "x", folder / "closed/x"}) {
      try {
        check_writable(place);
        ::_exit(1);
      } catch (const Error& error) {
        if (std::string(error.what()) != place.string() + ": can't be written: Permission denied") ::_exit(2);
      }
    }
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(read_file(folder / "x"), "kept");
}

TEST_F(AtomicFiles, TheLongestNameCanBeWritten) {
  const std::string name(255, 'n');
  write_file_atomically(folder / name, "x");
  EXPECT_THAT(names(), ElementsAre(name));
}

TEST_F(AtomicFiles, WhatTheDeadLeaveIsSweptAndWhatIsWrittenStays) {
  const int status = run([&] {
    AtomicFile file(folder / "x");
    AtomicFolder words(folder / "words");
    write_file_atomically(words.path() / "1", "one");
    ::raise(SIGKILL);
  });
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(names().size(), 2u);
  AtomicFile writing(folder / "y");
  AtomicFolder filling(folder / "z");
  sweep_temporaries(folder);
  EXPECT_EQ(names().size(), 2u) << "two that are being written";
  writing.commit();
  filling.commit();
  EXPECT_THAT(names(), UnorderedElementsAre("y", "z"));
}

TEST_F(AtomicFiles, TheFirstWriteInAFolderSweepsIt) {
  run([&] {
    AtomicFile file(folder / "x");
    ::raise(SIGKILL);
  });
  std::ofstream(folder / ".attend-notes.tmp") << "somebody's own";
  std::ofstream(folder / "x.tmp123-0") << "somebody's own";
  write_file_atomically(folder / "x", "x");
  EXPECT_THAT(names(), UnorderedElementsAre(".attend-notes.tmp", "x.tmp123-0", "x"));
}

TEST_F(AtomicFiles, SignalsThatCanBeCaughtLeaveNothing) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const int status = run([&] {
      clean_up_on_signals();
      AtomicFile one(folder / "x"), two(folder / "y");
      ::raise(signal);
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal);
    EXPECT_THAT(names(), IsEmpty());
  }
}

TEST_F(AtomicFiles, AnIgnoredSignalStaysIgnored) {
  const int status = run([] {
    std::signal(SIGINT, SIG_IGN);
    watch_interrupts();
    ::raise(SIGINT);
    ::_exit(interrupted() ? 1 : 0);
  });
  EXPECT_EQ(status, 0);
}

TEST_F(AtomicFiles, TheFirstSignalIsAFlagWhereItIsWatchedFor) {
  const int status = run([] {
    watch_interrupts();
    ::raise(SIGHUP);
    if (!interrupted() || interrupted_status() != 128 + SIGHUP) ::_exit(1);
    ::raise(SIGTERM);
    ::_exit(2);
  });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

TEST_F(AtomicFiles, AFolderReplacesTheOldOneWhole) {
  for (const std::string content : {"old", "new"}) {
    AtomicFolder words(folder / "words");
    write_file_atomically(words.path() / content, content);
    words.commit();
    EXPECT_THAT(names(folder / "words"), ElementsAre(content));
  }
  {
    AtomicFolder dropped(folder / "words");
    write_file_atomically(dropped.path() / "dropped", "x");
  }
  EXPECT_THAT(names(folder / "words"), ElementsAre("new"));
  write_file_atomically(folder / "file", "x");
  AtomicFolder over_file(folder / "file");
  over_file.commit();
  EXPECT_TRUE(fs::is_directory(folder / "file"));
  EXPECT_THAT(names(), UnorderedElementsAre("words", "file"));
}

TEST_F(AtomicFiles, AFolderIsHeldByOne) {
  {
    const FolderLock held(folder);
    EXPECT_THROW(FolderLock{folder}, Error);
  }
  const FolderLock again(folder);
  EXPECT_THROW(FolderLock{folder / "missing"}, Error);
}

}  // namespace
}  // namespace attend
