// Zip archives in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/tensor_view.h"

struct zip;

namespace attend::formats {

class ZipArchive {
 public:
  /// `bytes` must outlive it. `source` names it in errors. Throws InputError where it is no whole archive.
  ZipArchive(std::span<const std::byte> bytes, std::string source);

  const std::string& source() const { return source_; }
  std::vector<std::string> names() const;
  /// The size that the archive gives `name`, in bytes; nothing if it has none such.
  std::optional<uint64_t> size(const std::string& name) const;
  /// The bytes of `name`, unpacked and their checksum compared. All that is read from one archive together is bounded by its
  /// own size, so that a small file can't fill the memory. Throws InputError.
  Buffer read(const std::string& name);

 private:
  const std::string source_;
  std::unique_ptr<zip, void (*)(zip*)> archive_;
  uint64_t left_;  // bytes that may still be unpacked
};

}  // namespace attend::formats
