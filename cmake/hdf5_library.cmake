# What is linked to libhdf5: a module that writes HDF5 files, loaded when the first one is written (linked to the programs,
# libhdf5 would cost each start of one that only reads, as predict does), and the program that converts files of
# another layout than Keras writes, run when such a file is read.
find_package(HDF5 REQUIRED COMPONENTS C)

function(manul_add_hdf5_library)
  set(folder models/hdf5/library)
  set(write ${folder}/write.cpp)
  add_executable(manul_hdf5_convert ${folder}/convert_main.cpp ${folder}/read.cpp ${folder}/sandbox.cpp ${write}
    models/hdf5/writer.cpp framework/shape.cpp framework/fmt.cpp)
  target_compile_definitions(manul_hdf5_convert PRIVATE H5_USE_110_API MANUL_STATIC_HDF5)
  target_link_libraries(manul_hdf5_convert PRIVATE manul_fmt manul_quick_compile)
  set_target_properties(manul_hdf5_convert PROPERTIES OUTPUT_NAME manul-hdf5-convert
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/manul)
  install(TARGETS manul_hdf5_convert RUNTIME DESTINATION ${CMAKE_INSTALL_LIBDIR}/manul COMPONENT programs)
  set(targets manul_hdf5_convert)

  list(GET HDF5_C_LIBRARIES 0 library)
  if(library MATCHES "\\.a$")
    # Compiled for programs alone, it cannot be part of a module.
    target_sources(manul PRIVATE ${write})
    target_compile_definitions(manul PRIVATE MANUL_STATIC_HDF5)
    target_include_directories(manul SYSTEM PRIVATE ${HDF5_C_INCLUDE_DIRS})
    target_link_libraries(manul PRIVATE ${HDF5_C_LIBRARIES})
  else()
    list(FILTER HDF5_C_LIBRARIES EXCLUDE REGEX "\\.a$")  # a shared libhdf5 brings what it needs
    add_library(manul_hdf5 MODULE ${write})
    target_link_libraries(manul_hdf5 PRIVATE fmt::fmt-header-only)
    set_target_properties(manul_hdf5 PROPERTIES
      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib CXX_VISIBILITY_PRESET hidden)
    install(TARGETS manul_hdf5 LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT programs)
    list(APPEND targets manul_hdf5)
  endif()
  foreach(target IN LISTS targets)
    target_include_directories(${target} PRIVATE ${manul_include})
    target_include_directories(${target} SYSTEM PRIVATE ${HDF5_C_INCLUDE_DIRS})
    target_link_libraries(${target} PRIVATE manul_compiler ${HDF5_C_LIBRARIES})
  endforeach()
  add_dependencies(manul ${targets})
endfunction()
