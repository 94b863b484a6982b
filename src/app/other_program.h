// The programs that `attend` consists of, and how one of them becomes another.
#pragma once

namespace attend {

constexpr const char* kPicturesProgram = "attend-pictures";  // reads and draws pictures, and sees no LibTorch
constexpr const char* kTensorsProgram = "attend-tensors";    // the rest

/// Becomes the program of that name beside this one, with the same arguments (argv, which ends with null). Throws Error
/// where it can't.
[[noreturn]] void become(const char* program, char** values);

}  // namespace attend
