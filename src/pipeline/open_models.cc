#include "pipeline/open_models.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace attend {
namespace {

/// A file that has no name in any folder and is gone with the value.
class MemoryFile {
 public:
  explicit MemoryFile(std::span<const std::byte> bytes) : descriptor_(::memfd_create("attend-model", MFD_CLOEXEC)) {
    for (size_t done = 0; descriptor_ >= 0 && done < bytes.size();) {
      const ssize_t written = ::write(descriptor_, bytes.data() + done, bytes.size() - done);
      if (written > 0) done += static_cast<size_t>(written);
      if (written >= 0 || errno == EINTR) continue;
      ::close(descriptor_);
      descriptor_ = -1;
    }
    if (descriptor_ < 0) throw Error(std::string("a model in memory can't be mapped: ") + std::strerror(errno));
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

}  // namespace

Captioner load_captioner(std::span<const std::byte> bytes, const std::string& source) {
  const MemoryFile file(bytes);
  try {
    return load_captioner(file.path());
  } catch (const InputError& error) {
    const std::string what = error.what();
    throw InputError(what.starts_with(file.path()) ? source + what.substr(file.path().size()) : what);
  }
}

Ensemble make_ensemble(std::vector<Captioner> captioners, const std::vector<std::string>& sources, const ModelChoice& choice,
                       torch::Device device) {
  check_input_size(choice.input_size);
  for (auto& captioner : captioners) {
    if (choice.precision != "model") captioner.set_precision(choice.precision);
    if (choice.input_size > 0) {
      captioner.options.encoder.input_size = choice.input_size;
      check_model_options(captioner.options);
    }
    captioner.to(device);
  }
  return Ensemble(std::move(captioners), sources);
}

Ensemble open_models(const ModelChoice& choice, torch::Device device) {
  std::vector<Captioner> captioners;
  std::vector<std::string> sources;
  for (const auto& model : choice.models) {
    captioners.push_back(load_captioner(model));
    sources.push_back(model.string());
  }
  return make_ensemble(std::move(captioners), sources, choice, device);
}

std::string credit_of(const Ensemble& ensemble) {
  if (ensemble.size() > 1) return "by attend, an ensemble of " + std::to_string(ensemble.size()) + " models";
  const Json& about = ensemble.first().about;
  const auto name = about.find("name");
  return name != about.end() && name->is_string() ? "by attend, model " + name->get<std::string>() : "by attend";
}

}  // namespace attend
