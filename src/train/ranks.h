// Processes that train one model together, by LibTorch's c10d with gloo: the only place that knows of it.
#pragma once

#include <torch/torch.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "train/rank_place.h"

namespace attend {

/// A group of processes, ranks 0 to size() - 1. Every rank calls the same functions in the same order, and waits in them for
/// the others; all throw Error where another rank is lost. Default-constructed: one process alone, whose calls cost nothing.
///
/// One rank says why all end. A rank that a function throws in tells the others when its Ranks is destroyed: what all ranks found
/// wrong is said by rank 0, what one found by that one. A rank that ends without a word, or whose machine doesn't answer, is
/// found by the others within 25 s.
class Ranks {
 public:
  Ranks();
  /// Joins the group, and waits `patience` at most for all to come. `end` is called from another thread where another rank has
  /// ended or is lost: with the line to be said, or "" where another rank says it; it ends the process. Throws UsageError where
  /// attend was built without gloo, where the port is taken or a rank is there already, Error that names the ranks that
  /// haven't come.
  Ranks(const RankPlace& place, std::chrono::seconds patience, std::function<void(const std::string& line)> end);
  /// Leaves the group; while an exception is on its way, ends it.
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int rank() const { return place_.rank; }
  int size() const { return place_.size; }
  bool alone() const { return place_.size == 1; }
  /// Whether this is rank 0, which reads and writes the run's files, and speaks.
  bool first() const { return place_.rank == 0; }

  /// Throws UsageError that names the first of `facts` (an object, which may hold others) that differ between ranks.
  void require_same(const Json& facts);

  /// The sum over all ranks, in place, bit for bit the same on each; on the CPU.
  void sum(torch::Tensor tensor);
  /// Rank 0's, in place.
  void broadcast(torch::Tensor tensor);
  std::string broadcast(std::string bytes);
  Json broadcast(const Json& value);
  /// At rank 0 what each rank gave, by rank; elsewhere nothing.
  std::vector<std::string> gather(const std::string& bytes);
  /// Whether it is so on any rank.
  bool any(bool here);
  void barrier();

  /// From now on backward() makes the gradients of these parameters, the same on every rank.
  void reduce_gradients(std::vector<torch::Tensor> parameters);
  /// loss.backward(), and gradients summed over the ranks in buckets meanwhile. Undefined: this rank adds nothing. A
  /// parameter that has no gradient on any rank has none.
  void backward(const torch::Tensor& loss);

 private:
  class Group;
  RankPlace place_;
  std::unique_ptr<Group> group_;
};

}  // namespace attend
