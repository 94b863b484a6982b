// Which of many pictures a text is of, and which of many texts is a picture's.
//
// In two stages, as a decoder is too slow to walk every text over every picture. The first knows of a picture how likely each
// word is anywhere in captions that the model writes of it, and of a text its words: the sum of the words' log-probabilities,
// less their mean over all pictures, is a product of two vectors. The second walks the best of these with the decoder.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/host.h"
#include "decode/ensemble.h"
#include "pipeline/picture_batches.h"
#include "pipeline/unknown_words.h"

namespace attend {

struct RetrieveWork {
  bool pictures = true, texts = true;  // whether pictures are looked for, for each text; texts, for each picture
  int top = 10;                        // that are kept of each list
  int candidates = 100;                // that the first stage hands on to the second, at least `top`
  int others = 16;                     // pictures, drawn by lot, that a text is held against
  int64_t seed = 1;                    // which they are
  int max_words = 1000;                // a text of more is refused
  BatchPlan plan;
};

/// A text and a picture. Logarithms are natural, of plain probabilities, <end> included.
struct Match {
  size_t picture, text;
  double log_probability;  // of the text with the picture
  double
      contrast;  // that less the logarithm of the text's mean probability with other pictures; of a single picture, a word's
                 // mean log-probability
};

struct Retrieval {
  std::vector<std::vector<Match>>
      of_text;  // [texts], pictures by falling log-probability; none of a text that was refused
  std::vector<std::vector<Match>> of_picture;                // [pictures], texts by falling contrast
  std::vector<std::string> text_refusals, picture_refusals;  // a line each
  UnknownWords unknown;                                      // of the texts; they are left out
};

/// Holds texts against pictures. Pictures are read twice, once where there are too few for a first stage. Memory: a number for
/// each picture and each word of all texts, and the candidates. Throws Interrupted when the host asks to stop.
Retrieval retrieve(Ensemble& ensemble, std::span<const PictureSource> pictures, std::span<const std::string> texts,
                   const RetrieveWork& work, const Host& host);

/// How often what belongs to what was asked with is among the first K that are found (recall at K: Hodosh, Young and Hockenmaier
/// 2013). Shares are from 0 to 1, of all that was asked with; ranks count from 1.
struct Recall {
  double at_1 = 0, at_5 = 0, at_10 = 0;
  std::optional<size_t>
      median_rank;  // the lower one of two in the middle; nothing where that isn't among the candidates
  double among_candidates = 0;
};

/// ranks: of the first that belongs to what was asked with, at least one; nothing where none was found.
Recall recall_of(std::vector<std::optional<size_t>> ranks);

struct RetrievalRecall {
  Recall image_from_text;  // of a text its own picture
  Recall text_from_image;  // of a picture any of its own texts
};

/// picture_of: the picture that each text is of. `found` has lists of both kinds.
RetrievalRecall recall_of(const Retrieval& found, std::span<const size_t> picture_of);

/// A picture and how like another one it is: cosine of their mean annotations, those of all pictures taken off.
struct AlikePicture {
  size_t picture;
  double likeness;
};

struct AlikePictures {
  std::vector<std::vector<AlikePicture>> of_picture;  // [pictures], the most alike first; none of one that was refused
  std::vector<std::string> refusals;
};

/// Of each picture, the `top` others that are most like it to the first captioner. Memory: D numbers a picture.
AlikePictures find_alike_pictures(Ensemble& ensemble, std::span<const PictureSource> pictures, int top,
                                  const BatchPlan& plan, const Host& host);

}  // namespace attend
