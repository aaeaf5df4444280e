#pragma once

#include "manul/tools/support/report_html.h"
#include "manul/tools/support/report_pictures.h"
#include "manul/tools/support/run_folder.h"

namespace manul {

/// "2026-11-29 15:04:05 +0000"
std::string time_text();
/// "Linux 6.1.0, x86_64, Intel(R) Xeon(R) .."
std::string machine_text();

/// Writes a picture that `make` gives to the folder and shows it in the report. What cannot be drawn is
/// warned about, and the report goes without it.
void add_picture(const RunFolder& folder, const std::string& name, const std::string& caption, Report& report,
                 const std::function<Image()>& make);

/// The pictures of what was answered about `files`: confusion_matrix.png or scatter.png, `predictions`, and
/// worst.jpg with what was looked at.
void add_answer_pictures(const RunFolder& folder, const std::string& predictions,
                         const std::vector<PictureFile>& files, const AnyEvaluation& evaluation,
                         const ExplainTile& explain, Report& report);

}  // namespace manul
