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
#include <random>

#include "app/bench_parts.h"
#include "app/commands.h"
#include "app/model_file.h"
#include "base/console.h"
#include "base/data_folder.h"
#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/processor.h"
#include "evaluate/report.h"
#include "vision/encode.h"
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
  bool parts = true;
  bool json = false;

  void list(OptionList& options) {
    options.section("", "Benchmark");
    options.add("pictures", pictures,
                "folder of pictures to caption; without it, crops of data/samples are made, 224x224");
    options.add("count", count, "how many pictures, at most", between(1, 1'000'000));
    options.add("beam_width", beam_width, "captions kept alive at each word", between(1, 1000));
    options.add("parts", parts, "also measure the machine's limits, the parts of the work, and how it grows");
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
  for (const auto& sample : find_pictures({data_folder("samples").string()}, false).pictures) {
    cv::Mat pixels = read_picture(sample.path).pixels;
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
    const auto bytes = encode_jpeg(from(crop), 95);
    std::ofstream out(paths.back(), std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!out.flush()) throw Error(paths.back().string() + ": can't be written");
    progress.update(i + 1);
  }
  return paths;
}

/// A run of attend as a user sees it: of the program beside this one.
struct Measured {
  double first_seconds = 0, seconds = 0;  // from its start to its first line; to its end
  int64_t lines = 0;
  double peak_mib = 0;  // of resident memory
};

Measured run_attend(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "attend");
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
  const auto program = fs::read_symlink("/proc/self/exe").parent_path() / "attend";
  const int fault = ::posix_spawn(&child, program.c_str(), &actions, nullptr, values.data(), environ);
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
  if (fault != 0) throw Error(std::string("attend can't be started: ") + std::strerror(fault));
  int status = 0;
  rusage usage{};
  while (::wait4(child, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  measured.seconds = elapsed();
  measured.peak_mib = static_cast<double>(usage.ru_maxrss) / 1024;
  if (interrupted()) throw Interrupted("stopped before there were figures");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw Error(arguments[1] + " failed; there are no figures");
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

/// `attend caption` over the first `count` of `pictures`.
Measured run_caption(const BenchOptions& options, const ModelFiles& files, const RunOptions& run,
                     const fs::path& folder, const std::vector<fs::path>& pictures, size_t count, int threads) {
  std::string names;
  for (size_t i = 0; i < std::min(count, pictures.size()); ++i) names += pictures[i].string() + '\0';
  const fs::path names_file = folder / "names";
  write_file_atomically(names_file, names);
  std::vector<std::string> arguments{"caption",      "--null",
                                     "--files-from", names_file.string(),
                                     "--precision",  files.precision,
                                     "--input-size", std::to_string(files.input_size),
                                     "--device",     run.device,
                                     "--threads",    std::to_string(threads),
                                     "--beam-width", std::to_string(options.beam_width),
                                     "--n-best",     "1"};
  for (const auto& model : files.models) arguments.insert(arguments.end(), {"--model", model.string()});
  return run_attend(std::move(arguments));
}

struct Section {
  std::string name;
  std::vector<Figure> figures;
};

/// "encoding a picture, fp32" in "ms" → "encoding_a_picture_fp32_ms"; "%" is called percent and "/s" per second.
std::string key_of(const Figure& figure) {
  std::string key;
  for (const char c : figure.name + " " + (figure.unit == "%" ? "percent" : figure.unit)) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      key += static_cast<char>(std::tolower(c));
    else if (c == '/')
      key += "_per_";
    else if (!key.empty() && key.back() != '_')
      key += '_';
  }
  if (key.back() == '_') key.pop_back();  // no unit
  return key;
}

}  // namespace

