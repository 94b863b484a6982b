// `attend train` and `attend features` in several processes, started as a launcher starts them.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <thread>

#include "app/run_command.h"
#include "base/atomic_file.h"
#include "base/json.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A socket of this machine that listens, and its port.
class Listener {
 public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_, 1), 0);
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = std::to_string(ntohs(address.sin_port));
  }
  ~Listener() { ::close(socket_); }
  std::string port;

 private:
  int socket_;
};

std::string free_port() { return Listener().port; }

class RanksTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    // 6 steps an epoch; the last one has a picture for rank 0 alone.
    attend_command({"shapes", at("data"), "--train", "26", "--val", "5", "--test", "40", "--picture-size", "48"});
    const auto alone = run_ranks(1, training("one", {"--max-steps", "54"}))[0];
    ASSERT_EQ(alone.status, 0) << alone.err;
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static std::string at(const std::string& name) { return (folder_->path() / name).string(); }

  /// As many epochs as a test takes; without dropout, whose masks another number of ranks draws otherwise.
  static std::vector<std::string> training(const std::string& output, std::vector<std::string> more = {}) {
    std::vector<std::string> line{"train",
                                  "--initial-model",
                                  ATTEND_TINY_MODEL,
                                  "--threads",
                                  "1",
                                  "--train-captions",
                                  at("data/captions_train.json"),
                                  "--val-captions",
                                  at("data/captions_val.json"),
                                  "--images",
                                  at("data/images"),
                                  "--epochs",
                                  "60",
                                  "--batch-size",
                                  "5",
                                  "--min-word-count",
                                  "1",
                                  "--validation-beam",
                                  "1",
                                  "--log-every",
                                  "1",
                                  "--decoder-dropout",
                                  "0",
                                  "--schedule",
                                  "constant",
                                  "--doubly-stochastic",
                                  "0.5",
                                  "--output",
                                  at(output)};
    line.insert(line.end(), more.begin(), more.end());
    return line;
  }

  static std::vector<std::string> as_rank(int rank, int size, const std::string& port,
                                          const std::vector<std::string>& arguments) {
    std::vector<std::string> line{
        "/usr/bin/env",          "RANK=" + std::to_string(rank), "WORLD_SIZE=" + std::to_string(size),
        "MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + port,          ATTEND_PROGRAM};
    line.insert(line.end(), arguments.begin(), arguments.end());
    return line;
  }

  /// What each of `size` ranks left behind; change(rank, arguments, circumstances) may have one start otherwise.
  static std::vector<Outcome> run_ranks(
      int size, const std::vector<std::string>& arguments,
      const std::function<void(int, std::vector<std::string>&, Circumstances&)>& change = {}) {
    const std::string port = free_port();
    std::vector<Outcome> outcomes(static_cast<size_t>(size));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < size; ++rank)
      threads.emplace_back([&, rank] {
        auto own = arguments;
        Circumstances how;
        if (change) change(rank, own, how);
        outcomes[static_cast<size_t>(rank)] = run_command(as_rank(rank, size, port, own), how);
      });
    for (auto& thread : threads) thread.join();
    return outcomes;
  }

  static std::vector<Json> log_of(const std::string& output) {
    std::vector<Json> lines;
    std::ifstream log(at(output) + "/log.jsonl");
    for (std::string line; std::getline(log, line);)
      if (line.ends_with('}')) lines.push_back(Json::parse(line));
    return lines;
  }

  /// The losses of all steps and the figures of all epochs are those of the one process.
  static void expect_learnt_as_one(const std::string& output) {
    const auto one = log_of("one"), several = log_of(output);
    ASSERT_EQ(one.size(), several.size());
    int losses = 0, epochs = 0;
    for (size_t i = 0; i < one.size(); ++i) {
      ASSERT_EQ(one[i]["step"], several[i]["step"]);
      if (one[i].contains("loss")) {
        ++losses;
        EXPECT_NEAR(one[i]["loss"].get<double>(), several[i]["loss"].get<double>(), 1e-5) << one[i]["step"];
      } else if (one[i].contains("best")) {
        ++epochs;
        EXPECT_NEAR(one[i]["validation_cider"].get<double>(), several[i]["validation_cider"].get<double>(), 0.02);
        EXPECT_NEAR(one[i]["mean_length"].get<double>(), several[i]["mean_length"].get<double>(), 0.5);
      }
    }
    EXPECT_EQ(losses, 54);
    EXPECT_EQ(epochs, 10);  // the initial model too
  }

  static inline std::unique_ptr<TemporaryFolder> folder_;
};

TEST_F(RanksTest, TwoAndThreeLearnWhatOneDoes) {
  for (const int size : {2, 3}) {
    const std::string output = "of" + std::to_string(size);
    const auto ranks = run_ranks(size, training(output, {"--max-steps", "54"}));
    EXPECT_EQ(ranks[0].out, at(output) + "/model.safetensors\n");
    EXPECT_THAT(ranks[0].err, HasSubstr("ranks: " + std::to_string(size) + " processes train together"));
    for (size_t r = 0; r < ranks.size(); ++r) {
      ASSERT_EQ(ranks[r].status, 0) << ranks[r].err;
      if (r > 0) {
        EXPECT_EQ(ranks[r].out + ranks[r].err, "") << "rank 0 speaks";
      }
    }
    expect_learnt_as_one(output);
  }
}

