#include <algorithm>
#include <charconv>
#include <numeric>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "metrics/meteor_tables.h"
#include "metrics/meteor_tables_format.h"

namespace attend {
namespace {

/// Lines of a mapped text file.
class Lines {
 public:
  explicit Lines(const std::filesystem::path& path)
      : name_(path.string()),
        file_(path),
        rest_(reinterpret_cast<const char*>(file_.bytes().data()), file_.bytes().size()) {}

  bool done() const { return rest_.empty(); }
  std::string_view next() {
    if (done()) fail("a line is missing");
    ++number_;
    const auto end = std::min(rest_.find('\n'), rest_.size());
    auto line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw InputError(name_ + ":" + std::to_string(number_) + ": " + what);
  }

 private:
  std::string name_;
  MappedFile file_;
  std::string_view rest_;
  size_t number_ = 0;
};

template <class Use>
void each_word(std::string_view line, Use use) {
  for (size_t at = 0; at < line.size();) {
    const size_t end = std::min(line.find(' ', at), line.size());
    if (end > at) use(line.substr(at, end - at));
    at = end + 1;
  }
}

/// The tables while they are gathered: words numbered as they come, phrases as nodes of a tree as they come.
class Builder {
 public:
  void read_function_words(Lines lines) {
    while (!lines.done())
      if (const auto line = lines.next(); !line.empty()) function_words_.push_back(number(line));
  }

  void read_synonyms(Lines lines) {
    while (!lines.done()) {
      const uint32_t word = number(lines.next());
      each_word(lines.next(), [&](std::string_view text) {
        uint32_t set = 0;
        if (std::from_chars(text.data(), text.data() + text.size(), set).ptr != text.data() + text.size())
          lines.fail("\"" + std::string(text) + "\" is not the number of a synonym set");
        sets_[word].push_back(set);
      });
    }
  }

  void read_exceptions(Lines lines) {
    while (!lines.done()) {
      const uint32_t base = number(lines.next());
      each_word(lines.next(), [&](std::string_view form) { bases_[number(form)].push_back(base); });
    }
  }

  void read_paraphrases(Lines lines) {
    while (!lines.done()) {
      lines.next();  // a probability, which METEOR doesn't use
      const uint32_t from = phrase(lines.next()), to = phrase(lines.next());
      pairs_.emplace_back(from, to);
    }
  }

  void write(const std::filesystem::path& path) {
    number_words();
    number_phrases();
    MeteorHeader header;
    for (size_t i = 0; i < kMeteorSections; ++i)
      header.sizes[i] = static_cast<uint32_t>(i == kText ? text_.size() : sections_[i].size());
    AtomicFile out(path);
    out.write(&header, sizeof header);
    for (const auto& section : sections_) out.write(section.data(), section.size() * sizeof(uint32_t));
    out.write(text_);
    out.commit();
  }

 private:
  uint32_t number(std::string_view word) {
    const auto [found, is_new] = numbers_.try_emplace(std::string(word), static_cast<uint32_t>(numbers_.size()));
    if (is_new) {
      sets_.emplace_back();
      bases_.emplace_back();
    }
    return found->second;
  }

  uint32_t phrase(std::string_view words) {
    uint32_t node = 0;
    each_word(words, [&](std::string_view word) {
      const uint64_t key = static_cast<uint64_t>(node) << 32 | number(word);
      const auto [found, is_new] = nodes_.try_emplace(key, static_cast<uint32_t>(nodes_.size() + 1));
      node = found->second;
    });
    return node;
  }

