# The module that reads and writes zip archives (.keras files) and reads tars (shards of pictures), loaded when the first one comes.
find_package(LibArchive REQUIRED)

function(manul_add_archive_library)
  add_library(manul_archive MODULE framework/archive/library/zip.cpp framework/archive/library/tar.cpp)
  target_include_directories(manul_archive PRIVATE ${manul_include})
  target_link_libraries(manul_archive PRIVATE manul_compiler LibArchive::LibArchive)
  set_target_properties(manul_archive PROPERTIES
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib CXX_VISIBILITY_PRESET hidden)
  install(TARGETS manul_archive LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT programs)
  add_dependencies(manul manul_archive)
endfunction()
