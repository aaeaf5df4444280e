#include "manul/tools/support/training_report.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <ctime>
#include <string_view>

#include "manul/data/image/image_io.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/framework/file.h"
#include "manul/framework/utf8.h"
#include "manul/framework/warning.h"
#include "manul/models/training/epoch_table.h"
#include "manul/tools/support/class_counts.h"
#include "manul/tools/support/program.h"
#include "manul/tools/support/report_html.h"
#include "manul/tools/support/report_pictures.h"
#include "manul/tools/support/terminal.h"

namespace manul {
namespace {

std::string time_text() {
  char text[64] = "";
  std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z", &local);
  return text;
}

/// ", Intel(R) Xeon(R) .."; empty if the system does not tell.
std::string processor_text() {
  constexpr std::string_view key = "\nmodel name\t: ";
  std::string info(4096, '\0');
  try {
    InputFile file("/proc/cpuinfo", ErrorKind::failed);
    info.resize(static_cast<size_t>(file.read(0, info.data(), static_cast<int64_t>(info.size()))));
  } catch (const Error&) {
    return {};
  }
  size_t found = info.find(key);
  if (found == std::string::npos) return {};
  size_t begin = found + key.size();
  return ", " + info.substr(begin, info.find('\n', begin) - begin);
}

std::string machine_text() {
  utsname system{};
  std::string text =
      uname(&system) == 0 ? fmt::format("{} {}, {}", system.sysname, system.release, system.machine) : "";
  return text + processor_text();
}

Report::Rows data_rows(const TrainedRun& run) {
  Report::Rows rows;
  auto add = [&](const char* part, const ImageDataset& data) {
    rows.emplace_back(part, contents_text(data, task_of(run.command.options)));
    if (!data.bad_images().empty())
      rows.emplace_back(
          std::string(part) + ", skipped",
          fmt::format("{} damaged, the first: {}", data.bad_images().size(), data.bad_images()[0]));
  };
  add("Training", *run.pictures.train);
  if (run.pictures.validation) add("Validation", *run.pictures.validation);
  return rows;
}

/// A picture that is made, written to the folder, and shown in the report.
template <class Make>
void add_picture(const RunFolder& folder, const std::string& name, const std::string& caption, Report& report,
                 Make make) {
  try {
    Image picture = make();
    bool jpeg = name.ends_with(".jpg");
    jpeg ? save_jpeg(folder.file(name), picture, 88) : save_png(folder.file(name), picture);
    report.pictures.push_back({caption, jpeg ? "image/jpeg" : "image/png",
                               InputFile(folder.file(name), ErrorKind::failed).read_all(int64_t{1} << 28)});
  } catch (const Error& error) {
    warn("{}: {}", name, error.what());
  }
}

void add_pictures(const RunFolder& folder, const TrainedRun& run, Report& report) {
  constexpr size_t most = 32;
  const ImageDataset& asked = run.pictures.validation ? *run.pictures.validation : *run.pictures.train;
  add_picture(folder, "curves.png", "", report,
              [&] { return curves_picture(run.history, run.best.epoch()); });
  if (const auto* classes = std::get_if<Evaluation>(&run.evaluation))
    add_picture(folder, "confusion_matrix.png", "", report, [&] { return confusion_picture(*classes); });
  report.pictures.clear();  // the page draws these itself
  const auto* table = std::get_if<TableEvaluation>(&run.evaluation);
  if (table && table->task() == Task::regress)
    add_picture(folder, "scatter.png", "Answers over truths", report,
                [&] { return scatter_picture(*table); });
  add_picture(folder, "train_batch.jpg", "Training pictures as the network sees them, changed at random",
              report,
              [&] { return mosaic(training_tiles(*run.pictures.train, 0, run.command.options.seed, true)); });
  add_picture(folder, "val_predictions.jpg", "Some pictures and what was answered about them", report, [&] {
    return mosaic(answer_tiles(asked, run.evaluation, spread_places(asked.files().size(), most)));
  });
  std::vector<size_t> worst = worst_places(run.evaluation, most);
  if (!worst.empty())
    add_picture(folder, "worst.jpg",
                table ? "The worst answers" : "The mistakes that the network was most certain of", report,
                [&] { return mosaic(answer_tiles(asked, run.evaluation, worst)); });
}

}  // namespace

void write_arguments(const RunFolder& folder, const TrainCommand& command, const std::string& command_line,
                     Device device) {
  folder.write("args.json", json_lines(Config::map({{"schema", 1},
                                                    {"command", utf8_of_name(command_line)},
                                                    {"started", time_text()},
                                                    {"version", version_text()},
                                                    {"machine", machine_text()},
                                                    {"device", device.name()},
                                                    {"threads", cpu::threads()},
                                                    {"output", utf8_of_name(command.options.output)},
                                                    {"options", command.values()}})));
}

void write_report(const RunFolder& folder, const TrainedRun& run) {
  const TrainOptions& options = run.command.options;
  bool validated = run.pictures.validation != nullptr;
  Report report{.title = fmt::format("Training of {}", folder.path().string()),
                .command = run.command_line,
                .result = {},
                .data = data_rows(run),
                .settings = {},
                .machine = {},
                .warnings = run.warnings,
                .history = run.history,
                .best_epoch = run.best.epoch(),
                .evaluation = run.evaluation,
                .evaluated = validated ? "validation" : "training",
                .summary = run.model.summary(),
                .pictures = {}};
  size_t last = run.history.epochs().size() - 1;
  report.result = {{"Saved", fmt::format("{}: {}", options.output, run.kept)},
                   {fmt::format("Last epoch {}", last + 1), logs_text(run.history.epochs()[last])}};
  if (run.best.has_best())
    report.result.insert(report.result.begin() + 1, {fmt::format("Best epoch {}", run.best.epoch() + 1),
                                                     logs_text(run.history.epochs()[run.best.epoch()])});
  Config settings = run.command.values();
  for (const Config::Entry& entry : settings.as_map())
    report.settings.emplace_back(entry.key, entry.value.as_string());
  report.machine = {{"Ended", time_text()},
                    {"Time", clock_text(run.seconds)},
                    {"Device", fmt::format("{}, {} threads", run.model.device().name(), cpu::threads())},
                    {"Machine", machine_text()},
                    {"Version", version_text()}};
  add_pictures(folder, run, report);
  folder.write("report.html", report_html(report));
}

}  // namespace manul
