// The page of an evaluation.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"
#include "data/dataset.h"
#include "evaluate/report.h"
#include "viz/caption_page.h"

namespace attend {

/// Writes the page of captions[i] for examples[i], which have references. shown[i] has their maps; `shown` is empty where
/// captions were read from a file. A picture that can't be read is shown without a thumbnail. figures: what `attend
/// evaluate --json` prints; evaluation: where each picture's come from. Returns what is to be said
/// of maps that say nothing, a line a fault. stopped: what the page says where it hasn't all pictures. Throws Error when the
/// page can't be written.
std::vector<std::string> write_evaluation_page(const std::filesystem::path& path, const std::vector<Example>& examples,
                                               const std::vector<std::string>& captions, std::vector<PagePicture> shown,
                                               const Json& figures, const Evaluation& evaluation, int threads,
                                               const std::string& stopped = "");

}  // namespace attend
