// What memory this process may have, known before LibTorch is loaded.
#pragma once

namespace attend {

/// Throws Error where a limit (ulimit -v or -d) leaves this process less memory than LibTorch's commands need on `threads`
/// threads. For want of memory OpenBLAS doesn't fail: it asks for ever, even before main().
void require_memory(int threads);

}  // namespace attend
