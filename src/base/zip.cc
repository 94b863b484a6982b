#include "base/zip.h"

#include <sys/stat.h>
#include <zip.h>

#include <algorithm>
#include <mutex>

#include "base/error.h"

namespace attend {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kFree = 64 * kMiB, kMostRatio = 100;  // what a member may unpack to
constexpr size_t kMostHandles = 16;

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using Handle = std::unique_ptr<zip_t, Discard>;  // of one thread at a time

bool is_link(zip_t* archive, uint64_t number) {
  zip_uint8_t system = 0;
  zip_uint32_t attributes = 0;
  return zip_file_get_external_attributes(archive, number, 0, &system, &attributes) == 0 && system == ZIP_OPSYS_UNIX &&
         S_ISLNK(attributes >> 16);
}

/// The first bytes, at most `most`. Throws InputError that begins with `name`.
std::string unpack(zip_t* archive, const zip_stat_t& status, uint64_t most, const std::string& name) {
  const uint64_t wanted = std::min<uint64_t>(status.size, most);
  if (wanted > kFree && status.size / kMostRatio > status.comp_size)
    throw InputError(name + ": unpacks to more than " + std::to_string(kMostRatio) + " times its size; refused");
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(zip_fopen_index(archive, status.index, 0), zip_fclose);
  if (!file) throw InputError(name + ": can't be unpacked: " + zip_strerror(archive));
  std::string bytes;
  zip_int64_t step = 1;
  while (step > 0 && bytes.size() < wanted) {
    const size_t done = bytes.size(), part = std::min<uint64_t>(wanted - done, kMiB);
    bytes.resize(done + part);
    step = zip_fread(file.get(), bytes.data() + done, part);
    bytes.resize(done + static_cast<size_t>(std::max<zip_int64_t>(step, 0)));
  }
  char beyond;  // the read behind the last byte is the one that compares the checksum
  if (step < 0 || bytes.size() < wanted || (wanted == status.size && zip_fread(file.get(), &beyond, 1) != 0)) {
    const std::string why = zip_error_code_zip(zip_file_get_error(file.get())) == ZIP_ER_OK
                                ? "its size isn't what the archive says"
                                : zip_file_strerror(file.get());
    throw InputError(name + ": is damaged in the archive: " + why);
  }
  return bytes;
}

}  // namespace

struct ZipFile::State {
  std::filesystem::path path;
  std::mutex mutex;
  std::vector<Handle> handles;  // that nobody uses

  Handle take() {
    {
      const std::lock_guard lock(mutex);
      if (!handles.empty()) {
        Handle handle = std::move(handles.back());
        handles.pop_back();
        return handle;
      }
    }
    int fault = 0;
    Handle handle(zip_open(path.c_str(), ZIP_RDONLY, &fault));
    if (handle) return handle;
    zip_error_t error;
    zip_error_init_with_code(&error, fault);
    const std::string why = zip_error_strerror(&error);
    zip_error_fini(&error);
    throw InputError(path.string() + ": not a whole zip archive (damaged, or cut short): " + why);
  }

  void give_back(Handle handle) {
    const std::lock_guard lock(mutex);
    if (handles.size() < kMostHandles) handles.push_back(std::move(handle));
  }
};

ZipFile::ZipFile(std::filesystem::path path) : state_(std::make_unique<State>()) { state_->path = std::move(path); }

ZipFile::~ZipFile() = default;

ArchiveContents ZipFile::list(const LookAtMember& look) {
  Handle archive = state_->take();
  ArchiveContents contents;
  const auto count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t status;
    const auto number = static_cast<uint64_t>(i);
    constexpr auto kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(archive.get(), number, 0, &status) != 0 || (status.valid & kNeeded) != kNeeded) {
      contents.refused["its entry in the archive's list is damaged"].push_back("number " + std::to_string(number + 1));
      continue;
    }
    const std::string name = status.name;
    if (name.ends_with('/')) continue;
    if ((status.valid & ZIP_STAT_ENCRYPTION_METHOD) && status.encryption_method != ZIP_EM_NONE) {
      contents.refused["encrypted; unpack the archive with its password first"].push_back(name);
    } else if (!zip_compression_method_supported(status.comp_method, 0)) {
      contents.refused["packed by a method that isn't known here; unpack the archive first"].push_back(name);
    } else if (is_link(archive.get(), number)) {
      contents.passed_over["a link to another file"].push_back(name);
    } else {
      const size_t before = contents.members.size();
      contents.add(name, number, status.size);
      if (contents.members.size() == before || !look) continue;
      try {
        look(contents.members.back(), unpack(archive.get(), status, kLookBytes, name));
      } catch (const InputError&) {  // whoever reads it says so
        look(contents.members.back(), "");
      }
    }
  }
  state_->give_back(std::move(archive));
  contents.settle();
  return contents;
}

std::string ZipFile::read(uint64_t number, size_t most, const std::string& name) {
  Handle archive = state_->take();
  zip_stat_t status;
  if (zip_stat_index(archive.get(), number, 0, &status) != 0)
    throw InputError(name + ": " + zip_strerror(archive.get()));
  std::string bytes = unpack(archive.get(), status, most, name);
  state_->give_back(std::move(archive));
  return bytes;
}

}  // namespace attend
