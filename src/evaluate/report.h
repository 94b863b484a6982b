// What is said of an evaluation: figures as JSON, as a table, and a line a picture.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"
#include "data/dataset.h"
#include "evaluate/evaluation.h"

namespace attend {

/// Names of models, a string or a list of them, on one line.
std::string joined(const Json& names);

/// Adds the figures by their keys, BLEU, METEOR and ROUGE-L as shares of one, null where one isn't defined; then "intervals" and "comparison", an
/// entry a measure. Nothing for an evaluation without pictures.
void add_figures(const Evaluation& evaluation, Json& figures);

/// The same as a table, in lines.
std::string figures_table(const Json& figures, const Evaluation& evaluation);

/// Writes image_id, file, caption, words and every measure of each picture as CSV (RFC 4180). A text that a spreadsheet
/// would take for a formula (it begins with = + - @, a tab or a line's end) gets an apostrophe in front; a figure that
/// isn't defined is an empty field. Atomic.
void write_picture_csv(const std::filesystem::path& file, const std::vector<Example>& examples,
                       const std::vector<std::string>& captions, const Evaluation& evaluation);

}  // namespace attend
