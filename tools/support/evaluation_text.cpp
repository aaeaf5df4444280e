#include <fmt/format.h>

#include <algorithm>

#include "manul/tools/support/evaluation.h"
#include "manul/tools/support/terminal.h"

// An evaluation as a table of its classes and a confusion matrix.
namespace manul {
namespace {

struct Widths {
  size_t name, cell;
};

Widths widths_of(const Evaluation& evaluation, const std::vector<std::string>& names, size_t columns) {
  constexpr size_t longest_name = 20;
  size_t name = 5, cell = fmt::format("{}", evaluation.size()).size();
  for (const std::string& each : names) name = std::max(name, std::min(length_of(each), longest_name));
  for (const std::string& each : names) cell = std::max(cell, std::min(length_of(each), longest_name));
  size_t numbers = fmt::format("{}", evaluation.size()).size(), room = columns > name ? columns - name : 0;
  cell = std::max(numbers, std::min(cell, room / names.size() > 2 ? room / names.size() - 2 : 0));
  return {name, cell};
}

std::string class_table(const Evaluation& evaluation, const std::vector<std::string>& names, size_t width) {
  std::string text = fmt::format("{}  precision  recall      f1  pictures\n", std::string(width, ' '));
  for (size_t i = 0; i < names.size(); ++i)
    text += fmt::format("{}  {:9.4f}  {:6.4f}  {:6.4f}  {:8}\n", padded(names[i], width, false),
                        evaluation.precision(i), evaluation.recall(i), evaluation.f1(i),
                        evaluation.pictures_of(i));
  return text;
}

std::string matrix(const Evaluation& evaluation, const std::vector<std::string>& names,
                   const Widths& widths) {
  std::string text = "Confusion matrix: rows are the true classes, columns the answers\n";
  text += std::string(widths.name, ' ');
  for (const std::string& name : names) text += "  " + padded(name, widths.cell, true);
  text += '\n';
  for (size_t label = 0; label < names.size(); ++label) {
    text += padded(names[label], widths.name, false);
    for (size_t answer = 0; answer < names.size(); ++answer)
      text += fmt::format("  {:>{}}", evaluation.count(label, answer), widths.cell);
    text += '\n';
  }
  return text;
}

/// In place of a matrix that is too wide.
std::string commonest_mistakes(const Evaluation& evaluation, const std::vector<std::string>& names) {
  constexpr size_t most = 10;
  struct Mistake {
    int64_t count;
    size_t label, answer;
  };
  std::vector<Mistake> mistakes;
  for (size_t label = 0; label < names.size(); ++label)
    for (size_t answer = 0; answer < names.size(); ++answer)
      if (label != answer && evaluation.count(label, answer) > 0)
        mistakes.push_back({evaluation.count(label, answer), label, answer});
  std::stable_sort(mistakes.begin(), mistakes.end(),
                   [](const Mistake& a, const Mistake& b) { return a.count > b.count; });
  std::string text = "The commonest mistakes (--csv has the whole matrix):\n";
  for (size_t i = 0; i < std::min(most, mistakes.size()); ++i)
    text += fmt::format("  {} times {} was taken for {}\n", mistakes[i].count, names[mistakes[i].label],
                        names[mistakes[i].answer]);
  return text;
}

}  // namespace

std::string report_text(const Evaluation& evaluation, size_t columns) {
  std::vector<std::string> names;
  for (const std::string& name : evaluation.class_names()) names.push_back(printable(name));
  Widths widths = widths_of(evaluation, names, columns);
  bool fits = widths.name + names.size() * (widths.cell + 2) <= columns;
  return class_table(evaluation, names, widths.name) + "\n" +
         (fits ? matrix(evaluation, names, widths) : commonest_mistakes(evaluation, names));
}

std::string summary_text(const Evaluation& evaluation) {
  return fmt::format("accuracy {:.4f}, balanced accuracy {:.4f}, loss {:.4f}", evaluation.accuracy(),
                     evaluation.balanced_accuracy(), evaluation.loss());
}

}  // namespace manul
