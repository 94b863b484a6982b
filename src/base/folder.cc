#include "base/folder.h"

#include <system_error>

#include "base/error.h"

namespace attend {

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error(folder.string() + ": the folder can't be made: " + error.message());
}

}  // namespace attend