  /// Gives words their final numbers, in the order of their bytes, and fills the sections that hold words.
  void number_words() {
    std::vector<std::pair<std::string_view, uint32_t>> sorted(numbers_.begin(), numbers_.end());
    std::sort(sorted.begin(), sorted.end());
    final_word_.resize(sorted.size());
    for (size_t i = 0; i < sorted.size(); ++i) final_word_[sorted[i].second] = static_cast<uint32_t>(i);

    for (const uint32_t word : function_words_) sections_[kFunctionWords].push_back(final_word_[word]);
    std::sort(sections_[kFunctionWords].begin(), sections_[kFunctionWords].end());
    for (const auto& [text, word] : sorted) {
      begin(kTextBegin, text_.size());
      begin(kSetBegin, sections_[kSets].size());
      begin(kBaseBegin, sections_[kBases].size());
      text_ += text;
      std::sort(sets_[word].begin(), sets_[word].end());
      for (const uint32_t set : sets_[word]) sections_[kSets].push_back(set);
      for (const uint32_t base : bases_[word]) sections_[kBases].push_back(final_word_[base]);
    }
    begin(kTextBegin, text_.size());
    begin(kSetBegin, sections_[kSets].size());
    begin(kBaseBegin, sections_[kBases].size());
  }

  /// Gives nodes their final numbers, one depth after the other, so that children stand side by side.
  void number_phrases() {
    struct Node {
      uint32_t parent, word, number;
    };
    std::vector<Node> waiting;
    waiting.reserve(nodes_.size());
    for (const auto& [key, node] : nodes_)
      waiting.push_back({static_cast<uint32_t>(key >> 32), final_word_[static_cast<uint32_t>(key)], node});
    nodes_.clear();
    constexpr uint32_t kUnnumbered = 0xffffffff;
    std::vector<uint32_t> final_node(waiting.size() + 1, kUnnumbered);
    final_node[0] = 0;
    auto& words = sections_[kNodeWord];
    auto& children = sections_[kNodeChild];
    words.push_back(0);
    uint32_t parents_done = 0;  // parents whose first child is written
    for (auto rest = waiting.begin(); rest != waiting.end();) {
      const auto depth_end =
          std::partition(rest, waiting.end(), [&](const Node& node) { return final_node[node.parent] != kUnnumbered; });
      std::sort(rest, depth_end, [&](const Node& a, const Node& b) {
        return std::pair(final_node[a.parent], a.word) < std::pair(final_node[b.parent], b.word);
      });
      std::vector<std::pair<uint32_t, uint32_t>> numbered;  // only after the loop, or deeper nodes would join in
      for (; rest != depth_end; ++rest) {
        const auto final_number = static_cast<uint32_t>(words.size());
        for (; parents_done <= final_node[rest->parent]; ++parents_done) children.push_back(final_number);
        words.push_back(rest->word);
        numbered.emplace_back(rest->number, final_number);
      }
      for (const auto& [node, final_number] : numbered) final_node[node] = final_number;
    }
    children.resize(words.size() + 1, static_cast<uint32_t>(words.size()));

    for (auto& [from, to] : pairs_) {
      from = final_node[from];
      to = final_node[to];
    }
    std::sort(pairs_.begin(), pairs_.end());
    pairs_.erase(std::unique(pairs_.begin(), pairs_.end()), pairs_.end());
    auto pair = pairs_.begin();
    for (uint32_t node = 0; node < words.size(); ++node) {
      begin(kParaphraseBegin, sections_[kParaphrases].size());
      for (; pair != pairs_.end() && pair->first == node; ++pair) sections_[kParaphrases].push_back(pair->second);
    }
    begin(kParaphraseBegin, sections_[kParaphrases].size());
  }

  void begin(MeteorSection section, size_t at) { sections_[section].push_back(static_cast<uint32_t>(at)); }

  std::unordered_map<std::string, uint32_t> numbers_;
  std::vector<uint32_t> function_words_, final_word_;
  std::vector<std::vector<uint32_t>> sets_, bases_;   // by word
  std::unordered_map<uint64_t, uint32_t> nodes_;      // parent and word → node
  std::vector<std::pair<uint32_t, uint32_t>> pairs_;  // nodes
  std::array<std::vector<uint32_t>, kText> sections_;
  std::string text_;
};

}  // namespace

void write_meteor_tables(const std::filesystem::path& folder, const std::filesystem::path& file) {
  Builder builder;
  builder.read_function_words(Lines(folder / "english.words"));
  builder.read_synonyms(Lines(folder / "english.synsets"));
  builder.read_exceptions(Lines(folder / "english.exceptions"));
  builder.read_paraphrases(Lines(folder / "paraphrase-en"));
  builder.write(file);
}

}  // namespace attend
