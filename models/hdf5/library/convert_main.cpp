// manul-hdf5-convert MEMORY OUTPUT SECONDS LARGEST: an HDF5 file of any layout on stdin, the same in the
// layout that Manul's own parser reads on stdout. A process of its own with limits, because libhdf5 does not
// survive every damaged file.

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "manul/framework/system_call.h"
#include "manul/models/hdf5/library/handle.h"
#include "manul/models/hdf5/library/library.h"
#include "manul/models/hdf5/library/read.h"
#include "manul/models/hdf5/library/sandbox.h"

namespace {

using manul::retried;
using manul::hdf5::must;

std::string read_input() {
  struct stat status {};
  must(::fstat(STDIN_FILENO, &status) == 0, "reading the file");
  std::string bytes(static_cast<size_t>(status.st_size), '\0');
  for (size_t done = 0; done < bytes.size();) {
    ssize_t got = retried(
        [&] { return ::pread(STDIN_FILENO, &bytes[done], bytes.size() - done, static_cast<off_t>(done)); });
    must(got > 0, "reading the file");
    done += static_cast<size_t>(got);
  }
  return bytes;
}

void write_output(const std::string& bytes) {
  for (size_t done = 0; done < bytes.size();) {
    ssize_t put = retried([&] { return ::write(STDOUT_FILENO, &bytes[done], bytes.size() - done); });
    if (put <= 0) throw std::runtime_error("there is no room for the converted file");
    done += static_cast<size_t>(put);
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) {
    std::fputs(
        "manul-hdf5-convert is run by Manul when it reads an HDF5 file of another layout than Keras writes",
        stderr);
    return 2;
  }
  auto number = [&](int i) { return std::strtoull(arguments[i], nullptr, 10); };
  try {
    manul::hdf5::limit_process({.memory = number(1), .output = number(2), .seconds = number(3)});
    manul::hdf5::prepare_library();
    H5PLset_loading_state(0);
    std::string input = read_input();
    manul::hdf5::allow_computing_alone();
    std::string image, reason;
    {
      manul::hdf5::Group root = manul::hdf5::read_file(std::move(input), number(4));
      if (!manul_hdf5_write(root, image, reason)) throw std::runtime_error(reason);
    }
    write_output(image);
  } catch (const std::bad_alloc&) {
    std::fputs("it needs too much memory", stderr);
    ::_exit(1);
  } catch (const std::exception& exception) {
    std::fputs(exception.what(), stderr);
    ::_exit(1);
  }
  std::fputs("done", stderr);
  ::_exit(0);  // what libhdf5 would do at its end is of no use
}
