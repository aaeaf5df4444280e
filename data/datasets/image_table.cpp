#include "manul/data/datasets/image_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "manul/data/datasets/csv.h"
#include "manul/data/datasets/dataset.h"
#include "manul/data/datasets/picture_files.h"
#include "manul/framework/error.h"
#include "manul/framework/file_system.h"
#include "manul/framework/text.h"

namespace manul {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> columns_of(const fs::path& csv, const CsvRecord& heading) {
  if (heading.fields[0] != "file")
    fail(ErrorKind::data,
         "{}:{}: the first column is called '{}'; a heading is needed that begins with file: file,NAME,...",
         csv.string(), heading.line, shortened(heading.fields[0]));
  std::vector<std::string> columns(heading.fields.begin() + 1, heading.fields.end());
  if (columns.empty())
    fail(ErrorKind::data, "{}:{}: there is no column beside file", csv.string(), heading.line);
  std::set<std::string> names;
  for (const std::string& column : columns) {
    if (column.empty()) fail(ErrorKind::data, "{}:{}: a column has no name", csv.string(), heading.line);
    if (!names.insert(column).second)
      fail(ErrorKind::data, "{}:{}: two columns are called {}", csv.string(), heading.line,
           shortened(column));
  }
  return columns;
}

float number_of(const fs::path& csv, int64_t line, const std::string& column, const std::string& text,
                TableValues kind) {
  float value = 0;
  const char* first = text.data() + (text.starts_with('+') ? 1 : 0);
  auto [end, error] = std::from_chars(first, text.data() + text.size(), value);
  bool is_number = error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
  if (kind == TableValues::zero_or_one && !(is_number && (value == 0 || value == 1)))
    fail(ErrorKind::data, "{}:{}: '{}' in the column {} is neither 0 nor 1", csv.string(), line,
         shortened(text), column);
  if (!is_number)
    fail(ErrorKind::data, "{}:{}: '{}' in the column {} is not a number", csv.string(), line, shortened(text),
         column);
  return value;
}

void add_record(ImageTable& table, const fs::path& folder, const CsvRecord& record, TableValues kind) {
  size_t wanted = table.columns.size() + 1;
  if (record.fields.size() != wanted)
    fail(ErrorKind::data, "{}:{}: {} fields, and the heading names {} columns", table.source.string(),
         record.line, record.fields.size(), wanted);
  fs::path file = folder / record.fields[0];
  if (record.fields[0].empty() || !is_file(file))
    fail(ErrorKind::data, "{}:{}: there is no file {}", table.source.string(), record.line,
         shortened(file.string()));
  table.files.push_back(std::move(file));
  for (size_t i = 1; i < wanted; ++i)
    table.values.push_back(
        number_of(table.source, record.line, table.columns[i - 1], record.fields[i], kind));
}

}  // namespace

ImageTable ImageTable::read(const fs::path& csv, const fs::path& folder, TableValues kind) {
  std::vector<CsvRecord> records = read_csv(csv);
  if (records.empty()) fail(ErrorKind::data, "{}: the file is empty", csv.string());
  ImageTable table{csv, columns_of(csv, records[0]), {}, {}};
  std::set<fs::path> met;
  for (size_t i = 1; i < records.size(); ++i) {
    add_record(table, folder, records[i], kind);
    if (!met.insert(table.files.back().lexically_normal()).second)
      fail(ErrorKind::data, "{}:{}: {} stands there twice", csv.string(), records[i].line,
           shortened(records[i].fields[0]));
  }
  if (table.files.empty()) fail(ErrorKind::data, "{}: there is no line below the heading", csv.string());
  return table;
}

ImageTable ImageTable::read_for(const fs::path& csv, const fs::path& folder, TableValues kind,
                                const std::vector<std::string>& columns) {
  ImageTable found = read(csv, folder, kind);
  std::vector<size_t> places;
  for (const std::string& column : columns)
    places.push_back(std::find(found.columns.begin(), found.columns.end(), column) - found.columns.begin());
  bool all = std::all_of(places.begin(), places.end(), [&](size_t i) { return i < found.columns.size(); });
  if (!all || found.columns.size() != columns.size())
    fail(ErrorKind::data, "{}:1: its columns are {}, those that are trained {}", csv.string(),
         fmt::join(found.columns, ", "), fmt::join(columns, ", "));
  ImageTable table{csv, columns, found.files, {}};
  for (size_t file = 0; file < found.files.size(); ++file)
    for (size_t place : places) table.values.push_back(found.row(file)[place]);
  return table;
}

std::pair<ImageTable, ImageTable> ImageTable::split(double fraction, uint64_t seed, bool shuffled) const {
  auto taken = static_cast<size_t>(fraction * static_cast<double>(size()));
  require_some_pictures(taken > 0, source.string(), fraction, files.size(), "validation");
  require_some_pictures(taken < files.size(), source.string(), fraction, files.size(), "training");
  std::vector<int32_t> order = order_of_epoch(size(), 0, seed, shuffled);
  std::vector<bool> validates(files.size());
  for (size_t i = 0; i < taken; ++i) validates[static_cast<size_t>(order[i])] = true;
  std::pair<ImageTable, ImageTable> parts{{source, columns, {}, {}}, {source, columns, {}, {}}};
  for (size_t i = 0; i < files.size(); ++i) {
    ImageTable& part = validates[i] ? parts.second : parts.first;
    part.files.push_back(files[i]);
    part.values.insert(part.values.end(), row(i), row(i) + columns.size());
  }
  return parts;
}

}  // namespace manul
