#include "text/noun_phrases.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <unordered_set>

namespace attend {
namespace {

using Words = std::unordered_set<std::string_view>;

const Words kDeterminers = {"a",     "an",    "the",  "this", "that", "these", "those", "some", "any",     "each",
                            "every", "both",  "all",  "no",   "my",   "your",  "his",   "her",  "its",     "our",
                            "their", "whose", "such", "what", "half", "other", "own",   "same", "another", "either"};
/// Behind these an adverb is part of the phrase.
const Words kArticles = {"a", "an", "the", "my", "your", "his", "her", "its", "our", "their"};
/// With these the noun is one thing: no plural stands behind.
const Words kOfOne = {"a", "an", "one", "this", "that", "each", "every", "another"};

const Words kNumbers = {"one",     "two",      "three",   "four",   "five",   "six",      "seven",   "eight",
                        "nine",    "ten",      "eleven",  "twelve", "twenty", "thirty",   "dozen",   "dozens",
                        "hundred", "hundreds", "several", "many",   "few",    "multiple", "various", "numerous",
                        "lots",    "first",    "second",  "third",  "last"};

const Words kPronouns = {"it",       "he",         "she",     "they",     "him",       "hers",    "them",
                         "we",       "us",         "you",     "i",        "me",        "himself", "herself",
                         "itself",   "themselves", "someone", "somebody", "something", "anyone",  "anything",
                         "everyone", "everything", "nothing", "nobody",   "who",       "which",   "whom",
                         "others",   "theirs",     "mine",    "yours"};

const Words kPrepositions = {
    "about",   "above",      "across", "after",   "against", "along",  "alongside",  "amid",     "amidst",  "among",
    "amongst", "around",     "at",     "atop",    "before",  "behind", "below",      "beneath",  "beside",  "besides",
    "between", "beyond",     "by",     "during",  "for",     "from",   "in",         "inside",   "into",    "like",
    "near",    "nearby",     "of",     "off",     "on",      "onto",   "out",        "outside",  "over",    "past",
    "through", "throughout", "to",     "toward",  "towards", "under",  "underneath", "until",    "up",      "upon",
    "via",     "with",       "within", "without", "down",    "per",    "than",       "opposite", "because", "due"};

const Words kConjunctions = {"and",  "or",    "but", "nor",    "so",       "as",   "while",
                             "when", "where", "if",  "though", "although", "then", "&"};

const Words kAuxiliaries = {"is",    "are",  "was",   "were",   "be",    "been", "being",  "am",    "'re",
                            "has",   "have", "had",   "having", "do",    "does", "did",    "doing", "can",
                            "could", "will", "would", "may",    "might", "must", "should", "not",   "n't",
                            "'ve",   "'ll",  "'d",    "'m",     "get",   "gets", "got"};

const Words kAdverbs = {"very",     "together", "there",    "here",      "away",    "back",      "just",     "too",
                        "also",     "only",     "almost",   "still",     "already", "again",     "ahead",    "apart",
                        "aside",    "forward",  "forwards", "backwards", "upwards", "downwards", "sideways", "upside",
                        "outdoors", "indoors",  "overhead", "downhill",  "uphill",  "midair",    "mid-air",  "alone",
                        "asleep",   "awake",    "abroad",   "once",      "twice",   "well",      "even",     "quite",
                        "rather",   "high",     "low",      "close",     "next",    "far",       "off",      "now",
                        "yet",      "ever",     "never",    "always",    "how",     "why",       "more",     "most",
                        "less",     "straight"};

const Words kAdjectives = {
    "black",  "white",     "red",       "blue",      "green",    "yellow", "brown",    "orange", "pink",    "purple",
    "gray",   "grey",      "tan",       "blond",     "blonde",   "golden", "silver",   "beige",  "dark",    "light",
    "bright", "colorful",  "colourful", "small",     "little",   "large",  "big",      "huge",   "tiny",    "giant",
    "tall",   "short",     "long",      "thin",      "thick",    "young",  "old",      "older",  "younger", "elderly",
    "new",    "wet",       "dry",       "dirty",     "clean",    "empty",  "full",     "open",   "happy",   "sad",
    "pretty", "beautiful", "lovely",    "ugly",      "cute",     "funny",  "friendly", "furry",  "fluffy",  "hairy",
    "snowy",  "sandy",     "rocky",     "grassy",    "muddy",    "dusty",  "sunny",    "cloudy", "busy",    "wooden",
    "metal",  "plastic",   "bare",      "shirtless", "barefoot", "male",   "female",   "asian",  "african", "american",
    "indian", "chinese",   "japanese",  "deep",      "shallow",  "steep",  "wide",     "narrow", "round",   "hot",
    "cold",   "fresh",     "ready",     "able",      "good",     "bad",    "left",     "right"};
/// What may stand on both sides of "and" within a phrase: "a black and white dog".
const Words kColours = {"black", "white", "red", "blue",  "green",  "yellow", "brown",  "orange", "pink", "purple",
                        "gray",  "grey",  "tan", "blond", "blonde", "golden", "silver", "beige",  "dark", "light"};

/// Of adjectives, those that stand behind a noun: "a table full of fruit".
const Words kBehindNoun = {"full", "open", "ready", "able"};

/// Verbs that captions are full of. Most may be nouns, too: which they are is told by what stands before.
const Words kVerbs = {
    "run",    "jump",   "sit",   "stand",   "walk",      "play",    "hold",    "ride",      "wear",   "look",
    "smile",  "carry",  "catch", "swim",    "climb",     "leap",    "pose",    "talk",      "watch",  "throw",
    "hit",    "kick",   "eat",   "drink",   "sleep",     "lie",     "lay",     "lean",      "rest",   "wait",
    "work",   "read",   "dance", "swing",   "slide",     "fly",     "skate",   "surf",      "race",   "chase",
    "fetch",  "drive",  "sing",  "perform", "prepare",   "perch",   "pull",    "push",      "reach",  "face",
    "fall",   "fight",  "fish",  "float",   "follow",    "give",    "go",      "come",      "hang",   "help",
    "hike",   "hug",    "kiss",  "kneel",   "laugh",     "listen",  "make",    "move",      "paddle", "paint",
    "point",  "pet",    "put",   "raise",   "roll",      "row",     "sail",    "see",       "shake",  "share",
    "shoot",  "shop",   "show",  "ski",     "sled",      "smoke",   "sniff",   "snowboard", "speak",  "splash",
    "spray",  "stare",  "stick", "stretch", "tackle",    "take",    "tend",    "toss",      "touch",  "travel",
    "try",    "turn",   "use",   "wade",    "wave",      "wrestle", "yell",    "attempt",   "begin",  "bite",
    "blow",   "bounce", "build", "buy",     "celebrate", "compete", "cook",    "crawl",     "cross",  "cut",
    "dig",    "dive",   "do",    "draw",    "enjoy",     "enter",   "gather",  "grab",      "greet",  "head",
    "appear", "seem",   "cover", "fill",    "surround",  "contain", "feature", "graze",     "land",   "gaze",
    "bathe",  "hear",   "block", "stop",    "balance",   "execute", "clap"};

/// Past forms that don't end in -ed.
const Words kPastForms = {"sat",   "stood",  "ran",    "rode",    "held",  "wore",   "worn",  "swam", "ate",
                          "eaten", "threw",  "thrown", "caught",  "flew",  "took",   "taken", "made", "went",
                          "came",  "lay",    "laid",   "shot",    "hung",  "blew",   "bent",  "fell", "found",
                          "gave",  "given",  "knelt",  "led",     "met",   "sang",   "slept", "slid", "spun",
                          "swung", "stuck",  "seen",   "shown",   "built", "drawn",  "kept",  "told", "said",
                          "drove", "driven", "ridden", "written", "set",   "seated", "done"};

/// Nouns that end like verbs.
const Words kNouns = {
    "building", "ceiling",  "clothing",   "railing",  "ring",      "string",    "king",      "wing",     "evening",
    "morning",  "painting", "wedding",    "thing",    "awning",    "lightning", "sling",     "spring",   "earring",
    "icing",    "pudding",  "topping",    "dressing", "crossing",  "parking",   "boxing",    "flooring", "siding",
    "bowling",  "training", "drawing",    "bed",      "shed",      "seed",      "weed",      "moped",    "hundred",
    "bus",      "gas",      "lens",       "canvas",   "christmas", "series",    "pants",     "shorts",   "jeans",
    "glasses",  "goggles",  "sunglasses", "stairs",   "clothes",   "family",    "butterfly", "lily",     "jelly",
    "belly",    "supply",   "city",       "assembly", "bully",     "rally"};

const Words kPlurals = {"men",   "women", "people", "children", "feet",   "teeth", "geese", "sheep", "police", "couple",
                        "group", "team",  "crowd",  "cattle",   "family", "mice",  "deer",  "fish",  "kids"};

bool ends(std::string_view word, std::string_view ending) {
  return word.size() > ending.size() + 1 && word.ends_with(ending);
}

bool is_s_form(std::string_view word) {
  return ends(word, "s") && !word.ends_with("ss") && !word.ends_with("us") && !word.ends_with("is") &&
         !kNouns.contains(word);
}

/// Whether a word is a verb in the third person: "runs", "catches", "carries".
bool is_third_person(std::string_view word) {
  if (!is_s_form(word)) return false;
  const std::string stem(word.substr(0, word.size() - 1));
  return kVerbs.contains(stem) ||
         (stem.ends_with('e') && kVerbs.contains(std::string_view(stem).substr(0, stem.size() - 1))) ||
         (stem.ends_with("ie") && kVerbs.contains(stem.substr(0, stem.size() - 2) + "y"));
}

bool is_number(std::string_view word) {
  return kNumbers.contains(word) || std::isdigit(static_cast<unsigned char>(word.front()));
}

bool is_participle(std::string_view word) {
  return (ends(word, "ing") || ends(word, "ed")) && word.size() > 4 && !kNouns.contains(word) && !word.ends_with("eed");
}

bool is_adverb(std::string_view word) {
  return kAdverbs.contains(word) || (ends(word, "ly") && !kAdjectives.contains(word) && !kNouns.contains(word));
}

/// Words that are no part of a noun phrase by themselves.
bool is_closed(std::string_view word) {
  return kPronouns.contains(word) || kPrepositions.contains(word) || kConjunctions.contains(word) ||
         kAuxiliaries.contains(word) || is_adverb(word) ||
         std::none_of(word.begin(), word.end(), [](unsigned char c) { return c >= 0x80 || std::isalnum(c); });
}

/// Finds one phrase after another.
class Chunker {
 public:
  explicit Chunker(const std::vector<std::string>& tokens) : tokens_(tokens) {}

