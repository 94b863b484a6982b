#include "text/noun_phrases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "text/ptb_tokenizer.h"

namespace attend {
namespace {

/// "[a dog] runs on [the grass]": the words, and where the phrases are.
struct Chunked {
  std::vector<std::string> words;
  std::vector<WordSpan> phrases;
};

Chunked chunked(const std::string& marked) {
  Chunked chunked;
  std::istringstream stream(marked);
  for (std::string word; stream >> word;) {
    const bool begins = word.front() == '[', ends = word.back() == ']';
    if (begins) chunked.phrases.push_back({chunked.words.size(), 0});
    chunked.words.push_back(word.substr(begins, word.size() - begins - ends));
    if (ends) chunked.phrases.back().end = chunked.words.size();
  }
  return chunked;
}

/// Chunked by hand, before the chunker had seen them.
const char* const kByHand[] = {"[a black dog] runs across [the wet sand]",
                               "[two men] in [yellow vests] are repairing [a road]",
                               "[a woman] wearing [a red coat] crosses [the street] with [her small child]",
                               "[three children] play in [a muddy puddle]",
                               "[a group] of [people] standing around [a camp fire] at [night]",
                               "[the man] with [the grey beard] is reading [a newspaper]",
                               "[a black and white cat] sleeps on top of [a wooden chair]",
                               "[a surfer] rides [a large wave] in [the ocean]",
                               "[a little girl] in [a pink dress] is blowing [soap bubbles]",
                               "[an old bicycle] leaning against [a brick wall]",
                               "[a boy] jumps off [the diving board] into [the pool]",
                               "[several birds] sit on [a power line] above [the houses]",
                               "[a brown horse] and [its foal] graze in [a green field]",
                               "[people] waiting for [the bus] in front of [a tall building]",
                               "[a young couple] dancing at [their wedding]",
                               "[a man 's hat] is lying on [the ground]",
                               "[two dogs] fight over [a tennis ball]",
                               "[a chef] prepares [food] in [a busy kitchen]",
                               "[the crowded market] is full of [fresh fruit] and [vegetables]",
                               "[a parked car] covered in [snow]",
                               "[one boy] is kicking [a football] while [another boy] watches him",
                               "[a snowboarder] flies through [the air] over [a steep slope]",
                               "[a plate] with [rice] , [beans] and [grilled chicken]",
                               "[a woman] holds [a smiling baby] on [her lap]",
                               "it is [a train] that stops at [a small station]",
                               "[four hikers] look at [the snowy mountains] from [a bridge]",
                               "[a dog] tries to catch [a frisbee] in [its mouth]",
                               "[a fisherman] mending [nets] beside [his boat]",
                               "[the red double decker bus] turns left at [the corner]",
                               "[a girl] with [long blond hair] plays [the violin] on [stage]",
                               "[a baseball player] slides into [second base]",
                               "[a herd] of [elephants] walks slowly along [the river]",
                               "there are [many boats] in [the harbour]",
                               "[an elderly man] feeds [pigeons] sitting on [a park bench]",
                               "[a skier] in [blue pants] jumps high above [the trees]",
                               "[kids] throw [snowballs] at each other in [the yard]",
                               "[a tower] seen from below against [a cloudy sky]",
                               "[a broken window] in [an abandoned house]",
                               "[the woman] , who is smiling , has [a camera] around [her neck]",
                               "[a race car] speeds around [the track] as [the crowd] cheers"};

TEST(NounPhrases, AgreeWithAPersonOnFortyCaptions) {
  size_t right = 0, found = 0, expected = 0, captions = 0;
  for (const auto* marked : kByHand) {
    auto [words, phrases] = chunked(marked);
    std::string text;
    for (const auto& word : words) text += (text.empty() || word.front() == '\'' ? "" : " ") + word;
    // Punctuation is no word of a caption.
    for (size_t i = words.size(); i-- > 0;) {
      if (words[i] != ",") continue;
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(i));
      for (auto& phrase : phrases) phrase.begin -= phrase.begin > i, phrase.end -= phrase.end > i;
    }
    ASSERT_EQ(caption_tokens(text), words);
    const auto got = noun_phrases(words);
    size_t same = 0;
    for (const auto& one : got) same += std::find(phrases.begin(), phrases.end(), one) != phrases.end();
    right += same, found += got.size(), expected += phrases.size();
    captions += got == phrases;
    if (got == phrases) continue;
    std::string shown;
    for (size_t i = 0; i < words.size(); ++i) {
      for (const auto& one : got) shown += one.begin == i ? "[" : "";
      shown += words[i];
      for (const auto& one : got) shown += one.end == i + 1 ? "]" : "";
      shown += " ";
    }
    std::printf("%s\n  %s\n", marked, shown.c_str());
  }
  std::printf("%zu of %zu phrases found, %zu named; %zu of %zu captions\n", right, expected, found, captions,
              std::size(kByHand));
  ASSERT_EQ(std::size(kByHand), 40u);
  const double f1 = 2 * static_cast<double>(right) / static_cast<double>(found + expected);
  EXPECT_GE(f1, 0.95);
}

TEST(NounPhrases, AreInOrderApartAndWithoutWhatIsNoNoun) {
  EXPECT_TRUE(noun_phrases({}).empty());
  for (const char* none :
       {"it is running", "he sits down", "two of them", "in front of it", "black and white", "the", "a a a"})
    EXPECT_TRUE(noun_phrases(caption_tokens(none)).empty()) << none;
  for (const auto* marked : kByHand) {
    size_t last = 0;
    const auto words = caption_tokens(marked);
    for (const auto& [begin, end] : noun_phrases(words)) {
      EXPECT_GE(begin, last);
      EXPECT_GT(end, begin);
      EXPECT_LE(end, words.size());
      last = end;
    }
  }
}

}  // namespace
}  // namespace attend
