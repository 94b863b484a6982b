#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "base/archive.h"
#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int file = ::memfd_create("archive", MFD_CLOEXEC);
  if (file < 0 || ::write(file, data, size) != static_cast<ssize_t>(size)) std::abort();
  const std::filesystem::path path = "/proc/self/fd/" + std::to_string(file);
  try {
    for (const auto& member : attend::list_archive(path, [](const auto&, std::string_view) {}).members) {
      if (member.name.empty() || member.name[0] == '/') std::abort();
      for (const auto& part : std::filesystem::path(member.name))
        if (part == "..") std::abort();
      try {
        if (attend::read_archive_member(path / member.name)->size() != member.size) std::abort();
      } catch (const attend::InputError&) {
      }
    }
  } catch (const attend::InputError&) {
  }
  ::close(file);
  return 0;
}
