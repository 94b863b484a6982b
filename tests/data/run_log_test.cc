#include "data/run_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "base/files.h"
#include "base/said.h"
#include "data/temporary_folder.h"

namespace attend {
namespace {

using ::testing::HasSubstr;

const std::string kLines =
    "{\"step\":10,\"epoch\":1,\"loss\":3}\n{\"epoch\":1,\"step\":10,\"best\":true}\n"
    "{\"step\":20,\"epoch\":2,\"loss\":2}\n{\"epoch\":2,\"step\":20,\"best\":false}\n";

TEST(RunLog, WhatIsDoneAgainIsTakenOut) {
  const TemporaryFolder folder;
  const auto file = folder.write("log.jsonl", kLines + "{\"step\":30,\"epoch\":3,\"loss\":1}\n");
  { RunLog(file, 20, 2).write({{"step", 30}}); }
  EXPECT_EQ(read_file(file), kLines + "{\"step\":30}\n");
  { RunLog(file, 20, 1); }  // the second validation was cut off
  EXPECT_EQ(read_file(file), kLines.substr(0, kLines.find("{\"epoch\":2,\"step\":20")));
  { RunLog(file, 0, -1); }
  EXPECT_EQ(read_file(file), "");
}

TEST(RunLog, TornLinesAreTakenOutAndSaid) {
  const TemporaryFolder folder;
  const auto file = folder.write("log.jsonl", "{\"step\":1,\"lo\n" + kLines + "{\"step\":20,\"va");
  Said said;
  { RunLog(file, 20, 2).write({{"step", 21}}); }
  EXPECT_THAT(said.text, HasSubstr("passed over line 1,"));
  EXPECT_EQ(read_file(file), kLines + "{\"step\":21}\n");
  EXPECT_EQ(read_run_log(file).size(), 5u);
  EXPECT_THROW(read_run_log(folder.write("none", "no log\n")), InputError);
}

TEST(RunLog, AFullDiskCostsTheLineAndIsSaidOnce) {
  Said said;
  RunLog log("/dev/full", 0, 0);
  log.write({{"step", 1}});
  log.write({{"step", 2}});
  EXPECT_THAT(said.text, HasSubstr("No space left"));
  EXPECT_EQ(std::count(said.text.begin(), said.text.end(), '\n'), 1);
}

}  // namespace
}  // namespace attend
