// A list that lies in memory, or that is read one by one from where it lies.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace attend {

/// Looks at a list that outlives it. What it gives is a copy; any thread may ask.
template <class T>
class ListView {
 public:
  ListView(std::span<const T> list) : size_(list.size()), at_([list](size_t i) { return list[i]; }) {}
  ListView(const std::vector<T>& list) : ListView(std::span<const T>(list)) {}
  ListView(size_t size, std::function<T(size_t)> at) : size_(size), at_(std::move(at)) {}

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T operator[](size_t i) const { return at_(i); }

 private:
  size_t size_;
  std::function<T(size_t)> at_;
};

}  // namespace attend
