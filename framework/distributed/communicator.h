#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "manul/framework/tensor.h"

namespace manul {

namespace mpi {
class Processes;
}
namespace cuda {
class Nccl;
}

/// The processes that train one model together, seen from one of them. What is said to be called by all is
/// called by all of them, in the same order; it waits for the others, and if they do not come within 50
/// seconds (the environment's MANUL_TIMEOUT) a sentence ends all.
class Communicator {
 public:
  /// Which one this is, from 0, of how many; and of those on the same machine.
  int rank() const { return rank_; }
  int size() const { return size_; }
  int local_rank() const { return local_rank_; }
  int local_size() const { return local_size_; }
  bool is_alone() const { return size_ == 1; }
  /// The one that writes files and tells: one process has no other.
  bool is_first() const { return rank_ == 0; }

  /// Called by all: `values` (f32, f64, bf16 or i32, of one shape everywhere) become their sums over all
  /// processes, in place: the same bits everywhere, and in each run of as many processes.
  void sum(const Tensor& values) const;
  /// The same, begun as soon as `values` are there; done when finish_sums() has been called. On a GPU it goes
  /// on beside the kernels that follow.
  void begin_sum(const Tensor& values) const;
  void finish_sums() const;
  /// Called by all: the largest of each number.
  void max(std::span<int64_t> numbers) const;
  /// Called by all: `values` become those of process `root`.
  void broadcast(const Tensor& values, int root = 0) const;
  /// Called by all; true if all processes have the same number.
  bool agree(uint64_t number) const;
  /// Called by all: waits for them, as long as it takes and without the core: where one does what the others
  /// do not.
  void barrier() const;
  /// Ends all processes: what a process does that cannot go on. Alone it exits.
  [[noreturn]] void abort(int exit_code) const;

 private:
  friend const Communicator& join_processes();
  friend const Communicator& processes();
  friend void leave_processes();
  static Communicator& current();
  void join();

  cuda::Nccl& gpus(const Tensor& values) const;

  mpi::Processes* mpi_ = nullptr;
  mutable std::shared_ptr<cuda::Nccl> gpus_;
  mutable bool gpus_sum_ = false;  // sums have been begun there and not finished
  int rank_ = 0, size_ = 1, local_rank_ = 0, local_size_ = 1;
};

/// Joins the processes that mpirun or srun started together with this one; fit() and evaluate() are then done
/// by all of them. The first thing that a program does; one that was started alone stays so, at no cost.
/// Divides the machine's cores among its processes, and Device::parse("auto") or "cuda" gives each a GPU of
/// its own. Throws ErrorKind::failed where others were started and cannot be joined.
///
///     int main() {
///       const Communicator& all = join_processes();
///       ...
///       model.fit(train, {.epochs = 5, .batch_size = 256});  // of all processes together
///       if (all.is_first()) std::puts("done");
///     }
const Communicator& join_processes();

/// Those that were joined; alone before.
const Communicator& processes();

/// Waits for the others and leaves them: done at the exit of a program as well.
void leave_processes();

/// Throws unless the processes that were started together with this one, if any, are joined: each would train
/// for itself, and write the same files.
void require_joined(std::string_view caller);

}  // namespace manul
