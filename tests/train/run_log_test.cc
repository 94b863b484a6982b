#include "train/run_log.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "data/temporary_folder.h"

namespace attend {
namespace {

constexpr const char* kData = "{\"step\":0,\"epoch\":0,\"data\":{}}\n";
constexpr const char* kFirst = "{\"step\":2,\"epoch\":1,\"loss\":1}\n";
constexpr const char* kValidated = "{\"epoch\":1,\"step\":3,\"validation_cider\":0.5,\"best\":true}\n";
constexpr const char* kSecond = "{\"step\":4,\"epoch\":2,\"loss\":1}\n";

TEST(RunLog, GoesOnWhereTheCheckpointStands) {
  const TemporaryFolder folder;
  const std::string all = std::string(kData) + kFirst + kValidated + kSecond;
  const auto kept = [&](int64_t step, int64_t epochs, const std::string& before) {
    const auto file = folder.write("log.jsonl", before);
    RunLog(file, step, epochs).write({{"step", 9}});
    const std::string text = read_file(file), last = "{\"step\":9}\n";
    EXPECT_EQ(text.substr(text.size() - last.size()), last);
    return text.substr(0, text.size() - last.size());
  };
  EXPECT_EQ(kept(4, 1, all), all);
  EXPECT_EQ(kept(3, 1, all), std::string(kData) + kFirst + kValidated);
  EXPECT_EQ(kept(3, 0, all), std::string(kData) + kFirst);  // the validation will be done again
  EXPECT_EQ(kept(1, 0, all), kData);
  EXPECT_EQ(kept(4, 1, all + "{\"step\":5,\"ep"), all);  // torn
  EXPECT_EQ(kept(4, 1, std::string(kData) + "{\"step\"" + kFirst + kSecond), std::string(kData) + kSecond);
  EXPECT_EQ(kept(0, 0, ""), "");
}

TEST(RunLog, SaysThatItCanNotBeWritten) {
  const TemporaryFolder folder;
  EXPECT_THROW(RunLog(folder / "no/log.jsonl", 0, 0), Error);
  RunLog full("/dev/full", 0, 0);
  EXPECT_THROW(full.write({{"step", 1}}), Error);
}

}  // namespace
}  // namespace attend
