#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <vector>

#include "manul/framework/archive/tar.h"

// Part of the module around libarchive.
namespace manul::archive {
namespace {

/// What libarchive reads from. Blocks are small behind a member that was passed over, so that the headers of
/// a tar of large members cost little, and grow where it reads on.
struct Reading {
  static constexpr int64_t smallest = 4 << 10, largest = 256 << 10;

  const TarFile& file;
  int64_t offset = 0, block = smallest;
  std::vector<char> bytes = std::vector<char>(largest);
};

la_ssize_t read_block(::archive* stream, void* data, const void** block) {
  auto& reading = *static_cast<Reading*>(data);
  int64_t got = reading.file.read(reading.offset, reading.bytes.data(), reading.block);
  if (got < 0) {
    ::archive_set_error(stream, EIO, "the file cannot be read");
    return ARCHIVE_FATAL;
  }
  reading.offset += got;
  reading.block = std::min(2 * reading.block, Reading::largest);
  *block = reading.bytes.data();
  return got;
}

la_int64_t skip_bytes(::archive*, void* data, la_int64_t count) {
  auto& reading = *static_cast<Reading*>(data);
  int64_t skipped = std::clamp<int64_t>(reading.file.bytes - reading.offset, 0, count);
  reading.offset += skipped;
  reading.block = Reading::smallest;
  return skipped;
}

using Stream = std::unique_ptr<::archive, int (*)(::archive*)>;

[[noreturn]] void stop_walk(const Stream& stream, const std::string& where) {
  const char* text = stream ? ::archive_error_string(stream.get()) : nullptr;
  throw std::runtime_error(where + (text ? std::string(": ") + text : ""));
}

Stream open_tar(Reading& reading) {
  Stream stream(::archive_read_new(), ::archive_read_free);
  constexpr const char* no_tar = "is not a tar, or is damaged";
  if (!stream || ::archive_read_support_format_tar(stream.get()) != ARCHIVE_OK) stop_walk(stream, no_tar);
  // One that libarchive was built without would run a program: it is left out.
  for (auto* filter : {::archive_read_support_filter_gzip, ::archive_read_support_filter_bzip2,
                       ::archive_read_support_filter_xz, ::archive_read_support_filter_zstd})
    if (filter(stream.get()) != ARCHIVE_OK) stop_walk(stream, "the libarchive of this system is incomplete");
  ::archive_read_set_callback_data(stream.get(), &reading);
  ::archive_read_set_read_callback(stream.get(), read_block);
  ::archive_read_set_skip_callback(stream.get(), skip_bytes);
  if (::archive_read_open1(stream.get()) != ARCHIVE_OK) stop_walk(stream, no_tar);
  return stream;
}

std::string name_in(::archive_entry* entry) {
  for (const char* text : {::archive_entry_pathname(entry), ::archive_entry_pathname_utf8(entry)})
    if (text) return text;
  return {};
}

TarMember::Kind kind_of(::archive_entry* entry) {
  if (::archive_entry_hardlink(entry) || ::archive_entry_symlink(entry)) return TarMember::Kind::link;
  if (::archive_entry_filetype(entry) != AE_IFREG) return TarMember::Kind::other;
  return ::archive_entry_sparse_count(entry) > 0 ? TarMember::Kind::sparse : TarMember::Kind::file;
}

void walk(const TarFile& file, const TarVisit& visit) {
  Reading reading{file};
  Stream stream = open_tar(reading);
  TarMember member;
  auto place = [&] {
    return member.name.empty() ? std::string("is not a tar, or is damaged")
                               : "is damaged or cut short behind its member " + member.name + " at byte " +
                                     std::to_string(member.position);
  };
  TarContent content = [&](void* to, int64_t count) {
    return static_cast<int64_t>(::archive_read_data(stream.get(), to, static_cast<size_t>(count)));
  };
  for (::archive_entry* entry = nullptr;;) {
    int result = ::archive_read_next_header(stream.get(), &entry);
    if (result == ARCHIVE_EOF) return;
    // A warning is about a name in another alphabet than the locale's, for which UTF-8 will do.
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) stop_walk(stream, place());
    member = {.name = name_in(entry),
              .kind = kind_of(entry),
              .position = ::archive_read_header_position(stream.get()),
              .offset = ::archive_filter_bytes(stream.get(), 0),
              .bytes = ::archive_entry_size(entry),
              .packed = ::archive_filter_code(stream.get(), 0) != ARCHIVE_FILTER_NONE};
    if (!visit(member, content)) return;
  }
}

}  // namespace
}  // namespace manul::archive

extern "C" __attribute__((visibility("default"))) bool manul_archive_walk_tar(
    const manul::archive::TarFile& file, const manul::archive::TarVisit& visit, std::string& reason) try {
  manul::archive::walk(file, visit);
  return true;
} catch (const std::exception& exception) {
  reason = exception.what();
  return false;
}
