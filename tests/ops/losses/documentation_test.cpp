#include <gtest/gtest.h>

#include <algorithm>

#include "manul/ops/metrics/metric.h"
#include "manul/tests/documentation_page.h"

namespace manul {
namespace {

std::string text_of_options(const Options& options) {
  std::string text;
  for (const auto& [key, value] : options)
    text += (text.empty() ? "`" : ", `") + key + "` (" + text_of(value) + ")";
  return text;
}

std::string names(const std::string& name, const std::vector<std::string>& aliases) {
  std::string text = "`" + name + "`";
  for (const std::string& alias : aliases) text += ", `" + alias + "`";
  return text;
}

template <class Spec>
std::string table(std::vector<Spec> entries) {
  std::sort(entries.begin(), entries.end(),
            [](const Spec& a, const Spec& b) { return a.class_name < b.class_name; });
  std::string text = "| class | names | options (what they are if they are not given) |\n|---|---|---|\n";
  for (const Spec& entry : entries)
    text += "| " + (entry.class_name.empty() ? "(chosen by the labels)" : entry.class_name) + " | " +
            names(entry.name, entry.aliases) + " | " + text_of_options(entry.options) + " |\n";
  return text;
}

std::string page() {
  return "# Losses and metrics\n\n"
         "Made from the tables of the library (`MANUL_UPDATE_DOCS=1 ops_test`). Names and options are "
         "Keras', and so are "
         "the numbers.\nA name, or a value (`Huber{.delta = 0.3}`, `#include "
         "\"manul/ops/losses/kinds/huber.h\"`), is "
         "what `compile` takes; a file may\nhave any of them. An option that the struct in code lacks "
         "(`axis` of a "
         "crossentropy) has the value of\nthe table alone; a file with another one "
         "is refused, or "
         "its metric kept without being computed.\n\n"
         "## Losses\n\nEvery loss takes weights of samples and is reduced by `sum_over_batch_size` or `sum`. "
         "A crossentropy behind a sigmoid or\nsoftmax, whichever of the two, is computed from its logits, as "
         "in "
         "Keras; outputs have any rank, the last axis the classes.\nOf bare probabilities "
         "binary_crossentropy is "
         "that of Keras 3 (Keras 2 adds an epsilon): loading such a file for training warns.\n\n" +
         table(registered_losses()) +
         "\nCTC takes logits [samples, steps, classes] and rows of classes, filled up with 0, which is the "
         "blank.\n\n"
         "## Metrics\n\nBesides these every loss is a metric, by its name, and so is a function of tensors. "
         "With several "
         "thresholds, or with\n`average` none, a metric has a column for each: `precision_0`, "
         "`precision_1`.\n\n" +
         table(registered_metrics()) +
         "\nNot here: Mean, MeanTensor and Sum, which add up what a training loop of one's own tells them: "
         "`compile` "
         "has nothing\nto tell them, in Keras neither. The mean of a function of labels and predictions is a "
         "metric as "
         "it is. MeanRelativeError\nis in tf.keras alone. A file that names one of these keeps it; its "
         "column is missing "
         "and a warning says so.\n";
}

TEST(LossAndMetricTable, OfTheDocumentationIsCurrent) {
  expect_documentation_page("losses_and_metrics.md", page());
}

}  // namespace
}  // namespace manul
