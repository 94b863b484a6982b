// METEOR against the reference's counts and figures, and what must hold for any captions.
#include "metrics/meteor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "base/error.h"
#include "base/files.h"
#include "metrics/meteor_words.h"
#include "text/ptb_tokenizer.h"

namespace attend {
namespace {

const std::filesystem::path kShared = ATTEND_SOURCE_DIR "/../shared";
const std::filesystem::path kTables = ATTEND_SOURCE_DIR "/data/meteor/english.meteor";

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

CaptionPair pair(const std::string& candidate, const std::vector<std::string>& references) {
  CaptionPair made{caption_tokens(candidate), {}};
  for (const auto& reference : references) made.references.push_back(caption_tokens(reference));
  return made;
}

/// Tables small enough to see through, in METEOR's own text form.
class MeteorTest : public ::testing::Test {
 protected:
  MeteorTest() : folder_(std::filesystem::temp_directory_path() / ("attend_meteor_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
    write("english.words", "a\nthe\non\n");
    write("english.synsets", "sofa\n04256520\ncouch\n04256520 03115762\ngoose\n01855672\nhappy\n7\nglad\n7\n");
    write("english.exceptions", "goose\ngeese\nhappy\nhappier happiest\n");
    write("paraphrase-en", "0.5\nis riding\nrides\n0.1\nrides\nis riding\n0.2\nin front of\nbefore\n");
  }
  ~MeteorTest() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ / name) << text; }
  std::shared_ptr<const MeteorTables> tables() const {
    write_meteor_tables(folder_, folder_ / "tables");
    return std::make_shared<const MeteorTables>(folder_ / "tables");
  }

