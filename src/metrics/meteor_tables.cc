#include "metrics/meteor_tables.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "base/data_folder.h"
#include "base/error.h"
#include "metrics/meteor_tables_format.h"

namespace attend {
namespace {

/// Whether begin[0], begin[1], … rise from 0 to `end`, for `count` entries and one more.
bool is_partition(std::span<const uint32_t> begin, size_t count, size_t end) {
  return begin.size() == count + 1 && begin.front() == 0 && begin.back() == end &&
         std::is_sorted(begin.begin(), begin.end());
}

bool all_below(std::span<const uint32_t> numbers, size_t limit) {
  return std::all_of(numbers.begin(), numbers.end(), [&](uint32_t number) { return number < limit; });
}

/// The regular endings that WordNet takes off, in the order it tries them: nouns, verbs, adjectives.
constexpr std::array<std::pair<std::string_view, std::string_view>, 18> kEndings = {{{"s", ""},
                                                                                     {"ses", "s"},
                                                                                     {"xes", "x"},
                                                                                     {"zes", "z"},
                                                                                     {"ches", "ch"},
                                                                                     {"shes", "sh"},
                                                                                     {"men", "man"},
                                                                                     {"ies", "y"},
                                                                                     {"es", "e"},
                                                                                     {"es", ""},
                                                                                     {"ed", "e"},
                                                                                     {"ed", ""},
                                                                                     {"ing", "e"},
                                                                                     {"ing", ""},
                                                                                     {"er", ""},
                                                                                     {"est", ""},
                                                                                     {"er", "e"},
                                                                                     {"est", "e"}}};

}  // namespace

MeteorTables::MeteorTables(const std::filesystem::path& path) : file_(path) {
  const auto bytes = file_.bytes();
  const auto fail = [&] {
    throw InputError(path.string() + ": not METEOR's tables, or cut short; tools/fetch-meteor makes them");
  };
  MeteorHeader header;
  if (bytes.size() < sizeof header) fail();
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kMeteorMagic) fail();
  size_t at = sizeof header;
  const auto take = [&](MeteorSection section) -> std::span<const uint32_t> {
    const size_t size = header.sizes[section];
    if ((bytes.size() - at) / sizeof(uint32_t) < size) fail();
    const auto* first = reinterpret_cast<const uint32_t*>(bytes.data() + at);
    at += size * sizeof(uint32_t);
    return {first, size};
  };
  function_words_ = take(kFunctionWords);
  text_begin_ = take(kTextBegin);
  set_begin_ = take(kSetBegin);
  sets_ = take(kSets);
  base_begin_ = take(kBaseBegin);
  bases_ = take(kBases);
  node_word_ = take(kNodeWord);
  node_child_ = take(kNodeChild);
  paraphrase_begin_ = take(kParaphraseBegin);
  paraphrases_ = take(kParaphrases);
  if (bytes.size() - at != header.sizes[kText]) fail();
  text_ = {reinterpret_cast<const char*>(bytes.data() + at), header.sizes[kText]};

  // The small tables are checked here, the phrases' tree where it is walked: that would read the whole file.
  const size_t words = text_begin_.empty() ? 0 : text_begin_.size() - 1, nodes = node_word_.size();
  const bool good = is_partition(text_begin_, words, text_.size()) && is_partition(set_begin_, words, sets_.size()) &&
                    is_partition(base_begin_, words, bases_.size()) && all_below(bases_, words) && nodes > 0 &&
                    node_child_.size() == nodes + 1 && paraphrase_begin_.size() == nodes + 1;
  if (!good) fail();
}

std::string_view MeteorTables::text(uint32_t word) const {
  return {text_.data() + text_begin_[word], text_begin_[word + 1] - text_begin_[word]};
}

std::optional<uint32_t> MeteorTables::word(std::string_view wanted) const {
  uint32_t low = 0, high = static_cast<uint32_t>(text_begin_.size() - 1);
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (text(middle) < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  if (low + 1 >= text_begin_.size() || text(low) != wanted) return std::nullopt;
  return low;
}

bool MeteorTables::is_function_word(uint32_t word) const {
  return std::binary_search(function_words_.begin(), function_words_.end(), word);
}

void MeteorTables::add_own_sets(uint32_t word, std::vector<uint32_t>& sets) const {
  sets.insert(sets.end(), sets_.begin() + set_begin_[word], sets_.begin() + set_begin_[word + 1]);
}

std::vector<uint32_t> MeteorTables::synonym_sets(std::string_view text) const {
  std::vector<uint32_t> sets;
  const auto number = word(text);
  if (number) add_own_sets(*number, sets);
  if (number && base_begin_[*number] < base_begin_[*number + 1]) {  // an irregular form
    for (uint32_t i = base_begin_[*number]; i < base_begin_[*number + 1]; ++i) add_own_sets(bases_[i], sets);
  } else if (text.size() > 2 && !text.ends_with("ss")) {
    for (const auto& [ending, base_ending] : kEndings) {
      if (!text.ends_with(ending)) continue;
      const auto base = word(std::string(text.substr(0, text.size() - ending.size())).append(base_ending));
      if (!base || set_begin_[*base] == set_begin_[*base + 1]) continue;
      add_own_sets(*base, sets);
      break;
    }
  }
  std::sort(sets.begin(), sets.end());
  sets.erase(std::unique(sets.begin(), sets.end()), sets.end());
  return sets;
}

uint32_t MeteorTables::longer(uint32_t phrase, uint32_t word) const {
  if (phrase >= node_word_.size()) return kNoPhrase;
  const uint32_t begin = node_child_[phrase], end = node_child_[phrase + 1];
  if (begin > end || end > node_word_.size()) return kNoPhrase;
  const auto children = node_word_.subspan(begin, end - begin);
  const auto found = std::lower_bound(children.begin(), children.end(), word);
  if (found == children.end() || *found != word) return kNoPhrase;
  return begin + static_cast<uint32_t>(found - children.begin());
}

bool MeteorTables::lists(uint32_t phrase, uint32_t paraphrase) const {
  if (phrase >= node_word_.size()) return false;
  const uint32_t begin = paraphrase_begin_[phrase], end = paraphrase_begin_[phrase + 1];
  if (begin > end || end > paraphrases_.size()) return false;
  return std::binary_search(paraphrases_.begin() + begin, paraphrases_.begin() + end, paraphrase);
}

std::shared_ptr<const MeteorTables> find_meteor_tables(std::filesystem::path file) {
  if (file.empty()) {
    try {
      file = data_folder("meteor") / "english.meteor";
    } catch (const InputError&) {
      return nullptr;
    }
    if (!std::filesystem::exists(file)) return nullptr;
  }
  return std::make_shared<const MeteorTables>(file);
}

}  // namespace attend
