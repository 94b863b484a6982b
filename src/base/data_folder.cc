#include "base/data_folder.h"

#include <dlfcn.h>
#include <link.h>

#include <cstdlib>
#include <vector>

#include "base/error.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEmbedded = "everyday.safetensors";

/// The shared library that this code is a part of; empty where it is a part of the program.
fs::path own_library() {
  Dl_info ignored;
  link_map* map = nullptr;
  const auto* here = reinterpret_cast<const void*>(&own_library);
  if (::dladdr1(here, &ignored, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0 || !map) return {};
  return map->l_name;
}

}  // namespace

fs::path data_folder(const std::string& name) {
  std::vector<const char*> places{"../../data", "../share/attend"};
  fs::path own = own_library();
  if (own.empty())
    own = fs::read_symlink("/proc/self/exe");
  else
    own = fs::canonical(own), places.push_back("../../share/attend");  // lib/x86_64-linux-gnu/libattend.so
  std::string looked;
  for (const char* place : places) {
    const fs::path folder = (own.parent_path() / place / name).lexically_normal();
    if (std::error_code error; fs::is_directory(folder, error)) return folder;
    looked += (looked.empty() ? "" : " nor ") + folder.string();
  }
  throw InputError("attend's own " + name + " are in neither " + looked);
}

fs::path embedded_model(const std::string& how) {
  if (const char* named = std::getenv("ATTEND_MODEL"); named && *named) return named;
  const std::string advice = "; name a model " + how + " or in the environment variable ATTEND_MODEL";
  fs::path folder;
  try {
    folder = data_folder("models");
  } catch (const InputError& error) {
    throw InputError(error.what() + advice);
  }
  const fs::path model = folder / kEmbedded;
  if (std::error_code error; !fs::exists(model, error)) throw InputError(model.string() + ": is missing" + advice);
  return model;
}

}  // namespace attend
