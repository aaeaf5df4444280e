#include "manul/framework/distributed/communicator.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/distributed/launch.h"
#include "manul/framework/distributed/mpi/processes.h"
#include "manul/framework/distributed/waiting.h"
#include "manul/framework/error.h"
#include "manul/framework/module.h"
#ifdef MANUL_WITH_CUDA
#include "manul/framework/cuda/nccl.h"
#endif

namespace manul {
namespace {

/// MPI itself would end the program, with a page of text.
void require_pmix(const Launch& launch) {
  if (launch.program == "srun" && !std::getenv("PMIX_RANK"))
    fail(ErrorKind::failed,
         "srun started {} processes, and without PMIx they cannot find each other: start them with srun "
         "--mpi=pmix (srun --mpi=list says whether this SLURM has it)",
         launch.processes);
}

mpi::Processes* join_by_mpi(const Launch& launch) {
  require_pmix(launch);
  std::string reason;
  auto* join = reinterpret_cast<mpi::Join*>(module_function(mpi::module_name, "manul_mpi_join", reason));
  if (!join)
    fail(ErrorKind::failed,
         "{} started {} processes, and this build of Manul cannot join them: {} (it is built where "
         "libopenmpi-dev is installed); start one process",
         launch.program, launch.processes, reason);
  mpi::Processes* all = join(reason);
  if (!all)
    fail(ErrorKind::failed, "{} started {} processes, and MPI does not start: {}", launch.program,
         launch.processes, reason);
  if (all->size() != launch.processes)
    fail(ErrorKind::failed, "{} started {} processes, and MPI sees {} of them", launch.program,
         launch.processes, all->size());
  return all;
}

void require(const std::string& reason, const char* what) {
  if (!reason.empty()) fail(ErrorKind::failed, "processes: {} failed: {}", what, reason);
}

mpi::Number number_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return mpi::Number::f32;
    case DType::f64:
      return mpi::Number::f64;
    case DType::i32:
      return mpi::Number::i32;
    case DType::bf16:
      return mpi::Number::bf16;
    case DType::u8:
      break;
  }
  fail(ErrorKind::failed, "processes: there are no sums of {}", name_of(dtype));
}

/// Where several processes may run on the same cores, each gets its part of them.
void divide_cores(mpi::Processes& all) {
  struct Place {
    cpu_set_t cores;
    char machine[64];
  };
  Place own{};
  if (sched_getaffinity(0, sizeof own.cores, &own.cores) != 0) return;
  gethostname(own.machine, sizeof own.machine - 1);
  std::vector<Place> places(static_cast<size_t>(all.size()));
  require(all.gather(&own, sizeof own, places.data()), "gathering");
  int sharing = 0;  // this one included
  for (const Place& other : places) {
    cpu_set_t common;
    CPU_AND(&common, &own.cores, &other.cores);
    sharing += CPU_COUNT(&common) > 0 && std::string_view(own.machine) == other.machine;
  }
  cpu::set_threads(std::max(1, CPU_COUNT(&own.cores) / sharing));
}

}  // namespace

Communicator& Communicator::current() {
  static Communicator instance;
  return instance;
}

void Communicator::join() {
  Launch launch = Launch::from_environment();
  if (launch.is_alone() || mpi_) return;
  mpi_ = join_by_mpi(launch);
  rank_ = mpi_->rank();
  size_ = mpi_->size();
  local_rank_ = mpi_->local_rank();
  local_size_ = mpi_->local_size();
  divide_cores(*mpi_);
  end_if_others_do_not_come(*mpi_);
  std::atexit(leave_processes);
}

void Communicator::sum(const Tensor& values) const {
  if (is_alone() || values.elements() == 0) return;
  if (!values.device().is_cpu()) {
    begin_sum(values);
    return finish_sums();
  }
  WaitingForOthers waiting;
  require(mpi_->sum(values.raw(), values.elements(), number_of(values.dtype())), "a sum");
}

// MPI's sums are done by the cores that compute: nothing is gained where they are done later.
void Communicator::begin_sum(const Tensor& values) const {
  if (values.device().is_cpu()) return sum(values);
  if (is_alone() || values.elements() == 0) return;
#ifdef MANUL_WITH_CUDA
  gpus(values).begin_sum(values);
  gpus_sum_ = true;
#endif
}

void Communicator::finish_sums() const {
#ifdef MANUL_WITH_CUDA
  if (std::exchange(gpus_sum_, false)) gpus_->finish_sums();
#endif
}

#ifdef MANUL_WITH_CUDA
/// NCCL's, which all make with their first sum.
cuda::Nccl& Communicator::gpus(const Tensor& values) const {
  if (gpus_) return *gpus_;
  std::vector<uint8_t> id(cuda::Nccl::id_bytes);
  if (is_first()) id = cuda::Nccl::new_id();
  require(mpi_->broadcast(id.data(), static_cast<int64_t>(id.size()), 0), "a broadcast");
  WaitingForOthers waiting;
  gpus_ = std::make_shared<cuda::Nccl>(id, rank_, size_, values.device().index);
  end_if_there_is([gpus = gpus_] { return gpus->problem(); });
  return *gpus_;
}
#endif

void Communicator::max(std::span<int64_t> numbers) const {
  WaitingForOthers waiting;
  if (!is_alone()) require(mpi_->max(numbers.data(), static_cast<int64_t>(numbers.size())), "an agreement");
}

void Communicator::broadcast(const Tensor& values, int root) const {
  if (is_alone() || values.elements() == 0) return;
  Tensor copy = values.to(Device::cpu());
  WaitingForOthers waiting;
  require(mpi_->broadcast(copy.raw(), static_cast<int64_t>(copy.bytes()), root), "a broadcast");
  if (!values.device().is_cpu()) values.copy_from(copy);
}

bool Communicator::agree(uint64_t number) const {
  int64_t high = static_cast<int64_t>(number >> 32), low = static_cast<int64_t>(number & 0xffffffff);
  int64_t ends[4] = {high, -high, low, -low};
  max(ends);
  return ends[0] == -ends[1] && ends[2] == -ends[3];
}

void Communicator::barrier() const {
  if (!is_alone()) require(mpi_->barrier(), "a barrier");
}

void Communicator::abort(int exit_code) const {
  if (mpi_) mpi_->abort(exit_code);
  std::exit(exit_code);
}

const Communicator& join_processes() {
  Communicator::current().join();
  return Communicator::current();
}

const Communicator& processes() {
  return Communicator::current();
}

void leave_processes() {
  Communicator& all = Communicator::current();
  end_if_there_is(nullptr);
  all.gpus_.reset();
  if (mpi::Processes* mpi = std::exchange(all.mpi_, nullptr)) mpi->finish();
  all = {};
}

void require_joined(std::string_view caller) {
  if (!processes().is_alone()) return;
  Launch launch = Launch::from_environment();
  if (launch.is_alone()) return;
  fail(ErrorKind::failed,
       "{}: {} started {} processes, and each would train for itself: call join_processes() first", caller,
       launch.program, launch.processes);
}

}  // namespace manul