  std::vector<WordSpan> phrases() {
    std::vector<WordSpan> found;
    for (size_t at = 0; at < tokens_.size();) {
      const auto [end, is_verb] = end_of(at);
      if (has_noun(at, end)) found.push_back({at, end});
      at = std::max(end + is_verb, at + 1);
    }
    return found;
  }

 private:
  std::string_view word(size_t i) const {
    return i < tokens_.size() ? std::string_view(tokens_[i]) : std::string_view();
  }
  bool is_open(size_t i) const {
    return i < tokens_.size() && !is_closed(word(i)) && !kDeterminers.contains(word(i)) && word(i) != "'s" &&
           word(i) != "'";
  }
  /// Whether a verb may stand here without a subject before it in the phrase: "to catch a ball", "they play".
  bool expects_verb(size_t i) const {
    if (i == 0) return false;
    const auto before = word(i - 1);
    return before == "to" || before == "that" || before == "what" || before == "not" || kPronouns.contains(before);
  }
  bool is_plural(size_t i) const { return kPlurals.contains(word(i)) || is_s_form(word(i)) || word(i) == "pants"; }

  struct End {
    size_t at;
    bool is_verb;  // what stands there
  };

  /// Where the phrase that begins at `begin` ends, or `begin` where none does.
  End end_of(size_t begin) const {
    size_t at = begin;
    bool of_one = false, noun = false;  // a determiner of one thing; a word that may be the noun
    bool modified = false;              // by a determiner or number
    while (at < tokens_.size()) {
      const auto one = word(at);
      if (kDeterminers.contains(one)) {
        if (noun || !leads_to_noun(at)) return {at, false};
        of_one = of_one || kOfOne.contains(one);
        modified = true;
      } else if (one == "'s" || one == "'") {
        if (!noun || !is_open(at + 1) || is_participle(word(at + 1))) return {at, false};  // "a dog's running"
        of_one = false;
      } else if (one == "and" && at > begin && kColours.contains(word(at - 1)) && kColours.contains(word(at + 1)) &&
                 is_open(at + 2) && !is_participle(word(at + 2))) {
        // within a phrase
      } else if (at > begin && kArticles.contains(word(at - 1)) && is_adverb(one)) {
        noun = !is_open(at + 1);  // "the back of", but "a brightly coloured kite"
      } else if (is_closed(one) || (noun && kBehindNoun.contains(one))) {
        return {at, false};
      } else if (is_number(one)) {
        if (noun) return {at, false};
        of_one = of_one || kOfOne.contains(one);
        modified = true;
      } else if (is_verb(at, begin, of_one, noun, modified)) {
        return {at, true};
      } else if (!kAdjectives.contains(one) && !is_participle(one)) {
        noun = true;
      }
      ++at;
    }
    return {at, false};
  }

