#pragma once

#include <string>
#include <utility>
#include <vector>

#include "manul/models/graph/graph.h"
#include "manul/models/training/history.h"
#include "manul/tools/support/table_evaluation.h"

namespace manul {

/// What report.html shows.
struct Report {
  using Rows = std::vector<std::pair<std::string, std::string>>;

  std::string title, command;
  Rows result, data, settings, machine;
  std::vector<std::string> warnings;
  const History* history = nullptr;  // null of a model that was not trained now
  size_t best_epoch = 0;             // from 0
  const AnyEvaluation& evaluation;
  std::string evaluated;         // "validation"
  const Graph* graph = nullptr;  // of the model, to be drawn
  std::string summary;
  /// Pictures of the run: what they show, and the bytes of a JPEG or PNG file.
  struct Picture {
    std::string caption, type;
    std::vector<uint8_t> bytes;
  };
  std::vector<Picture> pictures;
};

/// One page that needs nothing else: curves and matrix are drawn in it, pictures are contained. Light or dark
/// as the reader's system is; printable.
std::string report_html(const Report& report);

}  // namespace manul
