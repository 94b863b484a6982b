// A zoo of damaged pictures: picture_zoo FILE... damages each file 300 times (bits, bytes, lengths, places; always the same
// way) and decodes what comes of it. A crash, more than 5 s of computing for one, or more than 1 GiB of memory is a finding. Exits 1 where
// there are any.
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <random>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "vision/picture.h"

namespace {

constexpr int kMutations = 300, kSeconds = 5;
constexpr long kKilobytes = 1 << 20;

std::string damaged(std::string bytes, std::mt19937& random) {
  const auto below = [&](size_t most) { return most == 0 ? 0 : random() % most; };
  const size_t reach = random() % 2 ? std::min<size_t>(bytes.size(), 128) : bytes.size();  // headers more often
  switch (random() % 6) {
    case 0:
      bytes[below(reach)] ^= static_cast<char>(1 << random() % 8);
      break;
    case 1:
      for (int i = 0; i < 8; ++i) bytes[below(reach)] = static_cast<char>(random());
      break;
    case 2: {  // a number made very large, or nothing
      const size_t at = below(reach), count = std::min<size_t>(1u << random() % 3, bytes.size() - at);
      std::fill_n(bytes.begin() + static_cast<long>(at), count, random() % 2 ? '\xff' : '\0');
      break;
    }
    case 3:
      bytes.resize(below(bytes.size()));
      break;
    case 4: {  // a part twice
      const size_t at = below(bytes.size()), count = below(std::min<size_t>(bytes.size() - at, 4096));
      bytes.insert(at, bytes.substr(at, count));
      break;
    }
    default:
      bytes.erase(below(bytes.size()), below(64));
  }
  return bytes;
}

/// Decodes every mutation; returns the longest time that one computed, in milliseconds.
long decode_all(const std::string& file) {
  const std::string bytes = attend::read_file(file);
  long longest = 0;
  for (int i = 0; i < kMutations && !bytes.empty(); ++i) {
    std::mt19937 random(static_cast<unsigned>(i));
    const std::string mutation = damaged(bytes, random);
    const itimerval limit{{}, {kSeconds, 0}};
    ::setitimer(ITIMER_PROF, &limit, nullptr);
    const auto start = std::clock();
    try {
      attend::decode_picture({reinterpret_cast<const unsigned char*>(mutation.data()), mutation.size()}, "",
                             i % 3 ? 0 : 260);
    } catch (const attend::InputError&) {
    }
    longest = std::max<long>(longest, (std::clock() - start) * 1000 / CLOCKS_PER_SEC);
  }
  return longest;
}

}  // namespace

int main(int count, char** values) {
  int findings = 0;
  long longest = 0, most = 0;
  for (int i = 1; i < count; ++i) {
    int pipe[2];
    if (::pipe(pipe) != 0) return 2;
    const pid_t child = ::fork();
    if (child == 0) {
      const long time = decode_all(values[i]);
      ::_exit(::write(pipe[1], &time, sizeof time) == sizeof time ? 0 : 1);
    }
    ::close(pipe[1]);
    long time = 0;
    const bool told = ::read(pipe[0], &time, sizeof time) == sizeof time;
    ::close(pipe[0]);
    int status = 0;
    rusage usage{};
    ::wait4(child, &status, 0, &usage);
    longest = std::max(longest, time), most = std::max(most, usage.ru_maxrss);
    if (told && status == 0 && usage.ru_maxrss <= kKilobytes) continue;
    ++findings;
    std::printf("%s: %s, %ld MiB\n", values[i],
                WIFSIGNALED(status) ? (WTERMSIG(status) == SIGPROF ? "takes too long" : "crashes")
                : told              ? "read"
                                    : "stops",
                usage.ru_maxrss >> 10);
  }
  std::printf("%d files, %d mutations each: %d findings; the longest took %ld ms, the most memory %ld MiB\n", count - 1,
              kMutations, findings, longest, most >> 10);
  return findings > 0 ? 1 : 0;
}
