// On a GPU everything comes out as on the processor, whose paths are held against formulas elsewhere. Skipped where LibTorch
// finds none.
//
// B pictures · L cells · D annotation size · V words
#include <gtest/gtest.h>

#include "model/captioner.h"
#include "model/encoder.h"
#include "text/vocabulary.h"

namespace attend {
namespace {

using torch::Tensor;

class CudaTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
    at::globalContext().setAllowTF32CuBLAS(false);  // fp32 is fp32 here
    at::globalContext().setAllowTF32CuDNN(false);
  }
};

/// How far apart, in shares of the norm. What should be nothing, as the gradient of a key's bias, is rounding everywhere.
double difference(const Tensor& expected, const Tensor& found) {
  const auto there = found.to(torch::kCPU);
  return ((expected - there).norm() / expected.norm().clamp_min(1e-4)).item<double>();
}

class CudaEncoder : public CudaTest, public testing::WithParamInterface<std::string> {};

TEST_P(CudaEncoder, GivesTheAnnotationsAndGradientsOfTheProcessor) {
  EncoderOptions options;
  options.family = GetParam();
  std::vector<Tensor> annotations;             // [B, h, w, D] each
  std::vector<std::vector<Tensor>> gradients;  // of the parameters
  torch::manual_seed(5);
  const int64_t side = options.family.starts_with("efficientnet") ? 75 : 96;       // odd where the padding is uneven
  const auto pictures = torch::randint(0, 256, {3, side, side, 3}, torch::kByte);  // [B, S, S, 3]
  for (const torch::Device device : {torch::Device(torch::kCPU), torch::Device(torch::kCUDA, 0)}) {
    torch::manual_seed(6);
    const auto encoder = make_encoder(options);
    encoder->to(device);
    encoder->set_trainable(encoder->stages());
    annotations.push_back(encoder->forward(pictures.to(device)));
    annotations.back().square().mean().backward();
    auto& list = gradients.emplace_back();
    for (const auto& parameter : encoder->trainable_parameters()) list.push_back(parameter.grad());
    {
      const torch::NoGradGuard no_grad;
      encoder->set_trainable(0);
      EXPECT_LT(difference(annotations.front().detach(), encoder->forward(pictures.to(device))), 1e-4);
      encoder->set_precision("bf16");
      EXPECT_LT(difference(annotations.front().detach(), encoder->forward(pictures.to(device))), 0.1);
    }
  }
  EXPECT_EQ(annotations[0].sizes(), annotations[1].sizes());
  EXPECT_LT(difference(annotations[0].detach(), annotations[1].detach()), 1e-4);
  // Values at an edge of ReLU fall on either side: not every gradient of these random networks is alike in every digit.
  for (size_t i = 0; i < gradients[0].size(); ++i)
    EXPECT_LT(difference(gradients[0][i], gradients[1][i]), 0.02) << "parameter " << i;
}
INSTANTIATE_TEST_SUITE_P(Families, CudaEncoder, testing::Values("efficientnet-lite0", "resnet18", "vgg16"));

struct Attends {
  const char *kind, *score, *window;
  int self_blocks;
  const char* cell;
  const char* self_kind = "transformer";
  const char* recalibration = "none";
};
class CudaDecoder : public CudaTest, public testing::WithParamInterface<Attends> {};

TEST_P(CudaDecoder, TeachesAndSpeaksAsOnTheProcessor) {
  AttentionOptions attention;
  attention.kind = GetParam().kind;
  attention.score = GetParam().score;
  attention.window = GetParam().window;
  attention.window_radius = 1;
  attention.self_blocks = GetParam().self_blocks;
  attention.self_kind = GetParam().self_kind;
  attention.persistent_vectors = 5;
  attention.recalibration = GetParam().recalibration;
  attention.reduction = 4;
  attention.size = 16;
  attention.heads = 4;
  attention.filters = 3;
  DecoderOptions options;
  options.cell = GetParam().cell;
  options.hidden_size = options.annotation_size = 24;
  options.embedding_size = 20;
  torch::manual_seed(3);
  const auto annotations = torch::randn({3, 16, 32});  // [B, L, D]
  auto captions = pack_captions({{{4, 5, 6}, {7}}, {{8, 9}}, {{4}, {5, 5, 5, 5, 9}}});
  if (attention.kind == std::string("hard"))
    captions.locations = torch::randint(-1, 16, captions.inputs.sizes(), torch::kInt64);  // [N]
  std::vector<Tensor> logits, words;                                                      // [N, V], [R, V]
  std::vector<std::vector<Tensor>> gradients;
  for (const torch::Device device : {torch::Device(torch::kCPU), torch::Device(torch::kCUDA, 0)}) {
    torch::manual_seed(4);
    Decoder decoder(options, attention, 32, 12);
    decoder.to(device);
    decoder.eval();
    const auto taught = decoder.teach(decoder.remember(annotations.to(device)), captions);
    logits.push_back(taught.logits.detach());
    (taught.logits.square().mean() + torch::cat(taught.alphas).square().mean()).backward();
    auto& list = gradients.emplace_back();
    for (const auto& parameter : decoder.parameters())
      if (parameter.grad().defined()) list.push_back(parameter.grad());
    const torch::NoGradGuard no_grad;
    const auto memory = decoder.remember(annotations.to(device));
    const auto rows = torch::tensor({0, 1, 2, 2}, torch::kInt64);  // [R]
    words.push_back(decoder
                        .step(memory, decoder.start(memory).select(rows.to(device)),
                              torch::tensor({4, 5, 6, 7}, torch::kInt64).to(device), rows.to(device))
                        .logits);
  }
  EXPECT_LT(difference(logits[0], logits[1]), 1e-5);
  EXPECT_LT(difference(words[0], words[1]), 1e-5);
  ASSERT_EQ(gradients[0].size(), gradients[1].size());
  for (size_t i = 0; i < gradients[0].size(); ++i)
    EXPECT_LT(difference(gradients[0][i], gradients[1][i]), 1e-4) << "parameter " << i;
}
INSTANTIATE_TEST_SUITE_P(
    Kinds, CudaDecoder,
    testing::Values(Attends{"soft", "additive", "none", 0, "lstm"}, Attends{"soft", "additive", "none", 0, "gru"},
                    Attends{"hard", "additive", "none", 0, "lstm"}, Attends{"hard", "multi_head", "none", 0, "lstm"},
                    Attends{"soft", "dot", "none", 0, "lstm"}, Attends{"soft", "scaled_dot", "none", 1, "lstm"},
                    Attends{"soft", "general", "none", 0, "lstm"}, Attends{"soft", "concat", "none", 0, "lstm"},
                    Attends{"soft", "multi_head", "none", 0, "lstm"}, Attends{"soft", "gaussian", "none", 0, "lstm"},
                    Attends{"soft", "additive", "local_m", 0, "lstm"},
                    Attends{"soft", "additive", "local_p", 0, "lstm"}, Attends{"none", "additive", "none", 0, "lstm"},
                    Attends{"soft", "convolutional", "none", 0, "lstm"},
                    Attends{"hard", "impatient_reader", "none", 0, "lstm"},
                    Attends{"soft", "attentive_reader", "none", 0, "lstm"},
                    Attends{"soft", "additive", "none", 1, "lstm", "all_attention", "se"},
                    Attends{"soft", "additive", "none", 1, "lstm", "graph", "cbam"}));

}  // namespace
}  // namespace attend
