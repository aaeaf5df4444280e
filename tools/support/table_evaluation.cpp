#include "manul/tools/support/table_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "manul/framework/error.h"
#include "manul/tools/support/terminal.h"

namespace manul {
namespace {

constexpr float likely = 0.5;

}  // namespace

TableEvaluation::TableEvaluation(Task task, std::vector<std::string> columns)
    : task_(task), columns_(std::move(columns)) {
  check(!columns_.empty(), "evaluation: there is no column");
}

void TableEvaluation::add(std::span<const float> truth, std::span<const float> answer) {
  check(truth.size() == columns_.size() && answer.size() == columns_.size(),
        "evaluation: {} answers and {} truths for {} columns", answer.size(), truth.size(), columns_.size());
  truths_.insert(truths_.end(), truth.begin(), truth.end());
  answers_.insert(answers_.end(), answer.begin(), answer.end());
}

template <class Value>
double TableEvaluation::mean_over(size_t column, Value value) const {
  double sum = 0;
  for (int64_t i = 0; i < size(); ++i) {
    auto sample = static_cast<size_t>(i);
    sum += value(double{truth(sample)[column]}, double{answer(sample)[column]});
  }
  return size() > 0 ? sum / static_cast<double>(size()) : 0;
}

double TableEvaluation::error_of(size_t sample) const {
  double sum = 0;
  for (size_t i = 0; i < columns_.size(); ++i) sum += std::abs(double{answer(sample)[i]} - truth(sample)[i]);
  return sum / static_cast<double>(columns_.size());
}

double TableEvaluation::mean_absolute_error(size_t column) const {
  return mean_over(column, [](double truth, double answer) { return std::abs(answer - truth); });
}

double TableEvaluation::root_mean_squared_error(size_t column) const {
  return std::sqrt(
      mean_over(column, [](double truth, double answer) { return (answer - truth) * (answer - truth); }));
}

double TableEvaluation::variance(size_t column) const {
  double mean = mean_over(column, [](double truth, double) { return truth; });
  return mean_over(column, [&](double truth, double) { return (truth - mean) * (truth - mean); });
}

double TableEvaluation::r_squared(size_t column) const {
  double whole = variance(column), error = root_mean_squared_error(column);
  return whole > 0 ? 1 - error * error / whole : 0;
}

double TableEvaluation::mean_absolute_error() const {
  double sum = 0;
  for (size_t i = 0; i < columns_.size(); ++i) sum += mean_absolute_error(i);
  return sum / static_cast<double>(columns_.size());
}

double TableEvaluation::variance() const {
  double sum = 0;
  for (size_t i = 0; i < columns_.size(); ++i) sum += variance(i);
  return sum / static_cast<double>(columns_.size());
}

int64_t TableEvaluation::count(size_t column, bool truth, bool answer) const {
  int64_t count = 0;
  for (int64_t i = 0; i < size(); ++i) {
    auto sample = static_cast<size_t>(i);
    count += (this->truth(sample)[column] >= likely) == truth &&
             (this->answer(sample)[column] >= likely) == answer;
  }
  return count;
}

int64_t TableEvaluation::pictures_of(size_t column) const {
  return count(column, true, true) + count(column, true, false);
}

double TableEvaluation::precision(size_t column) const {
  return share_of(count(column, true, true), count(column, true, true) + count(column, false, true));
}

double TableEvaluation::recall(size_t column) const {
  return share_of(count(column, true, true), pictures_of(column));
}

double TableEvaluation::f1(size_t column) const {
  int64_t right = count(column, true, true);
  return share_of(2 * right, 2 * right + count(column, true, false) + count(column, false, true));
}

double TableEvaluation::accuracy() const {
  int64_t right = 0;
  for (size_t i = 0; i < columns_.size(); ++i) right += count(i, true, true) + count(i, false, false);
  return share_of(right, static_cast<int64_t>(truths_.size()));
}

double TableEvaluation::exact_match() const {
  int64_t right = 0;
  for (int64_t i = 0; i < size(); ++i) {
    auto sample = static_cast<size_t>(i);
    right += std::equal(truth(sample).begin(), truth(sample).end(), answer(sample).begin(),
                        [](float a, float b) { return (a >= likely) == (b >= likely); });
  }
  return share_of(right, size());
}

AnyEvaluation any_evaluation_of(Model& model, ImageDataset& data, Task task) {
  if (task == Task::classify) return evaluation_of(model, data);
  TableEvaluation evaluation(task, data.columns());
  std::vector<float> answers = model.predict(data).to_vector<float>();
  size_t columns = data.columns().size();
  for (int64_t i = 0; i < data.size(); ++i)
    evaluation.add(data.row(i), std::span(answers).subspan(static_cast<size_t>(i) * columns, columns));
  return evaluation;
}

std::vector<std::vector<std::string>> figures_of(const TableEvaluation& evaluation) {
  std::vector<std::vector<std::string>> rows;
  bool labels = evaluation.task() == Task::multilabel;
  rows.push_back(labels ? std::vector<std::string>{"label", "precision", "recall", "F1", "pictures"}
                        : std::vector<std::string>{"number", "mean abs. error", "RMSE", "R^2"});
  for (size_t i = 0; i < evaluation.columns().size(); ++i) {
    std::vector<std::string> row{evaluation.columns()[i]};
    if (labels) {
      for (double value : {evaluation.precision(i), evaluation.recall(i), evaluation.f1(i)})
        row.push_back(fmt::format("{:.4f}", value));
      row.push_back(fmt::format("{}", evaluation.pictures_of(i)));
    } else {
      for (double value : {evaluation.mean_absolute_error(i), evaluation.root_mean_squared_error(i)})
        row.push_back(fmt::format("{:.5g}", value));
      row.push_back(fmt::format("{:.4f}", evaluation.r_squared(i)));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string summary_text(const TableEvaluation& evaluation) {
  if (evaluation.task() == Task::regress)
    return fmt::format("mean absolute error {:.5g}", evaluation.mean_absolute_error());
  return fmt::format("label accuracy {:.4f}, pictures with all labels right {:.4f}", evaluation.accuracy(),
                     evaluation.exact_match());
}

std::string report_text(const TableEvaluation& evaluation) {
  std::vector<std::vector<std::string>> rows = figures_of(evaluation);
  std::vector<size_t> widths(rows[0].size());
  for (std::vector<std::string>& row : rows)
    for (size_t i = 0; i < row.size(); ++i) {
      row[i] = printable(row[i]);
      widths[i] = std::max(widths[i], length_of(row[i]));
    }
  std::string text;
  for (const std::vector<std::string>& row : rows) {
    for (size_t i = 0; i < row.size(); ++i)
      text += i == 0 ? padded(row[i], widths[i], false) : "  " + padded(row[i], widths[i], true);
    text += '\n';
  }
  return text;
}

}  // namespace manul
