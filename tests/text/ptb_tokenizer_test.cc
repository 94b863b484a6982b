#include "text/ptb_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "base/files.h"

namespace attend {
namespace {

const std::filesystem::path kShared = ATTEND_SOURCE_DIR "/../shared";

std::string joined(const std::vector<std::string>& tokens) {
  std::string text;
  for (const auto& token : tokens) text += (text.empty() ? "" : " ") + token;
  return text;
}

/// The tokens of a line with a blank between them; a blank behind the line, so that it isn't the end that decides.
std::string tokens(const std::string& line) {
  auto made = ptb_tokenize(line + " x");
  made.pop_back();
  return joined(made);
}

TEST(PtbTokenizer, LowersCaseAndParts) {
  EXPECT_EQ(tokens("A Dog, a CAT; and: a bird?!"), "a dog , a cat ; and : a bird ?!");
  EXPECT_EQ(tokens("  two\tboys \r\n"), "two boys");
  EXPECT_EQ(tokens("one.Two three!four"), "one.two three!four");
}

TEST(PtbTokenizer, Contractions) {
  EXPECT_EQ(tokens("she's isn't can't we'll they'd've I'm"), "she 's is n't ca n't we 'll they 'd 've i 'm");
  EXPECT_EQ(tokens("it\u2019s don\u2019t"), "it 's do n't");
  EXPECT_EQ(tokens("\u2019tis"), "' tis");
  EXPECT_EQ(tokens("cannot gonna 'tis 'twas"), "can not gon na 't is 't was");
  EXPECT_EQ(tokens("y'all ma'am o'clock O'Brien d'Arc rock'n'roll"),
            "y' all ma'am o'clock o'brien d'arc rock 'n' roll");
  EXPECT_EQ(tokens("the '90s get 'em 'til"), "the '90s get 'em 'til");
}

TEST(PtbTokenizer, Possessives) {
  EXPECT_EQ(tokens("the girls' and boy's toys, James' hat"), "the girls ' and boy 's toys , james ' hat");
}

TEST(PtbTokenizer, Abbreviations) {
  EXPECT_EQ(tokens("Mr. Lee and St. Ives, vs. x"), "mr. lee and st. ives , vs. x");
  EXPECT_EQ(tokens("the U.S. flag at 5 p.m. today"), "the u.s. flag at 5 p.m. today");
  EXPECT_EQ(tokens("No. 5 is no. x"), "no. 5 is no . x");
  EXPECT_EQ(tokens("balls, bats, etc., too"), "balls , bats , etc. , too");
}

TEST(PtbTokenizer, AnAbbreviationMayEndASentence) {
  EXPECT_EQ(tokens("cats, dogs etc. Two men"), "cats , dogs etc. . two men");
  EXPECT_EQ(tokens("in the U.S. The man"), "in the u.s. . the man");
  EXPECT_EQ(tokens("in the U.S. Army"), "in the u.s. army");
}

TEST(PtbTokenizer, Numbers) {
  EXPECT_EQ(tokens("1,000.50 -5 +3 3:30 50%"), "1,000.50 -5 +3 3:30 50 %");
  EXPECT_EQ(tokens("1/2 12/25/2010 9-11-01 50/50"), "1/2 12/25/2010 9-11-01 50/50");
  EXPECT_EQ(ptb_tokenize("3 1/2 \u00bd").front(), "3\u00a01/2");
  EXPECT_EQ(tokens("\u00bd 1\u00bc"), "1/2 1 1/4");
  EXPECT_EQ(tokens("4th 10:45am 5km"), "4th 10:45 am 5km");
  EXPECT_EQ(tokens("555-1234 (555)555-1234"), "555-1234 -lrb-555-rrb-555-1234");
}

TEST(PtbTokenizer, Currency) { EXPECT_EQ(tokens("$5 US$20 \u20ac7 \u00a38 9\u00a2"), "$ 5 us$ 20 $ 7 # 8 9 cents"); }

TEST(PtbTokenizer, AddressesStayWhole) {
  EXPECT_EQ(tokens("see http://a.org/b?c=d. or me@a.org"), "see http://a.org/b?c=d . or me@a.org");
  EXPECT_EQ(tokens("www.a-b.com photo.jpg @me #dogs"), "www.a-b.com photo.jpg @me #dogs");
}

TEST(PtbTokenizer, HyphensAndDashes) {
  EXPECT_EQ(tokens("a t-shirt, 2-by-4, a--b - c -- d"), "a t-shirt , 2-by-4 , a -- b - c -- d");
  EXPECT_EQ(tokens("a \u2013 b\u2014c"), "a -- b -- c");
  EXPECT_EQ(tokens("man/woman AT&T at&t"), "man/woman at&t at & t");
}

TEST(PtbTokenizer, Quotes) {
  EXPECT_EQ(tokens("\"big\" 'small' \" x \""), "`` big '' ` small ' '' x ''");
  EXPECT_EQ(tokens("\u201cbig\u201d \u2018small\u2019 \u00abx\u00bb"), "`` big '' ` small ' `` x ''");
}

TEST(PtbTokenizer, BracketsAndTags) {
  EXPECT_EQ(tokens("(a) [b] {c} < d > <b>"), "-lrb- a -rrb- -lsb- b -rsb- -lcb- c -rcb- < d > <b>");
  EXPECT_EQ(tokens("cats &amp; dogs &lt;3 it&apos;s"), "cats & dogs < 3 it 's");
}

TEST(PtbTokenizer, EllipsesAndSmileys) {
  EXPECT_EQ(tokens("wait... . . . \u2026 a"), "wait ... ... ... a");
  EXPECT_EQ(tokens(":) ;-) :("), ":-rrb- ;--rrb- :-lrb-");
}

TEST(PtbTokenizer, OtherScriptsAndSymbols) {
  EXPECT_EQ(tokens("\u00dcn\u00efc\u00f6d\u00e9 \u65e5\u672c \u041f\u0420\u0418"),
            "\u00fcn\u00efc\u00f6d\u00e9 \u65e5\u672c \u043f\u0440\u0438");
  EXPECT_EQ(tokens("20\u00b0C dog\u2605 \U0001F436"), "20 \u00b0 c dog \u2605");
  EXPECT_EQ(tokens("co\u00adop a\u3000b"), "coop a b");
}

TEST(PtbTokenizer, NothingGivesNothing) {
  EXPECT_TRUE(ptb_tokenize("").empty());
  EXPECT_TRUE(ptb_tokenize(" \t\r\n\u00a0").empty());
  EXPECT_TRUE(ptb_tokenize("\U0001F436\xff\x80").empty());
}

TEST(CaptionTokens, DropPunctuationButKeepBrackets) {
  EXPECT_THAT(caption_tokens("A man (left) -- \"tall\", 6'2 ... runs & jumps!"),
              testing::ElementsAre("a", "man", "-lrb-", "left", "-rrb-", "tall", "6", "2", "runs", "&", "jumps"));
  for (const char* token : {"''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"}) {
    EXPECT_TRUE(is_dropped_punctuation(token)) << token;
  }
  for (const char* token : {"", "a", "-lrb-", "!!", "&", "%", "..", "'s"})
    EXPECT_FALSE(is_dropped_punctuation(token)) << token;
}

/// Texts of a captions file.
std::set<std::string> captions_in(const std::filesystem::path& path) {
  std::set<std::string> texts;
  const auto captions = read_json_file(path);
  for (const auto& annotation : captions["annotations"]) texts.insert(annotation["caption"].get<std::string>());
  return texts;
}

TEST(PtbTokenizer, AgreesWithTheReferenceImplementation) {
  if (!std::filesystem::exists(kShared / "golden/ptb.jsonl")) GTEST_SKIP() << "no golden tokens in ../shared";
  auto flickr8k = captions_in(kShared / "flickr8k/captions_train.json");
  flickr8k.merge(captions_in(kShared / "flickr8k/captions_val.json"));
  std::ifstream file(kShared / "golden/ptb.jsonl");
  size_t lines = 0, wrong = 0;
  for (std::string text; std::getline(file, text); ++lines) {
    const auto line = Json::parse(text);
    const auto caption = line["text"].get<std::string>();
    const auto expected = joined(line["ptb"].get<std::vector<std::string>>());
    if (joined(ptb_tokenize(caption)) == expected) continue;
    ++wrong;
    EXPECT_FALSE(flickr8k.contains(caption))
        << caption << "\n  is  " << joined(ptb_tokenize(caption)) << "\n  not " << expected;
  }
  EXPECT_GT(lines, 1000u);
  EXPECT_LE(static_cast<double>(wrong), 0.005 * static_cast<double>(lines));
}

/// Whether text is UTF-8 without blanks: what every token must be.
bool is_token(const std::string& text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ') return false;
  }
  return Json(text).dump().size() > 2;  // throws on bytes that aren't UTF-8
}

TEST(PtbTokenizer, TakesAnyBytes) {
  std::mt19937 random(3);
  const std::string alphabet = "aAnNtTsS59'`\".,:;!?-_()[]{}<>/\\&@#$%*+=~^| \t\xe2\x80\x99\xc3\xa9\xf0\x9f\xff";
  for (int i = 0; i < 20000; ++i) {
    std::string line(random() % 40, ' ');
    for (auto& c : line) c = i % 2 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
    for (const auto& token : ptb_tokenize(line)) ASSERT_TRUE(is_token(token)) << Json(token).dump();
  }
}

TEST(PtbTokenizer, TakesTimeLinearInTheLine) {
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__)
  constexpr size_t kBytes = 200'000;
#else
  constexpr size_t kBytes = 20'000;
#endif
  std::vector<std::string> units = {"a.",  "a'",   "a-",     "5-",  "5.", "a@", "a&", "a,",     "<a ",
                                    "<!a", "www.", "a.com&", "n't", "5 ", "(5", "&a", "\u00e9", "\u2019"};
  for (char c = ' '; c < 0x7f; ++c) units.emplace_back(1, c);
  for (const auto& unit : units) {
    std::string line;
    while (line.size() < kBytes) line += unit;
    const auto start = std::clock();
    ptb_tokenize(line);
    // Quadratic time would take minutes.
    EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 2) << unit;
  }
}

}  // namespace
}  // namespace attend
