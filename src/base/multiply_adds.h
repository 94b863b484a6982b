// The processor's own limit: fused multiply-adds in its widest registers, with nothing to wait for.
#pragma once

#include <cstdint>

namespace attend {

/// Computes `rounds` times as many fp32 multiply-adds as the processor can have under way; returns how many floating point
/// operations that were, two a multiply-add and lane.
double multiply_add(int64_t rounds);

}  // namespace attend
