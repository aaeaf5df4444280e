#pragma once

// Marks a function that is compiled for the CPU and, in a .cu file, for the GPU as well.
#ifdef __CUDACC__
#define MANUL_HOST_DEVICE __host__ __device__
#else
#define MANUL_HOST_DEVICE
#endif
