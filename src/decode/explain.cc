// T words · S input side · L grid cells · D annotation size · C channels
#include "decode/explain.h"

#include <ATen/CPUGeneratorImpl.h>

#include "base/error.h"
#include "decode/rank_correlation.h"

namespace attend {
namespace {

using torch::Tensor;

/// The encoder computes in fp32 while one of these lives.
class FullPrecision {
 public:
  explicit FullPrecision(Encoder& encoder) : encoder_(encoder), before_(encoder.precision()) {
    encoder_.set_precision("fp32");
  }
  ~FullPrecision() { encoder_.set_precision(before_); }
  FullPrecision(const FullPrecision&) = delete;

 private:
  Encoder& encoder_;
  const std::string before_;
};

/// Throws Interrupted where the work is to stop.
void stop_if(const std::function<bool()>& cancelled) {
  if (cancelled()) throw Interrupted("stopped");
}

/// One picture and the gradients of all words by its annotations and its pixels.
struct Gradients {
  Tensor annotations;  // [1, L, D]
  Tensor cells;        // [T, L, D]
  Tensor pixels;       // [T, S, S, 3], or undefined
};

/// picture: fp32 [1, S, S, 3]. The encoder runs once; the graph behind it is walked once a word.
Gradients gradients_of(Captioner& captioner, const Tensor& picture, const std::vector<int64_t>& words,
                       const std::vector<int64_t>& locations, bool with_pixels,
                       const std::function<bool()>& cancelled) {
  stop_if(cancelled);
  const torch::AutoGradMode graph(with_pixels);
  const auto input = picture.detach().set_requires_grad(with_pixels);  // [1, S, S, 3]
  const auto annotations = captioner.annotate(input);                  // [1, L, D]
  stop_if(cancelled);
  Gradients gradients{annotations.detach(), word_gradients(*captioner.decoder, annotations, words, locations), {}};
  if (!with_pixels) return gradients;
  gradients.pixels = torch::zeros({gradients.cells.size(0), picture.size(1), picture.size(2), 3});  // [T, S, S, 3]
  for (int64_t t = 0; t < gradients.cells.size(0); ++t) {
    stop_if(cancelled);
    gradients.pixels[t] =
        torch::autograd::grad({annotations}, {input}, {gradients.cells.narrow(0, t, 1)}, true)[0][0].cpu();
  }
  return gradients;
}

/// The mean over noisy copies of the picture.
Gradients smooth_gradients(Captioner& captioner, const Tensor& picture, const std::vector<int64_t>& words,
                           const std::vector<int64_t>& locations, const ExplainOptions& options, bool with_pixels,
                           const std::function<bool()>& cancelled) {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(options.seed));
  Gradients mean;
  for (int i = 0; i < options.samples; ++i) {
    const auto noise = torch::randn(picture.sizes(), generator) * (255 * options.noise);  // [1, S, S, 3]
    const auto one = gradients_of(captioner, picture + noise, words, locations, with_pixels, cancelled);
    mean.cells = mean.cells.defined() ? mean.cells + one.cells : one.cells;                        // [T, L, D]
    if (with_pixels) mean.pixels = mean.pixels.defined() ? mean.pixels + one.pixels : one.pixels;  // [T, S, S, 3]
  }
  mean.cells /= options.samples;
  if (with_pixels) mean.pixels /= options.samples;
  return mean;
}

/// gradients [T, ..., C] by an input [1, ..., C] → [T, ...].
Tensor map_of(const Tensor& gradients, const Tensor& input, const std::string& kind) {
  return kind == "input" ? (gradients * input).sum(-1).abs() : gradients.norm(2, -1);
}

std::vector<double> rank_correlations(const Tensor& cells, const Tensor& alpha) {
  const auto a = cells.contiguous(), b = alpha.to(torch::kCPU, torch::kFloat).contiguous();  // [T, L] each
  TORCH_CHECK(a.sizes() == b.sizes(), "explain_caption: alpha is ", b.sizes(), ", must be ", a.sizes());
  const auto L = static_cast<size_t>(a.size(1));
  std::vector<double> correlations;
  for (size_t t = 0; t < static_cast<size_t>(a.size(0)); ++t)
    correlations.push_back(rank_correlation({a.data_ptr<float>() + t * L, L}, {b.data_ptr<float>() + t * L, L}));
  return correlations;
}

}  // namespace

void ExplainOptions::list(OptionList& options) {
  options.section("explain", "Explanations", "explain_");
  options.add("samples", samples, "noisy copies of each picture; of smooth", between(1, 10000));
  options.add("noise", noise, "standard deviation of the noise, as a share of the range of pixels; of smooth",
              between(0, 1));
  options.add("seed", seed, "of the noise; of smooth", at_least(0));
}

Tensor word_gradients(Decoder& decoder, const Tensor& annotations, const std::vector<int64_t>& words,
                      const std::vector<int64_t>& locations) {
  const auto T = static_cast<int64_t>(words.size());
  if (T == 0) return torch::zeros({0, annotations.size(1), annotations.size(2)}, annotations.options());
  const torch::AutoGradMode graph(true);
  // A copy of the picture for each word, so that one walk back tells the words apart: row t says words 0 to t.
  const auto copies = annotations.detach().expand({T, -1, -1}).clone().requires_grad_();  // [T, L, D]
  const auto memory = decoder.remember(copies);
  const auto rows = torch::arange(T, torch::dtype(torch::kInt64).device(annotations.device()));  // [T]
  auto state = decoder.start(memory);
  std::vector<Tensor> log_probabilities;
  for (int64_t t = 0; t < T; ++t) {
    const auto before = torch::full({T - t}, t == 0 ? Vocabulary::kStart : words[static_cast<size_t>(t - 1)],
                                    torch::dtype(torch::kInt64).device(annotations.device()));                // [T - t]
    const auto cells = torch::full_like(before, locations.empty() ? -1 : locations[static_cast<size_t>(t)]);  // [T - t]
    auto said = decoder.step(memory, state, before, rows.narrow(0, t, T - t), cells);
    log_probabilities.push_back(said.logits[0].log_softmax(-1)[words[static_cast<size_t>(t)]]);
    state = said.state.narrow(1, T - t - 1);  // [T - t - 1, H] each
  }
  const auto sum = torch::stack(log_probabilities).sum();
  const auto gradients = torch::autograd::grad({sum}, {copies}, {}, false, false, true)[0];  // [T, L, D]
  return gradients.defined() ? gradients : torch::zeros_like(annotations.expand({T, -1, -1}));
}

Explanation explain_caption(Captioner& captioner, const Tensor& picture, const Caption& caption,
                            const ExplainOptions& options, bool pixels, const std::function<bool()>& cancelled) {
  const FullPrecision precision(*captioner.encoder);
  std::vector<int64_t> words;
  for (const auto& word : caption.words) words.push_back(captioner.vocabulary.id(word));
  const auto input = picture.to(torch::kFloat).unsqueeze(0).contiguous();  // [1, S, S, 3]
  const auto gradients = options.kind == "smooth"
                             ? smooth_gradients(captioner, input, words, caption.locations, options, pixels, cancelled)
                             : gradients_of(captioner, input, words, caption.locations, pixels, cancelled);
  Explanation explanation;
  explanation.cells = map_of(gradients.cells, gradients.annotations, options.kind).cpu();  // [T, L]
  if (pixels) explanation.pixels = map_of(gradients.pixels, input, options.kind);          // [T, S, S]
  explanation.rank_correlation = rank_correlations(explanation.cells, caption.alpha);
  return explanation;
}

}  // namespace attend
