# Every vendor library of the CPU side, found once. Each is included behind one wall only (see docs).
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(JPEG REQUIRED)
include(check_libjpeg)
find_package(PNG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Eigen3 3.3 REQUIRED NO_MODULE)

# fmt is in public headers; its compiled part is framework/fmt.cpp.
add_library(manul_fmt INTERFACE)
get_target_property(fmt_include fmt::fmt-header-only INTERFACE_INCLUDE_DIRECTORIES)
target_include_directories(manul_fmt SYSTEM INTERFACE $<BUILD_INTERFACE:${fmt_include}>
  $<INSTALL_INTERFACE:$<TARGET_PROPERTY:fmt::fmt-header-only,INTERFACE_INCLUDE_DIRECTORIES>>)

add_library(manul_vendors INTERFACE)
target_link_libraries(manul_vendors INTERFACE
  $<BUILD_INTERFACE:nlohmann_json::nlohmann_json>
  Threads::Threads JPEG::JPEG PNG::PNG ZLIB::ZLIB ${CMAKE_DL_LIBS})

# Eigen is headers alone, included by framework/cpu/eigen.h for the library's own sources.
add_library(manul_eigen INTERFACE)
target_include_directories(manul_eigen SYSTEM INTERFACE
  $<BUILD_INTERFACE:$<TARGET_PROPERTY:Eigen3::Eigen,INTERFACE_INCLUDE_DIRECTORIES>>)
