#include "model/int8_product.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "kernels/choose.h"
#include "kernels/scratch.h"
#include "model/storage.h"

namespace attend {

torch::Tensor pack_int8_matrix(const torch::Tensor& matrix) {
  const auto& set = kernels::chosen();
  const int64_t O = matrix.size(0), I = matrix.size(1);
  TORCH_CHECK(I % 4 == 0, "int8 product: the inputs must be a multiple of 4");
  const auto rows = matrix.to(torch::kFloat).contiguous();                  // [O, I]
  auto packed = torch::empty({set.int8_packed_bytes(I, O)}, torch::kChar);  // flat
  set.int8_pack(rows.data_ptr<float>(), I, O, packed.data_ptr());
  return packed;
}

Int8Rows quantize_rows(const torch::Tensor& x, int64_t cells) {
  const auto& set = kernels::chosen();
  const int64_t count = cells * x.size(1);
  const Int8Rows rows{torch::empty(x.sizes(), torch::kByte), torch::empty({x.size(0)})};  // [M, I], [M]
  auto* values = rows.values.data_ptr<uint8_t>();
  auto* steps = rows.steps.data_ptr<float>();
  at::parallel_for(0, x.size(0) / cells, 1, [&](int64_t begin, int64_t end) {
    for (int64_t picture = begin; picture < end; ++picture) {
      const auto* from = static_cast<const char*>(x.data_ptr()) + picture * count * x.element_size();
      std::fill_n(steps + picture * cells, cells,
                  set.int8_quantize(storage_of(x), from, count, values + picture * count));
    }
  });
  return rows;
}

void multiply_int8(const Int8Rows& x, const torch::Tensor& packed, const torch::Tensor& bias, Activation activation,
                   const torch::Tensor& residual, torch::Tensor out) {
  const auto& set = kernels::chosen();
  const kernels::Int8Product work{x.values.size(0),
                                  x.values.size(1),
                                  out.size(1),
                                  x.values.data_ptr<uint8_t>(),
                                  x.steps.defined() ? x.steps.data_ptr<float>() : nullptr,
                                  packed.data_ptr(),
                                  bias.defined() ? bias.data_ptr<float>() : nullptr,
                                  activation == Activation::kRelu6,
                                  storage_of(out),
                                  residual.defined() ? residual.data_ptr() : nullptr,
                                  out.data_ptr()};
  TORCH_CHECK(work.storage != kernels::Storage::kDouble, "int8 product: the result must be u8, fp32 or bf16");
  TORCH_CHECK(work.storage != kernels::Storage::kByte || (work.relu6 && !work.residual),
              "int8 product: u8 is what ReLU6 bounds, and no sum");
  const int64_t rows = set.int8_rows(work, at::get_num_threads());
  at::parallel_for(0, (work.M + rows - 1) / rows, 1, [&](int64_t begin, int64_t end) {
    const kernels::Scratch scratch(set.int8_scratch_bytes(work, std::min(rows, work.M)));
    for (int64_t part = begin; part < end; ++part)
      set.int8_multiply(work, scratch.data(), part * rows, std::min((part + 1) * rows, work.M));
  });
}

bool multiplies_int8() { return kernels::chosen().multiplies_int8; }

}  // namespace attend
