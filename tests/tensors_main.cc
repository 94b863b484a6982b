// main() of the tests that need LibTorch: with the kernels that `attend` chooses for attend-tensors, or those that the
// environment names. Ends with kSkipped where this processor can't run the latter.
#include <gtest/gtest.h>
#include <strings.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "base/processor.h"

int main(int count, char** values) {
  constexpr int kSkipped = 77;  // as tests/CMakeLists.txt has it
  const char* asked = std::getenv("OPENBLAS_CORETYPE");
  if (asked && !attend::can_run_blas_kernels(asked)) {
    std::cout << "OPENBLAS_CORETYPE=" << asked << ": this processor has no such instructions\n";
    return kSkipped;
  }
  const std::string best = attend::best_blas_kernels(), loaded = attend::loaded_blas_kernels();
  if (!asked && !best.empty() && !loaded.empty() && ::strcasecmp(best.c_str(), loaded.c_str()) != 0) {
    attend::prepare_tensor_libraries();
    ::execv("/proc/self/exe", values);
    std::cerr << "can't be started anew with other kernels\n";
    return 1;
  }
  testing::InitGoogleTest(&count, values);
  return RUN_ALL_TESTS();
}
