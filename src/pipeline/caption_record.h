// What was seen in a picture as JSON, for `--format jsonl` and for maps of attention.
#pragma once

#include <string>

#include "base/json.h"
#include "pipeline/seen_picture.h"

namespace attend {

/// As records have numbers: six digits after the point, more than the arithmetic is good for, and a third of the bytes.
double rounded(double value);

/// {"file"}. A name that isn't UTF-8 has U+FFFD for its stray bytes, and "file_base64" holds it byte for byte.
Json name_record(const std::string& name);

/// A name_record() and {"caption", "confidence", "familiar", "log_probability", "plain_log_probability", "grid": [rows, cols], "size": [width, height] of the upright picture,
/// "area": [x, y, width, height] of it that the grid lies over, "words": [{"word", "log_probability",
/// "plain_log_probability", "attention": [rows · cols], and, where hard attention looked at a cell, "location": [row,
/// column]}]}, and "alternatives" (each "caption", "log_probability", "plain_log_probability", "words") where there is more
/// than one caption. "time", seconds, where it is a frame of a video. "confidence": probability that the caption is among the better half, "familiar": whether the picture is
/// like those of training (docs/confidence.md); null where the model doesn't know. "log_probability": as the search weighs
/// words, divided by their frequency to the frequency exponent and at the temperature, and not yet by the length;
/// "plain_log_probability": as the model itself has it. <end> counts in both sums. Where the best caption is explained, its
/// words also have "gradient" [rows · cols], which sums to 1, and "rank_correlation" (null where one of the maps is even),
/// and "rank_correlation" beside "words" is their mean.
Json caption_record(const SeenPicture& picture);

/// JSON on one line, valid UTF-8 whatever is in it.
std::string one_line(const Json& json);

}  // namespace attend
