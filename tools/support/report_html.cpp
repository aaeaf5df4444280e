#include "manul/tools/support/report_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "manul/tools/support/graph_svg.h"
#include "manul/tools/support/terminal.h"

namespace manul {
namespace {

constexpr const char* style =
    "<style>:root{color-scheme:light "
    "dark;--ink:#222;--soft:#666;--line:#ccc;--paper:#fff;--blue:#1f77b4;--orange:#d46a00;"
    "--warn:#fff4d6}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e6e6;--soft:#aaa;--line:#444;--paper:#16181c;--blue:#"
    "5aa9e6;"
    "--orange:#ff9a3c;--warn:#3a3014}}"
    "*{box-sizing:border-box}body{font:16px/1.5 "
    "system-ui,sans-serif;color:var(--ink);background:var(--paper);"
    "max-width:1100px;margin:0 auto;padding:1rem}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.2rem "
    ".6rem;text-align:left;"
    "border-bottom:1px solid var(--line)}td.n,th.n{text-align:right}.wide{overflow-x:auto}"
    "pre{overflow-x:auto;border:1px solid "
    "var(--line);padding:.6rem;font-size:.85rem}img,svg{max-width:100%;height:auto}"
    ".command{white-space:pre-wrap;overflow-wrap:anywhere}.warn{background:var(--warn);padding:.5rem "
    ".8rem;margin:.4rem 0}figure{margin:1rem "
    "0;overflow-x:auto}figcaption{color:var(--soft)}"
    ".graph{max-width:none}details{margin:1rem 0}"
    ".settings{columns:2 300px}.settings tr{break-inside:avoid}"
    ".curves{display:flex;flex-wrap:wrap;gap:1rem}.curves svg{flex:1 1 320px;min-width:0}"
    "text{fill:var(--ink);font:12px system-ui,sans-serif}"
    "@media(max-width:500px){body{padding:.6rem}td,th{padding:.2rem .25rem;font-size:.9rem}"
    "pre{font-size:.62rem;padding:.3rem}figure img{min-width:640px}}"
    "@media print{*{print-color-adjust:exact}"
    ":root{--ink:#000;--soft:#444;--line:#bbb;--paper:#fff;--blue:#1f77b4;--orange:#d46a00;--warn:#fff4d6}"
    "body{font-size:13px;padding:0}figure,tr,pre,.curves,svg{break-inside:avoid}h2{break-after:avoid}}"
    "</style>";

/// Text between tags, or in quotes.
std::string in_html(const std::string& text) {
  std::string result;
  for (char c : text) {
    if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '&')
      result += "&amp;";
    else if (c == '"')
      result += "&quot;";
    else
      result += c;
  }
  return result;
}

std::string escaped(const std::string& text) {
  return in_html(printable(text));
}

std::string preformatted(const std::string& text, const char* look = "") {
  return fmt::format("<pre{}>{}</pre>\n", look, in_html(printable_lines(text)));
}

std::string base64(const std::vector<uint8_t>& bytes) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    size_t left = std::min<size_t>(3, bytes.size() - i);
    uint32_t word = uint32_t{bytes[i]} << 16 | (left > 1 ? uint32_t{bytes[i + 1]} << 8 : 0) |
                    (left > 2 ? bytes[i + 2] : 0);
    for (size_t digit = 0; digit < 4; ++digit)
      text += digit <= left ? digits[word >> (18 - 6 * digit) & 63] : '=';
  }
  return text;
}

std::string rows_table(const Report::Rows& rows, const char* look = "wide") {
  std::string text = fmt::format("<div class={}><table>\n", look);
  for (const auto& [name, value] : rows)
    text += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", escaped(name), escaped(value));
  return text + "</table></div>\n";
}

std::string polyline(const std::vector<double>& curve, double low, double high, const char* color) {
  std::string points;
  for (size_t i = 0; i < curve.size(); ++i) {
    if (!std::isfinite(curve[i])) continue;
    double x = curve.size() > 1
                   ? 50.0 + 340.0 * static_cast<double>(i) / static_cast<double>(curve.size() - 1)
                   : 50.0;
    points += fmt::format("{:.1f},{:.1f} ", x, 200 - 170 * (curve[i] - low) / (high - low));
  }
  return fmt::format("<polyline fill=none stroke=\"var({})\" stroke-width=2 points=\"{}\"/>\n", color,
                     points);
}

