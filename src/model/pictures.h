// Pictures from disk to the encoder's input.
//
// B pictures in a batch · S input side
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <opencv2/core.hpp>
#include <random>
#include <vector>

#include "model/encoder.h"
#include "vision/augment.h"
#include "vision/geometry.h"

namespace attend {

/// Whether both bring a picture to the same input.
bool same_form(const EncoderOptions& a, const EncoderOptions& b);

/// How a picture of `full` size is brought to the encoder's input, and a map of its grid back.
Geometry input_geometry(cv::Size full, const EncoderOptions& encoder);

/// Reads one picture and brings it to the network's size: RGB u8, S x S. Throws InputError.
cv::Mat load_input(const std::filesystem::path& picture, const EncoderOptions& encoder);

/// The same with the picture cropped, flipped and recoloured at random first; see augment().
cv::Mat load_augmented_input(const std::filesystem::path& picture, const EncoderOptions& encoder,
                             const AugmentOptions& augmentation, std::mt19937_64& generator, bool& mirrored);

/// RGB u8 S x S pictures → one tensor u8 [B, S, S, 3].
torch::Tensor stack_inputs(const std::vector<cv::Mat>& inputs);

}  // namespace attend
