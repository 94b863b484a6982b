// B pictures · R rows · L grid cells · D annotation size · H LSTM size · E embedding size · V words
#include "model/decoder.h"

#include <gtest/gtest.h>

#include "model/recurrence.h"
#include "text/vocabulary.h"

namespace attend {
namespace {

using torch::Tensor;

DecoderOptions small(const std::string& gate, bool tied, int annotation_size, bool positions = false) {
  DecoderOptions options;
  options.hidden_size = 6;
  options.embedding_size = 5;
  options.annotation_size = annotation_size;
  options.positions = positions;
  options.gate = gate;
  options.tied = tied;
  return options;
}

AttentionOptions small_attention() {
  AttentionOptions options;
  options.size = 7;
  return options;
}

/// The paper's decoder, equation by equation, for one caption of one picture; its parameters by name.
struct PaperDecoder {
  std::map<std::string, Tensor> p;
  explicit PaperDecoder(const Decoder& decoder) {
    for (const auto& item : decoder.named_parameters()) p[item.key()] = item.value();
  }
  Tensor linear(const std::string& name, const Tensor& x) const {
    const Tensor y = p.at(name + ".weight").matmul(x);
    return p.count(name + ".bias") ? y + p.at(name + ".bias") : y;
  }
  /// Of each cell: sin, then cos, of pi, 2 pi, 4 pi and 8 pi times its row's place in the picture; the same of its column.
  static Tensor positions(int64_t cells) {
    const int side = static_cast<int>(std::lround(std::sqrt(cells)));
    const Tensor all = torch::empty({cells, 16});
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x)
        for (int k = 0; k < 4; ++k)
          for (int axis = 0; axis < 2; ++axis) {
            const double angle = M_PI * (1 << k) * ((axis == 0 ? y : x) + 0.5) / side;
            all[y * side + x][8 * axis + k] = std::sin(angle);
            all[y * side + x][8 * axis + 4 + k] = std::cos(angle);
          }
    return all;
  }
  /// logits [T, V] and alpha [T, L] of a caption, given annotations [L, D].
  std::pair<Tensor, Tensor> run(Tensor a, const std::vector<int64_t>& words) const {
    if (p.count("project.weight")) {
      std::vector<Tensor> rows;
      for (int64_t l = 0; l < a.size(0); ++l) rows.push_back(torch::relu(linear("project", a[l])));
      a = torch::stack(rows);
    }
    if (p.count("position.weight")) a = a + positions(a.size(0)).matmul(p.at("position.weight").t());
    const int64_t H = p.at("init_h.weight").size(0);
    const bool gru = p.count("candidate.weight") > 0;
    Tensor h = torch::tanh(linear("init_h", a.mean(0))), c;
    if (!gru) c = torch::tanh(linear("init_c", a.mean(0)));
    std::vector<Tensor> logits, alphas;
    for (size_t t = 0; t <= words.size(); ++t) {
      const int64_t before = t == 0 ? Vocabulary::kStart : words[t - 1];
      const Tensor y = p.at("embedding.weight")[before];
      std::vector<Tensor> scores;
      for (int64_t l = 0; l < a.size(0); ++l)
        scores.push_back(
            p.at("attention.v").dot(torch::tanh(linear("attention.key", a[l]) + linear("attention.query", h))));
      const Tensor alpha = torch::softmax(torch::stack(scores), 0);
      Tensor z = torch::zeros_like(a[0]);
      for (int64_t l = 0; l < a.size(0); ++l) z = z + alpha[l] * a[l];
      if (p.count("beta.weight")) z = torch::sigmoid(linear("beta", h)) * z;
      const auto part = [&](const Tensor& all, int64_t k) { return all.slice(0, k * H, (k + 1) * H); };
      const Tensor of_word = linear("word_gates", y), of_state = linear("state_gates", torch::cat({z, h}));
      if (gru) {
        const Tensor reset = torch::sigmoid(part(of_word, 0) + part(of_state, 0));
        const Tensor update = torch::sigmoid(part(of_word, 1) + part(of_state, 1));
        h = update * h + (1 - update) * torch::tanh(part(of_word, 2) + linear("candidate", torch::cat({z, reset * h})));
      } else {
        const auto gate = [&](int64_t k) { return part(of_word, k) + part(of_state, k); };
        c = torch::sigmoid(gate(1)) * c + torch::sigmoid(gate(0)) * torch::tanh(gate(3));
        h = torch::sigmoid(gate(2)) * torch::tanh(c);
      }
      const Tensor deep = y + linear("output_h", h) + linear("output_z", z);
      logits.push_back(p.count("output.weight") ? linear("output", deep)
                                                : p.at("embedding.weight").matmul(deep) + p.at("output_bias"));
      alphas.push_back(alpha);
    }
    return {torch::stack(logits), torch::stack(alphas)};
  }
};

const std::vector<std::vector<std::vector<int64_t>>> kCaptions = {
    {{4, 5}, {6, 7, 8, 4}}, {{5}, {9, 9, 9}, {}}, {{8, 7, 6, 5, 4}}};

struct Case {
  std::string gate;
  bool tied;
  int annotation_size;
  bool positions = false;
  std::string cell = "lstm";

