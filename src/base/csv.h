// Tables as spreadsheets read them: CSV (RFC 4180).
#pragma once

#include <string>
#include <vector>

namespace attend {

/// A text as a field of a CSV file: one that a spreadsheet would take for a formula begins with an apostrophe.
std::string csv_field(const std::string& text);

/// The text of a field that csv_field() made, without the quotes: without the apostrophe that it may have got.
std::string csv_text(const std::string& field);

/// Fields as they are to stand, between commas, and the end of the line.
std::string csv_row(const std::vector<std::string>& fields);

}  // namespace attend
