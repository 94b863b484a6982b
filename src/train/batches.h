// Which pictures a step learns from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/decoder.h"
#include "text/vocabulary.h"

namespace attend {

/// A number that depends on all of its parts (splitmix64's finalizer, Steele et al. 2014).
uint64_t mix(uint64_t seed, uint64_t a, uint64_t b = 0);

/// The list in pieces of `size`, the last of which may be shorter.
std::vector<std::vector<size_t>> chunks(const std::vector<size_t>& all, size_t size);

/// An epoch's examples, shuffled by `seed` in batches of `size`: examples of like `length` are brought together within
/// stretches of many batches, so that a batch's rows end at about the same step, and the batches are shuffled again.
std::vector<std::vector<size_t>> shuffled_batches(std::vector<size_t> examples, size_t size, uint64_t seed,
                                                  const std::function<size_t(size_t)>& length);

/// What each word of packed captions counts, [N]: the weight of its caption, counted as PackedCaptions::captions does.
torch::Tensor word_weights(const PackedCaptions& packed, const std::vector<float>& caption_weights);

/// Has a picture's captions, as word ids, say `one` where they said `other` and the other way round, if the vocabulary has
/// both: "left" and "right" of a mirrored picture.
void exchange_words(std::vector<std::vector<int64_t>>& captions, const Vocabulary& vocabulary, const std::string& one,
                    const std::string& other);

}  // namespace attend
