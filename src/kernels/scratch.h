// Memory that kernels work in.
#pragma once

#include <cstdint>
#include <new>

namespace attend::kernels {

/// Not initialized, aligned for any register.
class Scratch {
 public:
  explicit Scratch(int64_t bytes) : data_(::operator new(static_cast<size_t>(bytes), std::align_val_t(kAlignment))) {}
  ~Scratch() { ::operator delete(data_, std::align_val_t(kAlignment)); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  void* data() const { return data_; }

 private:
  static constexpr size_t kAlignment = 64;
  void* const data_;
};

}  // namespace attend::kernels
