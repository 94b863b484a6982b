#include "data/run_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/console.h"
#include "base/error.h"
#include "base/files.h"

namespace attend {
namespace {

/// A figure of a line, or `otherwise`.
double number_of(const Json& line, const char* key, double otherwise) {
  const auto found = line.find(key);
  return found != line.end() && found->is_number() ? found->get<double>() : otherwise;
}

/// Whether a line is of what a run does again that goes on from there.
bool is_done_again(const Json& line, int64_t step, int64_t validated_epochs) {
  if (number_of(line, "step", 0) > static_cast<double>(step)) return true;
  return line.contains("best") && number_of(line, "epoch", 0) > static_cast<double>(validated_epochs);
}

}  // namespace

std::vector<LogLine> read_run_log(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  std::vector<LogLine> lines;
  std::string torn;
  size_t number = 0, torn_lines = 0;
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    ++number;
    std::string line = text.substr(begin, end - begin);
    if (line.empty()) continue;
    try {
      Json values = parse_json(line, path.string());
      if (!values.is_object()) throw InputError("no object");
      lines.push_back({number, std::move(line), std::move(values)});
    } catch (const InputError&) {
      torn += (torn_lines++ ? ", " : "") + std::to_string(number);
    }
  }
  if (torn_lines > 0 && lines.empty())
    throw InputError(path.string() + ":" + torn.substr(0, torn.find(',')) +
                     ": not a line of a training log (a JSON object)");
  if (torn_lines > 0)
    warn(path.string() + ": passed over " + (torn_lines == 1 ? "line " : "lines ") + torn + ", which " +
         (torn_lines == 1 ? "is" : "are") + " torn or no JSON object");
  return lines;
}

RunLog::RunLog(std::filesystem::path path, int64_t step, int64_t validated_epochs) : path_(std::move(path)) {
  if (std::filesystem::is_regular_file(path_)) {
    std::string kept;
    for (const auto& line : read_run_log(path_))
      if (!is_done_again(line.values, step, validated_epochs)) kept += line.text + "\n";
    if (kept != read_file(path_)) write_file_atomically(path_, kept);
  }
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw Error(path_.string() + ": can't be written: " + std::strerror(errno));
}

RunLog::~RunLog() { ::close(descriptor_); }

void RunLog::write(const Json& line) {
  const std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  struct stat before;
  const bool known = ::fstat(descriptor_, &before) == 0;
  const ssize_t written = ::write(descriptor_, text.data(), text.size());
  if (written == static_cast<ssize_t>(text.size())) return;
  const std::string why = written < 0 ? std::strerror(errno) : "no room";
  if (written > 0 && known && ::ftruncate(descriptor_, before.st_size) != 0)
    errno = 0;  // read_run_log() passes over it
  if (!std::exchange(said_, true)) warn(path_.string() + ": can't be written: " + why + "; training goes on without");
}

}  // namespace attend
