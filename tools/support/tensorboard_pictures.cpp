#include "manul/tools/support/tensorboard_pictures.h"

#include <filesystem>
#include <string_view>

#include "manul/data/image/image_io.h"
#include "manul/framework/file.h"
#include "manul/framework/file_system.h"
#include "manul/framework/warning.h"
#include "manul/models/tensorboard/event_file.h"

namespace manul {
namespace {

namespace fs = std::filesystem;

/// Those that were made; without OpenCV there are none.
void add_pictures(const RunFolder& folder, EventFile& events, std::initializer_list<const char*> names,
                  int64_t epoch) {
  for (const char* name : names) {
    fs::path file = folder.file(name);
    if (!is_file(file)) continue;
    Image picture = load_image(file);
    std::vector<uint8_t> bytes = InputFile(file, ErrorKind::failed).read_all(int64_t{1} << 28);
    events.picture(fs::path(name).stem().string(), epoch, picture.width, picture.height,
                   {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
}

}  // namespace

void write_tensorboard_pictures(const RunFolder& folder, const Config& options, int64_t epoch) {
  try {
    fs::path place = folder.file(tensorboard_folder);
    EventFile train(place / "train");
    std::string table = "| option | value |\n|---|---|\n";
    for (const Config::Entry& each : options.as_map())
      if (std::string value = each.value.as_string(); !value.empty())
        table += fmt::format("| `{}` | {} |\n", each.key, value);
    train.text("options", 0, table);
    add_pictures(folder, train, {"train_batch.jpg"}, epoch);
    if (!is_folder(place / "validation"))
      return add_pictures(folder, train, {"confusion_matrix.png", "worst.jpg"}, epoch);
    EventFile validation(place / "validation");
    add_pictures(folder, validation,
                 {"confusion_matrix.png", "scatter.png", "val_predictions.jpg", "worst.jpg"}, epoch);
  } catch (const Error& error) {
    warn("tensorboard: {}", error.what());
  }
}

}  // namespace manul
