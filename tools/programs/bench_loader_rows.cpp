#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "manul/data/datasets/image_dataset.h"
#include "manul/data/image/image_io.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/framework/error.h"
#include "manul/framework/file.h"
#include "manul/framework/file_system.h"
#include "manul/tests/data/datasets/tar_writer.h"
#include "manul/tools/programs/bench_rows.h"

namespace manul {
namespace {

namespace fs = std::filesystem;

constexpr int pictures = 2048, kinds = 64, classes = 2, batch = 256, side = 224;

/// JPEG files in a folder and the same in shards; made for the first row, gone with the program.
class BenchPictures {
 public:
  static const BenchPictures& get() {
    static const BenchPictures instance;
    return instance;
  }
  fs::path folder() const { return path_ / "folder"; }
  fs::path shards() const { return path_ / "shards"; }
  fs::path cache() const { return path_ / "cache"; }

 private:
  BenchPictures() {
    std::string name = (temporary_folder() / "manul_bench_XXXXXX").string();
    if (!::mkdtemp(name.data())) fail(ErrorKind::failed, "{}: no such folder can be made", name);
    path_ = name;
    make_folders(shards(), ErrorKind::failed);
    std::vector<std::vector<uint8_t>> files;
    for (int i = 0; i < kinds; ++i) {
      save_jpeg(path_ / "picture.jpg", bench_photograph(i), 80);
      files.push_back(InputFile(path_ / "picture.jpg", ErrorKind::failed).read_all(1 << 20));
    }
    constexpr int shard_count = 4;
    TarWriter tars[shard_count];
    for (int i = 0; i < pictures; ++i) {
      fs::path of_class = folder() / std::to_string(i % classes);
      make_folders(of_class, ErrorKind::failed);
      const std::vector<uint8_t>& file = files[static_cast<size_t>(i % kinds)];
      write_bytes(of_class / fmt::format("{:06}.jpg", i), file);
      TarWriter& tar = tars[i % shard_count];
      tar.add(fmt::format("{:06}.jpg", i), std::string(file.begin(), file.end()));
      tar.add(fmt::format("{:06}.cls", i), std::to_string(i % classes));
    }
    for (int i = 0; i < shard_count; ++i) {
      std::string tar = tars[i].finished();
      write_bytes(shards() / fmt::format("{:06}.tar", i),
                  {reinterpret_cast<const uint8_t*>(tar.data()), tar.size()});
    }
  }
  ~BenchPictures() { remove_tree(path_); }
  BenchPictures(const BenchPictures&) = delete;
  BenchPictures& operator=(const BenchPictures&) = delete;

  fs::path path_;
};

enum class From { folder, shards, cache };

/// Epochs of batches, as a training asks for them; nothing else is done with them. `threads` - 1 decode, and
/// the one that waits for a batch helps them.
void read_pictures(benchmark::State& state, From from, Interpolation interpolation, int threads) {
  cpu::set_threads(1);
  const BenchPictures& where = BenchPictures::get();
  ImageDatasetOptions options{.image = {.height = side, .width = side, .interpolation = interpolation},
                              .cache_mb = 0,
                              .stream_mb = 4 * int64_t{batch} * side * side * 3 >> 20,
                              .cache_dir = from == From::cache ? where.cache() : fs::path(),
                              .workers = threads - 1};
  ImageDataset data(ImageFolder::scan(from == From::shards ? where.shards() : where.folder()), options);
  int64_t epoch = 0;
  for (auto _ : state) {
    data.begin_epoch(epoch++, 1, true);
    for (int64_t position = 0; position < pictures; position += batch) data.prepare_batch(position, batch);
  }
  state.SetItemsProcessed(state.iterations() * pictures);
  cpu::set_threads(0);
}

}  // namespace

Image bench_photograph(int number) {
  constexpr int height = 360, width = 400;
  Image image(height, width, 3);
  std::vector<float> grain =
      test_values({height, width, 3}, static_cast<uint64_t>(number) + 2, DType::f32, {}, -6, 6)
          .to_vector<float>();
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c) {
        int shade = (x * (c + 1) / 3 + y + 3 * number) % 200 + ((x / 50 + y / 40) % 2 ? 25 : 0);
        image.row(y)[3 * x + c] = static_cast<uint8_t>(15 + shade + grain[(size_t{400} * y + x) * 3 + c]);
      }
  return image;
}

void add_loader_rows() {
  int cores = std::max(2, static_cast<int>(std::thread::hardware_concurrency()));
  std::vector<int> counts;
  for (int threads = 2; threads < cores; threads *= 2) counts.push_back(threads);
  counts.push_back(cores);
  auto add = [&](const char* name, From from, Interpolation interpolation) {
    for (int threads : counts)
      benchmark::RegisterBenchmark(
          fmt::format("read_pictures/{}/jpeg:400x360/to:{}x{}/{}/threads:{}", name, side, side,
                      name_of(interpolation), threads)
              .c_str(),
          [=](benchmark::State& state) { read_pictures(state, from, interpolation, threads); })
          ->Unit(benchmark::kMillisecond)
          ->MeasureProcessCPUTime()
          ->UseRealTime();
  };
  add("folder", From::folder, Interpolation::nearest);
  add("folder", From::folder, Interpolation::bilinear);
  add("shards", From::shards, Interpolation::bilinear);
  add("cache", From::cache, Interpolation::bilinear);
}

}  // namespace manul
