#include "base/processor.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "base/parallel.h"

namespace attend {
namespace {

#if defined(__x86_64__)
/// Kernels of OpenBLAS, the best first, and whether this processor has what they are compiled for.
struct Kernels {
  const char* name;
  bool runs;
};

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

const Kernels* find_kernels(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
  static const Kernels all[] = {{"COOPERLAKE", has_avx512() && __builtin_cpu_supports("avx512bf16")},
                                {"SKYLAKEX", has_avx512()},
                                {"ZEN", has_avx2()},
                                {"HASWELL", has_avx2()},
                                {"SANDYBRIDGE", __builtin_cpu_supports("avx") != 0},
                                {"NEHALEM", __builtin_cpu_supports("sse4.2") != 0},
                                {"CORE2", __builtin_cpu_supports("ssse3") != 0},
                                {"PRESCOTT", __builtin_cpu_supports("sse3") != 0}};
  for (const auto& kernels : all)
    if (name == kernels.name) return &kernels;
  return nullptr;
}
#endif

/// Whether other programs compute just now on processors that this one would have.
bool others_want_processors() {
  int64_t others = INT64_MAX;
  for (int sample = 0; sample < 3; ++sample) {
    if (sample > 0) ::usleep(1000);
    std::ifstream stat("/proc/stat");
    int64_t running = 1;
    for (std::string word; stat >> word;)
      if (word == "procs_running") stat >> running;
    others = std::min(others, running - 1);  // without this one
  }
  return others > 0 && available_processors() + others > ::sysconf(_SC_NPROCESSORS_ONLN);
}

void set_unless_set(const char* name, const std::string& value) {
  if (!value.empty()) ::setenv(name, value.c_str(), 0);
}

}  // namespace

std::string best_blas_kernels() {
#if defined(__x86_64__)
  for (const char* name : {"COOPERLAKE", "SKYLAKEX"})
    if (can_run_blas_kernels(name)) return name;
  if (has_avx2()) return __builtin_cpu_is("amd") ? "ZEN" : "HASWELL";
#endif
  return "";
}

bool can_run_blas_kernels([[maybe_unused]] const std::string& name) {
#if defined(__x86_64__)
  if (const auto* kernels = find_kernels(name)) return kernels->runs;
#endif
  return true;
}

std::string loaded_blas_kernels() {
  const auto name = reinterpret_cast<const char* (*)()>(::dlsym(RTLD_DEFAULT, "openblas_get_corename"));
  return name ? name() : "";
}

void prepare_tensor_libraries() {
  if (const char* asked = std::getenv("OPENBLAS_CORETYPE"); asked && !can_run_blas_kernels(asked))
    throw UsageError(std::string("OPENBLAS_CORETYPE=") + asked +
                     ": this processor has no such instructions; unset it, and attend chooses");
  set_unless_set("OPENBLAS_CORETYPE", best_blas_kernels());
  // Threads wait for one another at every operation. Awake they wait shortest, but take from other programs, and from one
  // another, what they wait for.
  if (!std::getenv("GOMP_SPINCOUNT") && others_want_processors()) set_unless_set("OMP_WAIT_POLICY", "passive");
}

}  // namespace attend
