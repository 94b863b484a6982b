#include "evaluate/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "data/temporary_folder.h"

namespace attend {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

/// Two pictures that people said something of.
std::vector<Example> two_examples() {
  std::vector<Example> examples(2);
  examples[0].picture = "dog.jpg";
  examples[0].captions = {"a dog runs on the grass", "a brown dog is running"};
  examples[1].picture = "boat.jpg";
  examples[1].captions = {"two boats on a lake", "boats float on the water"};
  return examples;
}

const std::vector<std::string> kCaptions{"A dog runs on the grass.", "=a cat"};

TEST(Evaluation, HasAFigureAndAnIntervalAMeasure) {
  const Evaluation evaluation = evaluate(two_examples(), kCaptions, {}, {}, 1);
  EXPECT_EQ(evaluation.pairs.size(), 2u);
  EXPECT_EQ(evaluation.intervals.size(), evaluation.measures.size());
  EXPECT_TRUE(evaluation.others.empty());
  EXPECT_FALSE(evaluation.share_in_training);
  for (const auto& measure : evaluation.measures) EXPECT_GE(measure.pictures[0], measure.pictures[1]) << measure.key;
  EvaluationChoice choice;
  choice.resamples = 0;
  EXPECT_TRUE(evaluate(two_examples(), kCaptions, {}, choice, 1).intervals.empty());
}

TEST(Evaluation, ComparesWithOtherCaptionsAndKnowsThoseOfTraining) {
  TemporaryFolder folder;
  EvaluationChoice choice;
  choice.resamples = 100;
  choice.training_captions = folder.write("train.json", R"({"images": [{"id": 1, "file_name": "x.jpg"}],
      "annotations": [{"image_id": 1, "caption": "A dog runs on the grass"}]})");
  const Evaluation evaluation = evaluate(two_examples(), kCaptions, {"a cat", "two boats on a lake"}, choice, 1);
  EXPECT_EQ(evaluation.others.size(), evaluation.measures.size());
  ASSERT_TRUE(evaluation.share_in_training);
  EXPECT_EQ(*evaluation.share_in_training, 0.5);
  choice.training_captions = "/none.json";
  EXPECT_THROW(evaluate(two_examples(), kCaptions, {}, choice, 1), InputError);
}

TEST(Report, TheTableHasALineAFigure) {
  EvaluationChoice choice;
  choice.resamples = 0;
  const Evaluation evaluation = evaluate(two_examples(), kCaptions, {}, choice, 1);
  Json figures{{"captions", "val.json"}, {"model", {"a", "b"}}, {"pictures", 2}};
  add_figures(evaluation, figures);
  const std::string table = figures_table(figures, evaluation);
  EXPECT_THAT(table, ContainsRegex("\nmodel +a, b\n"));
  EXPECT_THAT(table, ContainsRegex("\nBLEU-1 +62.3\n"));
  EXPECT_THAT(table, ContainsRegex("\ndistinct captions +100.0 %\n"));
}

TEST(Report, AFigureThatIsNotDefinedSaysSo) {
  EvaluationChoice choice;
  choice.resamples = 0;
  auto examples = two_examples();
  examples.pop_back();
  const Evaluation evaluation = evaluate(examples, {kCaptions[0]}, {}, choice, 1);
  Json figures = Json::object();
  add_figures(evaluation, figures);
  EXPECT_TRUE(std::isnan(figures["cider_d"].get<double>()));  // null where it is written
  EXPECT_THAT(figures_table(figures, evaluation), ContainsRegex("\nCIDEr-D +n/a\n"));
}

TEST(Report, NoSpreadsheetTakesACaptionForAFormula) {
  TemporaryFolder folder;
  const auto file = folder / "pictures.csv";
  write_picture_csv(file, two_examples(), kCaptions, evaluate(two_examples(), kCaptions, {}, {}, 1));
  const std::string csv = read_file(file);
  EXPECT_THAT(csv, HasSubstr(",dog.jpg,A dog runs on the grass.,6,1.000000"));
  EXPECT_THAT(csv, HasSubstr(",boat.jpg,'=a cat,"));
}

}  // namespace
}  // namespace attend
