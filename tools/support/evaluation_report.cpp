#include "manul/tools/support/evaluation_report.h"

#include <fmt/format.h>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/file_system.h"
#include "manul/framework/stopwatch.h"
#include "manul/framework/terminal.h"
#include "manul/models/graph/layer_table.h"
#include "manul/tools/support/class_counts.h"
#include "manul/tools/support/program.h"
#include "manul/tools/support/report_folder.h"

namespace manul {
namespace {

/// Classes with their numbers of pictures, or how many pictures there are.
std::string contents_text(const AnyEvaluation& evaluation) {
  const auto* classes = std::get_if<Evaluation>(&evaluation);
  if (!classes) return fmt::format("{} images", std::get<TableEvaluation>(evaluation).size());
  std::vector<int64_t> counts;
  for (size_t i = 0; i < classes->classes(); ++i) counts.push_back(classes->pictures_of(i));
  return counts_text(classes->class_names(), counts);
}

}  // namespace

void prepare_report_folder(const std::filesystem::path& folder) {
  if (folder.empty()) fail(ErrorKind::usage, "report: the name of the folder is empty");
  make_folders(folder, ErrorKind::usage);
  if (!list_folder(folder, ErrorKind::usage).empty())
    fail(ErrorKind::usage, "report: {} is not empty; nothing in it is overwritten, another folder is needed",
         folder.string());
}

void write_evaluation_report(const std::filesystem::path& folder, const EvaluatedModel& run) {
  const Model& model = run.classifier.model();
  Report report{
      .title = fmt::format("Evaluation of {}", run.model),
      .command = run.command,
      .result = {{"Result", std::visit([](const auto& each) { return summary_text(each); }, run.evaluation)}},
      .data = {{run.data, contents_text(run.evaluation)}},
      .settings = {},
      .machine = {{"Ended", time_text()},
                  {"Time", clock_text(run.seconds)},
                  {"Device", fmt::format("{}, {} threads", model.device().name(), cpu::threads())},
                  {"Machine", machine_text()},
                  {"Version", version_text()}},
      .warnings = {},
      .evaluation = run.evaluation,
      .evaluated = "evaluated",
      .graph = &model.graph(),
      .summary = layer_table(model),
      .pictures = {}};
  for (const std::string& text : run.unreadable) report.data.emplace_back("Skipped", text);
  RunFolder place = RunFolder::at(folder);
  add_answer_pictures(
      place, "predictions.jpg", run.files, run.evaluation,
      [&](const PictureFile& file, size_t answer, int side) {
        return run.classifier.explain(file, answer, side);
      },
      report);
  place.write("report.html", report_html(report));
}

}  // namespace manul
