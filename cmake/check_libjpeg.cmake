# libjpeg refuses a caller that was compiled with the header of another version, and every picture would be called
# damaged: where header and library disagree, configuring ends with both versions.
if(CMAKE_CROSSCOMPILING OR DEFINED MANUL_LIBJPEG_AGREES)
  return()
endif()
set(source ${CMAKE_BINARY_DIR}/CMakeFiles/check_libjpeg.c)
file(WRITE ${source} [[
#include <setjmp.h>
#include <stdio.h>
#include <jpeglib.h>
static jmp_buf refused;
static void leave(j_common_ptr info) {
  char text[JMSG_LENGTH_MAX];
  info->err->format_message(info, text);
  puts(text);
  longjmp(refused, 1);
}
int main(void) {
  struct jpeg_error_mgr errors;
  struct jpeg_decompress_struct picture;
  picture.err = jpeg_std_error(&errors);
  errors.error_exit = leave;
  if (setjmp(refused)) return 1;
  jpeg_create_decompress(&picture);
  jpeg_destroy_decompress(&picture);
  return 0;
}
]])
try_run(ran compiled ${CMAKE_BINARY_DIR}/CMakeFiles/check_libjpeg ${source}
  LINK_LIBRARIES JPEG::JPEG COMPILE_OUTPUT_VARIABLE compile_output RUN_OUTPUT_VARIABLE output)
if(NOT compiled)
  message(FATAL_ERROR "A program with libjpeg's header (${JPEG_INCLUDE_DIR}) and library (${JPEG_LIBRARIES}) does not "
    "compile and link:\n${compile_output}")
endif()
if(NOT ran EQUAL 0)
  string(STRIP "${output}" output)
  message(FATAL_ERROR "libjpeg's header in ${JPEG_INCLUDE_DIR} and its library ${JPEG_LIBRARIES} are of different "
    "versions. The library says: ${output}. JPEG_INCLUDE_DIR and JPEG_LIBRARY choose others.")
endif()
set(MANUL_LIBJPEG_AGREES ON CACHE INTERNAL "libjpeg's header and library are of one version")
