// COCO results files: captions that a model made, one a picture.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/picture_id.h"

namespace attend {

struct Example;

struct Result {
  PictureId image_id;
  std::string caption;
};

/// [{"image_id": 1, "caption": "a dog"}, …] in the order of the file; other keys are passed over. Throws InputError
/// that names the file and the entry on wrong types, ids that PictureId doesn't take, and a picture twice.
std::vector<Result> read_results(const std::filesystem::path& file);

/// The places of a data set's pictures, by their ids and by the names of their files below `images`, or where that is empty by the
/// whole names: results are found by either.
PictureIndex index_of(const std::vector<Example>& examples, const std::filesystem::path& images);

/// Whether a file begins as a list of such, whose entries name no pictures' files.
bool is_results(const std::filesystem::path& file);

/// Writes the same, a line a result, in the order given. Atomic; equal results make equal bytes.
void write_results(const std::filesystem::path& file, const std::vector<Result>& results);

}  // namespace attend
