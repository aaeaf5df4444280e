#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace manul::cuda {

/// What is known of one GPU without using it, and the memory that is free.
struct DeviceInfo {
  std::string name;
  std::string compute_capability;  // "9.0"
  int multiprocessors = 0;
  size_t memory_free = 0, memory_total = 0;  // bytes
  double bandwidth = 0;  // of its memory, bytes a second, by its clock and width; 0: not told
};

/// The installation that the programs find. A part that is missing is empty; its reason stands beside it.
struct Info {
  std::string driver;       // "580.159.03"; of the kernel driver
  std::string driver_cuda;  // the newest CUDA that the driver knows: "13.0"
  std::string runtime;      // the CUDA that this build is linked with
  std::string blas, blas_problem;
  std::string dnn, dnn_problem;
  std::string problem;  // why no GPU can be used; empty if one can
  std::vector<DeviceInfo> devices;
};

/// Looks all of it up. Never throws for what is missing.
Info gather_info();

}  // namespace manul::cuda
