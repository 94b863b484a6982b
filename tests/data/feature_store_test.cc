#include "data/feature_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/said.h"
#include "data/temporary_folder.h"

namespace attend {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr size_t L = 6, D = 50;

/// Stands for an encoder: annotations [L, D] that depend on the content alone.
std::vector<uint16_t> encode(const std::filesystem::path& picture) {
  std::vector<uint16_t> annotations(L * D);
  uint64_t value = content_hash(picture);
  for (auto& one : annotations)
    one = static_cast<uint16_t>((value = value * 6364136223846793005u + 1442695040888963407u) >> 48);
  return annotations;
}

class FeatureStoreTest : public ::testing::Test {
 protected:
  FeatureStoreTest() {
    for (int i = 0; i < 10; ++i)
      pictures_.push_back(folder_.write("images/" + std::to_string(i) + ".jpg", "content of " + std::to_string(i)));
  }

  FeatureStore open() { return FeatureStore::open(folder_ / "store", key_, pictures_, L, D); }

  static void put(FeatureStore& store, const std::vector<std::filesystem::path>& pictures, size_t i) {
    store.put(i, encode(pictures[i]), content_hash(pictures[i]));
  }
  void fill(FeatureStore& store) const {
    for (size_t i : store.missing()) put(store, pictures_, i);
    store.sync();
  }
  static std::vector<uint16_t> row(const FeatureStore& store, size_t i) {
    std::vector<uint16_t> values(L * D);
    store.read(i, values);
    return values;
  }
  void expect_right(const FeatureStore& store) const {
    ASSERT_TRUE(store.complete());
    for (size_t i = 0; i < pictures_.size(); ++i)
      EXPECT_THAT(row(store, i), ElementsAreArray(encode(pictures_[i]))) << i;
  }
  std::filesystem::path rows_file() { return open().rows_file(); }
  std::filesystem::path index_file() { return rows_file().replace_extension(".index"); }

