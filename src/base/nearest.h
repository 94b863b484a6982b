// What somebody may have meant by a name that there isn't.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace attend {

/// The candidates most like `word`, best first, at most `most` of them: those that start with it, then those the fewest
/// edits away; none where none is near. Of equally near ones the earlier candidate comes first.
std::vector<std::string> nearest(const std::string& word, const std::vector<std::string>& candidates, size_t most);

/// "; there is beach.jpg" where `path`, which isn't there, differs from a file that is only in what a list or another system
/// puts into names: blanks or quotes around it, a column behind it, \ for /, %20, file://, upper and lower case, accents as
/// characters of their own (macOS), another ending. "" where there is none, or several. Looks through the folder.
std::string near_file(const std::filesystem::path& path);

}  // namespace attend
