// What this processor can do, and what the libraries that multiply matrices are told of it before they are loaded.
#pragma once

#include <string>

namespace attend {

/// The kernels of OpenBLAS that suit this processor, by their name in OPENBLAS_CORETYPE; "" where there are no better ones
/// than OpenBLAS chooses. It goes by lists of models: a processor that is newer than the list it takes for one of 2004.
std::string best_blas_kernels();

/// Whether this processor has the instructions that these kernels of OpenBLAS need. True for names that aren't known here.
bool can_run_blas_kernels(const std::string& name);

/// The kernels that OpenBLAS runs in this process, by its own name ("SkylakeX"); "" where it isn't loaded.
std::string loaded_blas_kernels();

/// Sets in the environment what OpenBLAS and OpenMP read when they are loaded, so for the program that this one is about to
/// become: OPENBLAS_CORETYPE, and OMP_WAIT_POLICY=passive where other programs are at work. What is set already stays as it is.
/// Throws UsageError where
/// OPENBLAS_CORETYPE asks for instructions that this processor doesn't have.
void prepare_tensor_libraries();

}  // namespace attend
