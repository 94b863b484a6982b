// Writes the files of captioned pictures.
#pragma once

#include <filesystem>

#include "pipeline/file_plan.h"
#include "pipeline/picture_source.h"
#include "pipeline/seen_picture.h"
#include "viz/overlay.h"

namespace attend {

/// The words of a caption with where they looked, as overlays take them.
std::vector<WordMap> word_maps(const SeenCaption& caption);

/// The page of attention of a picture's best caption, `pixels` (u8 BGR) being the picture in any resolution.
cv::Mat draw_caption(const cv::Mat& pixels, const SeenPicture& picture, const OverlayOptions& style);

/// Writes the files of one picture, each of them whole or not at all. Throws Error or InputError.
void write_files(const PictureFiles& files, const PictureSource& source, const SeenPicture& picture,
                 const FileChoice& choice);

}  // namespace attend
