// What captions of the validation pictures are worth, and which figure epochs are chosen by.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "metrics/caption_faults.h"

namespace attend {

class ValidationFigures {
 public:
  /// examples: the validation pictures in the order captions come in. `training_captions`, of each training picture, tell
  /// how captions end.
  ValidationFigures(const Dataset& dataset, const std::vector<size_t>& examples,
                    std::span<const std::vector<Tokens>> training_captions);

  /// The key in of() that epochs are chosen by: validation_cider; or validation_rouge_l where CIDEr-D is 0 whatever a caption
  /// says, because all pictures of every source have the same captions, or there is only one.
  const std::string& chosen_by() const { return chosen_by_; }
  /// The sources among several whose CIDEr-D is 0 whatever a caption says.
  const std::vector<std::string>& blind_sources() const { return blind_sources_; }

  /// What the log says of these captions, one of each picture. CIDEr-D, BLEU-4 and ROUGE-L of each of several sources
  /// (validation_cider_NAME), and their means by pictures.
  Json of(const std::vector<std::string>& candidates) const;

 private:
  struct Source {
    std::string name;
    std::vector<size_t> pictures;  // in the order captions come in
  };

  std::vector<std::vector<std::string>> references_;
  std::vector<Source> sources_;  // that have validation pictures
  CaptionFaults faults_;
  std::string chosen_by_ = "validation_cider";
  std::vector<std::string> blind_sources_;
};

}  // namespace attend
