// The processor's own limits: fused multiply-adds in its widest registers, and products in tiles, with nothing to wait for.
#pragma once

#include <cstdint>

namespace attend {

/// Computes `rounds` times as many fp32 multiply-adds as the processor can have under way; returns how many floating point
/// operations that were, two a multiply-add and lane.
double multiply_add(int64_t rounds);

/// The same in tiles of 8-bit integers, two operations a product and its sum; 0 where there are none: see has_tiles().
double multiply_add_tiles(int64_t rounds);

}  // namespace attend
