#include "base/lots.h"

#include <algorithm>
#include <numeric>

namespace attend {

std::vector<size_t> drawn(size_t count, size_t total, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<size_t> all(total), list;
  while (list.size() < count) {
    std::iota(all.begin(), all.end(), size_t{0});
    shuffle(all, generator);
    list.insert(list.end(), all.begin(), all.begin() + static_cast<ptrdiff_t>(std::min(total, count - list.size())));
  }
  return list;
}

}  // namespace attend
