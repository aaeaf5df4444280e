#include <archive.h>
#include <archive_entry.h>

#include <unistd.h>
#include <memory>
#include <stdexcept>

#include "manul/framework/archive/zip.h"

// A library of its own, loaded when the first archive comes: libarchive brings thirteen other libraries
// along.

namespace manul::archive {
namespace {

constexpr int largest_entry_count = 10'000;
constexpr size_t block_size = size_t{1} << 16;

[[noreturn]] void stop(::archive* stream, const char* what) {
  const char* text = ::archive_error_string(stream);
  throw std::runtime_error(std::string(what) + (text ? std::string(": ") + text : ""));
}

std::string read_entry(::archive* stream, const std::string& name, uint64_t most) {
  std::string content;
  std::string part(block_size, '\0');
  for (;;) {
    la_ssize_t got = ::archive_read_data(stream, part.data(), part.size());
    if (got == 0) return content;
    if (got < 0) stop(stream, ("is damaged: " + name).c_str());
    content.append(part, 0, static_cast<size_t>(got));
    if (content.size() > most)
      throw std::runtime_error(name + " has more than the " + std::to_string(most) +
                               " bytes that are read of it");
  }
}

void read(int descriptor, const Wanted& wanted, std::map<std::string, std::string>& files) {
  std::unique_ptr<::archive, int (*)(::archive*)> stream(::archive_read_new(), ::archive_read_free);
  if (!stream || ::archive_read_support_format_zip_seekable(stream.get()) != ARCHIVE_OK ||
      ::lseek(descriptor, 0, SEEK_SET) != 0 ||
      ::archive_read_open_fd(stream.get(), descriptor, block_size) != ARCHIVE_OK)
    stop(stream.get(), "is not a zip archive, or is damaged");
  ::archive_entry* entry = nullptr;
  for (int count = 0;; ++count) {
    int result = ::archive_read_next_header(stream.get(), &entry);
    if (result == ARCHIVE_EOF) return;
    if (result < ARCHIVE_WARN) stop(stream.get(), "is not a zip archive, or is damaged");
    if (count == largest_entry_count) throw std::runtime_error("holds too many files");
    const char* text = ::archive_entry_pathname(entry);
    std::string name = text ? text : "";
    uint64_t most = wanted(name);
    if (most == 0) continue;
    if (::archive_entry_is_encrypted(entry)) throw std::runtime_error(name + " is encrypted");
    if (!files.emplace(name, read_entry(stream.get(), name, most)).second)
      throw std::runtime_error("holds " + name + " twice");
  }
}

la_ssize_t append(::archive*, void* image, const void* data, size_t size) {
  static_cast<std::string*>(image)->append(static_cast<const char*>(data), size);
  return static_cast<la_ssize_t>(size);
}

void write(const std::vector<Entry>& entries, std::string& image) {
  std::unique_ptr<::archive, int (*)(::archive*)> stream(::archive_write_new(), ::archive_write_free);
  std::unique_ptr<::archive_entry, void (*)(::archive_entry*)> header(::archive_entry_new(),
                                                                      ::archive_entry_free);
  if (!stream || !header || ::archive_write_set_format_zip(stream.get()) != ARCHIVE_OK ||
      ::archive_write_set_options(stream.get(), "zip:compression=store") != ARCHIVE_OK ||
      ::archive_write_set_bytes_in_last_block(stream.get(), 1) != ARCHIVE_OK ||
      ::archive_write_open(stream.get(), &image, nullptr, append, nullptr) != ARCHIVE_OK)
    stop(stream.get(), "libarchive failed");
  for (const Entry& entry : entries) {
    ::archive_entry_clear(header.get());
    ::archive_entry_set_pathname(header.get(), entry.name.c_str());
    ::archive_entry_set_filetype(header.get(), AE_IFREG);
    ::archive_entry_set_perm(header.get(), 0600);
    ::archive_entry_set_size(header.get(), static_cast<la_int64_t>(entry.content.size()));
    la_ssize_t size = static_cast<la_ssize_t>(entry.content.size());
    if (::archive_write_header(stream.get(), header.get()) != ARCHIVE_OK ||
        ::archive_write_data(stream.get(), entry.content.data(), entry.content.size()) != size)
      stop(stream.get(), "libarchive failed");
  }
  if (::archive_write_close(stream.get()) != ARCHIVE_OK) stop(stream.get(), "libarchive failed");
}

}  // namespace
}  // namespace manul::archive

extern "C" __attribute__((visibility("default"))) bool manul_archive_read(
    int descriptor, const manul::archive::Wanted& wanted, std::map<std::string, std::string>& files,
    std::string& reason) try {
  manul::archive::read(descriptor, wanted, files);
  return true;
} catch (const std::exception& exception) {
  reason = exception.what();
  return false;
}

extern "C" __attribute__((visibility("default"))) bool manul_archive_write(
    const std::vector<manul::archive::Entry>& entries, std::string& image, std::string& reason) try {
  manul::archive::write(entries, image);
  return true;
} catch (const std::exception& exception) {
  reason = exception.what();
  return false;
}
