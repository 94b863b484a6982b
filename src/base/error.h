// Errors of the library: every message says what happened, where (file, line, key, byte) and what to do.
#pragma once

#include <stdexcept>
#include <string>

namespace attend {

/// Base of all errors that attend throws on purpose. A command prints what() on one line and exits 1.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file, a picture or a value from outside that can't be used. The message begins with its path or key.
class InputError : public Error {
 public:
  using Error::Error;
};

/// A command line or configuration that can't be understood. A command exits 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// Somebody asked the work to stop (Ctrl-C, SIGTERM); whatever was due to be saved has been saved.
class Interrupted : public Error {
 public:
  using Error::Error;
};

}  // namespace attend
