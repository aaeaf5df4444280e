# The module that writes HDF5 files by libhdf5. It is loaded when the first file is written: linked to the programs,
# libhdf5 would cost each start of one that only reads, as predict does.
find_package(HDF5 REQUIRED COMPONENTS C)

function(manul_add_hdf5_library)
  set(module models/hdf5/library/write.cpp)
  list(GET HDF5_C_LIBRARIES 0 library)
  if(library MATCHES "\\.a$")
    # Compiled for programs alone, it cannot be part of a module.
    target_sources(manul PRIVATE ${module})
    set_source_files_properties(${module} models/hdf5/writer.cpp PROPERTIES COMPILE_DEFINITIONS MANUL_STATIC_HDF5)
    target_include_directories(manul SYSTEM PRIVATE ${HDF5_C_INCLUDE_DIRS})
    target_link_libraries(manul PRIVATE ${HDF5_C_LIBRARIES})
    return()
  endif()
  add_library(manul_hdf5 MODULE ${module})
  target_include_directories(manul_hdf5 PRIVATE ${manul_include})
  target_include_directories(manul_hdf5 SYSTEM PRIVATE ${HDF5_C_INCLUDE_DIRS})
  target_link_libraries(manul_hdf5 PRIVATE manul_compiler fmt::fmt-header-only ${HDF5_C_LIBRARIES})
  set_target_properties(manul_hdf5 PROPERTIES
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib CXX_VISIBILITY_PRESET hidden)
  install(TARGETS manul_hdf5 LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  add_dependencies(manul manul_hdf5)
endfunction()
