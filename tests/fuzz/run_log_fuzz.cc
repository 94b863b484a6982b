// Logs of training runs: a run that goes on leaves none that is torn or stands twice.
#include <cstdlib>

#include "base/error.h"
#include "base/files.h"
#include "data/run_log.h"
#include "data/temporary_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const attend::TemporaryFolder folder;
  const auto file = folder.write("log.jsonl", {reinterpret_cast<const char*>(data), size});
  try {
    attend::RunLog(file, 2, 1).write({{"step", 3}});
    const auto lines = attend::read_run_log(file);
    if (lines.empty() || lines.back().values != attend::Json{{"step", 3}}) std::abort();
    std::string text;
    for (const auto& line : lines) text += line.text + "\n";
    if (text != attend::read_file(file)) std::abort();
  } catch (const attend::InputError&) {
  }
  return 0;
}
