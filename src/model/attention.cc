#include "model/attention.h"

#include "base/error.h"
#include "model/additive_attention.h"

namespace attend {

void AttentionOptions::list(OptionList& options) {
  options.section("attention", "Attention", "attention_");
  options.add("kind", kind, "how a context is made of the weights", one_of({"soft"}));
  options.add("score", score, "how an annotation is held against the decoder's state", one_of({"additive"}));
  options.add("size", size, "size A of the space in which they meet", between(1, 65536));
}

std::shared_ptr<Attention> make_attention(const AttentionOptions& options, int64_t annotation_size,
                                          int64_t hidden_size) {
  if (options.kind == "soft" && options.score == "additive")
    return std::make_shared<AdditiveAttention>(annotation_size, hidden_size, options.size);
  throw UsageError("attention." + options.kind + "." + options.score + ": no such attention");
}

}  // namespace attend
