// From what a person names on a command line to picture files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace attend {

/// The files that `arguments` name, in their order. A file stands for itself whatever its extension. A folder stands
/// for the files in it with a picture's extension (.jpg .jpeg .jpe .jfif .png .gif .webp .tif .tiff .bmp, any case),
/// with `recursive` also those in its subfolders, sorted bytewise by name, without hidden ones; a folder that links
/// lead back to is walked once, and one that can't be read stands in the list itself, for whoever reads it to report.
/// An argument that doesn't exist but has *, ? or [ in it is a glob pattern. Names may hold any bytes. Throws
/// InputError when an argument names nothing.
std::vector<std::filesystem::path> find_pictures(const std::vector<std::string>& arguments, bool recursive);

}  // namespace attend
