#include "text/ptb_line.h"

#include <algorithm>
#include <string>
#include <unordered_set>

namespace attend::ptb {
namespace {

using Set = std::unordered_set<std::string_view>;

/// What stands for a character entity, by its name; 0 for what is no entity.
char32_t entity_code(std::string_view name) {
  std::string folded(name);
  for (auto& c : folded) c = static_cast<char>(to_lower(static_cast<unsigned char>(c)));
  if (folded == "amp") return '&';
  if (folded == "lt") return kEntityLess;
  if (folded == "gt") return kEntityGreater;
  if (folded == "quot") return '"';
  if (folded == "apos") return '\'';
  if (folded == "nbsp") return ' ';
  if (folded == "md" || folded == "mdash" || folded == "ndash") return 0x2014;
  static const Set kPunctuation = {"ht", "tl", "ur", "lr", "qc", "ql", "qr", "odq", "cdq"};
  if (kPunctuation.contains(folded)) return kEntityPunctuation;
  if (folded.size() > 1 && folded[0] == '#') {
    const bool digits = std::all_of(folded.begin() + 1, folded.end(), [](char c) { return c >= '0' && c <= '9'; });
    return digits ? kEntityPunctuation : 0;
  }
  static const Set kAccents = {"acute", "grave", "uml"};
  const bool accented = !folded.empty() && is_one_of(static_cast<unsigned char>(folded[0]), "aeiou") &&
                        kAccents.contains(std::string_view(folded).substr(1));
  return accented ? kEntityLetter : 0;
}

}  // namespace

bool Line::entity(size_t& at) {
  constexpr size_t kLongest = 12;
  const auto end = source.substr(at, kLongest).find(';');
  if (end == std::string_view::npos) return false;
  const auto name = source.substr(at + 1, end - 1);
  const char32_t c = entity_code(name);
  if (c == 0) return false;
  code.push_back(c);
  at += end + 1;
  return true;
}

}  // namespace attend::ptb
