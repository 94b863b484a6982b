#include "formats/zip_archive.h"

#include <zip.h>

#include "base/error.h"
#include "base/printable.h"

namespace attend::formats {

ZipArchive::ZipArchive(std::span<const std::byte> bytes, std::string source)
    : source_(std::move(source)), archive_(nullptr, zip_discard), left_(16 * bytes.size() + (64 << 20)) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* opened = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  if (opened) archive_.reset(zip_open_from_source(opened, ZIP_RDONLY, &error));
  const std::string reason = zip_error_strerror(&error);
  if (opened && !archive_) zip_source_free(opened);
  zip_error_fini(&error);
  if (!archive_) throw InputError(source_ + ": is damaged or cut short (zip archive: " + reason + ")");
}

std::vector<std::string> ZipArchive::names() const {
  std::vector<std::string> names;
  const auto count = zip_get_num_entries(archive_.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i)
    if (const char* name = zip_get_name(archive_.get(), static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW))
      names.emplace_back(name);
  return names;
}

std::optional<uint64_t> ZipArchive::size(const std::string& name) const {
  zip_stat_t status;
  if (zip_stat(archive_.get(), name.c_str(), ZIP_FL_ENC_RAW, &status) != 0) return std::nullopt;
  if (!(status.valid & ZIP_STAT_SIZE)) return std::nullopt;
  return status.size;
}

Buffer ZipArchive::read(const std::string& name) {
  const auto bytes = size(name);
  if (!bytes) throw InputError(source_ + ": has no " + quote(name) + "; the file is damaged");
  if (*bytes > left_) throw InputError(source_ + ": unpacks to more than 16 times its size; refused");
  left_ -= *bytes;
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(zip_fopen(archive_.get(), name.c_str(), ZIP_FL_ENC_RAW),
                                                               zip_fclose);
  if (!file) throw InputError(source_ + ": " + quote(name) + " can't be unpacked: " + zip_strerror(archive_.get()));
  Buffer content(*bytes);
  uint64_t got = 0;
  zip_int64_t step = 1;
  uint8_t beyond;  // the read after the last byte is the one that compares the checksum
  while (step > 0 && got < *bytes)
    if ((step = zip_fread(file.get(), content.data.get() + got, *bytes - got)) > 0) got += static_cast<uint64_t>(step);
  if (got != *bytes || zip_fread(file.get(), &beyond, 1) != 0)
    throw InputError(source_ + ": " + quote(name) + " is damaged: " + zip_file_strerror(file.get()));
  return content;
}

}  // namespace attend::formats
