# Every vendor library of the CPU side, found once. Each is included behind one wall only (see docs).
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(CLI11 REQUIRED)

# fmt is in public headers; header-only keeps its shared library out of the programs' start-up.
add_library(manul_fmt INTERFACE)
target_link_libraries(manul_fmt INTERFACE fmt::fmt-header-only)

add_library(manul_vendors INTERFACE)
target_link_libraries(manul_vendors INTERFACE
  $<BUILD_INTERFACE:nlohmann_json::nlohmann_json>
  Threads::Threads JPEG::JPEG PNG::PNG ${CMAKE_DL_LIBS})
