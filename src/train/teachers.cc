// B pictures in a batch · S input side · M teachers · N words in all captions together · V words in the vocabulary
#include "train/teachers.h"

#include <cmath>

namespace attend {

Teachers::Teachers(const std::vector<std::filesystem::path>& files, double temperature, const Captioner& student)
    : temperature_(temperature) {
  for (const auto& file : files) {
    auto& teacher = teachers_.emplace_back(load_captioner(file));
    require_same_vocabulary(student.vocabulary, "the model that is trained", teacher.vocabulary, file.string());
    teacher.to(student.device);
    teacher.decoder->eval();
    inputs_.push_back(teacher.options.encoder);
  }
}

torch::Tensor Teachers::log_probability(const std::vector<torch::Tensor>& pictures, const PackedCaptions& captions) {
  const torch::NoGradGuard no_grad;
  torch::Tensor sum;  // [N, V]
  for (size_t m = 0; m < teachers_.size(); ++m) {
    auto& decoder = *teachers_[m].decoder;
    const auto taught = decoder.teach(decoder.remember(teachers_[m].annotate(pictures[m])), captions);
    const auto said = (taught.logits / temperature_).log_softmax(1);  // [N, V]
    sum = m == 0 ? said : torch::logaddexp(sum, said);              // [N, V]
  }
  return sum - std::log(static_cast<double>(teachers_.size()));  // [N, V]
}

}  // namespace attend
