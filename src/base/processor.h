// What this processor can do, and what the libraries that multiply matrices are told of it before they are loaded.
#pragma once

#include <string>
#include <vector>

namespace attend {

/// The kernels of OpenBLAS that suit this processor, by their name in OPENBLAS_CORETYPE; "" where there are no better ones
/// than OpenBLAS chooses. It goes by lists of models: a processor that is newer than the list it takes for one of 2004.
std::string best_blas_kernels();

/// Whether this processor has the instructions that these kernels of OpenBLAS need. True for names that aren't known here.
bool can_run_blas_kernels(const std::string& name);

/// The kernels that OpenBLAS runs in this process, by its own name ("SkylakeX"); "" where it isn't loaded.
std::string loaded_blas_kernels();

/// The sets of instructions that kernels/ is compiled for and this processor has, the best first; "plain" is always among them.
///   plain        none by name
///   avx2         AVX2 and FMA, the least that a build for x86-64 asks for (x86-64-v3)
///   avx2_vnni    and products of bytes in 256 bits (AVX-VNNI)
///   avx512       AVX-512 F, BW, CD, DQ, VL (x86-64-v4)
///   avx512_vnni  and products of bytes
///   avx512_bf16  and products of bf16
///   avx512_amx   and products of bytes in tiles (AMX), where has_tiles()
std::vector<std::string> instruction_sets();

/// The set that runs: the best one, or what ATTEND_INSTRUCTIONS names. Throws UsageError where that is none of them.
std::string instruction_set();

/// Whether this processor multiplies bytes in tiles (AMX), this build knows how, and the system lets this process do so. Tiles are
/// large, and a system saves them only for processes that have asked: this asks, the first time.
bool has_tiles();

/// Sets in the environment what OpenBLAS and OpenMP read when they are loaded, so for the program that this one is about to
/// become: OPENBLAS_CORETYPE, and OMP_WAIT_POLICY=passive where other programs are at work; where ATTEND_INSTRUCTIONS names a set, all
/// that keeps oneDNN and LibTorch to it too. What is set already stays as it is. Throws UsageError where OPENBLAS_CORETYPE or
/// ATTEND_INSTRUCTIONS asks for instructions that this processor doesn't have.
void prepare_tensor_libraries();

}  // namespace attend
