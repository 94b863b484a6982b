// Whether a model looks at the objects that words of given captions name.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/host.h"
#include "data/dataset.h"
#include "data/masks.h"
#include "decode/ensemble.h"
#include "pipeline/seen_picture.h"

namespace attend {

/// The objects that the words of a caption name, by their places among these words.
using ObjectsOf = std::function<std::vector<MaskedObject>(const Example& example, size_t caption,
                                                          const std::vector<std::string>& words)>;

struct GivenPointing {
  Pointing pointing;
  size_t captions = 0;  // that name objects
  int64_t held = 0,
          lower = 0;  // words that name objects, held against another picture; less likely there than with their own
  std::vector<std::string> refusals;  // a line each
};

/// Leads the model along every caption of the examples, and the first caption of each along the picture before, too. A word that the
/// other picture's captions have isn't held against it.
GivenPointing point_given(Ensemble& ensemble, const std::vector<Example>& examples, const ObjectsOf& objects,
                          const DecodeOptions& decode, int threads, const Host& host);

/// Where each word of a caption looked most: the centre of its largest cell, in pixels of the picture.
std::vector<cv::Point2d> peaks_of(const SeenPicture& picture, const SeenCaption& caption);

}  // namespace attend
