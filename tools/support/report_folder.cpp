#include "manul/tools/support/report_folder.h"

#include <sys/utsname.h>

#include <ctime>
#include <string_view>

#include "manul/data/image/image_io.h"
#include "manul/framework/file.h"
#include "manul/framework/warning.h"

namespace manul {
namespace {

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

}  // namespace

std::string time_text() {
  char text[64] = "";
  std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z", &local);
  return text;
}

std::string machine_text() {
  utsname system{};
  std::string text =
      uname(&system) == 0 ? fmt::format("{} {}, {}", system.sysname, system.release, system.machine) : "";
  return text + processor_text();
}

void add_picture(const RunFolder& folder, const std::string& name, const std::string& caption, Report& report,
                 const std::function<Image()>& make) {
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

void add_answer_pictures(const RunFolder& folder, const std::string& predictions,
                         const std::vector<PictureFile>& files, const AnyEvaluation& evaluation,
                         const ExplainTile& explain, Report& report) {
  constexpr size_t most = 32, most_explained = 16;
  const auto* table = std::get_if<TableEvaluation>(&evaluation);
  if (!table) {
    add_picture(folder, "confusion_matrix.png", "", report,
                [&] { return confusion_picture(std::get<Evaluation>(evaluation)); });
    if (!report.pictures.empty() && report.pictures.back().caption.empty())
      report.pictures.pop_back();  // the page has it as a table
  } else if (table->task() == Task::regress) {
    add_picture(folder, "scatter.png", "Answers over truths", report,
                [&] { return scatter_picture(*table); });
  }
  add_picture(folder, predictions, "Some pictures and what was answered about them", report,
              [&] { return mosaic(answer_tiles(files, evaluation, spread_places(files.size(), most))); });
  std::vector<size_t> worst = worst_places(evaluation, most_explained);
  if (worst.empty()) return;
  add_picture(folder, "worst.jpg",
              table ? "The worst answers, each beside what in the picture spoke for it"
                    : "The mistakes that the network was most certain of, each beside what in the picture "
                      "spoke for the "
                      "answer",
              report, [&] { return mosaic(explained_tiles(files, evaluation, worst, explain)); });
}

}  // namespace manul