  TemporaryFolder folder_;
  std::vector<std::filesystem::path> pictures_;
  std::string key_ = "efficientnet-lite2 260 squash weights 0123";
};

TEST_F(FeatureStoreTest, StartsEmpty) {
  const auto store = open();
  EXPECT_FALSE(store.complete());
  EXPECT_THAT(store.missing(), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_THROW(row(store, 0), Error);
}

TEST_F(FeatureStoreTest, ServesRowsAsSoonAsTheyArePut) {
  auto store = open();
  put(store, pictures_, 3);
  EXPECT_THAT(row(store, 3), ElementsAreArray(encode(pictures_[3])));
  EXPECT_THAT(store.missing(), ElementsAre(0, 1, 2, 4, 5, 6, 7, 8, 9));
}

TEST_F(FeatureStoreTest, KeepsRows) {
  {
    auto store = open();
    fill(store);
    expect_right(store);
  }
  expect_right(open());
}

TEST_F(FeatureStoreTest, GoesOnWhereItStopped) {
  {
    auto store = open();
    for (size_t i : {0, 2, 5}) put(store, pictures_, i);
  }
  auto store = open();
  EXPECT_THAT(store.missing(), ElementsAre(1, 3, 4, 6, 7, 8, 9));
  fill(store);
  expect_right(store);
}

TEST_F(FeatureStoreTest, FindsRowsByContentInAnotherOrderUnderOtherNames) {
  {
    auto store = open();
    fill(store);
  }
  const std::vector<std::filesystem::path> others{folder_.write("other/a.jpg", "content of 7"), pictures_[1],
                                                  folder_.write("other/b.jpg", "new"),
                                                  folder_.write("other/c.jpg", "content of 0")};
  const auto store = FeatureStore::open(folder_ / "store", key_, others, L, D);
  EXPECT_THAT(store.missing(), ElementsAre(2));
  for (size_t i : {0, 1, 3}) EXPECT_THAT(row(store, i), ElementsAreArray(encode(others[i])));
}

TEST_F(FeatureStoreTest, StoresEqualPicturesOnce) {
  pictures_ = {folder_.write("a.jpg", "same"), folder_.write("b.jpg", "same")};
  auto store = open();
  fill(store);
  expect_right(store);
  EXPECT_EQ(std::filesystem::file_size(store.rows_file()), 4096 + L * D * 2);
}

TEST_F(FeatureStoreTest, NeverServesRowsOfAnotherKeyOrShape) {
  {
    auto store = open();
    fill(store);
  }
  EXPECT_EQ(FeatureStore::open(folder_ / "store", key_ + " ", pictures_, L, D).missing().size(), 10u);
  EXPECT_EQ(FeatureStore::open(folder_ / "store", key_, pictures_, D, L).missing().size(), 10u);
  expect_right(open());
  const auto other = FeatureStore::open(folder_ / "store", "another", pictures_, L, D).rows_file();
  auto other_index = other, index = index_file();
  std::filesystem::copy_file(rows_file(), other, std::filesystem::copy_options::overwrite_existing);
  std::filesystem::copy_file(index, other_index.replace_extension(".index"),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(FeatureStore::open(folder_ / "store", "another", pictures_, L, D).missing().size(), 10u);
}

TEST_F(FeatureStoreTest, NoticesAChangedPicture) {
  {
    auto store = open();
    fill(store);
  }
  struct stat before;
  ASSERT_EQ(::stat(pictures_[4].c_str(), &before), 0);
  folder_.write("images/4.jpg", "CONTENT of 4");  // as long, and dated back to the same nanosecond
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, pictures_[4].c_str(), times, 0), 0);
  auto store = open();
  EXPECT_THAT(store.missing(), ElementsAre(4));
  fill(store);
  expect_right(store);
}

TEST_F(FeatureStoreTest, KeepsTheRowOfATouchedPicture) {
  {
    auto store = open();
    fill(store);
  }
  std::filesystem::last_write_time(pictures_[4], std::filesystem::file_time_type::clock::now());
  expect_right(open());
}

TEST_F(FeatureStoreTest, MissesAPictureThatIsGone) {
  {
    auto store = open();
    fill(store);
  }
  std::filesystem::remove(pictures_[4]);
  EXPECT_THAT(open().missing(), ElementsAre(4));
}

TEST_F(FeatureStoreTest, TrustsPicturesThatWereLeftAlone) {
  // Younger files are never trusted; these are older than the test program.
  pictures_ = {ATTEND_SOURCE_DIR "/CMakeLists.txt", ATTEND_SOURCE_DIR "/LICENSE"};
  {
    auto store = open();
    fill(store);
  }
  const auto file = index_file();
  const auto size = std::filesystem::file_size(file);
  expect_right(open());
  EXPECT_EQ(std::filesystem::file_size(file), size);  // a picture hashed again is recorded again
}

TEST_F(FeatureStoreTest, CutsOffATornRecord) {
  {
    auto store = open();
    fill(store);
  }
  const std::string whole = read_file(index_file());
  for (size_t cut = 1; cut <= 48; ++cut) {
    std::ofstream(index_file(), std::ios::binary) << whole.substr(0, whole.size() - cut);
    auto store = open();
    EXPECT_THAT(store.missing(), ElementsAre(9)) << cut;
    fill(store);
    expect_right(store);
  }
  expect_right(open());
}

TEST_F(FeatureStoreTest, DropsARecordOfZerosOrFlippedBits) {
  {
    auto store = open();
    fill(store);
  }
  const auto file = index_file();
  const std::string whole = read_file(file);
  for (size_t byte = 32 + 3 * 48; byte < 32 + 4 * 48; ++byte) {
    std::string damaged = whole;
    damaged[byte] ^= 0x10;
    std::ofstream(file, std::ios::binary) << damaged;
    EXPECT_THAT(open().missing(), ElementsAre(3)) << byte;
  }
  std::ofstream(file, std::ios::binary) << whole << std::string(480, '\0');
  expect_right(open());
}

TEST_F(FeatureStoreTest, StartsAnewWhenTheRowsAreGoneCutOrExchanged) {
  const auto spoil = [&](auto&& how) {
    {
      auto store = open();
      fill(store);
    }
    how(rows_file());
    Said said;
    auto store = open();
    EXPECT_THAT(said.text, HasSubstr("damaged"));
    EXPECT_EQ(store.missing().size(), 10u);
    fill(store);
    expect_right(store);
  };
  spoil([](const auto& file) { std::filesystem::remove(file); });
  spoil([](const auto& file) { std::filesystem::resize_file(file, 4096 + 9 * L * D * 2); });
  spoil([](const auto& file) { std::filesystem::resize_file(file, 0); });
  const auto other = FeatureStore::open(folder_ / "elsewhere", key_, pictures_, L, D).rows_file();
  spoil([&](const auto& file) {
    std::filesystem::copy_file(other, file, std::filesystem::copy_options::overwrite_existing);
  });
}

TEST_F(FeatureStoreTest, KeepsTheRowsOfOpenStoresWhenItStartsAnew) {
  auto store = open();
  fill(store);
  std::filesystem::resize_file(index_file(), 10);
  std::filesystem::resize_file(index_file(), 100);
  const auto anew = open();
  EXPECT_EQ(anew.missing().size(), 10u);
  expect_right(store);
}

TEST_F(FeatureStoreTest, ServesNoRowThatIsCutShortOrDamagedWhileItIsOpen) {
  auto store = open();
  fill(store);
  const auto refusal = [&](size_t i) -> std::string {
    try {
      row(store, i);
    } catch (const Error& error) {
      return error.what();
    }
    return "read";
  };
  {
    std::fstream rows(store.rows_file(), std::ios::in | std::ios::out | std::ios::binary);
    rows.seekp(4096 + 3 * L * D * 2 + 17);
    rows.put('\x5a');
  }
  EXPECT_THAT(refusal(3), ::testing::AllOf(HasSubstr("3.jpg is damaged"), HasSubstr("delete")));
  EXPECT_EQ(refusal(4), "read");
  std::filesystem::resize_file(store.rows_file(), 4096 + 5 * L * D * 2 - 1);
  EXPECT_THAT(refusal(4), HasSubstr("4.jpg is cut short"));
  EXPECT_THAT(refusal(9), HasSubstr("9.jpg is cut short"));
  EXPECT_EQ(refusal(0), "read");
}

TEST_F(FeatureStoreTest, IsCompleteWithoutPicturesThatAreLeftOut) {
  {
    auto store = open();
    store.leave_out(4);
    EXPECT_THAT(store.missing(), ElementsAre(0, 1, 2, 3, 5, 6, 7, 8, 9));
    fill(store);
    EXPECT_TRUE(store.complete());
    EXPECT_THROW(row(store, 4), Error);
    EXPECT_THAT(open().missing(), ElementsAre(4));  // and nobody waits for it
  }
  auto store = open();
  fill(store);
  expect_right(store);
}

TEST_F(FeatureStoreTest, CountsNothingThatACrashLeftUnrecorded) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = open();
    for (size_t i : {0, 1, 2}) put(store, pictures_, i);
    store.sync();
    for (size_t i : {3, 4, 5}) put(store, pictures_, i);
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  auto store = open();
  EXPECT_THAT(store.missing(), ElementsAre(3, 4, 5, 6, 7, 8, 9));
  fill(store);
  expect_right(store);
}

