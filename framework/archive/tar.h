#pragma once

#include <cstdint>
#include <functional>
#include <string>

// Tars, packed or not, by libarchive: by the same module as zip archives.
namespace manul::archive {

/// A member of a tar. Places are bytes from the beginning of the tar, unpacked where it is packed.
struct TarMember {
  enum class Kind { file, sparse, link, other };

  std::string name;
  Kind kind = Kind::other;
  int64_t position = 0;  // where its header begins
  int64_t offset = 0;    // where its content begins
  int64_t bytes = 0;     // of its content, as the header claims
  bool packed = false;   // the tar is
};

/// Writes up to `count` of the next bytes of the member that is visited to `to`; returns how many there were,
/// 0 at its end, -1 where the tar is damaged.
using TarContent = std::function<int64_t(void* to, int64_t count)>;
/// Called for each member in order; false ends the walk.
using TarVisit = std::function<bool(const TarMember& member, const TarContent& content)>;
/// A file: `read` up to `count` bytes from `offset` on, -1 where that fails; its size.
struct TarFile {
  std::function<int64_t(int64_t offset, void* to, int64_t count)> read;
  int64_t bytes = 0;
};

/// Visits the members of a tar: as it is, or packed by gzip, bzip2, xz or zstd. `visit` may throw. Of a
/// member whose content is not asked for nothing is read, unless the tar is packed. Throws ErrorKind::data
/// "NAME: REASON" with the place if it is damaged, cut short or no tar. Nothing is ever unpacked to where a
/// member's name says.
void walk_tar(const std::string& name, const TarFile& file, const TarVisit& visit);

/// What the module exports; false and the reason if it fails.
using LibraryWalk = bool(const TarFile& file, const TarVisit& visit, std::string& reason);

}  // namespace manul::archive
