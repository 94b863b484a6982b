// Where a process stands among those that were started together, as their launcher's environment says it.
#pragma once

#include <cstdint>
#include <string>

namespace attend {

struct RankPlace {
  int rank = 0, size = 1;  // of `size` processes, from 0
  int local_size = 1;      // of these on this machine; 1 where nobody says it
  std::string host;        // of rank 0; empty where there is one process
  uint16_t port = 0;       // that rank 0 opens there
  std::string launcher;    // whose variables these are: torchrun, SLURM, Open MPI
};

/// Reads the variables of torchrun (RANK, WORLD_SIZE, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT), else those of Open MPI
/// (OMPI_COMM_WORLD_RANK and _SIZE), else those of SLURM (SLURM_PROCID, SLURM_STEP_NUM_TASKS or SLURM_NTASKS,
/// SLURM_STEP_TASKS_PER_NODE, SLURM_NODEID, SLURM_JOB_NODELIST, SLURM_JOB_ID). The last two need no MASTER_ADDR and MASTER_PORT where the first machine is known, but heed them. One process alone where there are none.
/// Throws UsageError where a variable is missing, no number, or contradicts another.
RankPlace rank_place();

/// The first machine of SLURM's list: "node07" of "node[07-09,12],login1". Empty where it can't be read.
std::string first_of_node_list(const std::string& list);

}  // namespace attend
