// HTML pages: texts that are filled in are found again, and nothing else changes.
#include <cstdint>
#include <cstdlib>

#include "text/html_images.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view page(reinterpret_cast<const char*>(data), size);
  const auto found = attend::read_html(page);
  std::vector<std::pair<size_t, std::string>> texts;
  for (size_t i = 0; i < found.images.size(); ++i) texts.emplace_back(i, "\"<'&amp;\xc3\xa4");
  const std::string filled = attend::with_alt_texts(page, found, texts);
  const auto again = attend::read_html(filled);
  if (again.images.size() != found.images.size() || again.has_base != found.has_base) std::abort();
  for (size_t i = 0; i < found.images.size(); ++i) {
    const auto &before = found.images[i], &after = again.images[i];
    if (after.alt != texts[i].second || after.source != before.source || after.decorative != before.decorative)
      std::abort();
    if (const auto local = attend::local_file(before.source); local && local->first.empty() && !local->second)
      std::abort();
  }
  if (attend::with_alt_texts(page, found, {}) != page) std::abort();
  return 0;
}