  std::filesystem::path folder_;
};

// The words below are those that METEOR's option -norm makes of the same texts.
TEST(MeteorWords, ArePartedAsMeteorPartsThem) {
  EXPECT_EQ(joined(meteor_words("a t-shirt 's n't -lrb- u.s. 1,000 don't foo-bar-baz")),
            "a t shirt ' s n 't -lrb- us 1,000 don 't foo bar baz");
  EXPECT_EQ(joined(meteor_words("5'10 4's 1'a 'tis dogs' a'b'c'd a''b `` \u2018x\u2019")),
            "5 ' 10 4 's 1'a ' tis dogs ' a 'b'c 'd a \" b \" ' x '");
  EXPECT_EQ(joined(meteor_words("a,b 1,2 1,a a!b $5 c&d a/b @me #x")),
            "a , b 1,2 1 , a a ! b $ 5 c & d a / b @ me # x");
  EXPECT_EQ(joined(meteor_words("a.b u.s.a.-based ph.d. 5.5 a...b etc. x mr. 5 vs. 7 end.")),
            "a.b usa based phd 5.5 a ... b etc. x mr . 5 vs. 7 end .");
  EXPECT_EQ(joined(meteor_words("a-b-c a--b --- 1-2 -a a-")), "a b-c a b -- 1 2 -a a-");
  EXPECT_EQ(joined(meteor_words("caf\u00e9-noir \u65e5x 1\u20132")), "caf\u00e9 noir \u65e5 x 1 - 2");
  EXPECT_TRUE(meteor_words("").empty());
}

TEST(MeteorWords, TakeAnyBytes) {
  std::mt19937 random(5);
  for (int i = 0; i < 5000; ++i) {
    std::string text(random() % 30, ' ');
    for (auto& c : text) c = i % 2 ? static_cast<char>(random()) : "a1.,'-` \xe2\x80\x99"[random() % 11];
    for (const auto& word : meteor_words(text)) {
      EXPECT_FALSE(word.empty());
      EXPECT_EQ(word.find(' '), std::string::npos);
    }
  }
}

TEST_F(MeteorTest, TablesKnowWordsSynonymsAndParaphrases) {
  const auto known = tables();
  const auto number = [&](const char* text) { return known->word(text).value(); };
  EXPECT_FALSE(known->word("zebra"));
  EXPECT_TRUE(known->is_function_word(number("the")));
  EXPECT_FALSE(known->is_function_word(number("sofa")));
  EXPECT_THAT(known->synonym_sets("couch"), testing::ElementsAre(3115762, 4256520));
  EXPECT_THAT(known->synonym_sets("sofas"), testing::ElementsAre(4256520));
  EXPECT_THAT(known->synonym_sets("couches"), testing::ElementsAre(3115762, 4256520));
  EXPECT_THAT(known->synonym_sets("geese"), testing::ElementsAre(1855672));
  EXPECT_THAT(known->synonym_sets("zebras"), testing::IsEmpty());
  const auto is = known->longer(MeteorTables::kNoPhrase, number("is")), riding = known->longer(is, number("riding"));
  const auto rides = known->longer(MeteorTables::kNoPhrase, number("rides"));
  EXPECT_EQ(known->longer(is, number("rides")), MeteorTables::kNoPhrase);
  EXPECT_EQ(known->times_paraphrased(riding, rides), 2);
  EXPECT_EQ(known->times_paraphrased(is, rides), 0);
}

TEST_F(MeteorTest, FilesThatAreNoTablesAreRefused) {
  tables();
  std::string bytes = read_file(folder_ / "tables");
  for (const size_t size : {size_t{0}, size_t{7}, size_t{60}, bytes.size() - 1}) {
    write("cut", bytes.substr(0, size));
    EXPECT_THROW(MeteorTables(folder_ / "cut"), InputError) << size;
  }
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {  // nothing that stands in the file makes a look-up leave it
    std::string damaged = bytes;
    for (int k = 0; k < 3; ++k) damaged[random() % damaged.size()] = static_cast<char>(random());
    write("damaged", damaged);
    try {
      Meteor meteor(std::make_shared<const MeteorTables>(folder_ / "damaged"));
      const CaptionPair pairs[] = {pair("a man is riding in front of geese", {"the man rides before a goose"})};
      meteor.count(pairs, 1);
    } catch (const InputError&) {
    }
  }
  write("english.synsets", "sofa\nx12\n");
  EXPECT_THROW(write_meteor_tables(folder_, folder_ / "tables"), InputError);
  std::filesystem::remove(folder_ / "english.words");
  EXPECT_THROW(write_meteor_tables(folder_, folder_ / "tables"), InputError);
}

TEST_F(MeteorTest, CountsWhatEachMatcherMatches) {
  Meteor meteor(tables());
  const CaptionPair pairs[] = {pair("the man is riding on a sofa smiling", {"a man rides on the couch smiles"})};
  const auto counts = meteor.count(pairs, 1)[0];
  EXPECT_EQ(counts.candidate.content, 5);
  EXPECT_EQ(counts.candidate.function, 3);
  EXPECT_EQ(counts.reference.content, 4);
  const auto at = [](MeteorMatcher matcher) { return static_cast<size_t>(matcher); };
  EXPECT_EQ(counts.candidate_matched[at(MeteorMatcher::kExact)].content, 1);
  EXPECT_EQ(counts.candidate_matched[at(MeteorMatcher::kSynonym)].content, 1);
  EXPECT_EQ(counts.candidate_matched[at(MeteorMatcher::kParaphrase)].content, 2);
  EXPECT_EQ(counts.reference_matched[at(MeteorMatcher::kParaphrase)].content, 1);
  EXPECT_EQ(counts.candidate_matched[at(MeteorMatcher::kStem)].content, 1);
}

// The counts' figure by hand, from the paper's formulas.
TEST_F(MeteorTest, ScoresByThePapersFormula) {
  MeteorCounts counts;
  counts.candidate = {5, 3};
  counts.reference = {4, 2};
  counts.candidate_matched[0] = counts.reference_matched[0] = {2, 1};
  counts.candidate_matched[2] = counts.reference_matched[2] = {1, 0};
  counts.chunks = 2;
  const double matched = (0.75 * 2 + 0.25) + 0.8 * 0.75, p = matched / (0.75 * 5 + 0.25 * 3),
               r = matched / (0.75 * 4 + 0.25 * 2), mean = p * r / (0.85 * p + 0.15 * r);
  EXPECT_NEAR(counts.score(), mean * (1 - 0.6 * std::pow(2.0 / 4, 0.2)), 1e-12);
  EXPECT_EQ(MeteorCounts().score(), 0);
}

TEST_F(MeteorTest, ACaptionEqualToAReferenceIsPerfectAndTheBestReferenceCounts) {
  Meteor meteor(tables());
  const CaptionPair pairs[] = {pair("a man sits on the sofa", {"a dog", "a man sits on the sofa", "the man"}),
                               pair("zebra", {"a dog", "the cat"}), pair("", {"a dog"}), pair("a dog", {""})};
  const auto scores = meteor_scores(meteor.count(pairs, 2));
  EXPECT_NEAR(scores.pictures[0], 1, 1e-12);
  for (const size_t i : {1, 2, 3}) EXPECT_EQ(scores.pictures[i], 0);
  EXPECT_GT(scores.corpus, 0);
  EXPECT_LT(scores.corpus, 1);
  const CaptionPair none[] = {{{"a"}, {}}};
  EXPECT_THROW(meteor.count(none, 1), InputError);
  EXPECT_EQ(meteor_scores({}).corpus, 0);
}

// The reference gives these with its modules "exact stem" and an empty list of function words.
TEST(Meteor, WithoutTablesMatchesWordsAndStems) {
  Meteor meteor(nullptr);
  const CaptionPair pairs[] = {pair("a b c d", {"d c b a"}), pair("the cat sat on the mat", {"on the mat sat the cat"}),
                               pair("x y q q q dogs z", {"x y w w dog w z"})};
  const auto scores = meteor_scores(meteor.count(pairs, 1));
  EXPECT_NEAR(scores.pictures[0], 0.4, 1e-9);
  EXPECT_NEAR(scores.pictures[1], 1 - 0.6 * std::pow(0.5, 0.2), 1e-9);
  EXPECT_NEAR(scores.pictures[2], 0.22296728222900172, 1e-9);
}

/// The fewest chunks that cover the most words exactly, by trying every alignment.
void best_by_brute_force(const std::vector<int>& a, const std::vector<int>& b, size_t i, std::vector<int>& to,
                         std::pair<int, int>& best) {
  if (i == a.size()) {
    int matches = 0, chunks = 0;
    for (size_t k = 0; k < to.size(); ++k) {
      if (to[k] < 0) continue;
      ++matches;
      chunks += k == 0 || to[k - 1] < 0 || to[k] != to[k - 1] + 1;
    }
    best = std::min(best, {-matches, chunks});
    return;
  }
  to.push_back(-1);
  best_by_brute_force(a, b, i + 1, to, best);
  for (size_t j = 0; j < b.size(); ++j) {
    if (a[i] != b[j] || std::find(to.begin(), to.end(), static_cast<int>(j)) != to.end()) continue;
    to.back() = static_cast<int>(j);
    best_by_brute_force(a, b, i + 1, to, best);
  }
  to.pop_back();
}

TEST(MeteorAlign, FindsTheFewestChunksOfExactMatches) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    std::vector<int> a(1 + random() % 5), b(1 + random() % 5);
    for (auto* words : {&a, &b})
      for (auto& word : *words) word = static_cast<int>(random() % 4);
    std::vector<MeteorMatch> matches;
    for (uint32_t i = 0; i < a.size(); ++i)
      for (uint32_t j = 0; j < b.size(); ++j)
        if (a[i] == b[j]) matches.push_back({MeteorMatcher::kExact, i, 1, j, 1});
    const auto found = align_meteor(matches, a.size(), b.size());
    std::pair<int, int> best{0, 0};
    std::vector<int> to;
    best_by_brute_force(a, b, 0, to, best);
    EXPECT_EQ(std::pair(-static_cast<int>(found.matches.size()), found.chunks), best);
  }
}

