#include "app/model_command.h"

#include <iostream>

#include "base/console.h"
#include "base/memory_limit.h"
#include "base/parallel.h"

namespace attend {

int RunOptions::set_threads() const {
  const int count = count_threads();
  require_memory(count);
  require_threads(2 * count);  // workers, and those that LibTorch waits for until they have begun
  at::set_num_threads(count);
  return count;
}

ModelCommand::ModelCommand(std::vector<std::string> arguments, CommandSyntax syntax, bool decodes)
    : arguments_(std::move(arguments)), syntax_(std::move(syntax)), described_(syntax_) {
  if (decodes) show_model_defaults(arguments_, false, decode, described_);
}

std::optional<CommandLine> ModelCommand::read() {
  CommandLine line = parse_command_line(arguments_, list, syntax_);
  if (!line.help) return line;
  answer(line, described_, list, std::cout);
  return std::nullopt;
}

std::optional<Ensemble> ModelCommand::open() {
  threads_ = run.set_threads();
  files.choose();
  std::optional<Ensemble> ensemble = open_models(files, choose_device(run.device));
  decode = model_decode_options(ensemble->first(), files.models.front().string());
  if (answer(parse_command_line(arguments_, list, syntax_), syntax_, list, std::cout)) return std::nullopt;
  ensemble->check(decode);
  if (const auto remark = ensemble->remark(decode); !remark.empty()) warn(remark);
  return ensemble;
}

}  // namespace attend
