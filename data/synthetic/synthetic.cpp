#include "manul/data/synthetic/synthetic.h"

#include <string>

#include "manul/data/image/image_io.h"
#include "manul/data/synthetic/synthetic_animal.h"
#include "manul/data/synthetic/synthetic_scene.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/framework/file_system.h"

namespace manul {

Image draw_synthetic(SyntheticAnimal animal, uint64_t seed, int64_t index, int size) {
  check(size >= 8 && size <= 4096, "synthetic picture: a size of {} pixels is not between 8 and 4096", size);
  using namespace drawing;
  Dice dice(animal, seed, index);
  Canvas canvas(size);
  // Dogs are out more often than cats.
  paint_background(canvas, dice, dice.chance(animal == SyntheticAnimal::cat ? 0.35f : 0.65f));
  Looks looks(animal, dice);
  bool sitting = dice.chance(0.55f);
  auto pixels = static_cast<float>(size);
  float head = pixels * (sitting ? dice.between(0.18f, 0.25f) : dice.between(0.27f, 0.4f));
  Point place{pixels * dice.between(0.38f, 0.62f),
              pixels * (sitting ? dice.between(0.28f, 0.36f) : dice.between(0.46f, 0.6f))};
  Frame body(place, head, dice.around(0, 0.12f), dice.chance(0.5f));
  paint_animal(canvas, animal, looks, body, sitting, dice);
  paint_foreground(canvas, dice);
  develop(canvas, dice);
  return canvas.image();
}

void write_synthetic(const std::filesystem::path& folder, const SyntheticOptions& options) {
  struct Set {
    const char* name;
    int64_t count, first;
  };
  auto is_stopped = [&] { return options.stop && *options.stop; };
  int64_t total = 2 * (options.training + options.test), done = 0;
  for (const Set& set :
       {Set{"training_set", options.training, 0}, Set{"test_set", options.test, options.training}})
    for (SyntheticAnimal animal : {SyntheticAnimal::cat, SyntheticAnimal::dog}) {
      std::string name = animal == SyntheticAnimal::cat ? "cat" : "dog";
      std::filesystem::path target = folder / set.name / (name + "s");
      make_folders(target, ErrorKind::failed);
      for (int64_t first = 0; first < set.count; first += 256) {
        int64_t count = std::min<int64_t>(256, set.count - first);
        cpu::parallel_for(count, 1, [&](int64_t begin, int64_t end) {
          for (int64_t i = set.first + first + begin; i < set.first + first + end && !is_stopped(); ++i)
            save_jpeg(target / fmt::format("{}.{}.jpg", name, i + 1),
                      draw_synthetic(animal, options.seed, i, options.size));
        });
        if (is_stopped()) fail(ErrorKind::failed, "stopped while {} of {} pictures were drawn", done, total);
        done += count;
        if (options.on_progress) options.on_progress(done, total);
      }
    }
}

}  // namespace manul
