// A synthetic data set: coloured shapes, the caption that each picture determines, and the exact mask of every object.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/options.h"

namespace attend {

struct ShapesOptions {
  int train = 4000, val = 500, test = 500;
  int picture_size = 96;
  int64_t seed = 1;
  std::vector<std::string> names = {};  // "circle=frobnicator": what captions call a shape, a colour or a size

  void list(OptionList& options);
};

/// Writes a data set of one to three objects a picture (circle, square, triangle, star or cross; red, green, blue,
/// yellow, purple or white; no two alike in a picture) on mottled, grainy grey:
///
///   images/train_00000.png …                 square, u8 colour
///   captions_train.json, _val, _test         COCO captions JSON, one caption a picture, with masks: see data/masks.h
///   shapes.json                              the options it was made with
///
/// The caption is a function of the picture:
///
///   one object      a small red circle | a large red circle
///   two             a red circle above a blue square      (the upper first)
///                   a red circle left of a blue square    (the left one first)
///   three           a red circle and a blue square above a green star    (each row from the left)
///                   a green star above a red circle and a blue square
///
/// Sizes, rows and columns keep clear of each other, so that it never hangs on a pixel. All shapes of a size have the
/// same area; the smallest are 0.27 of the side across, so that the centres of an 8 x 8 grid's cells hit them. Equal
/// options write equal bytes, and more pictures leave the first ones as they are.
///
/// With names, captions say these in place of the words they stand for: the pictures stay the same. Throws UsageError for one
/// that isn't WORD=NAME, of a word that captions have and a name of letters that they don't have yet.
///
/// The folder must be absent, empty, or a data set of this kind and nothing else, which is replaced. It appears when it
/// is complete. Throws InputError when the folder holds anything else, Error when it can't be written, and Interrupted.
void write_shapes(const std::filesystem::path& folder, const ShapesOptions& options);

}  // namespace attend
