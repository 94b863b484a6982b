#include "train/validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metrics/figures.h"

namespace attend {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::vector<std::vector<Tokens>> kTraining{{{"a", "red", "dog"}}};

/// Pictures with these captions, one each, of these sources.
Dataset dataset_of(const std::vector<std::pair<std::string, size_t>>& captions, std::vector<std::string> sources) {
  Dataset dataset;
  dataset.sources = std::move(sources);
  for (const auto& [caption, source] : captions)
    dataset.examples.push_back({static_cast<int64_t>(dataset.examples.size()), "p.jpg", "val", {caption}, {0}, source});
  return dataset;
}

std::vector<size_t> all_of(const Dataset& dataset) {
  std::vector<size_t> all;
  for (size_t i = 0; i < dataset.examples.size(); ++i) all.push_back(i);
  return all;
}

ValidationFigures figures_of(const Dataset& dataset) { return {dataset, all_of(dataset), kTraining}; }

TEST(ValidationFigures, OfOneSourceAreThoseOfItsCaptions) {
  const auto dataset = dataset_of({{"a red dog runs", 0}, {"two cats sleep here", 0}}, {""});
  const auto figures = figures_of(dataset);
  EXPECT_EQ(figures.chosen_by(), "validation_cider");
  const Json said = figures.of({"a red dog sits", "two cats sleep here"});
  const auto expected =
      score_captions({"a red dog sits", "two cats sleep here"}, {{"a red dog runs"}, {"two cats sleep here"}});
  EXPECT_EQ(said["validation_cider"], expected.cider_d.corpus);
  EXPECT_EQ(said["validation_bleu_4"], expected.bleu.corpus[3]);
  EXPECT_EQ(said["validation_rouge_l"], expected.rouge_l.corpus);
  EXPECT_EQ(said["distinct_words"], 8);
  EXPECT_EQ(said.size(), 8u);
}

TEST(ValidationFigures, OfSeveralSourcesAreTheirMeanByPictures) {
  const auto dataset = dataset_of({{"a red dog runs", 0},
                                   {"two cats sleep here", 0},
                                   {"a blue bus stops", 2},
                                   {"a man eats", 2},
                                   {"snow on a hill", 2}},
                                  {"a", "none", "b"});
  const std::vector<std::string> said{"a red dog runs", "two cats", "a bus stops", "a man eats", "a hill"};
  const Json figures = figures_of(dataset).of(said);
  const auto first = score_captions({said[0], said[1]}, {{"a red dog runs"}, {"two cats sleep here"}});
  const auto second =
      score_captions({said[2], said[3], said[4]}, {{"a blue bus stops"}, {"a man eats"}, {"snow on a hill"}});
  EXPECT_EQ(figures["validation_cider_a"], first.cider_d.corpus);
  EXPECT_EQ(figures["validation_cider_b"], second.cider_d.corpus);
  EXPECT_EQ(figures["validation_bleu_4_b"], second.bleu.corpus[3]);
  EXPECT_NEAR(figures["validation_cider"].get<double>(), 0.4 * first.cider_d.corpus + 0.6 * second.cider_d.corpus,
              1e-12);
  EXPECT_NEAR(figures["validation_rouge_l"].get<double>(), 0.4 * first.rouge_l.corpus + 0.6 * second.rouge_l.corpus,
              1e-12);
  EXPECT_FALSE(figures.contains("validation_cider_none"));
}

TEST(ValidationFigures, ChooseByRougeWhereCiderIsZeroForAnyCaption) {
  for (const auto& dataset : {dataset_of({{"a red dog runs", 0}}, {""}),
                              dataset_of({{"no defect visible", 0}, {"no defect visible", 0}}, {""})}) {
    const auto figures = figures_of(dataset);
    EXPECT_EQ(figures.chosen_by(), "validation_rouge_l");
    EXPECT_THAT(figures.blind_sources(), ElementsAre(""));
    std::vector<std::string> perfect;
    for (const auto& example : dataset.examples) perfect.push_back(example.captions[0]);
    EXPECT_EQ(figures.of(perfect)["validation_cider"], 0);
    EXPECT_GT(figures.of(perfect)["validation_rouge_l"], 0.99);
  }
  const auto mixed = figures_of(dataset_of({{"a red dog", 0}, {"a blue bus", 1}, {"two cats", 1}}, {"one", "two"}));
  EXPECT_EQ(mixed.chosen_by(), "validation_cider");
  EXPECT_THAT(mixed.blind_sources(), ElementsAre("one"));
  EXPECT_THAT(figures_of(dataset_of({{"a red dog", 0}, {"a blue bus", 0}}, {""})).blind_sources(), IsEmpty());
}

}  // namespace
}  // namespace attend