  DecoderOptions options() const {
    auto chosen = small(gate, tied, annotation_size, positions);
    chosen.cell = cell;
    return chosen;
  }
};
class DecoderCases : public testing::TestWithParam<Case> {};

TEST_P(DecoderCases, TeacherForcingEqualsThePaperEquationByEquation) {
  torch::manual_seed(11);
  Decoder decoder(GetParam().options(), small_attention(), 4, 10);
  decoder.eval();
  const torch::NoGradGuard no_grad;
  const auto annotations = torch::randn({3, 9, 4});  // [B, L, D]
  const auto packed = pack_captions(kCaptions);
  const auto taught = decoder.teach(decoder.remember(annotations), packed);
  const PaperDecoder paper(decoder);

  // Rows in packed order: falling length, ties in order of picture and caption.
  const std::vector<std::pair<int, int>> rows = {{2, 0}, {0, 1}, {1, 1}, {0, 0}, {1, 0}, {1, 2}};
  for (size_t r = 0; r < rows.size(); ++r) {
    const auto& words = kCaptions[rows[r].first][rows[r].second];
    EXPECT_EQ(packed.pictures[static_cast<int64_t>(r)].item<int64_t>(), rows[r].first);
    const auto [logits, alpha] = paper.run(annotations[rows[r].first], words);
    int64_t at = static_cast<int64_t>(r);
    for (size_t t = 0; t <= words.size(); ++t) {
      EXPECT_TRUE(torch::allclose(taught.logits[at], logits[static_cast<int64_t>(t)], 1e-4, 1e-5)) << r << " " << t;
      EXPECT_EQ(packed.targets[at].item<int64_t>(), t == words.size() ? Vocabulary::kEnd : words[t]);
      at += packed.rows_at[t];
    }
    for (size_t t = 0; t <= words.size(); ++t) {
      const auto& weights = taught.alphas[t][static_cast<int64_t>(r)];  // [L]
      EXPECT_TRUE(torch::allclose(weights, alpha[static_cast<int64_t>(t)], 1e-4, 1e-5)) << r << " " << t;
    }
  }
}

TEST_P(DecoderCases, StepByStepEqualsTeacherForcing) {
  torch::manual_seed(12);
  Decoder decoder(GetParam().options(), small_attention(), 4, 10);
  decoder.eval();
  const torch::NoGradGuard no_grad;
  const auto memory = decoder.remember(torch::randn({2, 4, 4}));
  const std::vector<int64_t> words = {4, 9, 5};
  const auto taught = decoder.teach(memory, pack_captions({{words}, {words}}));
  auto state = decoder.start(memory);
  for (size_t t = 0; t <= words.size(); ++t) {
    const int64_t before = t == 0 ? Vocabulary::kStart : words[t - 1];
    const auto said = decoder.step(memory, state, torch::full({2}, before, torch::kInt64), torch::arange(2));
    EXPECT_TRUE(torch::allclose(said.logits, taught.logits.narrow(0, static_cast<int64_t>(2 * t), 2), 1e-4, 1e-5));
    EXPECT_TRUE(torch::allclose(said.alpha.sum(1), torch::ones({2}), 1e-5, 1e-5));
    state = said.state;
  }
}
INSTANTIATE_TEST_SUITE_P(GatesAndOutputs, DecoderCases,
                         testing::Values(Case{"scalar", true, 0}, Case{"vector", false, 0}, Case{"off", true, 3},
                                         Case{"vector", true, 3}, Case{"scalar", true, 3, true},
                                         Case{"scalar", false, 0, true}, Case{"scalar", true, 0, false, "gru"},
                                         Case{"vector", false, 3, true, "gru"}));

TEST(Decoder, SaysTheSameStepByStepAsTaughtWhateverItsAttention) {
  const torch::NoGradGuard no_grad;
  for (const std::string name :
       {"local_m", "local_p", "multi_head", "gaussian", "none", "self", "argmax", "all_attention", "graph", "se",
        "cbam", "convolutional", "attentive_reader", "impatient_reader"}) {
    AttentionOptions attention = small_attention();
    attention.size = 6;
    attention.heads = 3;
    attention.window_radius = 1;
    attention.filters = 2;
    if (name.rfind("local", 0) == 0) attention.window = name;
    for (const char* score : {"multi_head", "gaussian", "convolutional", "attentive_reader", "impatient_reader"})
      if (name == score) attention.score = name;
    if (name == "se" || name == "cbam") attention.recalibration = name;
    attention.reduction = 2;
    if (name == "all_attention" || name == "graph") attention.self_kind = name;
    if (name == "none") attention.kind = name;
    if (name == "self" || attention.self_kind == name) attention.self_blocks = 2;
    if (name == "argmax") attention.kind = "hard";
    torch::manual_seed(13);
    Decoder decoder(small("scalar", true, 6), attention, 4, 10);
    decoder.eval();
    auto memory = decoder.remember(torch::randn({2, 16, 4}));
    if (name == "argmax") memory.locations = Locations::kArgMax;
    const std::vector<int64_t> words = {4, 9, 5, 5};
    const auto taught = decoder.teach(memory, pack_captions({{words}, {words}}));
    auto state = decoder.start(memory);
    for (size_t t = 0; t <= words.size(); ++t) {
      const int64_t before = t == 0 ? Vocabulary::kStart : words[t - 1];
      const auto said = decoder.step(memory, state, torch::full({2}, before, torch::kInt64), torch::arange(2));
      const auto at = static_cast<int64_t>(2 * t);
      EXPECT_TRUE(torch::allclose(said.logits, taught.logits.narrow(0, at, 2), 1e-4, 1e-5)) << name << " " << t;
      EXPECT_TRUE(torch::allclose(said.alpha, taught.alphas[t], 1e-4, 1e-5)) << name << " " << t;
      if (name == "argmax") {
        EXPECT_TRUE(torch::equal(said.location, taught.locations.narrow(0, at, 2)));
      }
      state = said.state;
    }
  }
}

TEST(Decoder, DropsOutOnlyWhileTraining) {
  torch::manual_seed(1);
  Decoder decoder(small("scalar", true, 0), small_attention(), 4, 10);
  const auto annotations = torch::randn({1, 6, 4});
  const auto packed = pack_captions({{{4, 5, 6}}});
  decoder.train();
  const auto a = decoder.teach(decoder.remember(annotations), packed).logits;
  const auto b = decoder.teach(decoder.remember(annotations), packed).logits;
  EXPECT_FALSE(torch::allclose(a, b));
  decoder.eval();
  const auto c = decoder.teach(decoder.remember(annotations), packed).logits;
  EXPECT_TRUE(torch::equal(c, decoder.teach(decoder.remember(annotations), packed).logits));
}

TEST(Decoder, ForgetsWhatItPreparedInAnotherPrecision) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(8);
  Decoder decoder(small("scalar", true, 8), small_attention(), 9, 20);
  decoder.eval();
  const auto annotations = torch::randn({2, 6, 9});         // [B, L, D]
  const auto words = torch::tensor({4, 5}, torch::kInt64);  // [R]
  const auto rows = torch::tensor({0, 1}, torch::kInt64);   // [R]
  const auto logits = [&](const std::string& precision) {
    decoder.set_precision(precision);
    const auto memory = decoder.remember(annotations);
    return decoder.step(memory, decoder.start(memory), words, rows).logits;  // [R, V]
  };
  const auto fp32 = logits("fp32"), bf16 = logits("bf16"), int8 = logits("int8");
  EXPECT_TRUE(torch::equal(logits("fp32"), fp32));
  EXPECT_TRUE(torch::equal(logits("bf16"), bf16));
  EXPECT_TRUE(torch::equal(logits("int8"), int8));
  EXPECT_TRUE(torch::allclose(int8, fp32, 0, 0.05));
}

