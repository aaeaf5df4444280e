# The module that reads BMP, PPM, PGM, TIFF and WebP through OpenCV. It is loaded when the first such file comes:
# linked to the programs, imgcodecs and what it brings along would cost each start 0.07 s and 56 MB.
# Debian's libopencv-imgcodecs-dev has no CMake config of its own, so without libopencv-dev the libraries are looked
# for by name.
find_package(OpenCV QUIET COMPONENTS core imgproc imgcodecs)
if(OpenCV_FOUND)
  set(manul_opencv_libraries opencv_imgcodecs opencv_imgproc opencv_core)
else()
  find_path(MANUL_OPENCV_INCLUDE opencv2/imgcodecs.hpp PATH_SUFFIXES opencv4)
  foreach(part imgcodecs imgproc core)
    find_library(MANUL_OPENCV_${part} opencv_${part})
    list(APPEND manul_opencv_libraries ${MANUL_OPENCV_${part}})
  endforeach()
  set(OpenCV_INCLUDE_DIRS ${MANUL_OPENCV_INCLUDE})
endif()

function(manul_add_opencv_codecs source)
  set_source_files_properties(data/image/image_io_other.cpp PROPERTIES
    COMPILE_DEFINITIONS MANUL_INSTALL_LIBDIR="${CMAKE_INSTALL_FULL_LIBDIR}")
  if(NOT OpenCV_INCLUDE_DIRS OR "${manul_opencv_libraries}" MATCHES NOTFOUND)
    message(STATUS "OpenCV's imgcodecs was not found: only JPEG and PNG files will be read")
    return()
  endif()
  get_filename_component(extension "${MANUL_OPENCV_core}" EXT)
  if(TARGET opencv_core)
    get_target_property(type opencv_core TYPE)
  endif()
  if("${extension}" STREQUAL ".a" OR "${type}" STREQUAL STATIC_LIBRARY)
    # A static OpenCV costs no start-up, and need not be position-independent, as a module would have to be.
    target_sources(manul PRIVATE ${source})
    set_property(SOURCE ${source} data/image/image_io_other.cpp APPEND PROPERTY COMPILE_DEFINITIONS MANUL_STATIC_OPENCV)
    target_include_directories(manul SYSTEM PRIVATE ${OpenCV_INCLUDE_DIRS})
    target_link_libraries(manul PRIVATE ${manul_opencv_libraries})
    return()
  endif()
  add_library(manul_opencv_codecs MODULE ${source})
  target_include_directories(manul_opencv_codecs PRIVATE ${manul_include})
  target_include_directories(manul_opencv_codecs SYSTEM PRIVATE ${OpenCV_INCLUDE_DIRS})
  target_link_libraries(manul_opencv_codecs PRIVATE manul_compiler fmt::fmt-header-only ${manul_opencv_libraries})
  set_target_properties(manul_opencv_codecs PROPERTIES
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib CXX_VISIBILITY_PRESET hidden)
  install(TARGETS manul_opencv_codecs LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  add_dependencies(manul manul_opencv_codecs)
endfunction()