TEST(Meteor, AgreesWithTheReferenceOnFlickr8k) {
  if (!std::filesystem::exists(kShared / "golden/metrics_val.json")) GTEST_SKIP() << "no golden figures in ../shared";
  if (!std::filesystem::exists(kTables)) GTEST_SKIP() << "no METEOR tables; tools/fetch-meteor gets them";
  const auto golden = read_json_file(kShared / "golden/metrics_val.json");
  const auto captions = read_json_file(kShared / "flickr8k/captions_val.json");
  const auto tables = std::make_shared<const MeteorTables>(kTables);
  for (const auto& [name, figures] : golden.items()) {
    SCOPED_TRACE(name);
    std::map<int64_t, std::vector<Tokens>> references;
    for (const auto& annotation : captions["annotations"])
      references[annotation["image_id"]].push_back(caption_tokens(annotation["caption"].get<std::string>()));
    std::vector<CaptionPair> pairs;
    for (const auto& candidate : figures["candidates"]) {
      pairs.push_back({caption_tokens(candidate["caption"].get<std::string>()), references.at(candidate["image_id"])});
      if (figures["references"] != "all") pairs.back().references.erase(pairs.back().references.begin());
    }
    const auto scores = meteor_scores(Meteor(tables).count(pairs, 1));
    EXPECT_NEAR(scores.corpus, figures["corpus"]["METEOR"].get<double>(), 0.0005);
    size_t equal = 0;
    for (size_t i = 0; i < pairs.size(); ++i)
      equal += std::abs(scores.pictures[i] - figures["each"][i]["METEOR"].get<double>()) < 1e-9;
    EXPECT_GE(static_cast<double>(equal), 0.95 * static_cast<double>(pairs.size()));
    RecordProperty("equal_pictures_" + name, std::to_string(equal));
  }
}

}  // namespace
}  // namespace attend
