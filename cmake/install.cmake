# What another project needs: find_package(manul) gives the target manul::manul; headers are included from the root
# ("manul/ops/conv/conv2d.h") as here.
include(CMakePackageConfigHelpers)
set(manul_package ${CMAKE_INSTALL_LIBDIR}/cmake/manul)

install(TARGETS manul manul_fmt manul_vendors EXPORT manul ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT manul NAMESPACE manul:: FILE manulTargets.cmake DESTINATION ${manul_package})
install(DIRECTORY framework ops data layers models DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/manul FILES_MATCHING PATTERN "*.h")

configure_package_config_file(cmake/manulConfig.cmake.in manulConfig.cmake INSTALL_DESTINATION ${manul_package})
write_basic_package_version_file(manulConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/manulConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/manulConfigVersion.cmake
  DESTINATION ${manul_package})
