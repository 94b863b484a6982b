#include "train/run_log.h"

#include "base/error.h"
#include "base/files.h"

namespace attend {
namespace {

/// Whether a line is a whole one, of what a run that stands there has done.
bool is_done(const std::string& text, int64_t step, int64_t epochs) {
  const Json line = Json::parse(text, nullptr, false);
  if (!line.is_object() || !line.contains("step") || !line["step"].is_number()) return false;
  const bool validation = line.contains("best");
  return line["step"].get<double>() <= static_cast<double>(step) &&
         (!validation || !line.contains("epoch") || line["epoch"].get<double>() <= static_cast<double>(epochs));
}

/// The lines that stay.
std::string kept_lines(const std::string& text, int64_t step, int64_t epochs) {
  std::string kept;
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string line = text.substr(begin, end - begin);
    if (is_done(line, step, epochs)) kept += line + "\n";
  }
  return kept;
}

}  // namespace

RunLog::RunLog(std::filesystem::path file, int64_t step, int64_t epochs) : file_(std::move(file)) {
  if (std::filesystem::is_regular_file(file_)) {  // a device has no end
    const std::string text = read_file(file_), kept = kept_lines(text, step, epochs);
    if (kept != text) write_file_atomically(file_, kept);
  }
  out_.open(file_, std::ios::app);
  if (!out_) throw Error(file_.string() + ": can't be written");
}

void RunLog::write(const Json& line) {
  out_ << line.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
  if (!out_) throw Error(file_.string() + ": can't be written (is the disk full?)");
}

}  // namespace attend
