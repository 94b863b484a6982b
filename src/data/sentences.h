// Captions without pictures: a text file, a caption a line.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace attend {

/// The lines of a text file, gzipped or not, trimmed; empty ones are passed over, marks at a sentence's ends taken off. Lines
/// without a word are left out with a warning. Throws InputError when more than `max_faulty` of the lines are, when none is
/// left, and for a file that can't be read or is cut short.
std::vector<std::string> read_sentences(const std::filesystem::path& file, double max_faulty);

}  // namespace attend
