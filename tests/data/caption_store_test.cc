#include "data/caption_store.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <random>
#include <thread>

namespace attend {
namespace {

TEST(CaptionStore, GivesBackWhatWasAddedInItsOrder) {
  std::mt19937 generator(4);
  const auto text = [&] {
    std::string bytes(generator() % 200, ' ');
    for (char& one : bytes) one = static_cast<char>(generator() % 256);  // NUL and line ends too
    return bytes;
  };
  CaptionStore store;
  EXPECT_TRUE(store.empty());
  std::vector<CaptionedPicture> expected;
  for (int i = 0; i < 8000; ++i) {  // 2 MB: more than is kept in memory
    CaptionedPicture one{std::to_string(generator() % 4) + "/" + std::to_string(i) + ".jpg", {}};
    for (auto n = 1 + generator() % 4; n > 0; --n) one.captions.push_back(text());
    if (i % 2)
      store.add(one);
    else
      for (const auto& caption : one.captions) store.add(one.picture, caption);
    expected.push_back(std::move(one));
    EXPECT_EQ(store.size(), expected.size());
  }
  const CaptionStore moved = std::move(store);
  std::vector<std::thread> readers;
  std::vector<size_t> wrong(3);
  for (size_t reader = 0; reader < wrong.size(); ++reader)
    readers.emplace_back([&, reader] {
      for (size_t n = 0; n < expected.size(); ++n) {
        const size_t i = reader == 0 ? n : (n * 7919 + reader) % expected.size();
        const auto one = moved[i];
        wrong[reader] += one.picture != expected[i].picture || one.captions != expected[i].captions;
      }
    });
  for (auto& one : readers) one.join();
  EXPECT_EQ(wrong, std::vector<size_t>(3));
}

TEST(CaptionStore, TakesAFewBytesAPicture) {
  const auto in_use = [] {
    const auto heap = ::mallinfo2();
    return heap.uordblks + heap.hblkhd;
  };
  const size_t before = in_use();
  CaptionStore store;
  constexpr size_t kCount = 300'000;
  for (size_t i = 0; i < kCount; ++i)
    store.add("photos/of/some/folder/" + std::to_string(i) + ".jpg", "a caption of as many words as captions have");
  EXPECT_EQ(store.size(), kCount);
  EXPECT_LT(in_use() - before, 16 * kCount + (size_t{1} << 20));  // a vector may have twice what it needs
}

TEST(CaptionStore, JoinsWhatFollowsOneAnotherOfOnePicture) {
  CaptionStore store;
  for (const char* name : {"a", "a", "b", "a"}) store.add(name, std::string("of ") + name);
  ASSERT_EQ(store.size(), 3u);
  EXPECT_EQ(store[0].captions.size(), 2u);
  EXPECT_EQ(store[1].captions, std::vector<std::string>{"of b"});
  EXPECT_EQ(store[2].picture, "a");
}

}  // namespace
}  // namespace attend
