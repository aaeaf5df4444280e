#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace manul {

/// A record of a CSV file, and the line on which it begins, from 1.
struct CsvRecord {
  int64_t line = 0;
  std::vector<std::string> fields;
};

/// All records of a file of comma-separated values (RFC 4180): fields may stand in quotes, and then hold
/// commas, line feeds and doubled quotes. Spaces around a field without quotes, empty lines and a byte order
/// mark are passed over. Throws ErrorKind::data, with the line where a quote is not closed or is followed by
/// something else than a comma.
std::vector<CsvRecord> read_csv(const std::filesystem::path& file);

}  // namespace manul
