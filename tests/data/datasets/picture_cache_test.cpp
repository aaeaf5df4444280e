#include "manul/data/datasets/picture_cache.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <set>

#include "manul/framework/warning.h"
#include "manul/tests/data/datasets/picture_folder.h"

// Decoded pictures that are kept in a file.
namespace manul {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class PictureCacheTest : public PictureFolderTest {
 protected:
  /// A data set of 6x6 pixels that keeps nothing in memory.
  ImageDatasetOptions on_disk(bool keep = true) {
    ImageDatasetOptions options = small();
    options.augment = article();
    options.cache_mb = 0;
    options.cache_dir = folder / "cache";
    options.keep_cache = keep;
    return options;
  }
  ImageFolder pictures() { return ImageFolder::scan(folder / "pictures"); }
  void write_pictures(int each = 12) {
    for (int i = 0; i < each; ++i) {
      write("pictures/cats/" + std::to_string(i) + ".png", i);
      write("pictures/dogs/" + std::to_string(i) + ".png", 100 + i);
    }
  }
  /// Two epochs, the second of which has all from the file.
  std::vector<float> seen(const ImageDatasetOptions& options) {
    ImageDataset data(pictures(), options);
    std::vector<float> first = epoch_of(data, 1, 5, true), again = epoch_of(data, 1, 5, true);
    EXPECT_EQ(first, again);
    return first;
  }
  std::vector<float> without_cache(ImageDatasetOptions options) {
    options.cache_dir.clear();
    options.cache_mb = 64;
    return seen(options);
  }
  std::vector<fs::path> cache_files() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder / "cache")) files.push_back(entry.path());
    return files;
  }
  /// Makes a picture's file unreadable, in a way that its size and time do not tell.
  void ruin(const fs::path& picture) {
    fs::file_time_type time = fs::last_write_time(picture);
    write_file(picture, std::string(fs::file_size(picture), 'x'));
    fs::last_write_time(picture, time);
  }
};

TEST_F(PictureCacheTest, GivesTheSameBytesAndLeavesNothing) {
  write_pictures();
  std::vector<float> expected = without_cache(on_disk());
  EXPECT_EQ(seen(on_disk(false)), expected);
  EXPECT_TRUE(cache_files().empty());
  ImageDatasetOptions part = on_disk(false);
  part.image = {.height = 200, .width = 200};
  part.cache_dir_mb = 1;  // of 2.7
  EXPECT_EQ(seen(part), without_cache(part));
  ImageDataset data(pictures(), on_disk(false));
  for (const PictureFile& file : pictures().files) ruin(file.path);
  EXPECT_EQ(epoch_of(data, 1, 5, true), expected) << "it decoded a picture again";
}

TEST_F(PictureCacheTest, DecodesNothingAgain) {
  write_pictures();
  std::vector<float> expected = seen(on_disk());
  EXPECT_EQ(expected, without_cache(on_disk()));
  ASSERT_EQ(cache_files().size(), 1);
  std::vector<Fingerprint> known = ImageDataset(pictures(), on_disk()).fingerprints();
  for (const PictureFile& file : pictures().files) ruin(file.path);
  EXPECT_THAT(error_of([&] { without_cache(on_disk()); }), HasSubstr("not a picture"));
  EXPECT_EQ(seen(on_disk()), expected);
  ImageDatasetOptions in_memory = on_disk();
  in_memory.cache_mb = 64;
  EXPECT_EQ(seen(in_memory), expected);
  std::vector<Fingerprint> found = ImageDataset(pictures(), in_memory).fingerprints();
  for (size_t i = 0; i < known.size(); ++i) EXPECT_EQ(found[i].hash, known[i].hash);
}

TEST_F(PictureCacheTest, DecodesWhatHasChanged) {
  write_pictures();
  seen(on_disk());
  write("pictures/cats/3.png", 77);
  EXPECT_EQ(seen(on_disk()), without_cache(on_disk()));
  for (const char* interpolation : {"nearest", "bilinear"})
    for (int size : {5, 6, 7})
      for (ColorMode color : {ColorMode::rgb, ColorMode::grayscale}) {
        ImageDatasetOptions other = on_disk();
        other.image = {.height = size,
                       .width = size,
                       .interpolation = parse_interpolation(interpolation),
                       .color_mode = color};
        EXPECT_EQ(seen(other), without_cache(other));
      }
  write("pictures/cats/zz.png", 78);
  EXPECT_EQ(seen(on_disk()), without_cache(on_disk()));
}

