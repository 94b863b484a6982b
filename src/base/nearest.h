// What somebody may have meant by a name that there isn't.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace attend {

/// The candidates most like `word`, best first, at most `most` of them: those that start with it, then those the fewest
/// edits away; none where none is near. Of equally near ones the earlier candidate comes first.
std::vector<std::string> nearest(const std::string& word, const std::vector<std::string>& candidates, size_t most);

}  // namespace attend
