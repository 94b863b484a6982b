// A real browser, headless, spoken to over its DevTools pipe: opens a page, runs a script in it and hands back what
// the script found.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"

namespace attend::testing {

/// Debian's Chromium, or empty where there is none.
inline std::string browser() {
  for (const char* path : {"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"})
    if (::access(path, X_OK) == 0) return path;
  return "";
}

#define ATTEND_NEEDS_BROWSER() \
  if (attend::testing::browser().empty()) GTEST_SKIP() << "no Chromium is installed"

struct Visit {
  Json found;                       // what the script returned; null when it never came to its end
  std::vector<std::string> errors;  // uncaught errors, console.error, and what the browser logged as an error
};

struct Window {
  int width = 1280, height = 900;
  bool dark = false;
  std::filesystem::path screenshot = {};  // PNG of the window after the script
};

/// Chromium with a pipe: https://chromedevtools.github.io/devtools-protocol, messages end with a NUL byte.
class Browser {
 public:
  explicit Browser(const std::filesystem::path& folder) {
    int to[2], from[2];
    if (::pipe(to) != 0 || ::pipe(from) != 0) return;
    std::vector<std::string> arguments{browser(),
                                       "--headless",
                                       "--no-sandbox",
                                       "--disable-gpu",
                                       "--no-first-run",
                                       "--remote-debugging-pipe",
                                       "--user-data-dir=" + (folder / "profile").string()};
    std::vector<char*> values;
    for (auto& argument : arguments) values.push_back(argument.data());
    values.push_back(nullptr);
    child_ = ::fork();
    if (child_ == 0) {
      ::setpgid(0, 0);
      const int in = ::fcntl(to[0], F_DUPFD, 10), out = ::fcntl(from[1], F_DUPFD, 10);
      ::dup2(::open("/dev/null", O_RDWR), STDERR_FILENO);
      ::dup2(in, 3);
      ::dup2(out, 4);
      for (int descriptor = 5; descriptor < 64; ++descriptor) ::close(descriptor);
      ::execv(values[0], values.data());
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    to_ = to[1];
    from_ = from[0];
  }
  ~Browser() {
    ::close(to_);
    ::close(from_);
    ::kill(-child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  Browser(const Browser&) = delete;

  /// The result of a method, or null after `seconds`. Events that arrive meanwhile are kept in errors.
  Json call(const std::string& method, Json parameters = Json::object(), int seconds = 60) {
    Json message{{"id", ++id_}, {"method", method}, {"params", std::move(parameters)}};
    if (!session.empty()) message["sessionId"] = session;
    const std::string text = message.dump() + '\0';
    for (size_t sent = 0; sent < text.size();) {
      const auto count = ::write(to_, text.data() + sent, text.size() - sent);
      if (count <= 0) return nullptr;
      sent += static_cast<size_t>(count);
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (std::chrono::steady_clock::now() < end) {
      for (size_t stop; (stop = buffer_.find('\0')) != std::string::npos;) {
        const Json answer = Json::parse(buffer_.substr(0, stop));
        buffer_.erase(0, stop + 1);
        if (answer.value("id", 0) == id_) return answer.contains("result") ? answer["result"] : Json(nullptr);
        note(answer);
      }
      pollfd wait{from_, POLLIN, 0};
      if (::poll(&wait, 1, 200) <= 0) continue;
      char bytes[65536];
      const auto count = ::read(from_, bytes, sizeof bytes);
      if (count <= 0) return nullptr;
      buffer_.append(bytes, static_cast<size_t>(count));
    }
    return nullptr;
  }

  std::string session;
  std::vector<std::string> errors;
  bool loaded = false;

 private:
  void note(const Json& event) {
    const std::string method = event.value("method", "");
    if (method == "Page.loadEventFired") loaded = true;
    if (method == "Runtime.exceptionThrown") errors.push_back(event["params"]["exceptionDetails"].dump());
    if (method == "Runtime.consoleAPICalled" && event["params"]["type"] == "error")
      errors.push_back(event["params"]["args"].dump());
    if (method == "Log.entryAdded" && event["params"]["entry"]["level"] == "error")
      errors.push_back(event["params"]["entry"].dump());
  }

  pid_t child_ = -1;
  int to_ = -1, from_ = -1, id_ = 0;
  std::string buffer_;
};

inline std::string from_base64(const std::string& text) {
  std::string bytes;
  unsigned group = 0, bits = 0;
  for (const char c : text) {
    const unsigned digit = c >= 'a'   ? c - 'a' + 26u
                           : c >= 'A' ? c - 'A' + 0u
                           : c >= '0' ? c - '0' + 52u
                           : c == '+' ? 62u
                                      : 63u;
    if (c == '=') break;
    group = group << 6 | digit;
    if ((bits += 6) >= 8) bytes += static_cast<char>(group >> (bits -= 8) & 255);
  }
  return bytes;
}

/// Opens `page`, waits until it has loaded, and runs `script`: the body of an async function that returns what can be
/// JSON. It may use settled() (a frame has been drawn) and until(condition). `folder` takes the browser's own files.
inline Visit visit(const std::filesystem::path& page, const std::filesystem::path& folder, const std::string& script,
                   const Window& window = {}) {
  Browser browser(folder);
  const std::string target = browser.call("Target.createTarget", {{"url", "about:blank"}}).value("targetId", "");
  browser.session =
      browser.call("Target.attachToTarget", {{"targetId", target}, {"flatten", true}}).value("sessionId", "");
  for (const char* domain : {"Page", "Runtime", "Log"}) browser.call(std::string(domain) + ".enable");
  browser.call(
      "Emulation.setDeviceMetricsOverride",
      {{"width", window.width}, {"height", window.height}, {"deviceScaleFactor", 1}, {"mobile", window.width < 600}});
  browser.call("Emulation.setEmulatedMedia",
               {{"features", {{{"name", "prefers-color-scheme"}, {"value", window.dark ? "dark" : "light"}}}}});
  browser.call("Page.navigate", {{"url", "file://" + std::filesystem::absolute(page).string()}});
  for (int i = 0; i < 600 && !browser.loaded; ++i) {
    browser.call("Runtime.evaluate", {{"expression", "0"}});
    ::usleep(20000);
  }
  const std::string expression =
      "(async () => {\n"
      "const settled = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30)));\n"
      "const until = async (holds) => { for (let i = 0; i < 200 && !holds(); ++i) await settled(); };\n"
      "await settled();\n" +
      script + "\n})()";
  const Json answer =
      browser.call("Runtime.evaluate", {{"expression", expression}, {"awaitPromise", true}, {"returnByValue", true}});
  Visit result;
  if (answer.is_object() && answer.contains("exceptionDetails"))
    browser.errors.push_back(answer["exceptionDetails"].dump());
  else if (answer.is_object())
    result.found = answer["result"].value("value", Json(nullptr));
  if (!window.screenshot.empty())
    write_file_atomically(window.screenshot, from_base64(browser.call("Page.captureScreenshot").value("data", "")));
  result.errors = browser.errors;
  return result;
}

}  // namespace attend::testing
