// What is too much for memory, and is read again: bytes in a temporary file.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace attend {

/// Bytes that are appended, and read at any place. They lie in a file without a name in the folder for temporary files (TMPDIR),
/// which goes with the process however it ends; the last of them, and few altogether, lie in memory.
class Spool {
 public:
  Spool() = default;
  ~Spool();
  Spool(Spool&& other) noexcept;
  Spool& operator=(Spool&& other) noexcept;

  /// Where the bytes begin that were appended. Throws Error, which names the folder, where there is no room.
  uint64_t add(std::string_view bytes);
  uint64_t size() const { return written_ + buffer_.size(); }
  /// count bytes from `at`, all of which were added. Any number of threads, while nobody adds.
  void read(uint64_t at, void* to, size_t count) const;
  std::string read(uint64_t at, size_t count) const;

 private:
  static constexpr size_t kInMemory = size_t{1} << 18;
  void write();
  [[noreturn]] static void fail(const char* what);

  int descriptor_ = -1;   // none while all of it is in `buffer_`
  uint64_t written_ = 0;  // bytes in the file
  std::string buffer_;    // those behind
};

/// Reads a spool from its beginning, a block at a time.
class SpoolReader {
 public:
  explicit SpoolReader(const Spool& spool) : spool_(spool) {}
  bool ended() const { return at_ - block_.size() + taken_ == spool_.size(); }
  void read(void* to, size_t count);

 private:
  static constexpr size_t kBlock = size_t{1} << 16;
  const Spool& spool_;
  uint64_t at_ = 0;   // behind the block
  size_t taken_ = 0;  // bytes of it
  std::string block_;
};

/// Values of one size, by their numbers.
template <class T>
class Records {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  void add(const T& value) { spool_.add({reinterpret_cast<const char*>(&value), sizeof value}); }
  size_t size() const { return spool_.size() / sizeof(T); }
  T operator[](size_t i) const {
    T value;
    spool_.read(i * sizeof(T), &value, sizeof value);
    return value;
  }
  /// take(i, value) of each, in order.
  template <class Take>
  void each(Take take) const {
    SpoolReader reader(spool_);
    for (size_t i = 0; i < size(); ++i) {
      T value;
      reader.read(&value, sizeof value);
      take(i, value);
    }
  }

 private:
  Spool spool_;
};

}  // namespace attend