TEST_F(PictureCacheTest, DamageIsNoticed) {
  write_pictures();
  std::vector<float> expected = seen(on_disk());
  fs::path file = cache_files().at(0);
  std::string whole = read_file(file);
  for (size_t at = 0; at < whole.size(); at += at < 5000 ? 7 : 131) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    write_file(file, damaged);
    ASSERT_EQ(seen(on_disk()), expected) << "byte " << at;
  }
  for (size_t size = 0; size < whole.size(); size += 997) {
    write_file(file, whole.substr(0, size));
    ASSERT_EQ(seen(on_disk()), expected) << "cut at " << size;
    write_file(file, std::string(size, '\0') + whole.substr(size));
    ASSERT_EQ(seen(on_disk()), expected) << "zero before " << size;
  }
  EXPECT_EQ(read_file(file), whole) << "it is mended";
}

TEST_F(PictureCacheTest, BadPicturesAndWarningsAreTheSame) {
  write_pictures(3);
  write_text("pictures/cats/1.png", "text");
  std::string truncated = read_file(folder / "pictures/dogs/2.png");
  write_text("pictures/dogs/2.png", truncated.substr(0, truncated.size() - 12));  // without its end marker
  ImageDataset first(pictures(), on_disk());
  EXPECT_EQ(first.bad_images().size(), 1);
  EXPECT_EQ(first.warnings().size(), 1);
  std::vector<float> expected = epoch_of(first, 0, 0, true);
  ImageDataset second(pictures(), on_disk());
  EXPECT_EQ(second.bad_images(), first.bad_images());
  EXPECT_EQ(second.warnings(), first.warnings());
  EXPECT_EQ(epoch_of(second, 0, 0, true), expected);
}

TEST_F(PictureCacheTest, SaysWhereItCannotBe) {
  write_pictures(2);
  write_text("cache", "a file");
  EXPECT_THAT(error_of([&] { seen(on_disk()); }, ErrorKind::failed), HasSubstr("cache"));
  fs::remove(folder / "cache");
  seen(on_disk());
  fs::path file = cache_files().at(0);
  fs::remove(file);
  fs::create_symlink("/etc/passwd", file);
  EXPECT_THAT(error_of([&] { seen(on_disk()); }, ErrorKind::failed), HasSubstr("cannot be kept there"));
  fs::remove(file);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_THAT(error_of([&] { seen(on_disk()); }, ErrorKind::failed), HasSubstr("not a regular file"));
}

TEST_F(PictureCacheTest, GoesOnWhereFilesMayNotGrow) {
  write_pictures();
  std::vector<float> expected = without_cache(on_disk());
  std::string said;
  set_warning_handler([&](const std::string& text) { said += text; });
  auto* before = ::signal(SIGXFSZ, SIG_IGN);
  struct rlimit old {};
  ::getrlimit(RLIMIT_FSIZE, &old);
  struct rlimit low {
    5000, old.rlim_max
  };
  ::setrlimit(RLIMIT_FSIZE, &low);
  EXPECT_EQ(seen(on_disk()), expected);
  ::setrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, before);
  set_warning_handler({});
  EXPECT_THAT(said,
              HasSubstr("no more decoded pictures can be kept: File too large; the others are decoded"));
}

TEST_F(PictureCacheTest, HashesAllBytes) {
  std::string bytes(100, 'a');
  std::set<uint64_t> hashes{hash_of_text(bytes), hash_of_text(bytes, 1)};
  for (size_t length = 0; length < bytes.size(); ++length)
    hashes.insert(hash_of_text(bytes.substr(0, length)));
  for (size_t i = 0; i < 8 * bytes.size(); ++i) {
    std::string other = bytes;
    other[i / 8] = static_cast<char>(other[i / 8] ^ (1 << i % 8));
    hashes.insert(hash_of_text(other));
  }
  EXPECT_EQ(hashes.size(), 2 + 100 + 800);
}

}  // namespace
}  // namespace manul
