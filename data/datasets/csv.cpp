#include "manul/data/datasets/csv.h"

#include <string_view>

#include "manul/framework/error.h"
#include "manul/framework/file.h"

namespace manul {
namespace {

constexpr int64_t largest_file = int64_t{1} << 30;

/// Reads record after record.
class CsvParser {
 public:
  CsvParser(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
  }

  bool is_at_end() const { return at_ >= text_.size(); }

  CsvRecord record() {
    CsvRecord record{line_, {}};
    do record.fields.push_back(field());
    while (take(','));
    if (!is_at_end()) take_line_end();
    return record;
  }

 private:
  bool take(char wanted) {
    if (is_at_end() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  bool is_at_line_end() const { return is_at_end() || text_[at_] == '\n' || text_[at_] == '\r'; }
  void take_line_end() {
    take('\r');
    take('\n');
    ++line_;
  }

  std::string field() {
    while (!is_at_end() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    if (take('"')) return quoted();
    size_t first = at_;
    while (!is_at_line_end() && text_[at_] != ',') ++at_;
    std::string_view field = text_.substr(first, at_ - first);
    return std::string(field.substr(0, field.find_last_not_of(" \t") + 1));
  }

  std::string quoted() {
    int64_t begun = line_;
    std::string field;
    while (!is_at_end()) {
      char letter = text_[at_++];
      if (letter == '"' && !take('"')) {
        if (!is_at_line_end() && text_[at_] != ',')
          fail(ErrorKind::data, "{}:{}: a quote is closed and no comma follows", name_, line_);
        return field;
      }
      line_ += letter == '\n';
      field += letter;
    }
    fail(ErrorKind::data, "{}:{}: a quote is not closed", name_, begun);
  }

  std::string_view text_;
  std::string name_;
  size_t at_ = 0;
  int64_t line_ = 1;
};

}  // namespace

std::vector<CsvRecord> read_csv(const std::filesystem::path& path) {
  InputFile file(path, ErrorKind::data);
  std::vector<uint8_t> bytes = file.read_all(largest_file);
  CsvParser parser({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
  std::vector<CsvRecord> records;
  while (!parser.is_at_end()) {
    CsvRecord record = parser.record();
    if (record.fields.size() > 1 || !record.fields[0].empty()) records.push_back(std::move(record));
  }
  return records;
}

}  // namespace manul