TEST(PackedCaptions, HoldEveryWordOnceAndNoPadding) {
  const auto packed = pack_captions(kCaptions);
  EXPECT_EQ(packed.rows_at, (std::vector<int64_t>{6, 5, 4, 3, 2, 1}));
  EXPECT_EQ(packed.inputs.size(0), 21);
  EXPECT_EQ(packed.targets.eq(Vocabulary::kEnd).sum().item<int64_t>(), 6);
  EXPECT_EQ(packed.inputs.eq(Vocabulary::kStart).sum().item<int64_t>(), 6);
}

TEST(LinearOverSteps, LearnsWhatALayerAStepDoes) {
  torch::manual_seed(6);
  const auto weight = torch::randn({5, 3 + 5}, torch::kDouble).set_requires_grad(true);
  const auto x = torch::randn({4, 6, 3}, torch::kDouble).set_requires_grad(true);  // [steps, rows, inputs]
  const auto start = torch::randn({6, 5}, torch::kDouble).set_requires_grad(true);
  const std::vector<Tensor> leaves{weight, x, start};
  // Rows drop out, and each state depends on the one before.
  const auto states = [&](const std::function<Tensor(const Tensor&)>& layer) {
    std::vector<Tensor> all;
    auto h = start;
    for (int64_t t = 0; t < 4; ++t) {
      const int64_t rows = 6 - t;
      h = layer(torch::cat({x[t].narrow(0, 0, rows), h.narrow(0, 0, rows)}, 1)).tanh();
      all.push_back(h.sum());
    }
    return all;
  };
  const auto plain = states([&](const Tensor& in) { return torch::linear(in, weight); });
  LinearOverSteps layer(weight);
  const auto ours = states([&](const Tensor& in) { return layer.forward(in); });
  // More than one way back through the same graph, from all steps or only from the first ones; and without the weight.
  for (const size_t last : {3, 1, 3, 0}) {
    const auto expected = torch::autograd::grad({plain[last]}, leaves, {}, true);
    const auto got = torch::autograd::grad({ours[last]}, leaves, {}, true);
    for (size_t i = 0; i < leaves.size(); ++i)
      EXPECT_TRUE(got[i].allclose(expected[i], 1e-12, 1e-12)) << last << " " << i;
    EXPECT_TRUE(torch::autograd::grad({ours[last]}, {start}, {}, true)[0].allclose(expected[2], 1e-12, 1e-12)) << last;
  }
}

TEST(LstmCell, InOnePassIsTheEquationsWhateverTheSize) {
  torch::manual_seed(4);
  for (const auto& [R, H] : {std::array<int64_t, 2>{0, 16}, {1, 1}, {3, 16}, {40, 37}}) {
    const auto word = torch::randn({R, 4 * H}) * 4, state = torch::randn({R, 4 * H}) * 4, c = torch::randn({R, H});
    const auto gate = (word + state).to(torch::kDouble).chunk(4, 1);  // i, f, o, g
    const auto next = gate[1].sigmoid() * c + gate[0].sigmoid() * gate[3].tanh();
    const auto got = lstm_cell(word, state, c);
    EXPECT_TRUE(got.second.to(torch::kDouble).allclose(next, 1e-6, 1e-6)) << R << " " << H;
    EXPECT_TRUE(got.first.to(torch::kDouble).allclose(gate[2].sigmoid() * next.tanh(), 1e-6, 1e-6)) << R << " " << H;
  }
}

}  // namespace
}  // namespace attend
