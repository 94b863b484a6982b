// B pictures in a batch · S input side · L grid cells · D annotation size · N words in all rows together
#include "app/bench_parts.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <numeric>
#include <random>

#include "base/multiply_adds.h"
#include "base/parallel.h"
#include "base/processor.h"
#include "decode/caption.h"
#include "model/pictures.h"
#include "model/workers.h"
#include "train/objective.h"
#include "train/optimizer.h"
#include "vision/picture.h"

namespace attend {
namespace {

using torch::Tensor;

constexpr int kBatch = 32;

/// Seconds of one call: the best of at least three in half a second, after one that warms up; the best is what other
/// work on the machine disturbed least.
double seconds_of(const std::function<void()>& call) {
  using Clock = std::chrono::steady_clock;
  call();
  const auto end = Clock::now() + std::chrono::milliseconds(500);
  double best = 1e9;
  for (int calls = 0; calls < 3 || Clock::now() < end; ++calls) {
    const auto begin = Clock::now();
    call();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return best;
}

/// On a GPU a call returns before its work is done.
void wait_for(torch::Device device) {
  if (device.is_cuda()) torch::cuda::synchronize();
}

/// Seconds that one of `threads` workers takes from the others' time for a call, when all make it at once, as captioning
/// does; a GPU is asked by one.
double seconds_side_by_side(int threads, torch::Device device, const std::function<void()>& call) {
  const int workers = device.is_cpu() ? threads : 1;
  std::vector<double> seconds(static_cast<size_t>(workers));
  const SameProcessorsAfter workers_have_ended;
  parallel_for(seconds.size(), workers, [&](size_t worker) {
    const torch::NoGradGuard no_grad;
    share_processors(threads, workers);
    seconds[worker] = seconds_of([&] {
      call();
      wait_for(device);
    });
  });
  return std::accumulate(seconds.begin(), seconds.end(), 0.0) / static_cast<double>(workers * workers);
}

/// Of operations on so many processors at once, 10^9 a second.
double peak_rate_of(double (*compute)(int64_t rounds), int threads) {
  constexpr int64_t kRounds = 1'000'000;  // a few milliseconds
  std::vector<double> operations(static_cast<size_t>(threads));
  const double seconds = seconds_of(
      [&] { parallel_for(operations.size(), threads, [&](size_t i) { operations[i] = compute(kRounds); }); });
  return std::accumulate(operations.begin(), operations.end(), 0.0) / seconds / 1e9;
}

/// Captions as long as people's are, of words drawn at random: 5 for each of `pictures`.
PackedCaptions random_captions(int pictures, int64_t words) {
  std::mt19937 generator(1);
  std::vector<std::vector<std::vector<int64_t>>> captions(static_cast<size_t>(pictures));
  for (auto& of_picture : captions)
    for (int i = 0; i < 5; ++i) {
      std::vector<int64_t> caption(8 + generator() % 8);
      for (auto& word : caption) word = static_cast<int64_t>(4 + generator() % static_cast<uint64_t>(words - 4));
      of_picture.push_back(std::move(caption));
    }
  return pack_captions(captions);
}

/// Floating point operations of the matrix products of a training step: twice the forward ones go backward, but
/// nothing goes back into cached annotations.
double training_operations(const ModelOptions& model, double encoder_size, double cells, double pictures, double words,
                           double vocabulary) {
  const double H = model.decoder.hidden_size, E = model.decoder.embedding_size, A = model.attention.size;
  const double D = model.decoder.annotation_size ? model.decoder.annotation_size : encoder_size;
  const double project = model.decoder.annotation_size ? 2 * pictures * cells * encoder_size * D : 0;
  const double keys = 2 * pictures * cells * D * A;
  const double word = E * 4 * H + (D + H) * 4 * H + H * A + (H + D) * E + E * vocabulary;
  return 2 * project + 3 * keys + 3 * 2 * words * word;
}

std::vector<Figure> measure_training(Captioner& captioner, int64_t cells, double peak_rate) {
  auto& decoder = *captioner.decoder;
  const auto captions = random_captions(kBatch, captioner.vocabulary.size());
  const int64_t size = captioner.encoder->annotation_size();
  const Tensor annotations = torch::rand({kBatch, cells, size}).to(captioner.device);  // [B, L, D]
  const TrainOptions options;
  std::vector<TrainedParameter> parameters;
  for (auto& item : decoder.named_parameters()) parameters.push_back({item.key(), item.value()});
  Optimizer optimizer(std::move(parameters), options);
  decoder.train();
  const torch::AutoGradMode with_gradients(true);
  const double seconds = seconds_of([&] {
    const auto loss = cross_entropy_loss(decoder.teach(decoder.remember(annotations), captions), captions, options);
    loss.total.backward();
    optimizer.clip();
    optimizer.step(1e-6);
    wait_for(captioner.device);
  });
  decoder.eval();
  const auto words = static_cast<double>(captions.targets.size(0));
  const double rate = training_operations(captioner.options, static_cast<double>(size), static_cast<double>(cells),
                                          kBatch, words, static_cast<double>(captioner.vocabulary.size())) /
                      seconds / 1e9;
  return {{"training step of " + std::to_string(kBatch) + " pictures", 1000 * seconds, "ms"},
          {"training speed", words / seconds, "tokens/s"},
          {"training share of peak rate", 100 * rate / peak_rate, "%"}};
}

}  // namespace

std::vector<Figure> measure_limits(const std::filesystem::path& picture, int threads, torch::Device device) {
  const torch::NoGradGuard no_grad;
  const int64_t side = device.is_cpu() ? 2048 : 8192;
  const Tensor a = torch::rand({side, side}, device), b = torch::rand({side, side}, device);  // [side, side]
  Tensor product = torch::empty({side, side}, device);                                        // [side, side]
  const double multiplied = seconds_of([&] {
    torch::mm_out(product, a, b);
    wait_for(device);
  });

  const double rate = 2.0 * static_cast<double>(side * side * side) / multiplied / 1e9;
  std::vector<Figure> figures{{"matrix products, fp32", rate, "GFLOP/s"}};
  if (device.is_cpu()) {
    const double peak = peak_rate_of(multiply_add, threads);
    figures.insert(figures.begin(), {"peak rate, fp32", peak, "GFLOP/s"});
    figures.push_back({"matrix products share of peak rate", 100 * rate / peak, "%"});
    if (has_tiles())
      figures.push_back({"peak rate in tiles, int8", peak_rate_of(multiply_add_tiles, threads), "GOP/s"});
  }

  constexpr int64_t bytes = 256 << 20;
  const Tensor from = torch::ones({bytes}, torch::dtype(torch::kByte).device(device));  // [bytes]
  Tensor to = torch::empty_like(from);                                                  // [bytes]
  const double copied = seconds_of([&] {
    to.copy_(from);
    wait_for(device);
  });

  const auto pixels = static_cast<double>(read_picture(picture).full.area());
  const auto count = static_cast<size_t>(8 * threads);
  const double decoded = seconds_of([&] { parallel_for(count, threads, [&](size_t) { read_picture(picture); }); });
  figures.push_back({"copying memory", static_cast<double>(bytes) / copied / 1e9, "GB/s"});
  figures.push_back({"decoding pictures", static_cast<double>(count) * pixels / decoded / 1e6, "megapixels/s"});
  return figures;
}

std::vector<Figure> measure_parts(Captioner& captioner, const std::vector<std::filesystem::path>& pictures,
                                  double peak_rate, int threads) {
  std::vector<cv::Mat> inputs(static_cast<size_t>(std::min<int64_t>(kBatch, static_cast<int64_t>(pictures.size()))));
  const auto count = static_cast<double>(inputs.size());
  const auto load = [&](size_t i) { inputs[i] = load_input(pictures[i], captioner.options.encoder); };
  const double loaded = 1000 * seconds_of([&] { parallel_for(inputs.size(), threads, load); }) / count;
  std::vector<Figure> figures{{"loading a picture", loaded, "ms"}};

  const Tensor batch = stack_inputs(inputs);  // [B, S, S, 3]
  Tensor annotations;                         // [B, L, D]
  {
    const torch::NoGradGuard no_grad;
    annotations = captioner.annotate(batch);
  }
  const auto milliseconds = [&](const std::function<void()>& call) {
    return 1000 * seconds_side_by_side(threads, captioner.device, call) / count;
  };
  const double encoded = milliseconds([&] { captioner.annotate(batch); });
  figures.push_back({"encoding a picture", encoded, "ms"});
  for (const int beam : {1, 5, 10}) {
    DecodeOptions decode;
    decode.beam_width = beam;
    const double said = milliseconds([&] { caption_annotations(captioner, annotations, decode); });
    figures.push_back({"decoding a picture, beam " + std::to_string(beam), said, "ms"});
    if (beam == 5) figures.push_back({"share of decoding, beam 5", 100 * said / (loaded + encoded + said), "%"});
  }
  for (const char* precision : {"fp32", "bf16", "int8"}) {
    captioner.set_precision(precision);
    figures.push_back(
        {std::string("encoding a picture, ") + precision, milliseconds([&] { captioner.annotate(batch); }), "ms"});
    figures.push_back({std::string("decoding a picture, beam 5, ") + precision,
                       milliseconds([&] { caption_annotations(captioner, annotations, DecodeOptions()); }), "ms"});
  }
  for (auto& figure : measure_training(captioner, annotations.size(1), peak_rate)) figures.push_back(std::move(figure));
  return figures;
}

}  // namespace attend
