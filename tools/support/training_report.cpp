#include "manul/tools/support/training_report.h"

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/utf8.h"
#include "manul/framework/warning.h"
#include "manul/models/graph/layer_table.h"
#include "manul/models/training/epoch_table.h"
#include "manul/tools/support/class_counts.h"
#include "manul/tools/support/data_check.h"
#include "manul/tools/support/program.h"
#include "manul/tools/support/report_folder.h"
#include "manul/tools/support/terminal.h"

namespace manul {
namespace {

Report::Rows data_rows(const TrainedRun& run) {
  Report::Rows rows;
  auto add = [&](const char* part, const ImageDataset& data, const std::string& left_out) {
    rows.emplace_back(part, contents_text(data, task_of(run.command.options)));
    if (!left_out.empty()) rows.emplace_back(std::string(part) + ", left out", left_out);
    constexpr size_t most = 10;
    const std::vector<std::string>& bad = data.bad_images();
    for (size_t i = 0; i < std::min(most, bad.size()); ++i)
      rows.emplace_back(std::string(part) + ", skipped", bad[i]);
    if (bad.size() > most)
      rows.emplace_back(std::string(part) + ", skipped", fmt::format("and {} more", bad.size() - most));
  };
  add("Training", *run.pictures.train, run.pictures.train_left_out);
  if (run.pictures.validation) add("Validation", *run.pictures.validation, run.pictures.validation_left_out);
  rows.emplace_back("Duplicates", duplicates_text(run.pictures));
  return rows;
}

/// What only a training shows; the rest is that of an evaluation.
void add_training_pictures(const RunFolder& folder, const TrainedRun& run, Report& report) {
  add_picture(folder, "curves.png", "", report,
              [&] { return curves_picture(run.history, run.best.epoch()); });
  report.pictures.clear();  // the page draws these itself
  add_picture(folder, "train_batch.jpg", "Training pictures as the network sees them, changed at random",
              report,
              [&] { return mosaic(training_tiles(*run.pictures.train, 0, run.command.options.seed, true)); });
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
                .history = &run.history,
                .best_epoch = run.best.epoch(),
                .evaluation = run.evaluation,
                .evaluated = validated ? "validation" : "training",
                .graph = &run.model.graph(),
                .summary = layer_table(run.model),
                .pictures = {}};
  size_t last = run.history.epochs().size() - 1;
  report.result = {{"Saved", fmt::format("{}: {}", options.output, run.kept)},
                   {fmt::format("Last epoch {}", last + 1), logs_text(run.history.epochs()[last])}};
  if (run.best.has_best())
    report.result.insert(report.result.begin() + 1, {fmt::format("Best epoch {}", run.best.epoch() + 1),
                                                     logs_text(run.history.epochs()[run.best.epoch()])});
  Config settings = run.command.values();
  for (const Config::Entry& entry : settings.as_map())
    if (std::string value = entry.value.as_string(); !value.empty())
      report.settings.emplace_back(entry.key, value);
  report.machine = {{"Ended", time_text()},
                    {"Time", clock_text(run.seconds)},
                    {"Device", fmt::format("{}, {} threads", run.model.device().name(), cpu::threads())},
                    {"Machine", machine_text()},
                    {"Version", version_text()}};
  add_training_pictures(folder, run, report);
  const ImageDataset& asked = validated ? *run.pictures.validation : *run.pictures.train;
  Seeing seeing{run.model,
                0,
                task_of(options),
                image_options(options, run.model),
                {.scale = run.model.preprocessing.rescale}};
  add_answer_pictures(
      folder, "val_predictions.jpg", asked.files(), run.evaluation,
      [&](const auto& file, size_t answer, int side) { return explain_picture(seeing, file, answer, side); },
      report);
  folder.write("report.html", report_html(report));
}

}  // namespace manul
