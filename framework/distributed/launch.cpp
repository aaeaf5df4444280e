#include "manul/framework/distributed/launch.h"

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace manul {
namespace {

int number_in(const char* name) {
  const char* text = std::getenv(name);
  if (!text) return 0;
  std::string_view digits(text);
  int number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

}  // namespace

/// srun sets the number of a step's tasks; that of a whole job (SLURM_NTASKS) is also there where a program
/// of the job's script runs alone.
Launch Launch::from_environment() {
  struct Variable {
    const char *size, *rank, *program;
  };
  constexpr Variable variables[] = {{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "mpirun"},
                                    {"PMI_SIZE", "PMI_RANK", "mpiexec"},
                                    {"MPI_LOCALNRANKS", "PMI_RANK", "mpiexec"},
                                    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "srun"}};
  for (const Variable& variable : variables)
    if (int processes = number_in(variable.size); processes > 1)
      return {variable.program, processes, number_in(variable.rank)};
  return {};
}

}  // namespace manul
