// Which set of instructions runs.
#pragma once

#include <vector>

#include "kernels/kernels.h"

namespace attend::kernels {

/// The kernels of instruction_set() (base/processor.h): the best that this processor can run, or those that are asked for.
/// Throws UsageError where it can't run these. For any number of threads.
const Kernels& chosen();

/// Those of every set that this processor can run, the best first; the last ones, "plain", have no instructions by name.
std::vector<const Kernels*> runnable();

}  // namespace attend::kernels
