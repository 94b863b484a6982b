// Folders that are to be there.
#pragma once

#include <filesystem>

namespace attend {

/// Makes the folder and those above it, where they aren't there. Throws Error that names it and the reason.
void make_folder(const std::filesystem::path& folder);

}  // namespace attend
