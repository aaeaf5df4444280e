#pragma once

#include <span>
#include <variant>

#include "manul/tools/support/evaluation.h"
#include "manul/tools/support/task.h"

namespace manul {

/// What a network answered about pictures of a table: numbers, or the probability of each label, which it has
/// from 0.5 on.
class TableEvaluation {
 public:
  TableEvaluation(Task task, std::vector<std::string> columns);

  /// One number a column each.
  void add(std::span<const float> truth, std::span<const float> answer);

  Task task() const { return task_; }
  const std::vector<std::string>& columns() const { return columns_; }
  int64_t size() const { return static_cast<int64_t>(truths_.size() / columns_.size()); }
  std::span<const float> truth(size_t sample) const { return row(truths_, sample); }
  std::span<const float> answer(size_t sample) const { return row(answers_, sample); }
  /// The mean over the columns of |answer - truth|.
  double error_of(size_t sample) const;

  /// Of numbers. R^2 is 1 - (mean squared error / variance), 0 where all truths are equal.
  double mean_absolute_error(size_t column) const;
  double root_mean_squared_error(size_t column) const;
  double r_squared(size_t column) const;
  /// Over all columns.
  double mean_absolute_error() const;
  /// Mean squared error of always answering the mean of each column.
  double variance() const;

  /// Of labels. How many pictures have one; 0 where nothing was answered, or where there is nothing to find.
  int64_t pictures_of(size_t column) const;
  double precision(size_t column) const;
  double recall(size_t column) const;
  double f1(size_t column) const;
  /// The share of right labels, and of pictures all of whose labels are right.
  double accuracy() const;
  double exact_match() const;

 private:
  std::span<const float> row(const std::vector<float>& values, size_t sample) const {
    return std::span(values).subspan(sample * columns_.size(), columns_.size());
  }
  double variance(size_t column) const;
  template <class Value>
  double mean_over(size_t column, Value value) const;
  int64_t count(size_t column, bool truth, bool answer) const;

  Task task_;
  std::vector<std::string> columns_;
  std::vector<float> truths_, answers_;  // [size, columns]
};

/// What a network of any task answered.
using AnyEvaluation = std::variant<Evaluation, TableEvaluation>;

/// What `model` answers about a data set as it stands.
AnyEvaluation any_evaluation_of(Model& model, ImageDataset& data, Task task);

/// The figures of an evaluation: a heading, and a line a column: {{"", "precision", ..}, {"cat", "0.9000",
/// ..}}.
std::vector<std::vector<std::string>> figures_of(const TableEvaluation& evaluation);
/// The same as text, and the figures over all columns.
std::string report_text(const TableEvaluation& evaluation);
std::string summary_text(const TableEvaluation& evaluation);

}  // namespace manul
