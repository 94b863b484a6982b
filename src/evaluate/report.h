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

/// How people are told of a measure: shares of one times 100, with a digit behind the point; CIDEr, which has no upper end, as it
/// is, with three.
struct FigureForm {
  double factor;
  int digits;
};
FigureForm figure_form(const std::string& key);

/// A figure as people are told of it.
struct FigureRow {
  std::string title, value;
  std::string unit = {};     // " %", with the blank before it
  std::string range = {};    // "25.1 to 27.8", which holds it with 95 % certainty
  std::string other = {};    // the same of the results file it is compared with
  std::string p_value = {};  // "p = 0.012" of that comparison
  enum Kind { name, number, measure } kind = number;
};

/// The figures of add_figures() and what was measured, in the order that people are told of them.
std::vector<FigureRow> figure_rows(const Json& figures, const Evaluation& evaluation);

/// The same as a table, in lines.
std::string figures_table(const Json& figures, const Evaluation& evaluation);

/// Writes image_id, file, caption, words and every measure of each picture as CSV (RFC 4180). A text that a spreadsheet
/// would take for a formula (it begins with = + - @, a tab or a line's end) gets an apostrophe in front; a figure that
/// isn't defined is an empty field. Atomic.
void write_picture_csv(const std::filesystem::path& file, const std::vector<Example>& examples,
                       const std::vector<std::string>& captions, const Evaluation& evaluation);

}  // namespace attend
