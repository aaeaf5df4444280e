#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

// Zip archives, by libarchive: loaded when the first one is read or written, as libhdf5 is.
namespace manul::archive {

/// A file of an archive.
struct Entry {
  std::string name;
  std::string content;
};

/// What is to become of a file that is met in an archive: called with its name, it returns how many bytes it
/// may have at most; 0: it is passed over.
using Wanted = std::function<uint64_t(const std::string& name)>;

/// The files of the zip archive that is open as `descriptor` and are wanted, by name. Throws
/// ErrorKind::model_file "NAME: REASON" if it is damaged, if a file is larger than allowed (whatever it
/// claims to be), or has one name twice.
std::map<std::string, std::string> read_zip(const std::string& name, int descriptor, const Wanted& wanted);

/// The bytes of a zip archive of these files, not compressed. The same files give the same bytes.
std::string zip(const std::vector<Entry>& entries);

/// What the module exports; false and the reason if it fails.
using LibraryRead = bool(int descriptor, const Wanted& wanted, std::map<std::string, std::string>& files,
                         std::string& reason);
using LibraryWrite = bool(const std::vector<Entry>& entries, std::string& image, std::string& reason);

}  // namespace manul::archive
