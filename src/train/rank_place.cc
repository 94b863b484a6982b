#include "train/rank_place.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/console.h"
#include "base/error.h"

namespace attend {
namespace {

constexpr int64_t kMostRanks = 1 << 20, kDefaultPort = 29500;

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  if (!value || !*value) return std::nullopt;
  return value;
}

std::optional<int64_t> number(const char* name, int64_t least, int64_t most) {
  const auto text = variable(name);
  if (!text) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < least || value > most)
    throw UsageError(std::string(name) + " is \"" + *text + "\" in the environment, no whole number from " +
                     std::to_string(least) + " to " + std::to_string(most));
  return value;
}

/// Both, or neither.
bool rank_and_size(RankPlace& place, const char* rank_name, const char* size_name) {
  const auto rank = number(rank_name, 0, kMostRanks), size = number(size_name, 1, kMostRanks);
  if (!rank && !size) return false;
  if (!rank || !size)
    throw UsageError(std::string(rank ? rank_name : size_name) + " is set in the environment, but not " +
                     (rank ? size_name : rank_name) + "; set both to train in a group of processes, or unset it");
  if (*rank >= *size)
    throw UsageError(std::string(rank_name) + " is " + std::to_string(*rank) + " in the environment, but " + size_name +
                     " is " + std::to_string(*size) + "; ranks go from 0 to " + std::to_string(*size - 1));
  place.rank = static_cast<int>(*rank);
  place.size = static_cast<int>(*size);
  return true;
}

int local_size(const char* name) { return static_cast<int>(number(name, 1, kMostRanks).value_or(1)); }

bool take_torchrun(RankPlace& place) {
  if (!rank_and_size(place, "RANK", "WORLD_SIZE")) return false;
  place.launcher = "torchrun";
  place.local_size = local_size("LOCAL_WORLD_SIZE");
  return true;
}

bool take_open_mpi(RankPlace& place) {
  if (!rank_and_size(place, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE")) return false;
  place.launcher = "Open MPI";
  place.local_size = local_size("OMPI_COMM_WORLD_LOCAL_SIZE");
  if (place.local_size == place.size) place.host = "127.0.0.1";
  return true;
}

/// How many of SLURM's list "4(x2),3", one number a machine, are on the `node`-th; 1 where the list can't be read.
int tasks_of_node(const std::string& list, int64_t node) {
  const char* at = list.data();
  const char* const end = at + list.size();
  const auto number = [&](int64_t& value) {
    const auto [behind, error] = std::from_chars(at, end, value);
    at = behind;
    return error == std::errc() && value >= 1 && value <= kMostRanks;
  };
  for (int64_t tasks = 0, nodes = 1; number(tasks); nodes = 1) {
    if (std::string_view(at, end).starts_with("(x")) {
      at += 2;
      if (!number(nodes)) return 1;
      ++at;
    }
    if (node < nodes) return static_cast<int>(tasks);
    node -= nodes;
    if (at >= end || *at++ != ',') return 1;
  }
  return 1;
}

bool take_slurm(RankPlace& place) {
  // A step may have fewer tasks than its job.
  const char* size_name = variable("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS";
  if (!variable("SLURM_PROCID") || !rank_and_size(place, "SLURM_PROCID", size_name)) return false;
  // A batch script has these variables as well, whatever it starts without srun.
  if (!variable("SLURM_STEP_ID") && !variable("MASTER_ADDR") && place.rank == 0) {
    if (place.size > 1)
      note("SLURM has " + std::to_string(place.size) +
           " tasks for this job, but srun didn't start this one: it works alone; start it with srun to have all of "
           "them");
    place = {};
    return false;
  }
  place.launcher = "SLURM";
  if (const auto list = variable("SLURM_STEP_TASKS_PER_NODE"))
    place.local_size = tasks_of_node(*list, number("SLURM_NODEID", 0, kMostRanks).value_or(0));
  for (const char* name : {"SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST"})
    if (const auto list = variable(name); list && place.host.empty()) place.host = first_of_node_list(*list);
  // Another job on the same machine opens another port.
  constexpr int64_t kFirst = 15000, kPorts = 15000;
  if (const auto job = number("SLURM_JOB_ID", 0, INT64_MAX)) place.port = static_cast<uint16_t>(kFirst + *job % kPorts);
  return true;
}

}  // namespace

std::string first_of_node_list(const std::string& list) {
  const size_t end = list.find_first_of(",[");
  if (end == std::string::npos || list[end] == ',') return list.substr(0, end);
  const size_t number_end = list.find_first_of("-,]", end + 1), close = list.find(']', end + 1);
  if (close == std::string::npos) return "";
  const size_t rest_end = std::min(list.find_first_of(",[", close), list.size());
  return list.substr(0, end) + list.substr(end + 1, number_end - end - 1) +
         list.substr(close + 1, rest_end - close - 1);
}

RankPlace rank_place() {
  RankPlace place;
  if (!take_torchrun(place) && !take_open_mpi(place) && !take_slurm(place)) return {};
  if (place.size == 1) return {};
  if (const auto host = variable("MASTER_ADDR")) place.host = *host;
  if (place.host.empty())
    throw UsageError("MASTER_ADDR isn't set in the environment: set it, for every process, to the machine of rank 0");
  // torchrun may keep a store of its own at this port; the one beside it is free for ranks.
  const bool taken = variable("TORCHELASTIC_USE_AGENT_STORE") == "True";
  if (const auto port = number("MASTER_PORT", 1, 65534)) place.port = static_cast<uint16_t>(*port + taken);
  if (place.port == 0) place.port = kDefaultPort;
  return place;
}

}  // namespace attend
