// The commands of `attend`: one file each, thin: options → library → output.
#pragma once

#include <string>
#include <vector>

#include "base/command_line.h"
#include "base/options.h"

namespace attend {

/// Runs one command on the arguments after its name and returns the exit status; throws what main() turns into one
/// line.
using CommandFunction = int (*)(const std::vector<std::string>& arguments);

int caption_command(const std::vector<std::string>& arguments);
int score_command(const std::vector<std::string>& arguments);
int align_command(const std::vector<std::string>& arguments);
int audit_command(const std::vector<std::string>& arguments);
int retrieve_command(const std::vector<std::string>& arguments);
int compare_models_command(const std::vector<std::string>& arguments);
int evaluate_command(const std::vector<std::string>& arguments);
int report_command(const std::vector<std::string>& arguments);
int inspect_command(const std::vector<std::string>& arguments);
int average_command(const std::vector<std::string>& arguments);
int calibrate_command(const std::vector<std::string>& arguments);
int train_command(const std::vector<std::string>& arguments);
int features_command(const std::vector<std::string>& arguments);
int check_command(const std::vector<std::string>& arguments);
int alt_command(const std::vector<std::string>& arguments);
int merge_command(const std::vector<std::string>& arguments);
int convert_command(const std::vector<std::string>& arguments);
int shapes_command(const std::vector<std::string>& arguments);
int tokenize_command(const std::vector<std::string>& arguments);
int meteor_tables_command(const std::vector<std::string>& arguments);
int bench_command(const std::vector<std::string>& arguments);
int completion_command(const std::vector<std::string>& arguments);
int man_command(const std::vector<std::string>& arguments);

/// Where and on how many threads tensors are computed.
struct RunOptions {
  std::string device = "auto";
  int threads = 0;  // 0: all processors this process may use

  void list(OptionList& options);
  /// How many threads that is on this machine.
  int count_threads() const;
  /// Sets LibTorch's threads and returns how many there are. Throws Error where the system allows fewer, or no memory for so
  /// many.
  int set_threads() const;
};

}  // namespace attend
