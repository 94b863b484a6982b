// Manual pages and completion: what `attend man` and `attend completion` make of the commands' lists of options.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <sstream>

#include "app/run_command.h"
#include "base/json.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

const char* const kShells[] = {"bash", "zsh", "fish"};

std::string without(std::string text, const std::string& what) {
  for (size_t at; (at = text.find(what)) != std::string::npos;) text.erase(at, what.size());
  return text;
}

class Manual : public ::testing::Test {
 protected:
  /// Everything is made once, as a build makes it.
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    const auto pages = attend_command({"man", "--output", pages_folder().string(), "--date", "2026-11-30"});
    EXPECT_EQ(pages.status, 0) << pages.err;
    for (const char* shell : kShells) {
      const auto run = attend_command({"completion", shell});
      EXPECT_EQ(run.status, 0) << run.err;
      folder_->write(shell, {run.out.begin(), run.out.end()});
    }
    std::istringstream help(attend_command({"--help"}).out);
    for (std::string line; std::getline(help, line);)
      if (line.rfind("  ", 0) == 0) commands_.push_back(line.substr(2, line.find(' ', 2) - 2));
  }
  static void TearDownTestSuite() {
    delete folder_;
    commands_.clear();
  }

  static fs::path pages_folder() { return folder_->path() / "man1"; }
  static std::string completion(const std::string& shell) { return (folder_->path() / shell).string(); }

  /// What bash offers for the last of `words`, which it parts as it does a command line's.
  static std::vector<std::string> bash_offers(std::vector<std::string> words) {
    words.insert(words.begin(), {"/bin/bash", "-c",
                                 "source \"$0\"; COMP_WORDS=(attend \"$@\"); COMP_CWORD=$#; _attend; "
                                 "printf '%s\\n' \"${COMPREPLY[@]}\"",
                                 completion("bash")});
    const auto run = run_command(words);
    EXPECT_EQ(run.err, "");
    auto offers = run.out_lines();
    if (offers == std::vector<std::string>{""}) offers.clear();
    return offers;
  }

  static TemporaryFolder* folder_;
  static std::vector<std::string> commands_;
};
TemporaryFolder* Manual::folder_ = nullptr;
std::vector<std::string> Manual::commands_;

TEST_F(Manual, HasEveryOptionOfEveryCommandAndSoHasCompletion) {
  ASSERT_THAT(commands_, AllOf(Contains("caption"), Contains("tokenize"), Contains("man")));
  std::map<std::string, std::string> scripts;
  for (const char* shell : kShells) scripts[shell] = read_file(completion(shell));
  const std::string overview = read_file(pages_folder() / "attend.1");
  EXPECT_EQ(std::distance(fs::directory_iterator(pages_folder()), {}), static_cast<int64_t>(commands_.size()) + 3);
  const auto described = attend_command({"completion", "json"});
  ASSERT_EQ(described.status, 0) << described.err;
  std::map<std::string, Json> every;
  for (const auto& command : Json::parse(described.out)) every[command["name"]] = command;
  Json tokenize = Json::parse(attend_command({"tokenize", "--help-json"}).out);
  tokenize["summary"] = every["tokenize"]["summary"];
  EXPECT_EQ(every["tokenize"], tokenize);
  for (const auto& name : commands_) {
    const std::string page = without(read_file(pages_folder() / ("attend-" + name + ".1")), "\\");
    EXPECT_THAT(without(overview, "\\"), HasSubstr(".BR attend-" + name + " (1)"));
    const Json& command = every[name];
    EXPECT_THAT(command["options"], Not(IsEmpty())) << name;
    for (const auto& option : command["options"]) {
      const std::string flag = option["option"];
      const bool on = option.contains("on");
      EXPECT_THAT(page, HasSubstr("fB" + (on ? "--[no-]" + flag.substr(2) : flag) + "fR")) << name;
      if (flag.rfind("--", 0) != 0) continue;  // a key of a configuration
      // Each command's part of a script is a paragraph that its name stands at the head of.
      const auto part = [&](const std::string& shell, const std::string& begin, const std::string& end) {
        const std::string& script = scripts[shell];
        const size_t from = script.find(begin);
        return from == script.npos ? "" : script.substr(from, script.find(end, from + begin.size()) - from);
      };
      EXPECT_THAT(part("bash", "\n      " + name + ")\n", "        esac\n"), HasSubstr(flag)) << name;
      EXPECT_THAT(part("zsh", "\n    " + name + ")\n", "      ;;\n"),
                  HasSubstr("'*" + flag + (option["value"] == "" ? "[" : "=[")))
          << name;
      EXPECT_THAT(scripts["fish"], HasSubstr("'__attend_command " + name + "' -l " + flag.substr(2) + " ")) << name;
    }
  }
}

TEST_F(Manual, PagesAreWhatManTakes) {
  bool checked = false;
  for (const auto& entry : fs::directory_iterator(pages_folder())) {
    const auto page = entry.path().filename();
    if (page == "attend-pictures.1" || page == "attend-tensors.1")
      continue;  // names another, where man looks for pages
    if (fs::exists("/usr/bin/man")) {
      const auto run = run_command({"/usr/bin/env", "LC_ALL=C.UTF-8", "MANROFFSEQ=", "MANWIDTH=80", "/usr/bin/man",
                                    "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", entry.path().string()});
      EXPECT_EQ(run.err, "") << entry.path();
      checked = true;
    }
    if (fs::exists("/usr/bin/mandoc")) {
      const auto run = run_command({"/usr/bin/mandoc", "-T", "lint", "-W", "warning", entry.path().string()});
      EXPECT_EQ(run.out, "") << entry.path();
      checked = true;
    }
  }
  if (!checked) GTEST_SKIP() << "no man and no mandoc";
}

