// Distillation: trained captioners whose distributions over the next word another one learns.
//
// B pictures in a batch · S input side · M teachers · N words in all captions together · V words in the vocabulary
#pragma once

#include <filesystem>
#include <vector>

#include "model/captioner.h"

namespace attend {

class Teachers {
 public:
  /// Reads at least one model file. Throws InputError where a vocabulary isn't the student's. Encoders, input sizes and
  /// attention may differ from the student's and from one another. temperature: of each teacher's softmax(logits /
  /// temperature).
  Teachers(const std::vector<std::filesystem::path>& files, double temperature, const Captioner& student);

  /// The forms pictures are wanted in (input_size and resize): one a teacher.
  const std::vector<EncoderOptions>& inputs() const { return inputs_; }

  /// pictures[m] u8 RGB [B, S, S, 3] in the form inputs()[m] → log of the mean of the teachers' probabilities of every
  /// word after the true ones before it, [N, V] on the student's device, without gradient. Hard attention looks at the
  /// expected context.
  torch::Tensor log_probability(const std::vector<torch::Tensor>& pictures, const PackedCaptions& captions);

 private:
  std::vector<Captioner> teachers_;     // [M]
  std::vector<EncoderOptions> inputs_;  // [M]
  const double temperature_;
};

}  // namespace attend
