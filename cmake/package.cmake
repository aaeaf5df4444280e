# cpack -G DEB makes two packages: manul (the programs) and libmanul-dev (library, headers, CMake and pkg-config files).
# The library is static; what it loads at run time (HDF5, archives, OpenCV) is in the programs' package.
if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()
set(CPACK_PACKAGE_NAME manul)
set(CPACK_PACKAGE_VENDOR "The Manul authors")
set(CPACK_PACKAGE_CONTACT "The Manul authors <manul@localhost.localdomain>")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "small deep-learning framework in C++")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_MANUL_NATIVE ${MANUL_NATIVE})  # for debian_files.cmake
set(CPACK_COMPONENTS_ALL programs development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_NAME manul)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SECTION science)
set(CPACK_COMPONENT_PROGRAMS_DESCRIPTION
  "Programs that train image classifiers from a folder of pictures on a CPU or an\nNVIDIA GPU, keep them in Keras' own files, and ask them about pictures.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libmanul-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "manul (= ${PROJECT_VERSION}), libfmt-dev, libjpeg-dev, libpng-dev, zlib1g-dev")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
  "Library and headers: tensors, ops with gradients, layers and models with Keras'\nnames, written in C++20, for CPU and CUDA.")
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/debian_files.cmake)
include(CPack)