TEST_F(Manual, OnePageGoesToStandardOutput) {
  const auto page = attend_command({"man", "tokenize"});
  EXPECT_EQ(page.status, 0);
  EXPECT_THAT(page.out, AllOf(HasSubstr("\n.TH ATTEND\\-TOKENIZE 1 "), HasSubstr("\\fB\\-\\-all\\fR\n")));
  EXPECT_THAT(attend_command({"man"}).out, HasSubstr("\n.TH ATTEND 1 "));
  const auto unknown = attend_command({"man", "captoin"});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean caption?"));
  EXPECT_EQ(attend_command({"man", "caption", "--output", pages_folder().string()}).status, 2);
  EXPECT_EQ(attend_command({"completion", "tcsh"}).status, 2);
}

TEST_F(Manual, BashOffersCommandsOptionsAndTheWordsTheyTake) {
  EXPECT_THAT(bash_offers({"cap"}), ElementsAre("caption"));
  EXPECT_THAT(bash_offers({"--"}), ElementsAre("--help", "--version"));
  EXPECT_THAT(bash_offers({"caption", "--overlay-form"}), ElementsAre("--overlay-format"));
  EXPECT_THAT(bash_offers({"evaluate", "--beam-w"}), ElementsAre("--beam-width"));
  EXPECT_THAT(bash_offers({"score", "--no-at"}), ElementsAre("--no-attention"));
  EXPECT_THAT(bash_offers({"caption", "--device", ""}), ElementsAre("auto", "cpu", "cuda"));
  EXPECT_THAT(bash_offers({"caption", "photo.jpg", "--device", "c"}), ElementsAre("cpu", "cuda"));
  EXPECT_THAT(bash_offers({"caption", "--device", "=", "cu"}), ElementsAre("cuda"));  // as bash parts --device=cu
  EXPECT_THAT(bash_offers({"caption", "--device", "="}), ElementsAre("auto", "cpu", "cuda"));
  EXPECT_THAT(bash_offers({"completion", "f"}), ElementsAre("fish"));
  EXPECT_THAT(bash_offers({"man", "tok"}), ElementsAre("tokenize"));
}

TEST_F(Manual, BashCompletesFilesWhereFilesStandAndNothingWhereNumbersDo) {
  // In readline the function leaves names of files to bash itself, or says that there are none: seen from compopt.
  const auto asked = [](std::vector<std::string> words) {
    words.insert(words.begin(), {"/bin/bash", "-c",
                                 "source \"$0\"; compopt() { printf '%s ' \"$@\"; }; COMP_WORDS=(attend \"$@\"); "
                                 "COMP_CWORD=$#; _attend; printf '%s' \"${COMPREPLY[*]}\"",
                                 completion("bash")});
    return run_command(words).out;
  };
  const std::string no_files = "+o default +o bashdefault ";
  EXPECT_EQ(asked({"caption", "ph"}), "");
  EXPECT_EQ(asked({"caption", "--overlay", ""}), "");
  EXPECT_EQ(asked({"caption", "--overlay", "=", "ph"}), "");
  EXPECT_EQ(asked({"caption", "--", "--re"}), "");
  EXPECT_EQ(asked({"caption", "--beam-width", ""}), no_files);
  EXPECT_EQ(asked({"caption", "--prefix", ""}), no_files);
  EXPECT_EQ(asked({"tokenize", ""}), no_files);
  EXPECT_EQ(asked({"caption", "--device", "cu"}), no_files + "cuda");
  const auto registered = run_command({"/bin/bash", "-c", "source \"$0\"; complete -p attend", completion("bash")});
  EXPECT_EQ(registered.out, "complete -o bashdefault -o default -F _attend attend\n");
}

TEST_F(Manual, FishOffersThemToo) {
  if (!fs::exists("/usr/bin/fish")) GTEST_SKIP() << "no fish";
  const auto offers = [&](const std::string& typed) {
    const auto run = run_command({"/usr/bin/env", "HOME=" + folder_->path().string(), "/usr/bin/fish", "--no-config",
                                  "-c", "source '" + completion("fish") + "'; complete -C '" + typed + "'"});
    EXPECT_EQ(run.err, "") << typed;
    std::vector<std::string> words;
    for (const auto& line : run.out_lines()) words.push_back(line.substr(0, line.find('\t')));
    return words;
  };
  EXPECT_THAT(offers("attend cap"), ElementsAre("caption"));
  EXPECT_THAT(offers("attend caption --device "), ElementsAre("auto", "cpu", "cuda"));
  EXPECT_THAT(offers("attend caption --overlay-form"), ElementsAre("--overlay-format"));
  EXPECT_THAT(offers("attend completion f"), ElementsAre("fish"));
}

TEST_F(Manual, ZshTakesItsScript) {
  if (!fs::exists("/usr/bin/zsh")) GTEST_SKIP() << "no zsh";
  const auto run = run_command({"/usr/bin/zsh", "-n", completion("zsh")});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.err, "");
}

}  // namespace
}  // namespace attend::testing
