// What the machine can do at best, and what the parts of captioning and training take of it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model/captioner.h"

namespace attend {

/// One measured number. Its key in JSON is the name with underscores and the unit's word: "encoder, a picture" in "ms".
struct Figure {
  std::string name;
  double value = 0;
  std::string unit;
};

/// The peak rate of arithmetic first: multiply-adds in the processor's registers, whatever BLAS makes of it, or on a GPU square
/// products; then square matrix products in fp32, products of bytes in tiles where the processor has them (AMX), copying 256 MiB on
/// `device`, and decoding `picture` over and over. On the threads that are set: the limits the other figures are held against.
std::vector<Figure> measure_limits(const std::filesystem::path& picture, int threads, torch::Device device);

/// Loading, encoding and decoding pictures, a part at a time, and a training step on cached annotations; speeds of
/// arithmetic are shares of `peak_rate`, the machine's own in GFLOP/s. Trains `captioner`: it is of no use after.
std::vector<Figure> measure_parts(Captioner& captioner, const std::vector<std::filesystem::path>& pictures,
                                  double peak_rate, int threads);

}  // namespace attend