TEST_F(FeatureStoreTest, IsHeldWhileItMissesRowsAndSharedWhenComplete) {
  auto store = open();
  try {
    open();
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("another process is filling"));
  }
  fill(store);
  const auto second = open();
  expect_right(second);
  expect_right(store);
}

TEST_F(FeatureStoreTest, SurvivesProcessesThatFillItTogetherAndDie) {
  for (int i = 10; i < 60; ++i)
    pictures_.push_back(folder_.write("images/" + std::to_string(i) + ".jpg", "content of " + std::to_string(i)));
  std::vector<pid_t> children;
  for (int c = 0; c < 4; ++c) {
    const pid_t child = ::fork();
    if (child == 0) {
      // Not for ever: a process that outlived the test, and with it the folder, would keep the output's pipe open.
      for (int tries = 0; tries < 1000 && std::filesystem::exists(pictures_.front()); ++tries) try {
          auto store = open();
          const auto missing = store.missing();
          if (missing.empty()) ::_exit(0);
          for (size_t i = 0; i < std::min<size_t>(missing.size(), 5); ++i) {
            put(store, pictures_, missing[i]);
            if (i == 2) store.sync();
          }
          if (::fork() != 0) ::_exit(0);  // dies with two rows unrecorded; its child takes over
        } catch (const Error&) {
        }
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);
  for (int tries = 0; tries < 100; ++tries) {
    try {
      auto store = open();
      if (store.complete()) {
        expect_right(store);
        return;
      }
    } catch (const Error&) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  FAIL() << "never complete";
}

TEST_F(FeatureStoreTest, SaysWhenTheDiskIsFull) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = open();
    const rlimit limit{4096 + 3 * L * D * 2, 4096 + 3 * L * D * 2};
    ::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &limit);
    for (size_t i = 0; i < 3; ++i) put(store, pictures_, i);
    try {
      put(store, pictures_, 3);
      ::_exit(1);
    } catch (const Error& error) {
      const bool clear = std::string(error.what()).find(".rows: can't be written") != std::string::npos;
      store.sync();
      ::_exit(clear ? 0 : 2);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  auto store = open();
  EXPECT_THAT(store.missing(), ElementsAre(3, 4, 5, 6, 7, 8, 9));
  fill(store);
  expect_right(store);
}

TEST_F(FeatureStoreTest, RefusesRowsOfAnotherSize) {
  auto store = open();
  EXPECT_THROW(store.put(0, std::vector<uint16_t>(L * D - 1), 1), Error);
}

TEST_F(FeatureStoreTest, SaysWhenTheFolderCanNotBeMade) {
  folder_.write("store", "a file");
  EXPECT_THROW(open(), Error);
}

TEST(ContentHash, DependsOnTheBytesAlone) {
  const TemporaryFolder folder;
  EXPECT_EQ(content_hash(folder.write("empty", "")), 0x2d06800538d394c2u);  // XXH3's published value
  EXPECT_EQ(content_hash(folder.write("a", "bytes")), content_hash(folder.write("b", "bytes")));
  EXPECT_NE(content_hash(folder.write("a", "bytes")), content_hash(folder.write("b", "byteS")));
  EXPECT_THROW(content_hash(folder / "none"), InputError);
}

}  // namespace
}  // namespace attend
