#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <opencv2/imgcodecs.hpp>
#include <random>

#include "app/commands.h"
#include "app/model_file.h"
#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "vision/find_pictures.h"
#include "vision/picture.h"

extern char** environ;

namespace attend {
namespace {

namespace fs = std::filesystem;

struct BenchOptions {
  fs::path pictures;
  int count = 1000;
  int beam_width = 5;
  bool json = false;

  void list(OptionList& options) {
    options.section("", "Benchmark");
    options.add("pictures", pictures,
                "folder of pictures to caption; without it, crops of data/samples are made, 224x224");
    options.add("count", count, "how many pictures, at most", between(1, 1'000'000));
    options.add("beam_width", beam_width, "captions kept alive at each word", between(1, 1000));
    options.add("json", json, "print the figures as JSON");
  }
};

/// A folder that is gone with the value.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "attend-bench-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw Error(name + ": can't be made: " + std::strerror(errno));
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// `count` crops of 224x224 of the sample photographs, the same every time.
std::vector<fs::path> make_pictures(const fs::path& folder, int count) {
  constexpr int side = 224;
  std::vector<cv::Mat> samples;
  for (const auto& path : find_pictures({data_folder("samples").string()}, false)) {
    cv::Mat pixels = read_picture(path).pixels;
    if (pixels.cols >= side && pixels.rows >= side) samples.push_back(pixels);
  }
  if (samples.empty()) throw InputError(data_folder("samples").string() + ": no pictures of 224x224 or more there");
  std::mt19937 generator(1);
  std::vector<fs::path> paths;
  Progress progress("making pictures", count);
  for (int i = 0; i < count; ++i) {
    const cv::Mat& from = samples[static_cast<size_t>(i) % samples.size()];
    const cv::Rect crop(static_cast<int>(generator() % static_cast<unsigned>(from.cols - side + 1)),
                        static_cast<int>(generator() % static_cast<unsigned>(from.rows - side + 1)), side, side);
    char name[32];
    std::snprintf(name, sizeof name, "%07d.jpg", i);
    paths.push_back(folder / name);
    if (!cv::imwrite(paths.back().string(), from(crop))) throw Error(paths.back().string() + ": can't be written");
    progress.update(i + 1);
  }
  return paths;
}

/// A run of `attend caption` as a user sees it.
struct Measured {
  double first_seconds = 0, seconds = 0;  // from its start to its first line; to its end
  int64_t lines = 0;
  double peak_mib = 0;  // of resident memory
};

Measured run_caption(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"attend", "caption"});
  std::vector<char*> values;
  for (auto& argument : arguments) values.push_back(argument.data());
  values.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error(std::string("a pipe can't be made: ") + std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  const auto begin = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(); };
  pid_t child = -1;
  const int fault = ::posix_spawn(&child, "/proc/self/exe", &actions, nullptr, values.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  Measured measured;
  char buffer[1 << 16];
  for (ssize_t got;
       fault == 0 && ((got = ::read(ends[0], buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR));) {
    if (got > 0 && measured.lines == 0) measured.first_seconds = elapsed();
    if (got > 0) measured.lines += std::count(buffer, buffer + got, '\0');
  }
  ::close(ends[0]);
  if (fault != 0) throw Error(std::string("attend caption can't be started: ") + std::strerror(fault));
  int status = 0;
  rusage usage{};
  while (::wait4(child, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  measured.seconds = elapsed();
  measured.peak_mib = static_cast<double>(usage.ru_maxrss) / 1024;
  if (interrupted()) throw Interrupted("stopped before there were figures");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw Error("attend caption failed; there are no figures");
  return measured;
}

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("model name", 0) == 0) return line.substr(std::min(line.size(), line.find(':') + 2));
  return "unknown processor";
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d", std::localtime(&now));
  return text;
}

}  // namespace

int bench_command(const std::vector<std::string>& arguments) {
  const CommandSyntax syntax{
      "bench",
      "",
      0,
      0,
      "Measures `attend caption` as a user sees it: a process of its own captions pictures with beam search and writes "
      "text. Times count from the start of that process; memory is the largest that was resident.",
      {{"attend bench", "1,000 pictures of 224x224, beam 5, all processors"},
       {"attend bench --pictures photos --threads 1 --json", "own pictures, one processor, for machines"}}};
  BenchOptions options;
  ModelFile file;
  RunOptions run;
  OptionList list;
  options.list(list);
  file.list(list);
  run.list(list);
  const CommandLine line = parse_command_line(arguments, list, syntax);
  if (answer(line, syntax, list, std::cout)) return 0;
  file.choose();
  watch_interrupts();
  const TemporaryFolder folder;
  auto pictures = options.pictures.empty() ? make_pictures(folder.path(), options.count)
                                           : find_pictures({options.pictures.string()}, true);
  pictures.resize(std::min(pictures.size(), static_cast<size_t>(options.count)));
  if (pictures.empty()) throw InputError(options.pictures.string() + ": no pictures there");
  std::string names;
  for (const auto& picture : pictures) names += picture.string() + '\0';
  const fs::path names_file = folder.path() / "names";
  write_file_atomically(names_file, names);

  const int threads = run.threads > 0 ? run.threads : available_processors();
  const auto measured =
      run_caption({"--null", "--files-from", names_file.string(), "--model", file.model.string(), "--precision",
                   file.precision, "--device", run.device, "--threads", std::to_string(threads), "--beam-width",
                   std::to_string(options.beam_width), "--n-best", "1"});
  const Json figures{{"date", today()},
                     {"attend", ATTEND_VERSION},
                     {"machine", processor()},
                     {"threads", threads},
                     {"device", run.device},
                     {"model", file.model.string()},
                     {"precision", file.precision},
                     {"beam_width", options.beam_width},
                     {"pictures", measured.lines},
                     {"pictures_per_second", static_cast<double>(measured.lines) / measured.seconds},
                     {"seconds", measured.seconds},
                     {"seconds_to_first_caption", measured.first_seconds},
                     {"peak_memory_mib", measured.peak_mib}};
  if (options.json) {
    std::cout << figures.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
    return 0;
  }
  std::printf("%s, %d threads, %s, attend %s\n%s, precision %s, beam %d\n\n", processor().c_str(), threads,
              today().c_str(), ATTEND_VERSION, file.model.c_str(), file.precision.c_str(), options.beam_width);
  std::printf("%-24s %8lld\n%-24s %8.1f /s\n%-24s %8.2f s\n%-24s %8.0f MiB\n", "pictures",
              static_cast<long long>(measured.lines), "speed, end to end",
              static_cast<double>(measured.lines) / measured.seconds, "start to first caption", measured.first_seconds,
              "peak memory", measured.peak_mib);
  std::fflush(stdout);
  return 0;
}

}  // namespace attend
