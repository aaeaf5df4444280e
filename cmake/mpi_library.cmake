# The module that joins processes which mpirun or srun started. It is loaded in such a process alone: linked to the
# programs, libmpi would cost each start 20 ms and 30 MB.

function(manul_add_mpi_library)
  if(NOT MANUL_MPI)
    return()
  endif()
  set(MPI_CXX_SKIP_MPICXX ON)
  find_package(MPI QUIET COMPONENTS C)
  if(NOT MPI_C_FOUND)
    message(STATUS "MPI was not found (Debian: libopenmpi-dev): one process trains, mpirun is refused")
    return()
  endif()
  add_library(manul_mpi MODULE framework/distributed/mpi/processes.cpp)
  target_include_directories(manul_mpi PRIVATE ${manul_include})
  target_include_directories(manul_mpi SYSTEM PRIVATE ${MPI_C_INCLUDE_DIRS})
  target_compile_definitions(manul_mpi PRIVATE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
  target_link_libraries(manul_mpi PRIVATE manul_compiler ${MPI_C_LIBRARIES})
  set_target_properties(manul_mpi PROPERTIES
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib CXX_VISIBILITY_PRESET hidden)
  install(TARGETS manul_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT mpi)
  add_dependencies(manul manul_mpi)
endfunction()