std::string curve_svg(const Report& report, const std::string& name) {
  const Logs& last = report.history->epochs().back();
  bool validated = find_log(last, "val_" + name) != nullptr;
  std::vector<double> training = (*report.history)[name];
  std::vector<double> validation = validated ? (*report.history)["val_" + name] : std::vector<double>();
  double low = 1e300, high = -1e300;
  for (const auto* curve : {&training, &validation})
    for (double value : *curve)
      if (std::isfinite(value)) {
        low = std::min(low, value);
        high = std::max(high, value);
      }
  if (low > high) return "";
  if (high - low < 1e-9) high = low + 1e-9 + 1e-9 * std::abs(low);
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 400 230\" role=img aria-label=\"{0} by epoch\"><text x=50 y=16>{0}"
      "</text><text x=390 y=16 text-anchor=end><tspan style=\"fill:var(--blue)\">training"
      "</tspan>{1}</text>\n",
      escaped(name), validated ? " <tspan style=\"fill:var(--orange)\">validation</tspan>" : "");
  for (int i = 0; i <= 2; ++i) {
    double y = 30 + 85.0 * i;
    svg += fmt::format(
        "<path stroke=\"var(--line)\" d=\"M50 {0}H390\"/><text x=45 y={1} text-anchor=end>{2:.3g}</text>\n",
        y, y + 4, high - (high - low) * i / 2);
  }
  size_t epochs = training.size();
  if (epochs > 1) {
    double x = 50 + 340.0 * static_cast<double>(report.best_epoch) / static_cast<double>(epochs - 1);
    svg += fmt::format("<path stroke=\"var(--soft)\" stroke-dasharray=4 d=\"M{:.1f} 30V200\"/>\n", x);
  }
  svg += polyline(training, low, high, "--blue");
  if (validated) svg += polyline(validation, low, high, "--orange");
  return svg +
         fmt::format("<text x=50 y=218>epoch 1</text><text x=390 y=218 text-anchor=end>{}</text></svg>\n",
                     epochs);
}

std::string class_table(const Evaluation& evaluation) {
  std::string text =
      "<div class=wide><table><tr><th>class<th class=n>precision<th class=n>recall<th class=n>F1<th "
      "class=n>pictures</tr>\n";
  for (size_t i = 0; i < evaluation.classes(); ++i)
    text +=
        fmt::format("<tr><td>{}<td class=n>{:.4f}<td class=n>{:.4f}<td class=n>{:.4f}<td class=n>{}</tr>\n",
                    escaped(evaluation.class_names()[i]), evaluation.precision(i), evaluation.recall(i),
                    evaluation.f1(i), evaluation.pictures_of(i));
  return text + "</table></div>\n";
}

std::string matrix_table(const Evaluation& evaluation) {
  std::string text =
      "<p>Confusion matrix: rows are the true classes, columns the answers.</p>\n<div "
      "class=wide><table><tr><th>";
  for (const std::string& name : evaluation.class_names()) text += "<th class=n>" + escaped(name);
  text += "</tr>\n";
  for (size_t label = 0; label < evaluation.classes(); ++label) {
    text += "<tr><th>" + escaped(evaluation.class_names()[label]);
    auto pictures = static_cast<double>(std::max<int64_t>(1, evaluation.pictures_of(label)));
    for (size_t answer = 0; answer < evaluation.classes(); ++answer)
      text += fmt::format(
          "<td class=n style=\"background:color-mix(in srgb,var(--blue) {:.0f}%,transparent)\">{}",
          60.0 * static_cast<double>(evaluation.count(label, answer)) / pictures,
          evaluation.count(label, answer));
    text += "</tr>\n";
  }
  return text + "</table></div>\n";
}

