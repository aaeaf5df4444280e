#pragma once

#include <cstdint>
#include <string>

// The wall around MPI: a module that is linked to libmpi and loaded when several processes were started.
// Linked to the library, libmpi would cost each start of a program 20 ms and 30 MB.
namespace manul::mpi {

/// What sums are of.
enum class Number { f32, f64, bf16, i32, i64 };

/// All processes that were started together, seen from one of them. Functions that return text say why they
/// failed; empty: they have not. All processes call them in the same order.
class Processes {
 public:
  virtual ~Processes() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Among those of the same machine.
  virtual int local_rank() const = 0;
  virtual int local_size() const = 0;
  /// `values` of this process become the sums over all; the same bits in each, and in each run of as many
  /// processes.
  virtual std::string sum(void* values, int64_t count, Number number) = 0;
  /// Likewise the largest.
  virtual std::string max(int64_t* values, int64_t count) = 0;
  /// Waits for all; asleep, if it takes long.
  virtual std::string barrier() = 0;
  virtual std::string broadcast(void* bytes, int64_t count, int root) = 0;
  /// `all` [size * count]: the `count` bytes of each process, in order.
  virtual std::string gather(const void* bytes, int64_t count, void* all) = 0;
  /// Waits for all, and leaves: nothing may be called afterwards.
  virtual void finish() = 0;
  /// Ends all processes with this exit code.
  [[noreturn]] virtual void abort(int code) = 0;
};

/// Joins the others; null and the reason if that cannot be. The object lives as long as the process.
using Join = Processes*(std::string& reason);

inline constexpr const char* module_name = "libmanul_mpi.so";

}  // namespace manul::mpi

extern "C" manul::mpi::Join manul_mpi_join;
