// Indexes of captioned pictures: joined with themselves they stay as they are, and say what they have read.
#include <cstdlib>

#include "base/error.h"
#include "memory_file.h"
#include "pipeline/captioned_index.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string joined = attend::CaptionedIndex::joined({text, text});
  if (!attend::CaptionedIndex::is_index(joined)) std::abort();
  if (attend::CaptionedIndex::joined({joined}) != joined) std::abort();
  for (const std::string_view bytes : {text, std::string_view(joined)}) {
    const attend::fuzz::MemoryFile file(bytes.data(), bytes.size());
    try {
      attend::CaptionedIndex index(file.path());
      index.knows(file.path(), {bytes.size(), 0});
      index.add(attend::CaptionedIndex::line_of(file.path(), attend::CaptionedIndex::stamp_of(file.path())));
      if (!index.knows(file.path(), attend::CaptionedIndex::stamp_of(file.path()))) continue;
      if (bytes.data() == joined.data() && index.faulty_lines() > 0) std::abort();
    } catch (const attend::Error&) {
    }
  }
  return 0;
}
