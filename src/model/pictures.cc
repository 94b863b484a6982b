// B pictures in a batch · S input side
#include "model/pictures.h"

#include <cstring>

#include "vision/picture.h"

namespace attend {

bool same_form(const EncoderOptions& a, const EncoderOptions& b) {
  return a.input_size == b.input_size && a.resize == b.resize;
}

Geometry input_geometry(cv::Size full, const EncoderOptions& encoder) {
  return Geometry(full, encoder.input_size, parse_resize(encoder.resize));
}

cv::Mat load_input(const std::filesystem::path& path, const EncoderOptions& encoder) {
  const Picture picture = read_picture(path, encoder.input_size);
  return input_geometry(picture.full, encoder).to_input(picture.pixels);
}

cv::Mat load_augmented_input(const std::filesystem::path& path, const EncoderOptions& encoder,
                             const AugmentOptions& augmentation, std::mt19937_64& generator, bool& mirrored) {
  const Picture picture = read_picture(path, encoder.input_size);
  return input_geometry(picture.full, encoder).to_input(augment(picture.pixels, augmentation, generator, &mirrored));
}

torch::Tensor stack_inputs(const std::vector<cv::Mat>& inputs) {
  const int64_t S = inputs.empty() ? 0 : inputs.front().rows;
  auto batch = torch::empty({static_cast<int64_t>(inputs.size()), S, S, 3}, torch::kUInt8);  // [B, S, S, 3]
  const auto bytes = static_cast<size_t>(S * S * 3);
  for (size_t i = 0; i < inputs.size(); ++i) {
    CV_Assert(inputs[i].isContinuous() && inputs[i].type() == CV_8UC3 && inputs[i].total() * 3 == bytes);
    std::memcpy(batch.data_ptr<uint8_t>() + i * bytes, inputs[i].data, bytes);
  }
  return batch;
}

}  // namespace attend