TEST_F(RanksTest, AKilledOneEndsAllAndAnotherNumberOfThemGoesOn) {
  const std::string port = free_port();
  std::vector<Outcome> outcomes(3);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 3; ++rank)
    threads.emplace_back([&, rank] {
      std::vector<std::string> line{"/bin/sh", "-c", "echo $$ > " + at("pid" + std::to_string(rank)) + "; exec \"$@\"",
                                    "sh"};
      const auto rest = as_rank(rank, 3, port, training("killed"));
      line.insert(line.end(), rest.begin(), rest.end());
      outcomes[static_cast<size_t>(rank)] = run_command(line);
    });
  const auto epochs_done = [] {
    int epochs = 0;
    for (const auto& line : log_of("killed")) epochs = std::max(epochs, line["epoch"].get<int>());
    return epochs;
  };
  for (int tries = 0; tries < 6000 && epochs_done() < 3; ++tries) std::this_thread::sleep_for(10ms);
  pid_t pid = 0;
  std::ifstream(at("pid1")) >> pid;
  ASSERT_GT(pid, 0);
  ::kill(pid, SIGKILL);
  const auto killed = std::chrono::steady_clock::now();
  for (auto& thread : threads) thread.join();
  EXPECT_LT(std::chrono::steady_clock::now() - killed, 30s);
  EXPECT_EQ(outcomes[1].status, 128 + SIGKILL);
  EXPECT_EQ(outcomes[0].status, 1);
  EXPECT_EQ(outcomes[2].status, 1);
  EXPECT_THAT(outcomes[0].err_lines().back(), StartsWith("attend: rank 1 is lost: "));
  EXPECT_EQ(outcomes[2].err, "");

  const auto two = run_ranks(2, training("killed", {"--resume", "--max-steps", "54"}));
  ASSERT_EQ(two[0].status, 0) << two[0].err;
  ASSERT_EQ(two[1].status, 0) << two[1].err;
  expect_learnt_as_one("killed");
  const auto alone = run_ranks(1, training("killed", {"--resume", "--max-steps", "55"}))[0];
  ASSERT_EQ(alone.status, 0) << alone.err;
}

TEST_F(RanksTest, AreRefusedWhereTheyDisagree) {
  const auto seeds = run_ranks(3, training("seeds"), [](int rank, auto& line, auto&) {
    if (rank == 1) line.insert(line.end(), {"--seed", "7"});
  });
  EXPECT_THAT(seeds[0].err, StartsWith("attend: rank 1 has another train.seed than rank 0: 7, not 1; start all"));
  for (const auto& one : seeds) EXPECT_NE(one.status, 0);
  EXPECT_EQ(seeds[1].err + seeds[2].err, "");
  EXPECT_FALSE(fs::exists(at("seeds")));

  // The same names with other captions, as on two machines.
  fs::create_directories(at("other"));
  fs::copy(at("data"), at("other/data"), fs::copy_options::recursive);
  fs::create_directories(at("this"));
  fs::create_directory_symlink(at("data"), at("this/data"));
  Json captions = read_json_file(at("data/captions_train.json"));
  captions["annotations"][0]["caption"] = "a word that nobody else has";
  write_file_atomically(at("other/data/captions_train.json"), captions.dump());
  const auto data = run_ranks(2, training("captions"), [](int rank, auto& line, auto& how) {
    std::replace(line.begin(), line.end(), at("data/captions_train.json"), std::string("data/captions_train.json"));
    how.folder = at(rank == 1 ? "other" : "this");
  });
  EXPECT_THAT(data[0].err, AllOf(HasSubstr("attend: rank 1 has another captions than rank 0: ")));
  EXPECT_EQ(data[1].err, "");
  EXPECT_FALSE(fs::exists(at("captions")));
}

