// Captions that results files hold, matched with the pictures they are of.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace attend {

/// Where candidates come from.
struct CandidateFiles {
  std::filesystem::path captions, images;     // of the examples: what ids and names are compared with
  std::filesystem::path candidates, compare;  // COCO results files; none where empty
  bool partial = false;                       // leaves out what isn't in all of them
};

/// Captions of the examples, in their order.
struct Candidates {
  std::vector<Example> examples;  // those that have a caption
  std::vector<std::string> captions;
  std::vector<std::string> compared;                // of the results file that they are compared with
  size_t without_caption = 0, without_picture = 0;  // that `partial` left out: pictures, captions of results files
};

/// Reads the results files that are named and keeps the examples that each of them has a caption for. Throws InputError for a
/// file that can't be read, has two captions for a picture, or not the captions of these pictures: unless `partial`, of all
/// and of no others.
Candidates read_candidates(std::vector<Example> examples, const CandidateFiles& files);

}  // namespace attend
