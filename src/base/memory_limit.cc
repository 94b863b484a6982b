#include "base/memory_limit.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <string>

#include "base/error.h"

namespace attend {
namespace {

void require(decltype(RLIMIT_AS) limit, const char* flag, uint64_t mebibytes) {
  rlimit allowed{};
  if (::getrlimit(limit, &allowed) != 0 || allowed.rlim_cur == RLIM_INFINITY) return;
  const uint64_t given = allowed.rlim_cur >> 20;
  if (given < mebibytes)
    throw Error("not enough memory: this process may have " + std::to_string(given) + " MiB (" + flag +
                "), and needs " + std::to_string(mebibytes) + "; raise the limit");
}

}  // namespace

bool ran_out_of_memory(const std::exception& error) {
  const std::string what = error.what();
  return dynamic_cast<const std::bad_alloc*>(&error) || what.find("can't allocate memory") != std::string::npos ||
         what.find("Failed to allocate") != std::string::npos;
}

void require_memory(int threads) {
  // OpenBLAS has a buffer for each of the machine's processors, but of 64 at most, and for more threads where they ask.
  constexpr int64_t kBuffer = 128, kMostBuffers = 64;  // MiB each
  const int64_t most = std::max<int64_t>(threads, ::sysconf(_SC_NPROCESSORS_CONF));
  const auto buffers = static_cast<uint64_t>(kBuffer * std::min(most, kMostBuffers));
  require(RLIMIT_AS, "ulimit -v", 1024 + buffers);
  require(RLIMIT_DATA, "ulimit -d", 512 + buffers);
}

}  // namespace attend
