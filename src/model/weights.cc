#include "model/weights.h"

#include "base/files.h"

namespace attend {

std::string quote(std::string_view text) {
  constexpr size_t kMost = 120;
  std::string shown(text.substr(0, kMost));
  if (text.size() > kMost) shown += "...";
  return Json(shown).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace attend