  /// Of "that" and "her": whether a noun follows.
  bool leads_to_noun(size_t at) const {
    if (word(at) != "that" && word(at) != "what") return true;
    return at + 1 < tokens_.size() && is_open(at + 1) && !is_third_person(word(at + 1)) &&
           !kPastForms.contains(word(at + 1)) && !is_participle(word(at + 1)) && (at == 0 || is_closed(word(at - 1)));
  }

  bool is_verb(size_t at, size_t begin, bool of_one, bool noun, bool modified) const {
    const auto one = word(at);
    if (is_participle(one)) {  // "a running dog", but "a dog running" and "running on grass"
      if (noun || !is_open(at + 1)) return true;
      if (modified || at > begin) return ends(one, "ing") && is_participle(word(at + 1));
      if (at == 0) return true;
      const auto before = word(at - 1);  // "in bathing suits", "and grilled chicken", but "by catching a ball"
      return ends(one, "ing") ? before != "in" && before != "with"
                              : !kPrepositions.contains(before) && !kConjunctions.contains(before);
    }
    if (kPastForms.contains(one)) return noun || !modified;
    if (!noun) return at == begin && !modified && expects_verb(at) && (kVerbs.contains(one) || is_third_person(one));
    if (is_third_person(one)) return true;
    if (of_one) return is_s_form(one) && !is_plural(at - 1);    // "a dog bursts", but not "a sports car"
    const bool of_two = begin > 0 && word(begin - 1) == "and";  // "a horse and its foal graze"
    return kVerbs.contains(one) && (is_plural(at - 1) || of_two);
  }

  /// Whether there is a noun, or what stands for one behind an article: "a young male", "the dark".
  bool has_noun(size_t begin, size_t end) const {
    // "in front of": no noun any more
    if (end == begin + 1 && begin > 0 && kPrepositions.contains(word(begin - 1)) && word(end) == "of" &&
        (word(begin) == "front" || word(begin) == "top" || word(begin) == "side"))
      return false;
    const bool article = begin < end && kDeterminers.contains(word(begin));
    for (size_t i = begin; i < end; ++i) {
      const auto one = word(i);
      const bool describes = kAdjectives.contains(one) || one == "and";
      if (!kDeterminers.contains(one) && !is_number(one) && (article || !describes)) return true;
    }
    return false;
  }

  const std::vector<std::string>& tokens_;
};

}  // namespace

std::vector<WordSpan> noun_phrases(const std::vector<std::string>& tokens) { return Chunker(tokens).phrases(); }

}  // namespace attend
