// What memory this process may have, known before LibTorch is loaded; and whether it has run out.
#pragma once

#include <exception>

namespace attend {

/// Whether an exception says that there is no memory left; LibTorch and OpenCV have some of their own for it.
bool ran_out_of_memory(const std::exception& error);

/// Throws Error where a limit (ulimit -v or -d) leaves this process less memory than LibTorch's commands need on `threads`
/// threads. For want of memory OpenBLAS doesn't fail: it asks for ever, even before main().
void require_memory(int threads);

}  // namespace attend
