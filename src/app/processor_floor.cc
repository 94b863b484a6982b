// Where the processor lacks what all of attend is compiled for, says so before anything else of it runs. Compiled for any x86-64.
#include <unistd.h>

#if defined(__x86_64__)
namespace {

[[gnu::constructor(101)]] void require_processor() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) return;
  constexpr char kLine[] = "attend: this processor lacks AVX2 and FMA (x86-64-v3), which attend needs\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kLine, sizeof kLine - 1);
  ::_exit(1);
}

}  // namespace
#endif
