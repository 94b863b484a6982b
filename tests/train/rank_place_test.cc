#include "train/rank_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "base/error.h"

namespace attend {
namespace {

using Variables = std::map<std::string, std::string>;

/// rank_place() with these variables and no others that it reads.
RankPlace place_of(const Variables& variables) {
  for (const char* name :
       {"RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_USE_AGENT_STORE",
        "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_PROCID", "SLURM_NTASKS",
        "SLURM_STEP_NUM_TASKS", "SLURM_STEP_TASKS_PER_NODE", "SLURM_NODEID", "SLURM_STEP_ID", "SLURM_STEP_NODELIST",
        "SLURM_JOB_NODELIST", "SLURM_NODELIST", "SLURM_JOB_ID"})
    ::unsetenv(name);
  for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  return rank_place();
}

std::string text_of(const RankPlace& place) {
  return std::to_string(place.rank) + "/" + std::to_string(place.size) + " " + std::to_string(place.local_size) + " " +
         place.host + ":" + std::to_string(place.port) + " " + place.launcher;
}

TEST(RankPlace, IsWhatTheLauncherSays) {
  EXPECT_EQ(place_of({}).size, 1);
  EXPECT_EQ(place_of({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).size, 1);
  const Variables torchrun{
      {"RANK", "3"}, {"WORLD_SIZE", "8"}, {"LOCAL_WORLD_SIZE", "4"}, {"MASTER_ADDR", "node1"}, {"MASTER_PORT", "1234"}};
  EXPECT_EQ(text_of(place_of(torchrun)), "3/8 4 node1:1234 torchrun");
  auto with_store = torchrun;
  with_store["TORCHELASTIC_USE_AGENT_STORE"] = "True";
  EXPECT_EQ(text_of(place_of(with_store)), "3/8 4 node1:1235 torchrun");
  Variables mpi{{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}};
  EXPECT_EQ(text_of(place_of(mpi)), "1/2 2 127.0.0.1:29500 Open MPI");
  mpi["OMPI_COMM_WORLD_LOCAL_SIZE"] = "1";
  EXPECT_THROW(place_of(mpi), UsageError) << "nobody says where rank 0 is";
  Variables slurm{{"SLURM_PROCID", "0"},
                  {"SLURM_NTASKS", "4"},
                  {"SLURM_JOB_NODELIST", "node[07-09,12],login1"},
                  {"SLURM_JOB_ID", "31234"}};
  EXPECT_EQ(place_of(slurm).size, 1) << "a batch script without srun";
  slurm["SLURM_STEP_ID"] = "0";
  EXPECT_EQ(text_of(place_of(slurm)), "0/4 1 node07:16234 SLURM");
  slurm["SLURM_STEP_NUM_TASKS"] = "3";
  EXPECT_EQ(text_of(place_of(slurm)), "0/3 1 node07:16234 SLURM") << "a step of some of the job's tasks";
  slurm.erase("SLURM_STEP_NUM_TASKS");
  slurm["SLURM_STEP_TASKS_PER_NODE"] = "4(x2),12,1(x3)";
  for (const auto& [node, tasks] : Variables{{"0", "4"}, {"1", "4"}, {"2", "12"}, {"3", "1"}, {"5", "1"}, {"6", "1"}}) {
    slurm["SLURM_NODEID"] = node;
    EXPECT_EQ(std::to_string(place_of(slurm).local_size), tasks) << node;
  }
  for (const char* nonsense : {"x", "4(", "4(x", "4(x2", ",", "0", "99999999999999999999"}) {
    slurm["SLURM_STEP_TASKS_PER_NODE"] = nonsense;
    EXPECT_EQ(place_of(slurm).local_size, 1) << nonsense;
  }
  slurm.erase("SLURM_STEP_TASKS_PER_NODE");
  slurm["MASTER_ADDR"] = "elsewhere";
  slurm["MASTER_PORT"] = "77";
  EXPECT_EQ(text_of(place_of(slurm)), "0/4 1 elsewhere:77 SLURM");
  place_of({});
}

TEST(RankPlace, RefusesWhatContradictsItself) {
  for (const Variables& bad : {Variables{{"RANK", "0"}},
                               {{"WORLD_SIZE", "2"}},
                               {{"RANK", "-1"}, {"WORLD_SIZE", "2"}},
                               {{"RANK", "2"}, {"WORLD_SIZE", "2"}},
                               {{"RANK", "1 "}, {"WORLD_SIZE", "2"}},
                               {{"RANK", "0"}, {"WORLD_SIZE", "2"}},
                               {{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "65536"}},
                               {{"SLURM_PROCID", "5"}, {"SLURM_NTASKS", "4"}}})
    EXPECT_THROW(place_of(bad), UsageError) << bad.begin()->first;
  place_of({});
}

TEST(RankPlace, FindsTheFirstOfSlurmsMachines) {
  EXPECT_EQ(first_of_node_list("node7"), "node7");
  EXPECT_EQ(first_of_node_list("a,b[1-2]"), "a");
  EXPECT_EQ(first_of_node_list("node[07-09,12],login1"), "node07");
  EXPECT_EQ(first_of_node_list("node[3,5]"), "node3");
  EXPECT_EQ(first_of_node_list("rack[12]-ib"), "rack12-ib");
  EXPECT_EQ(first_of_node_list("node[1-"), "");
}

}  // namespace
}  // namespace attend
