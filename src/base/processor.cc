#include "base/processor.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "base/parallel.h"
#include "base/printable.h"

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

/// __builtin_cpu_supports() has no name for it in every compiler.
bool has_avx_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4);
}

#ifdef ATTEND_TILES
bool may_use_tiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return false;
  unsigned saved = 0, upper = 0;  // what the system saves when it turns to another thread
  asm volatile("xgetbv" : "=a"(saved), "=d"(upper) : "c"(0));
  constexpr unsigned kTileState = 1u << 17 | 1u << 18, kTile = 1u << 24, kInt8 = 1u << 25;
  if ((saved & kTileState) != kTileState) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & kTile) || !(d & kInt8)) return false;
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, of Linux 5.16
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#endif

/// A set of instructions, and what keeps the libraries to it.
struct InstructionSet {
  const char* name;
  bool (*runs)();
  const char *onednn, *libtorch, *openblas;
};

bool has_avx512_bf16() {
  return has_avx512() && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16");
}

const InstructionSet kInstructionSets[] = {
    {"avx512_amx", [] { return has_avx512_bf16() && has_tiles(); }, "AVX512_CORE_AMX", "avx512", "COOPERLAKE"},
    {"avx512_bf16", has_avx512_bf16, "AVX512_CORE_BF16", "avx512", "COOPERLAKE"},
    {"avx512_vnni", [] { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }, "AVX512_CORE_VNNI", "avx512",
     "SKYLAKEX"},
    {"avx512", has_avx512, "AVX512_CORE", "avx512", "SKYLAKEX"},
    {"avx2_vnni", has_avx_vnni, "AVX2_VNNI", "avx2", "HASWELL"},
    {"avx2", has_avx2, "AVX2", "avx2", "HASWELL"},
    {"plain", [] { return true; }, "AVX2", "avx2", "HASWELL"}};

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

std::vector<std::string> instruction_sets() {
#if defined(__x86_64__)
  std::vector<std::string> names;
  for (const auto& set : kInstructionSets)
    if (set.runs()) names.push_back(set.name);
  return names;
#else
  return {"plain"};
#endif
}

std::string instruction_set() {
  const auto names = instruction_sets();
  const char* asked = std::getenv("ATTEND_INSTRUCTIONS");
  if (!asked || !*asked) return names.front();
  if (std::find(names.begin(), names.end(), asked) != names.end()) return asked;
  std::string all;
  for (const auto& name : names) all += (all.empty() ? "" : ", ") + name;
  throw UsageError("ATTEND_INSTRUCTIONS=" + printable(asked) +
                   ": this processor has no such set of instructions; it has " + all +
                   "; unset it, and attend takes the best");
}

bool has_tiles() {
#ifdef ATTEND_TILES
  static const bool has = may_use_tiles();
  return has;
#else
  return false;
#endif
}

void prepare_tensor_libraries() {
#if defined(__x86_64__)
  const std::string chosen = instruction_set();
  if (chosen != instruction_sets().front())
    for (const auto& set : kInstructionSets)
      if (chosen == set.name) {
        set_unless_set("ONEDNN_MAX_CPU_ISA", set.onednn);
        set_unless_set("ATEN_CPU_CAPABILITY", set.libtorch);
        set_unless_set("OPENBLAS_CORETYPE", set.openblas);
      }
#endif
  if (const char* asked = std::getenv("OPENBLAS_CORETYPE"); asked && !can_run_blas_kernels(asked))
    throw UsageError(std::string("OPENBLAS_CORETYPE=") + asked +
                     ": this processor has no such instructions; unset it, and attend chooses");
  set_unless_set("OPENBLAS_CORETYPE", best_blas_kernels());
  // Threads wait for one another at every operation. Awake they wait shortest, but take from other programs, and from one
  // another, what they wait for.
  if (!std::getenv("GOMP_SPINCOUNT") && others_want_processors()) set_unless_set("OMP_WAIT_POLICY", "passive");
}

}  // namespace attend
