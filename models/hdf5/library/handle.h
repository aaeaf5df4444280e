#pragma once

#include <hdf5.h>

#include <stdexcept>
#include <string>

// The macros would end the program where the library is a later patch release than the header.
#undef H5CHECK
#define H5CHECK

namespace manul::hdf5 {

/// Throws that libhdf5 failed at `what`.
inline void must(bool done, const std::string& what) {
  if (!done) throw std::runtime_error("libhdf5 failed at " + what);
}

/// An object of libhdf5, closed at the end of its life.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t), const std::string& what) : id_(id), close_(close) {
    must(id_ >= 0, what);
  }
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  Handle(Handle&& other) noexcept : id_(other.id_), close_(other.close_) { other.id_ = -1; }

  operator hid_t() const { return id_; }  // NOLINT: passed to libhdf5's functions

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// Errors are ours to tell, and another release than that of the header may lay out its structures otherwise.
inline void prepare_library() {
  unsigned major = 0, minor = 0, patch = 0;
  must(H5open() >= 0 && H5get_libversion(&major, &minor, &patch) >= 0, "its start");
  if (major != H5_VERS_MAJOR || minor != H5_VERS_MINOR)
    throw std::runtime_error("libhdf5 is of version " + std::to_string(major) + "." + std::to_string(minor) +
                             ", but Manul was compiled with version " + std::to_string(H5_VERS_MAJOR) + "." +
                             std::to_string(H5_VERS_MINOR));
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

}  // namespace manul::hdf5
