// Which captions of a data set probably don't belong to their picture.
//
// A caption is held against its picture and against others of the data set: one that fits its picture is likelier with it. How much
// likelier it has to be is learnt from the data themselves: each caption is also given to a picture that isn't its own, and a
// logistic regression tells the two kinds apart.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/host.h"
#include "base/list_view.h"
#include "base/spool.h"
#include "decode/ensemble.h"
#include "pipeline/picture_batches.h"

namespace attend {

struct AuditWork {
  int others = 4;                                // k, pictures that each caption is held against beside its own
  int64_t seed = 1;                              // which they are
  int max_words = 1000;                          // a caption of more is refused
  BatchPlan plan;                                // a picture's others come from its batch
  std::span<const PictureSource> held_out = {};  // of validation and test: the data's are held against them
  // What was found of each batch is appended to this file, and taken from it where an audit of the same captions by the same
  // models was stopped; empty: nothing is kept
  std::filesystem::path checkpoint = {};
  // gets why a picture can't be read, or a caption can't be held against any, in a line
  std::function<void(const std::string& refusal)> refuse = [](const std::string&) {};
};

/// A caption and what was found of it. Logarithms are natural, of plain probabilities, <end> included.
struct AuditedCaption {
  uint32_t picture = 0, place = 0;  // index of the picture, and of the caption among the picture's
  uint32_t words = 0, unknown = 0;  // that it has, and that the model doesn't know
  double log_probability = 0;       // with its picture
  double contrast = 0;              // that less the logarithm of the mean of its probabilities with k other pictures
  double likeness = 0;  // to the picture's other captions, 0 to 1: mean cosine of their words, rare ones counting more
  double score = 0;     // probability that it doesn't belong to its picture
};

/// A caption that is likely of another language: of four words and more of which the model knows less than half, or without a word
/// that it knows and with letters of another script than Latin. Shorter ones may name one rare thing.
struct ForeignCaption {
  uint32_t picture, place, words, unknown;
};

/// Captions by falling score, then in the order of the data. Memory: 12 bytes a caption.
class AuditedCaptions {
 public:
  AuditedCaptions() = default;
  /// In the order of the data; scores[i]: of caption i.
  AuditedCaptions(Records<AuditedCaption> captions, std::vector<double> scores);

  size_t size() const { return order_.size(); }
  AuditedCaption operator[](size_t rank) const;

 private:
  Records<AuditedCaption> captions_;
  std::vector<double> scores_;
  std::vector<uint32_t> order_;  // caption of each rank
};

struct AuditReport {
  AuditedCaptions captions;
  double share = 0;     // of captions that don't belong to their picture, estimated
  bool fitted = false;  // whether scores come from a regression on these data: there were enough of them
  size_t refused = 0;   // captions, those of refused pictures too
  size_t words = 0,
         unknown_words = 0;  // of all captions but refused ones: that they have, and that the model doesn't know
  // groups of pictures that are the same pixel by pixel as the model gets them
  std::vector<std::vector<size_t>> same_pictures;
  // groups of those that look the same (vision/picture_hash.h), where they aren't all the same pixel by pixel
  std::vector<std::vector<size_t>> alike_pictures;
  std::vector<std::pair<size_t, size_t>>
      leaked;                           // pictures of the data that look like one of those held out, and which
  size_t held_out_refused = 0;          // of those held out: they can't be read, as AuditWork::refuse was told
  std::vector<ForeignCaption> foreign;  // in the order of the data, refused ones too
};

/// Captions that a regression is fitted on, at least; with fewer a score is the probability that the caption is of one of the k
/// other pictures, where it is of one of the k + 1 and each is as likely as the next.
constexpr size_t kLeastToFit = 100;

/// Audits captions[i] of pictures[i]. Pictures are read once, in an order drawn by work.seed. What is found lies in temporary files
/// (base/spool.h); memory: 50 bytes a picture and 12 a caption, and the groups of the report. Throws InputError for fewer than two
/// pictures and where work.checkpoint is of another audit or no checkpoint, Error where it can't be written or another audit writes
/// to it, Interrupted when the host asks to stop.
AuditReport audit_captions(Ensemble& ensemble, const ListView<PictureSource>& pictures,
                           const ListView<std::vector<std::string>>& captions, const AuditWork& work, const Host& host);

}  // namespace attend
