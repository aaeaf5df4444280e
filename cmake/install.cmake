# What another project needs: find_package(manul) gives the targets manul::manul and manul::testing, and the function
# manul_add_cuda_sources; headers are included as "manul/ops/conv/conv2d.h".
include(CMakePackageConfigHelpers)
set(manul_package ${CMAKE_INSTALL_LIBDIR}/cmake/manul)

install(TARGETS manul manul_fmt manul_vendors EXPORT manul
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET manul_testing)
  install(TARGETS manul_testing EXPORT manul_testing ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT manul_testing NAMESPACE manul:: FILE manulTestingTargets.cmake DESTINATION ${manul_package})
  install(FILES testing/op_check.h testing/op_sample.h testing/op_test.cpp
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/manul/testing)
endif()
install(EXPORT manul NAMESPACE manul:: FILE manulTargets.cmake DESTINATION ${manul_package})

# Public headers alone: none of a vendor, of one kernel, or of a file format's inside.
install(FILES manul.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/manul)
install(DIRECTORY framework ops data layers models DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/manul
  FILES_MATCHING PATTERN "*.h"
  PATTERN "*_cpu.h" EXCLUDE
  PATTERN "*_cuda.h" EXCLUDE
  REGEX "/framework/cpu/(ahead|block_product|column_sums|eigen|general_product|product_tile|scratch|split|start_threads|take_range|tiles|transpose)\\.h$" EXCLUDE
  REGEX "/framework/cuda/(address_range|blas|block_area|block_pool|dnn|graph|graph_fills|info|library|nccl|staging)\\.h$" EXCLUDE
  REGEX "/framework/cuda/product" EXCLUDE
  REGEX "/framework/distributed/(mpi|gradient_sums|launch|texts|waiting)" EXCLUDE
  REGEX "/ops/fused/conv_window" EXCLUDE
  REGEX "_(geometry|operands|panel|stages|gradients)\\.h$" EXCLUDE
  REGEX "/ops/(dense/dense_activation|losses/(loss_labels|crossentropy_row)|metrics/accumulate_functions)\\.h$" EXCLUDE
  REGEX "/data/augment/affine_" EXCLUDE
  REGEX "/data/datasets/(picture_cache|shard_reader|spool_file)\\.h$" EXCLUDE
  REGEX "/data/image/(image_codec|resize_filters)\\.h$" EXCLUDE
  REGEX "/data/synthetic/(canvas|synthetic_[a-z]+)\\.h$" EXCLUDE
  REGEX "/framework/archive/|/framework/config/json\\.h$|/models/hdf5/|/models/tensorboard/[^e]|/models/keras/([a-gi-z]|h5[^.])" EXCLUDE)

configure_package_config_file(cmake/manulConfig.cmake.in manulConfig.cmake INSTALL_DESTINATION ${manul_package})
write_basic_package_version_file(manulConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/manulConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/manulConfigVersion.cmake
  cmake/manul_cuda_sources.cmake DESTINATION ${manul_package})

include(pkg_config)
