// The functions of the set that is being compiled; see kernels.h.
#pragma once

#include "kernels/kernels.h"

namespace attend::kernels::ATTEND_SET {

int64_t depthwise_prepared_bytes(const Depthwise& d);
void depthwise_prepare(const Depthwise& d, void* prepared);
int64_t depthwise_units(const Depthwise& d);
void depthwise_relu6(const Depthwise& d, const void* prepared, int64_t begin, int64_t end);

int64_t depthwise_backward_units(const DepthwiseBackward& d);
int64_t depthwise_backward_scratch_bytes(const DepthwiseBackward& d);
void depthwise_relu6_backward(const DepthwiseBackward& d, void* scratch, int64_t begin, int64_t end);

int64_t activation_group(int64_t channels);
void activation_backward(const ActivationBackward& a, int64_t first_part, int64_t last_part);
void extract_patches(const Patches& p, void* lines, int64_t begin, int64_t end);

int64_t int8_packed_bytes(int64_t I, int64_t O);
void int8_pack(const float* matrix, int64_t I, int64_t O, void* packed);
int64_t int8_rows(const Int8Product& p, int64_t threads);
int64_t int8_scratch_bytes(const Int8Product& p, int64_t rows);
void int8_multiply(const Int8Product& p, void* scratch, int64_t first_row, int64_t last_row);
float int8_quantize(Storage storage, const void* x, int64_t count, uint8_t* values);

void attend(const Attention& a, int64_t picture, int64_t head, const int64_t* rows, int64_t count);
void attend_backward(const AttentionBackward& a, int64_t picture, int64_t head, int64_t row);

void lstm_cell(int64_t H, const float* word_gates, const float* state_gates, const float* c, float* next_h,
               float* next_c, int64_t begin, int64_t end);

}  // namespace attend::kernels::ATTEND_SET