/// How often the network is right where it says that it is that sure.
std::string calibration_table(const Evaluation& evaluation) {
  constexpr int bins = 5;
  struct Bin {
    int64_t pictures = 0, right = 0;
    double sum = 0;
  };
  std::vector<Bin> table(bins);
  for (const Evaluation::Sample& sample : evaluation.samples()) {
    double floor = 1.0 / static_cast<double>(evaluation.classes());
    int place = std::clamp(static_cast<int>(bins * (sample.probability - floor) / (1 - floor)), 0, bins - 1);
    Bin& bin = table[static_cast<size_t>(place)];
    ++bin.pictures;
    bin.right += sample.answer == static_cast<size_t>(sample.label);
    bin.sum += sample.probability;
  }
  std::string text =
      "<p>Calibration: how sure the network is, and how often it is right.</p>\n<div class=wide><table>"
      "<tr><th class=n>says<th class=n>is right<th class=n>pictures</tr>\n";
  for (const Bin& bin : table)
    if (bin.pictures > 0)
      text += fmt::format("<tr><td class=n>{:.3f}<td class=n>{:.3f}<td class=n>{}</tr>\n",
                          bin.sum / static_cast<double>(bin.pictures),
                          static_cast<double>(bin.right) / static_cast<double>(bin.pictures), bin.pictures);
  return text + "</table></div>\n";
}

std::string quality_of(const Evaluation& evaluation) {
  constexpr size_t widest_matrix = 40;
  std::string text = "<p>" + escaped(summary_text(evaluation)) + "</p>\n" + class_table(evaluation);
  if (evaluation.classes() <= widest_matrix) text += matrix_table(evaluation);
  return text + calibration_table(evaluation);
}

std::string quality_of(const TableEvaluation& evaluation) {
  std::string text = "<div class=wide><table>\n", cell = "th";
  for (const std::vector<std::string>& row : figures_of(evaluation)) {
    text += "<tr>";
    for (size_t i = 0; i < row.size(); ++i)
      text += fmt::format("<{}{}>{}", cell, i > 0 ? " class=n" : "", escaped(row[i]));
    text += "</tr>\n";
    cell = "td";
  }
  return text + "</table></div>\n<p>" + escaped(summary_text(evaluation)) + "</p>\n";
}

std::string section(const char* title, const std::string& content) {
  return content.empty() ? "" : fmt::format("<section><h2>{}</h2>\n{}</section>\n", title, content);
}

}  // namespace

std::string report_html(const Report& report) {
  std::string warnings, curves, pictures;
  for (const std::string& warning : report.warnings)
    warnings += fmt::format("<p class=warn>{}</p>\n", escaped(warning));
  if (report.history)
    for (const auto& [name, value] : report.history->epochs().front())
      if (!name.starts_with("val_")) curves += curve_svg(report, name);
  if (!curves.empty())
    curves = "<div class=curves>" + curves + "</div><p>The dashed line is the best epoch.</p>";
  std::string drawing = report.graph ? graph_svg(*report.graph) : "";
  for (const Report::Picture& picture : report.pictures)
    pictures += fmt::format(
        "<figure><img alt=\"{0}\" src=\"data:{1};base64,{2}\"><figcaption>{0}</figcaption></figure>\n",
        escaped(picture.caption), picture.type, base64(picture.bytes));
  std::string quality = std::visit([](const auto& each) { return quality_of(each); }, report.evaluation);
  return fmt::format(
             "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport "
             "content=\"width=device-width,initial-scale=1\"><title>{0}</title>{1}</head><body>\n<h1>{0}</"
             "h1>\n",
             escaped(report.title), style) +
         rows_table(report.result) + section("To look at", warnings) +
         section("Data", rows_table(report.data)) + section("Curves", curves) +
         section(("On the " + report.evaluated + " pictures").c_str(), quality) +
         section("Pictures", pictures) + section("Model", preformatted(report.summary) + drawing) +
         section("Settings", report.settings.empty() ? "" : rows_table(report.settings, "settings")) +
         section("Run", rows_table(report.machine) + "<p>Again:</p>" +
                            preformatted(report.command, " class=command")) +
         "</body></html>\n";
}

}  // namespace manul
