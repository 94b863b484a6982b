// Several captioners that say each word together. One alone is an ensemble too.
//
// B pictures · M captioners · R live rows · L grid cells · S input side · N words in all captions together · V words
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "decode/caption.h"
#include "decode/confidence.h"
#include "decode/forced.h"

namespace attend {

/// A word's probability is the mean of its members' probabilities, as in fairseq (Ott et al. 2019): a word that one
/// member is sure of stays likely though the others doubt it, which the mean of log-probabilities would not allow.
class MeanWordModel : public WordModel {
 public:
  /// Members give logits over the same V words. mean_alpha: their alphas are over the same L cells, and the mean is
  /// taken of these too; without it, the first member's are shown. Step::location is always the first member's. A
  /// single member's step is passed on untouched.
  MeanWordModel(std::vector<std::unique_ptr<WordModel>> members, bool mean_alpha);

  int64_t start() override;
  Step step(const torch::Tensor& words) override;
  /// Of the mean of the members' own probabilities.
  torch::Tensor plain_log_probability(const torch::Tensor& rows, const torch::Tensor& words) override;
  void reorder(const torch::Tensor& rows) override;

 private:
  std::vector<std::unique_ptr<WordModel>> members_;  // [M]
  const bool mean_alpha_;
};

class Ensemble {
 public:
  /// At least one captioner, all on one device; sources[m] is the file captioners[m] was read from. Encoders, inputs and
  /// grids may differ; a captioner without counts of its words takes those of the first that has some. Throws InputError
  /// where vocabularies differ, naming the file and the first word.
  Ensemble(std::vector<Captioner> captioners, const std::vector<std::string>& sources);

  size_t size() const { return captioners_.size(); }
  /// The captioner whose decode options count, and whose grid lies over the pictures in Caption::alpha.
  Captioner& first() { return captioners_.front(); }
  const Captioner& first() const { return captioners_.front(); }

  const std::vector<Captioner>& captioners() const { return captioners_; }

  /// Throws UsageError where `options` contradict each other, or ask of the captioners what they can't do.
  void check(const DecodeOptions& options) const;

  /// What `options` ask for without need, in one line: "" for nothing.
  std::string remark(const DecodeOptions& options) const;

  /// Why captions that are decoded so get no confidence, "" where they do: one line that names the file.
  std::string confidence_fault(const DecodeOptions& options) const;

  /// The forms pictures are wanted in (input_size and resize), each once.
  const std::vector<EncoderOptions>& inputs() const { return inputs_; }

  /// pictures[i] u8 RGB [B, S, S, 3]: all of them in the form inputs()[i] → the n best captions of each picture, best
  /// first. Encoders that are the same, weights and all, run once. Alpha is the mean of all captioners' where their
  /// grids and ways to resize are the same, else the first one's.
  std::vector<std::vector<Caption>> caption(const std::vector<torch::Tensor>& pictures, const DecodeOptions& options);

  /// The annotations [B, L, D] of such pictures by each captioner, without gradient.
  std::vector<torch::Tensor> annotate(const std::vector<torch::Tensor>& pictures);

  /// The captioners as one model over their annotations of the same pictures; the ensemble must outlive it.
  MeanWordModel word_model(const std::vector<torch::Tensor>& annotations, const DecodeOptions& options);

  /// Captions that are given, walked over the same: see force_captions().
  std::vector<ForcedCaption> force(const std::vector<torch::Tensor>& annotations,
                                   const std::vector<GivenWords>& captions, const DecodeOptions& decode,
                                   const ForceOptions& options);

  /// The same pictures with captions that are known → log of the mean of the captioners' probabilities of every word after
  /// the true ones before it, [N, V], without gradient: softmax(logits / temperature) of each. Hard attention looks at the
  /// expected context.
  torch::Tensor log_probability(const std::vector<torch::Tensor>& pictures, const PackedCaptions& captions,
                                double temperature);

 private:
  /// Adds to each picture's best caption what is known of how good it is; annotations: the first captioner's, [B, L, D].
  void judge(std::vector<std::vector<Caption>>& captions, const torch::Tensor& annotations,
             const DecodeOptions& options) const;

  std::vector<Captioner> captioners_;  // [M]
  std::string source_;                 // the first one's file
  std::vector<EncoderOptions> inputs_;
  std::vector<size_t> input_of_;            // [M], index of inputs_
  std::vector<size_t> encoder_of_;          // [M], the first captioner with the same encoder
  std::optional<Calibration> calibration_;  // the first one's
  std::vector<int32_t> families_;           // of the vocabulary's words
  bool maps_agree_ = true;                  // alphas of all lie over the same cells of a picture
};

}  // namespace attend
