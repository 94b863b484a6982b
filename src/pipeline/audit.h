// Which captions of a data set probably don't belong to their picture.
//
// A caption is held against its picture and against others of the data set: one that fits its picture is likelier with it. How much
// likelier it has to be is learnt from the data themselves: each caption is also given to a picture that isn't its own, and a
// logistic regression tells the two kinds apart.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/host.h"
#include "decode/ensemble.h"
#include "pipeline/picture_batches.h"

namespace attend {

struct AuditWork {
  int others = 4;        // k, pictures that each caption is held against beside its own
  int64_t seed = 1;      // which they are
  int max_words = 1000;  // a caption of more is refused
  BatchPlan plan;        // a picture's others come from its batch
};

/// A caption and what was found of it. Logarithms are natural, of plain probabilities, <end> included.
struct AuditedCaption {
  size_t picture, place;          // index of the picture, and of the caption among the picture's
  size_t words = 0, unknown = 0;  // that it has, and that the model doesn't know
  double log_probability = 0;     // with its picture
  double contrast = 0;            // that less the logarithm of the mean of its probabilities with k other pictures
  double likeness = 0;  // to the picture's other captions, 0 to 1: mean cosine of their words, rare ones counting more
  double score = 0;     // probability that it doesn't belong to its picture
};

struct AuditReport {
  std::vector<AuditedCaption> captions;  // by falling score, then in the order of the data
  double share = 0;                      // of captions that don't belong to their picture, estimated
  bool fitted = false;  // whether scores come from a regression on these data: there were enough of them
  // pictures that can't be read and captions that can't be held against any, a line each
  std::vector<std::string> refusals;
  size_t refused = 0;  // captions, those of refused pictures too
  // groups of pictures that are the same pixel by pixel as the model gets them
  std::vector<std::vector<size_t>> same_pictures;
};

/// Captions that a regression is fitted on, at least; with fewer a score is the probability that the caption is of one of the k
/// other pictures, where it is of one of the k + 1 and each is as likely as the next.
constexpr size_t kLeastToFit = 100;

/// Audits captions[i] of pictures[i]. Pictures are read once, in an order drawn by work.seed. Memory: the captions, and a few
/// numbers of each. Throws InputError for fewer than two pictures that can be read, Interrupted when the host asks to stop.
AuditReport audit_captions(Ensemble& ensemble, std::span<const PictureSource> pictures,
                           std::span<const std::vector<std::string>> captions, const AuditWork& work, const Host& host);

}  // namespace attend
