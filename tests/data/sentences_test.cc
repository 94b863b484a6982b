#include "data/sentences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "base/error.h"
#include "base/files.h"
#include "base/said.h"
#include "data/temporary_folder.h"

namespace attend {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Sentences : public ::testing::Test {
 protected:
  std::filesystem::path zipped(const std::string& text) const {
    const gzFile out = ::gzopen((folder_ / "s.txt.gz").c_str(), "wb");
    ::gzwrite(out, text.data(), static_cast<unsigned>(text.size()));
    ::gzclose(out);
    return folder_ / "s.txt.gz";
  }
  static std::string refusal(const std::filesystem::path& file, double max_faulty = 0) {
    try {
      read_sentences(file, max_faulty);
    } catch (const InputError& error) {
      return error.what();
    }
    return "read";
  }
  TemporaryFolder folder_;
};

TEST_F(Sentences, AreTheLinesOfAFileZippedOrNot) {
  const std::string text = "A dog runs.\r\n\n  \nTwo cats\tsleep\nlast";
  for (const auto& file : {zipped(text), folder_.write("s.txt", text)})
    EXPECT_THAT(read_sentences(file, 0), ElementsAre("A dog runs. ", "Two cats sleep", "last"));
}

TEST_F(Sentences, LoseMarksAndLinesWithoutAWord) {
  const auto file = folder_.write("s.txt", "<start> a dog <end>\n...\na cat\nb\n");
  Said said;
  EXPECT_THAT(read_sentences(file, 0.25), ElementsAre("a dog", "a cat", "b"));
  EXPECT_THAT(said.text, AllOf(HasSubstr("1 of 4 lines without a word"), HasSubstr("1 of 4 lines with marks")));
  EXPECT_THAT(refusal(file), HasSubstr("--max-faulty"));
}

TEST_F(Sentences, RefusesWhatIsCutShortDamagedEmptyOrAbsent) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "a caption of number " + std::to_string(i * 7919) + "\n";
  const auto file = zipped(text);
  const std::string whole = read_file(file);
  EXPECT_THAT(refusal(folder_.write("cut.gz", whole.substr(0, whole.size() / 2))),
              HasSubstr("cut.gz: can't be read: cut short"));
  std::string damaged = whole;
  damaged[whole.size() / 2] ^= 0x55;
  EXPECT_THAT(refusal(folder_.write("damaged.gz", damaged)), HasSubstr("damaged.gz: can't be read"));
  EXPECT_THAT(refusal(folder_.write("empty.txt", "\n\n")), HasSubstr("no sentences"));
  EXPECT_THAT(refusal(folder_ / "none.txt"), HasSubstr("none.txt: can't be opened: No such file"));
}

}  // namespace
}  // namespace attend
