#include "kernels/lanes.h"
#include "kernels/set.h"

#define ATTEND_TEXT_OF(word) #word
#define ATTEND_TEXT(word) ATTEND_TEXT_OF(word)

namespace attend::kernels::ATTEND_SET {

extern const Kernels table;
const Kernels table = {ATTEND_TEXT(ATTEND_SET),
                       kLanes,
#if defined(ATTEND_AVX2) || defined(ATTEND_AVX512)
                       true,
#else
                       false,
#endif
#if defined(__AVX512BF16__) && defined(ATTEND_AVX512)
                       true,
#else
                       false,
#endif
                       depthwise_prepared_bytes,
                       depthwise_prepare,
                       depthwise_units,
                       depthwise_relu6,
                       depthwise_backward_units,
                       depthwise_backward_scratch_bytes,
                       depthwise_relu6_backward,
                       activation_group,
                       activation_backward,
                       extract_patches,
                       int8_packed_bytes,
                       int8_pack,
                       int8_rows,
                       int8_scratch_bytes,
                       int8_multiply,
                       int8_quantize,
                       attend,
                       attend_backward,
                       lstm_cell};

}  // namespace attend::kernels::ATTEND_SET