int bench_command(const std::vector<std::string>& arguments) {
  const CommandSyntax syntax{
      "bench",
      "",
      0,
      0,
      "Measures `attend caption` as a user sees it: a process of its own captions pictures with beam search and writes "
      "text. Times count from the start of that process; memory is the largest that was resident. Then measures what "
      "this machine can do at best, and the parts of captioning and training beside it, those of the first model "
      "where there are several.",
      {{"attend bench", "1,000 pictures of 224x224, beam 5, all processors"},
       {"attend bench --no-parts --count 10000", "end to end only, ten times as many"},
       {"attend bench --pictures photos --threads 1 --json", "own pictures, one processor, for machines"}},
      {"pictures", "count", "parts", "json", "model", "threads"}};
  BenchOptions options;
  ModelFiles files;
  RunOptions run;
  OptionList list;
  options.list(list);
  files.list(list);
  run.list(list);
  const CommandLine line = parse_command_line(arguments, list, syntax);
  if (answer(line, syntax, list, std::cout)) return 0;
  files.choose();
  watch_interrupts();
  const TemporaryFolder folder;
  std::vector<fs::path> pictures;
  if (options.pictures.empty()) {
    pictures = make_pictures(folder.path(), options.count);
  } else {
    for (const auto& found : find_pictures({options.pictures.string()}, true).pictures) pictures.push_back(found.path);
  }
  pictures.resize(std::min(pictures.size(), static_cast<size_t>(options.count)));
  if (pictures.empty()) throw InputError(options.pictures.string() + ": no pictures there");

  const int threads = run.count_threads();
  const auto measure = [&](size_t count, int on) {
    return run_caption(options, files, run, folder.path(), pictures, count, on);
  };
  const auto rate = [](const Measured& m) { return static_cast<double>(m.lines) / m.seconds; };
  // Starting takes as long for few pictures as for many, and on one thread as on all.
  const auto rate_once_started = [](const Measured& m) {
    return static_cast<double>(m.lines) / (m.seconds - m.first_seconds);
  };
  const auto whole = measure(pictures.size(), threads);
  std::vector<Section> sections{{"end to end",
                                 {{"pictures", static_cast<double>(whole.lines), ""},
                                  {"speed", rate(whole), "pictures/s"},
                                  {"start to first caption", whole.first_seconds, "s"},
                                  {"peak memory", whole.peak_mib, "MiB"}}}};
  if (options.parts) {
    const auto tenth = measure(std::max<size_t>(1, pictures.size() / 10), threads);
    auto& growth = sections.emplace_back(Section{"growth", {}}).figures;
    growth.push_back({"peak memory, a tenth of the pictures", tenth.peak_mib, "MiB"});
    growth.push_back(
        {"speed once started, all to a tenth", rate_once_started(whole) / rate_once_started(tenth), "times"});
    if (threads > 1) {
      const size_t some = std::max<size_t>(1, pictures.size() / 4);
      growth.push_back({"speed once started, " + std::to_string(threads) + " threads to one",
                        rate_once_started(measure(some, threads)) / rate_once_started(measure(some, 1)), "times"});
    }
    sections.push_back({"start", {{"attend --help", run_attend({"--help"}).seconds, "s"}}});

    run.set_threads();
    const auto device = choose_device(run.device);
    const auto begin = std::chrono::steady_clock::now();
    auto ensemble = open_models(files, device);
    sections.back().figures.push_back(
        {"loading the model", 1000 * std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
         "ms"});
    sections.push_back({"limits of the machine", measure_limits(pictures.front(), threads, device)});
    const double peak_rate = sections.back().figures.front().value;
    sections.push_back({"parts", measure_parts(ensemble.first(), pictures, peak_rate, threads)});
  }
  if (interrupted()) throw Interrupted("stopped before there were all figures");

  const std::string blas = loaded_blas_kernels();
  if (options.json) {
    Json json{{"date", today()},
              {"attend", ATTEND_VERSION},
              {"machine", processor()},
              {"instructions", instruction_set()},
              {"blas_kernels", blas},
              {"threads", threads},
              {"device", run.device},
              {"model", files.names()},
              {"precision", files.precision},
              {"input_size", files.input_size},
              {"beam_width", options.beam_width}};
    for (const auto& section : sections)
      for (const auto& figure : section.figures) json[section.name][key_of(figure)] = figure.value;
    std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
    return 0;
  }
  const std::string size = files.input_size > 0 ? std::to_string(files.input_size) : "model";
  std::printf(
      "%s, %d threads, %s, attend %s\nattend's own kernels for %s, OpenBLAS with kernels for %s\n%s, precision %s, "
      "input size %s, beam %d\n",
      processor().c_str(), threads, today().c_str(), ATTEND_VERSION, instruction_set().c_str(),
      blas.empty() ? "nobody: another BLAS" : blas.c_str(), joined(files.names()).c_str(), files.precision.c_str(),
      size.c_str(), options.beam_width);
  for (const auto& section : sections) {
    std::printf("\n%s\n", section.name.c_str());
    for (const auto& figure : section.figures)
      std::printf("  %-46s %9.*f %s\n", figure.name.c_str(),
                  figure.unit.empty() ? 0
                  : figure.value < 10 ? 2
                                      : 1,
                  figure.value, figure.unit.c_str());
  }
  std::fflush(stdout);
  return 0;
}

}  // namespace attend