TEST_F(RanksTest, SayInOneLineWhyAGroupCanNotBe) {
  const auto with = [](std::vector<std::string> variables, std::vector<std::string> more = {}) {
    variables.insert(variables.begin(), "/usr/bin/env");
    variables.push_back(ATTEND_PROGRAM);
    auto line = training("none", std::move(more));
    variables.insert(variables.end(), line.begin(), line.end());
    const auto outcome = run_command(variables);
    EXPECT_NE(outcome.status, 0);
    EXPECT_EQ(outcome.err_lines().size(), 1U) << outcome.err;
    return outcome.err;
  };
  EXPECT_THAT(with({"RANK=0"}), StartsWith("attend: RANK is set in the environment, but not WORLD_SIZE; "));
  EXPECT_THAT(with({"RANK=2", "WORLD_SIZE=2"}),
              StartsWith("attend: RANK is 2 in the environment, but WORLD_SIZE is 2"));
  EXPECT_THAT(with({"RANK=x", "WORLD_SIZE=2"}),
              StartsWith("attend: RANK is \"x\" in the environment, no whole number"));
  EXPECT_THAT(with({"RANK=0", "WORLD_SIZE=2"}), StartsWith("attend: MASTER_ADDR isn't set"));
  const std::string host = "MASTER_ADDR=127.0.0.1";
  EXPECT_THAT(with({"RANK=0", "WORLD_SIZE=2", host}, {"--device", "cuda"}),
              StartsWith("attend: --device cuda: several"));
  const Listener taken;
  EXPECT_THAT(with({"RANK=0", "WORLD_SIZE=2", host, "MASTER_PORT=" + taken.port}),
              AllOf(StartsWith("attend: MASTER_PORT " + taken.port), HasSubstr("another program")));
  const std::string port = free_port();
  EXPECT_THAT(with({"RANK=0", "WORLD_SIZE=3", host, "MASTER_PORT=" + port}, {"--rank-patience", "2"}),
              StartsWith("attend: ranks 1 and 2 of 3 (from 0) did not come to 127.0.0.1:" + port + " within 2 s"));
  EXPECT_THAT(with({"RANK=1", "WORLD_SIZE=2", host, "MASTER_PORT=" + port}, {"--rank-patience", "2"}),
              StartsWith("attend: rank 1: 127.0.0.1:" + port + ": rank 0 hasn't opened this within 2 s"));
  for (const char* rank : {"RANK=0", "RANK=1"})
    EXPECT_THAT(with({rank, "WORLD_SIZE=2", "MASTER_ADDR=nowhere.invalid"}, {"--rank-patience", "2"}),
                HasSubstr("nowhere.invalid:29500: no machine is known here by this name"));
  EXPECT_THAT(with({"RANK=1", "WORLD_SIZE=2", host, "MASTER_PORT=" + taken.port}, {"--rank-patience", "2"}),
              HasSubstr(taken.port + ": what listens there doesn't answer as rank 0 does; "));
  EXPECT_FALSE(fs::exists(at("none")));
}

TEST_F(RanksTest, EncodeWhatOneProcessEncodes) {
  // 71 pictures: two batches for rank 0, one for rank 1, which holds one that can't be read.
  const auto pictures = [] {
    std::vector<fs::path> list;
    for (const auto& entry : fs::directory_iterator(at("data/images"))) list.push_back(entry.path());
    return list;
  }();
  ASSERT_EQ(pictures.size(), 71U);
  fs::create_directories(at("many"));
  Json captions{{"images", Json::array()}, {"annotations", Json::array()}};
  for (size_t i = 0; i < pictures.size(); ++i) {
    const std::string name = std::to_string(i) + pictures[i].extension().string();
    if (i == 40)
      std::ofstream(at("many/") + name) << "no picture";
    else
      fs::copy_file(pictures[i], at("many/") + name);
    captions["images"].push_back({{"id", i}, {"file_name", name}});
    captions["annotations"].push_back({{"id", i}, {"image_id", i}, {"caption", "a shape"}});
  }
  write_file_atomically(at("many.json"), captions.dump());
  const auto rows_of = [](int size, const std::string& folder) {
    const auto ranks =
        run_ranks(size, {"features", "--initial-model", ATTEND_TINY_MODEL, "--threads", "1", "--train-captions",
                         at("many.json"), "--images", at("many"), "--max-faulty", "0.1", "--features", at(folder)});
    for (const auto& rank : ranks) EXPECT_EQ(rank.status, 0) << rank.err;
    EXPECT_THAT(ranks[0].err, HasSubstr("warning: left out: "));
    if (size > 1) {
      EXPECT_EQ(ranks[1].out + ranks[1].err, "");
    }
    const auto lines = ranks[0].out_lines();
    EXPECT_EQ(lines.size(), 1U);
    return lines.empty() ? std::string()
                         : read_file(lines[0]).substr(4096);  // behind the head, in which a number is drawn
  };
  const std::string one = rows_of(1, "features1");
  EXPECT_GT(one.size(), 70U * 1000);
  EXPECT_TRUE(one == rows_of(2, "features2"));
}

TEST_F(RanksTest, ToolsLaunchStartsThemAndEndsThem) {
  const std::string launch = (fs::path(__FILE__).parent_path() / "../../tools/launch").string();
  std::vector<std::string> line{launch, "2", ATTEND_PROGRAM};
  const auto arguments = training("launched", {"--max-steps", "3"});
  line.insert(line.end(), arguments.begin(), arguments.end());
  const auto done = run_command(line);
  ASSERT_EQ(done.status, 0) << done.err;
  EXPECT_EQ(done.out, at("launched") + "/model.safetensors\n");
  EXPECT_THAT(done.err, HasSubstr("ranks: 2 processes train together"));
  const auto failed = run_command({launch, "3", "/bin/sh", "-c", "[ $RANK != 1 ] || exit 7"});
  EXPECT_EQ(failed.status, 7);
  EXPECT_EQ(run_command({launch, "none"}).status, 2);
}

}  // namespace
}  // namespace attend::testing
