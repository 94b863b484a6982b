// Any bytes as fields of a line, cells of a table, base64 and XMP: what is written is read back.
#include <cstdint>
#include <cstdlib>

#include "base/base64.h"
#include "base/csv.h"
#include "base/error.h"
#include "base/escape.h"
#include "data/caption_list.h"
#include "pipeline/xmp.h"
#include "train/rank_place.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (attend::unescaped(attend::escaped(text)) != text) std::abort();
  if (attend::from_base64(attend::base64(text)) != text) std::abort();
  attend::from_base64(text);
  const std::vector<std::string> fields{text, "", text.substr(size / 2)};
  std::string line = attend::joined_line(fields);
  if (line.find('\n') != line.size() - 1) std::abort();
  line.pop_back();
  if (attend::parted_line(line) != fields) std::abort();

  const std::string row = attend::csv_row({attend::csv_field(fields[0]), attend::csv_field(fields[2]), "x"});
  attend::TableReader written(row, ',');
  const auto cells = written.next();
  if (!cells || cells->size() != 3 || written.next()) std::abort();
  if (attend::csv_text((*cells)[0]) != fields[0] || attend::csv_text((*cells)[1]) != fields[2]) std::abort();
  for (const char separator : {',', '\t'}) {
    try {
      attend::TableReader table(text, separator);
      while (table.next()) {
      }
    } catch (const attend::InputError&) {
    }
  }
  if (!attend::is_own_xmp(attend::xmp_packet(text))) std::abort();
  attend::is_own_xmp(text);
  attend::first_of_node_list(text);
  return 0;
}
