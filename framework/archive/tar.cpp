#include "manul/framework/archive/tar.h"

#include <exception>

#include "manul/framework/archive/library_function.h"

namespace manul::archive {

void walk_tar(const std::string& name, const TarFile& file, const TarVisit& visit) {
  static LibraryWalk* const walk =
      library_function<LibraryWalk>("manul_archive_walk_tar", ErrorKind::data, "tars of pictures");
  std::exception_ptr error;
  // Errors do not pass through the library.
  auto visit_safely = [&](const TarMember& member, const TarContent& content) {
    try {
      return visit(member, content);
    } catch (...) {
      error = std::current_exception();
      return false;
    }
  };
  auto read_safely = [&](int64_t offset, void* to, int64_t count) -> int64_t {
    try {
      return file.read(offset, to, count);
    } catch (...) {
      error = std::current_exception();
      return -1;
    }
  };
  std::string reason;
  bool walked = walk({read_safely, file.bytes}, visit_safely, reason);
  if (error) std::rethrow_exception(error);
  if (!walked) fail(ErrorKind::data, "{}: {}", name, reason);
}

}  // namespace manul::archive
