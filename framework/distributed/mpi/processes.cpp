#include "manul/framework/distributed/mpi/processes.h"

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include "manul/framework/bfloat16.h"

// This file is in a module, which sees nothing of Manul but what headers define.
namespace manul::mpi {
namespace {

std::string reason_of(int status) {
  if (status == MPI_SUCCESS) return {};
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  if (MPI_Error_string(status, text, &length) != MPI_SUCCESS) return "MPI error " + std::to_string(status);
  return {text, static_cast<size_t>(length)};
}

MPI_Datatype type_of(Number number) {
  switch (number) {
    case Number::f32:
      return MPI_FLOAT;
    case Number::f64:
      return MPI_DOUBLE;
    case Number::bf16:
      return MPI_UINT16_T;  // of that size; added by sum_of_bf16()
    case Number::i32:
      return MPI_INT32_T;
    case Number::i64:
      return MPI_INT64_T;
  }
  return MPI_DATATYPE_NULL;
}

int64_t bytes_of(Number number) {
  if (number == Number::bf16) return 2;
  return number == Number::f32 || number == Number::i32 ? 4 : 8;
}

void add_bf16(void* from, void* to, int* count, MPI_Datatype* /*type*/) {
  const auto* more = static_cast<const bfloat16*>(from);
  auto* sums = static_cast<bfloat16*>(to);
  for (int i = 0; i < *count; ++i) sums[i] = bfloat16(more[i] + sums[i]);
}
MPI_Op sum_of_bf16() {
  static MPI_Op op = [] {
    MPI_Op made = MPI_OP_NULL;
    MPI_Op_create(add_bf16, 1, &made);  // 1: it commutes
    return made;
  }();
  return op;
}

/// Counts are int in MPI. Of a sum Open MPI keeps half of a piece in memory that it asks for anew each time:
/// beyond 32 MiB malloc takes that from the system and gives it back, and its pages cost more than the sum.
constexpr int64_t bytes_at_once = int64_t{16} << 20;

template <class Call>
std::string in_pieces(void* values, int64_t count, int64_t element, Call call) {
  auto* bytes = static_cast<char*>(values);
  for (int64_t done = 0; done < count;) {
    int64_t piece = std::min(count - done, bytes_at_once / element);
    if (int status = call(bytes + done * element, static_cast<int>(piece)); status != MPI_SUCCESS)
      return reason_of(status);
    done += piece;
  }
  return {};
}

class World : public Processes {
 public:
  World() {
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    MPI_Comm machine = MPI_COMM_NULL;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &machine);
    MPI_Comm_rank(machine, &local_rank_);
    MPI_Comm_size(machine, &local_size_);
    MPI_Comm_free(&machine);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int local_rank() const override { return local_rank_; }
  int local_size() const override { return local_size_; }

  // In which order the library adds depends on the number of processes and of elements alone, and all of them
  // get the sums of the same additions: a + b and b + a have the same bits.
  std::string sum(void* values, int64_t count, Number number) override {
    MPI_Op op = number == Number::bf16 ? sum_of_bf16() : MPI_SUM;
    return in_pieces(values, count, bytes_of(number), [&](char* part, int piece) {
      return MPI_Allreduce(MPI_IN_PLACE, part, piece, type_of(number), op, MPI_COMM_WORLD);
    });
  }

  std::string max(int64_t* values, int64_t count) override {
    return in_pieces(values, count, sizeof(int64_t), [](char* part, int piece) {
      return MPI_Allreduce(MPI_IN_PLACE, part, piece, MPI_INT64_T, MPI_MAX, MPI_COMM_WORLD);
    });
  }

  // MPI's own waiting spins for as long as it lasts.
  std::string barrier() override {
    constexpr std::chrono::milliseconds awake{2}, nap{1};
    auto since = std::chrono::steady_clock::now();
    MPI_Request request = MPI_REQUEST_NULL;
    int status = MPI_Ibarrier(MPI_COMM_WORLD, &request), all_here = 0;
    while (status == MPI_SUCCESS) {
      status = MPI_Test(&request, &all_here, MPI_STATUS_IGNORE);
      if (all_here != 0) break;
      if (std::chrono::steady_clock::now() - since > awake) std::this_thread::sleep_for(nap);
    }
    return reason_of(status);
  }

  std::string broadcast(void* bytes, int64_t count, int root) override {
    return in_pieces(bytes, count, 1, [root](char* part, int piece) {
      return MPI_Bcast(part, piece, MPI_BYTE, root, MPI_COMM_WORLD);
    });
  }

  std::string gather(const void* bytes, int64_t count, void* all) override {
    return reason_of(MPI_Allgather(bytes, static_cast<int>(count), MPI_BYTE, all, static_cast<int>(count),
                                   MPI_BYTE, MPI_COMM_WORLD));
  }

  void finish() override {
    int finished = 0;
    MPI_Finalized(&finished);
    if (!finished) MPI_Finalize();
  }

  [[noreturn]] void abort(int code) override {
    MPI_Abort(MPI_COMM_WORLD, code);
    std::_Exit(code);
  }

 private:
  int rank_ = 0, size_ = 1, local_rank_ = 0, local_size_ = 1;
};

}  // namespace
}  // namespace manul::mpi

extern "C" __attribute__((visibility("default"))) manul::mpi::Processes* manul_mpi_join(std::string& reason) {
  int joined = 0, offered = 0;
  MPI_Initialized(&joined);
  if (!joined)
    if (int status = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &offered);
        status != MPI_SUCCESS) {
      reason = manul::mpi::reason_of(status);
      return nullptr;
    }
  static manul::mpi::World world;
  return &world;
}
