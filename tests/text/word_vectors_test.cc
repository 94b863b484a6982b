#include "text/word_vectors.h"

#include <gtest/gtest.h>

#include <cmath>

namespace attend {
namespace {

double weight_of(const WordVector& vector, int32_t word) {
  for (const auto& [one, weight] : vector)
    if (one == word) return weight;
  return 0;
}

TEST(WordVectors, AreTermFrequencyTimesInverseDocumentFrequencyOfLengthOne) {
  // Three documents: words 1 and 2; words 1 and 3, in two texts; word 1 twice.
  const auto vectors = word_vectors({{1, 2}, {1}, {3, 3, 1}, {1, 1}}, {0, 1, 1, 2});
  const double one = std::log(4.0 / 3), two = std::log(4.0), three = 2 * std::log(4.0);
  EXPECT_NEAR(weight_of(vectors[0], 1), one / std::hypot(one, two), 1e-12);
  EXPECT_NEAR(weight_of(vectors[0], 2), two / std::hypot(one, two), 1e-12);
  EXPECT_NEAR(weight_of(vectors[1], 1), 1, 1e-12);
  EXPECT_NEAR(weight_of(vectors[2], 3), three / std::hypot(one, three), 1e-12);
  EXPECT_NEAR(weight_of(vectors[3], 1), 1, 1e-12);
}

TEST(WordVectors, AreAsAlikeAsTheirWords) {
  const auto vectors = word_vectors({{1, 2}, {2, 1}, {3}, {}}, {0, 1, 2, 3});
  EXPECT_NEAR(cosine(vectors[0], vectors[1]), 1, 1e-12);
  EXPECT_EQ(cosine(vectors[0], vectors[2]), 0);
  EXPECT_EQ(cosine(vectors[0], vectors[3]), 0);
}

}  // namespace
}  // namespace attend
