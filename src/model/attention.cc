// B pictures · R rows · L grid cells · D annotation size
#include "model/attention.h"

#include "base/error.h"
#include "model/scores.h"

namespace attend {

using torch::Tensor;

void AttentionOptions::list(OptionList& options) {
  options.section("attention", "Attention", "attention_");
  options.add("kind", kind, "soft: the expected context; hard: one sampled cell; none: the mean annotation",
              one_of({"soft", "hard", "none"}));
  options.add("score", score, "how an annotation is held against the decoder's state",
              one_of({"additive", "concat", "dot", "scaled_dot", "general", "multi_head", "gaussian", "convolutional",
                      "attentive_reader", "impatient_reader"}));
  options.add("size", size,
              "size A of the space in which they meet (additive, concat, multi_head, convolutional, readers)",
              between(1, 65536));
  options.add("heads", heads, "heads of score multi_head and of self-attention", between(1, 1024));
  options.add("window", window,
              "cells that count: none, all of them; local_m, a window that moves on with every word; local_p, one that "
              "the decoder places",
              one_of({"none", "local_m", "local_p"}));
  options.add("window_radius", window_radius, "cells from the middle of the window to its edge", between(1, 1024));
  options.add("filters", filters, "Gaussian filters an axis of score gaussian", between(1, 1024));
  options.add(
      "recalibration", recalibration,
      "gates on the annotations before anything looks at them: none; se, on their channels; cbam, on channels and "
      "cells",
      one_of({"none", "se", "cbam"}));
  options.add("reduction", reduction, "how many times narrower the gates' hidden layer is than the annotations",
              between(1, 65536));
  options.add("self_blocks", self_blocks, "blocks of self-attention over the annotations before the decoder",
              between(0, 64));
  options.add("self_kind", self_kind,
              "what these blocks are: transformer; all_attention, with persistent vectors in place of the feed-forward "
              "layer; graph, in which a cell sees its neighbours",
              one_of({"transformer", "all_attention", "graph"}));
  options.add("persistent_vectors", persistent_vectors,
              "keys and values a head that self_kind all_attention has of its own", between(1, 65536));
  options.add("expected_share", expected_share,
              "kind hard: share of training's pictures that are shown the expected context", between(0, 1));
}

Attention::Attention(const AttentionOptions& options, int64_t hidden_size) : options_(options) {
  if (options.window == "local_m") window_ = std::make_shared<MonotonicWindow>(options.window_radius);
  if (options.window == "local_p")
    window_ = register_module("window", std::make_shared<PredictedWindow>(options.window_radius, hidden_size));
}

Memory Attention::remember(const Tensor& annotations) {
  Memory memory;
  memory.annotations = annotations;
  prepare(memory);
  if (options_.kind == "hard" && is_training())
    memory.expected = (torch::rand({annotations.size(0)}) < options_.expected_share).to(annotations.device());  // [B]
  return memory;
}

Glimpse Attention::look(const Memory& memory, const Tensor& hidden, const Tensor& pictures, int64_t step,
                        const Tensor& cells, const Tensor& before) {
  const auto bias = window_ ? window_->bias(hidden, step, memory.annotations.size(1)) : Tensor();  // [R, L]
  Glimpse glimpse = expect(memory, hidden, pictures, bias, before);
  if (options_.kind == "hard") choose(glimpse, memory, pictures, cells);
  conclude(glimpse, hidden, before);
  return glimpse;
}

void Attention::choose(Glimpse& glimpse, const Memory& memory, const Tensor& pictures, const Tensor& cells) {
  const auto weights = glimpse.alpha.detach();  // [R, L]
  if (cells.defined()) {
    glimpse.location = cells;
  } else if (memory.expected.defined()) {
    const auto expected = memory.expected.index_select(0, pictures);                 // [R]
    glimpse.location = weights.multinomial(1).squeeze(1).masked_fill(expected, -1);  // [R]
  } else {
    if (memory.locations == Locations::kExpected) return;
    glimpse.location =
        memory.locations == Locations::kArgMax ? weights.argmax(1) : weights.multinomial(1).squeeze(1);  // [R]
  }
  const auto chosen = (glimpse.location >= 0).unsqueeze(1);                          // [R, 1]
  const auto context = context_at(memory, pictures, glimpse.location.clamp_min(0));  // [R, D]
  glimpse.context = torch::where(chosen, context, glimpse.context);                  // [R, D]
}

Tensor Attention::context_at(const Memory& memory, const Tensor& pictures, const Tensor& cells) {
  const auto rows = pictures * memory.values.size(1) + cells;                                     // [R]
  return memory.values.flatten(0, 1).index_select(0, rows).to(memory.annotations.scalar_type());  // [R, D]
}

std::shared_ptr<Attention> make_attention(const AttentionOptions& options, int64_t D, int64_t H) {
  if (options.kind == "none") return std::make_shared<MeanAttention>(options);
  if (options.score == "gaussian") return std::make_shared<GaussianAttention>(options, D, H);
  if (options.score == "multi_head") return std::make_shared<MultiHeadAttention>(options, D, H);
  if (options.score == "convolutional") return std::make_shared<ConvolutionalAttention>(options, D, H);
  if (options.score == "attentive_reader" || options.score == "impatient_reader")
    return std::make_shared<ReaderAttention>(options, D, H);
  if (options.score == "additive" || options.score == "concat")
    return std::make_shared<AdditiveAttention>(options, D, H);
  return std::make_shared<DotAttention>(options, D, H);
}

void check_attention(const AttentionOptions& options, std::array<int64_t, 2> grid, int64_t D, int64_t H) {
  const auto refuse = [](const std::string& fault) { throw UsageError("attention." + fault); };
  const auto number = [](int64_t value) { return std::to_string(value); };
  const std::string cells = number(grid[0]) + "x" + number(grid[1]) + " cells";
  if (options.self_blocks > 0 && D % options.heads != 0)
    refuse("heads: " + number(options.heads) + " don't divide the annotation size " + number(D) +
           " of attention.self_blocks");
  if (options.self_blocks == 0 && options.self_kind != "transformer")
    refuse("self_kind: " + options.self_kind +
           " is a kind of block, and attention.self_blocks is 0; set it to 1 or more");
  if (options.recalibration != "none" && options.reduction > D)
    refuse("reduction: " + number(options.reduction) + " leaves nothing of the annotation size " + number(D) +
           "; set it to " + number(D) + " or less");
  if (options.kind == "none") {
    if (options.window != "none")
      refuse("window: " + options.window + " has no weights to narrow in attention.kind none");
    return;
  }
  if (options.score == "multi_head" && options.size % options.heads != 0)
    refuse("heads: " + number(options.heads) + " don't divide attention.size " + number(options.size));
  if ((options.score == "dot" || options.score == "scaled_dot") && D != H)
    refuse("score: " + options.score + " needs annotations as large as the decoder's state, but their size is " +
           number(D) + " and decoder.hidden_size " + number(H) + "; set decoder.annotation_size to " + number(H));
  if (options.score == "gaussian") {
    if (options.kind == "hard")
      refuse("kind: hard chooses a cell, and score gaussian has no distribution over cells; take another score");
    if (options.window != "none") refuse("window: score gaussian is a window of its own; set it to none");
    if (options.filters > std::min(grid[0], grid[1]))
      refuse("filters: " + number(options.filters) + " an axis are more than the grid of " + cells + " has");
  }
  if (options.window != "none" && 2 * options.window_radius + 1 > std::min(grid[0], grid[1]))
    refuse("window_radius: a window of " + number(2 * options.window_radius + 1) +
           " cells a side is larger than the grid of " + cells);
}

}  // namespace attend
