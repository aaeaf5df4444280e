#pragma once

#include <atomic>
#include <filesystem>

#include "manul/data/datasets/fingerprint.h"

namespace manul {

/// Rows of bytes, decoded pictures, in a file: so that they need not be decoded again in the next epoch, by
/// another process of the machine, or in the next run. Every row stands there with a key that says what it
/// was made from and a hash of its bytes: what is missing, damaged, half written or of another picture is not
/// found, and may be written again. Any thread and any process may read and write at any time.
class PictureCache {
 public:
  struct Options {
    std::filesystem::path folder;  // is made if it is not there
    uint64_t key = 0;              // of all: of the file's name
    int64_t rows = 0, row_bytes = 0;
    int64_t most_bytes = 0;  // of rows; 0: nine tenths of what is free there
  };
  /// Opens the file, with what others have left in it, or makes it. One with another heading is begun anew.
  /// Throws ErrorKind::failed with the reason where there can be none; a full disk is only warned of.
  explicit PictureCache(const Options& options);
  ~PictureCache();
  PictureCache(const PictureCache&) = delete;
  PictureCache& operator=(const PictureCache&) = delete;

  /// The first rows, for which there is room.
  int64_t room() const { return room_; }
  const std::filesystem::path& path() const { return path_; }
  /// Takes away the file's name: it goes with its last user. All who share it have opened it by then.
  void forget();

  /// What the row of `key` looks like, if there is one; its bytes are not looked at.
  bool find(int64_t row, uint64_t key, Fingerprint& found) const;
  /// Its bytes, if they are there and whole.
  bool read(int64_t row, uint64_t key, uint8_t* to) const;
  /// Keeps a row. Where the disk is full a warning says so once, and nothing more is written.
  void write(int64_t row, uint64_t key, const uint8_t* bytes, const Fingerprint& of);

 private:
  void open(uint64_t key);
  void begin_file(uint64_t key);
  void give_up(int reason);
  int64_t room_for(int64_t most_bytes) const;

  std::filesystem::path path_;
  int descriptor_ = -1;
  int64_t rows_, row_bytes_, room_ = 0;
  std::atomic<bool> full_{false};
};

}  // namespace manul
