// Runs the program as a user does, and keeps what it says.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "base/files.h"

namespace attend::testing {

/// What a command left behind.
struct Outcome {
  int status = -1;  // exit status; 128 + signal where a signal ended it
  std::string out, err;

  std::vector<std::string> out_lines() const { return lines(out); }
  std::vector<std::string> err_lines() const { return lines(err); }

 private:
  static std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> list;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) list.push_back(line);
    return list;
  }
};

/// The circumstances of a run.
struct Circumstances {
  std::string input = {};             // on standard input
  std::filesystem::path folder = {};  // working folder
  std::filesystem::path out_to = {};  // standard output goes to this file, not to Outcome::out
  bool ordinary_user = false;         // not root, even where the tests run as root
  int64_t largest_file = 0;           // bytes after which every file is full; 0: none is
  int64_t address_space = 0;          // bytes that it may have; 0: no limit
  int64_t processes = 0;              // that its user may have, threads among them; 0: no limit. Root has none
  int signal = 0;                     // sent as soon as there is a line on standard output; 0: none
};

class File {
 public:
  File() : file_(std::tmpfile()) {}
  ~File() { std::fclose(file_); }
  File(const File&) = delete;
  int descriptor() const { return ::fileno(file_); }
  int64_t size() const {
    struct stat status;
    return ::fstat(descriptor(), &status) == 0 ? status.st_size : 0;
  }
  std::string text() const {
    std::string bytes(static_cast<size_t>(size()), '\0');
    EXPECT_EQ(::pread(descriptor(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    return bytes;
  }
  void fill(const std::string& bytes) {
    EXPECT_EQ(::pwrite(descriptor(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }

 private:
  std::FILE* file_;
};

/// Runs `arguments`, the first of which is a program's path.
inline Outcome run_command(std::vector<std::string> arguments, const Circumstances& how = {}) {
  File in, out, err;
  in.fill(how.input);
  std::vector<char*> values;
  for (auto& argument : arguments) values.push_back(argument.data());
  values.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(in.descriptor(), STDIN_FILENO);
    ::lseek(STDIN_FILENO, 0, SEEK_SET);
    ::dup2(how.out_to.empty() ? out.descriptor() : ::open(how.out_to.c_str(), O_WRONLY), STDOUT_FILENO);
    ::dup2(err.descriptor(), STDERR_FILENO);
    if (!how.folder.empty() && ::chdir(how.folder.c_str()) != 0) ::_exit(125);
    if (how.largest_file > 0) ::signal(SIGXFSZ, SIG_IGN);
    for (const auto& [limit, value] :
         {std::pair(RLIMIT_FSIZE, how.largest_file), {RLIMIT_AS, how.address_space}, {RLIMIT_NPROC, how.processes}}) {
      const rlimit both{static_cast<rlim_t>(value), static_cast<rlim_t>(value)};
      if (value > 0) ::setrlimit(limit, &both);
    }
    if (how.ordinary_user && ::geteuid() == 0 &&
        (::setgroups(0, nullptr) != 0 || ::setgid(65534) != 0 || ::setuid(65534) != 0))
      ::_exit(126);
    ::execv(values[0], values.data());
    ::_exit(127);
  }
  int status = 0;
  if (how.signal) {
    while (out.size() == 0 && ::waitpid(child, &status, WNOHANG) == 0) ::usleep(5000);
    ::kill(child, how.signal);
  }
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  Outcome outcome;
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.out = out.text();
  outcome.err = err.text();
  return outcome;
}

/// Runs attend on `arguments`.
inline Outcome attend_command(std::vector<std::string> arguments, const Circumstances& how = {}) {
  arguments.insert(arguments.begin(), ATTEND_PROGRAM);
  return run_command(std::move(arguments), how);
}

/// Puts attend into a folder of its own, where it finds no data; returns the program.
inline std::string install_attend(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const std::filesystem::path program = ATTEND_PROGRAM;
  for (const char* name : {"attend", "attend-pictures", "attend-tensors"})
    std::filesystem::copy_file(program.parent_path() / name, folder / name);
  return (folder / "attend").string();
}

/// attend_command() on one thread with the tests' model: what a command that captions needs.
inline Outcome with_model(std::vector<std::string> arguments, const Circumstances& how = {}) {
  arguments.insert(arguments.begin() + 1, {"--model", ATTEND_TINY_MODEL, "--threads", "1"});
  return attend_command(std::move(arguments), how);
}

}  // namespace attend::testing
