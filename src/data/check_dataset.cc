#include "data/check_dataset.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "base/console.h"
#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "data/hash.h"
#include "text/ptb_tokenizer.h"
#include "vision/picture.h"

namespace attend {
namespace {

/// Decodes each picture; returns the hashes of their bytes, 0 for one that can't be read.
std::vector<uint64_t> look_at_pictures(const std::vector<Example>& examples, int threads, Findings& problems) {
  constexpr int kReducedTo = 224;
  std::vector<uint64_t> hashes(examples.size());
  std::vector<std::string> refusals(examples.size());
  Progress progress("checking", static_cast<int64_t>(examples.size()));
  std::mutex mutex;
  int64_t done = 0;
  parallel_for(examples.size(), threads, [&](size_t i) {
    if (interrupted()) throw Interrupted("interrupted");
    try {
      const std::string bytes = read_regular_file(examples[i].picture);
      hashes[i] = hash_bytes(bytes);
      decode_picture({reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()}, examples[i].picture.string(),
                     kReducedTo);
    } catch (const InputError& error) {
      refusals[i] = error.what();
    }
    const std::lock_guard lock(mutex);
    progress.update(++done);
  });
  for (auto& refusal : refusals)
    if (!refusal.empty()) problems["pictures that can't be read"].push_back(std::move(refusal));
  return hashes;
}

void compare_pictures(const std::vector<Example>& examples, const std::vector<uint64_t>& hashes, Findings& problems) {
  std::unordered_map<uint64_t, size_t> first;
  for (size_t i = 0; i < examples.size(); ++i) {
    if (hashes[i] == 0) continue;
    const auto [known, is_new] = first.emplace(hashes[i], i);
    if (is_new) continue;
    const Example &one = examples[known->second], &other = examples[i];
    const bool apart = one.split != other.split;
    problems[apart ? "pictures with the same bytes in two splits" : "pictures with the same bytes"].push_back(
        other.picture.string() + " = " + one.picture.string() +
        (apart ? " (" + other.split + ", " + one.split + ")" : ""));
  }
}

void count_words(const std::vector<Example>& examples, int min_word_count, DatasetReport& report) {
  std::unordered_map<std::string, int64_t> counts;
  for (const auto& example : examples)
    for (const auto& caption : example.captions)
      for (auto& token : caption_tokens(caption)) ++counts[std::move(token)], ++report.words;
  int64_t unknown = 0;
  for (const auto& [word, count] : counts) {
    report.words_once += count == 1;
    if (count >= min_word_count)
      ++report.vocabulary;
    else
      unknown += count;
  }
  report.different_words = static_cast<int64_t>(counts.size());
  report.unknown_share = report.words > 0 ? static_cast<double>(unknown) / static_cast<double>(report.words) : 0;
}

}  // namespace

DatasetReport check_dataset(const std::filesystem::path& data, const CheckOptions& options) {
  DatasetReport report;
  const WholeDataset whole = read_everything(data, options.images, 1, &report.problems);
  const auto& examples = whole.dataset.examples;
  report.form = whole.form;
  report.images = whole.images;
  report.pictures = static_cast<int64_t>(examples.size());
  report.least_captions = examples.empty() ? 0 : INT64_MAX;
  for (const auto& example : examples) {
    ++report.splits[example.split];
    const auto count = static_cast<int64_t>(example.captions.size());
    report.captions += count;
    report.least_captions = std::min(report.least_captions, count);
    report.most_captions = std::max(report.most_captions, count);
    std::unordered_set<std::string> said;
    for (const auto& caption : example.captions)
      if (!said.insert(caption).second)
        report.problems["captions that a picture has twice"].push_back(example.picture.string() + ": " + caption);
  }
  if (report.captions == 0 && !examples.empty()) report.problems["no captions"].push_back(data.string());
  count_words(examples, options.min_word_count, report);
  if (options.pictures && !whole.images.empty())
    compare_pictures(examples, look_at_pictures(examples, options.threads, report.problems), report.problems);
  return report;
}

}  // namespace attend
