// xxHash, compiled in.
#pragma once

#define XXH_INLINE_ALL
#ifdef __AVX512F__
#define XXH_VECTOR XXH_AVX2  // GCC 12 warns, wrongly, about its own AVX-512 intrinsics
#endif
#include <xxhash.h>
