#include "manul/data/datasets/image_shards.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <iterator>
#include <map>
#include <optional>
#include <set>

#include "manul/data/datasets/shard_reader.h"
#include "manul/framework/error.h"
#include "manul/framework/file_system.h"
#include "manul/framework/text.h"

namespace manul {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

constexpr size_t most_shards = 100'000;
constexpr int64_t most_classes = 100'000;

constexpr std::string_view shard_endings[] = {".tar",    ".tar.gz",  ".tgz",     ".tar.bz2",
                                              ".tar.xz", ".tar.zst", ".tar.zstd"};

bool is_shard_name(const fs::path& path) {
  std::string name = path.filename().string();
  return !is_hidden_name(path) &&
         std::any_of(std::begin(shard_endings), std::end(shard_endings),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

/// The shards of a folder that has no classes' sub-folders.
std::vector<fs::path> shards_in(const fs::path& folder) {
  std::vector<fs::path> shards;
  for (const FolderEntry& entry : list_folder(folder, ErrorKind::data)) {
    if (entry.type == FileType::folder && !is_hidden_name(entry.path)) return {};
    if (entry.type == FileType::file && is_shard_name(entry.path)) shards.push_back(entry.path);
  }
  return shards;
}

/// "{000..002}" gives "000", "001", "002", and "{a,b}" both; other text stays as it is.
class Braces {
 public:
  Names expand(std::string_view pattern) {
    size_t open = pattern.find('{'), close = open;
    for (int depth = 0; close < pattern.size(); ++close) {
      if (pattern[close] == '{') ++depth;
      if (pattern[close] == '}' && --depth == 0) break;
    }
    if (open == std::string_view::npos || close >= pattern.size()) return {std::string(pattern)};
    Names all;
    const Names rests = expand(pattern.substr(close + 1));
    for (const std::string& middle : alternatives(pattern.substr(open + 1, close - open - 1)))
      for (const std::string& rest : rests) {
        if (all.size() == most_shards) too_many();
        all.push_back(fmt::format("{}{}{}", pattern.substr(0, open), middle, rest));
      }
    return all;
  }

 private:
  [[noreturn]] static void too_many() {
    fail(ErrorKind::data, "a pattern of more than {} shards", most_shards);
  }

  Names alternatives(std::string_view inside) {
    if (std::optional<Names> numbers = range(inside)) return *numbers;
    Names all;
    size_t first = 0;
    int depth = 0;
    for (size_t i = 0; i <= inside.size(); ++i) {
      if (i < inside.size() && inside[i] == '{') ++depth;
      if (i < inside.size() && inside[i] == '}') --depth;
      if (i < inside.size() && (inside[i] != ',' || depth > 0)) continue;
      for (std::string& each : expand(inside.substr(first, i - first))) all.push_back(std::move(each));
      first = i + 1;
    }
    if (all.size() == 1) all[0] = fmt::format("{{{}}}", all[0]);
    return all;
  }

  /// As many digits as the longer of both has, where one begins with 0.
  static std::optional<Names> range(std::string_view inside) {
    size_t dots = inside.find("..");
    if (dots == std::string_view::npos) return {};
    std::string_view from = inside.substr(0, dots), to = inside.substr(dots + 2);
    int64_t first = 0, last = 0;
    auto is_number = [](std::string_view text, int64_t& number) {
      auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      return error == std::errc() && end == text.data() + text.size() && number >= 0;
    };
    if (!is_number(from, first) || !is_number(to, last) || last < first) return {};
    if (last - first >= static_cast<int64_t>(most_shards)) too_many();
    bool padded = from.starts_with('0') || to.starts_with('0');
    size_t width = padded ? std::max(from.size(), to.size()) : 1;
    Names all;
    for (int64_t i = first; i <= last; ++i) all.push_back(fmt::format("{:0{}}", i, width));
    return all;
  }
};

bool is_shard_pattern(const std::string& text) {
  return is_pattern(text) || text.find('{') != std::string::npos;
}

/// The lines of a file beside the shards that names the classes; none where there is no such file.
Names listed_classes(const fs::path& folder) {
  constexpr int64_t most_bytes = 16 << 20;
  for (const char* name : {"classes.txt", "classnames.txt"}) {
    fs::path path = folder / name;
    if (!is_file(path)) continue;
    std::vector<uint8_t> bytes = InputFile(path, ErrorKind::data).read_all(most_bytes);
    Names names;
    std::string text(bytes.begin(), bytes.end());
    for (size_t first = 0; first < text.size();) {
      size_t end = std::min(text.find('\n', first), text.size());
      std::string line = text.substr(first, end - first);
      while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back()))) line.pop_back();
      first = end + 1;
      if (line.empty() &&
          text.find_first_not_of(" \t\r\n", std::min(first, text.size())) == std::string::npos)
        break;
      if (line.empty()) fail(ErrorKind::data, "{}:{}: the line is empty", path.string(), names.size() + 1);
      if (static_cast<int64_t>(names.size()) == most_classes)
        fail(ErrorKind::data, "{}: more than {} classes", path.string(), most_classes);
      names.push_back(std::move(line));
    }
    if (std::set<std::string>(names.begin(), names.end()).size() != names.size())
      fail(ErrorKind::data, "{}: names a class twice", path.string());
    if (names.empty()) fail(ErrorKind::data, "{}: names no class", path.string());
    return names;
  }
  return {};
}

struct ShardSamples {
  std::vector<ShardSample> samples;
  IgnoredFiles ignored;
  Names listed;  // the classes of a file beside the shards
};

std::string place_of(const ShardSample& sample) {
  return fmt::format("{} at byte {}", shortened(sample.picture.path.string()), sample.position);
}

ShardSamples read_shards(const fs::path& data) {
  ShardSamples all;
  std::shared_ptr<SpoolFile> spool;
  std::vector<fs::path> files = shard_files(data);
  for (const fs::path& file : files) {
    std::vector<ShardSample> samples = read_shard(file, all.ignored, spool);
    std::move(samples.begin(), samples.end(), std::back_inserter(all.samples));
  }
  if (all.samples.empty()) {
    std::string text = fmt::format("{}: no pictures in {} shard{}", data.string(), files.size(),
                                   files.size() == 1 ? "" : "s");
    for (const IgnoredFiles::Reason& reason : all.ignored.reasons()) text += ", " + reason.text();
    fail(ErrorKind::data, "{}", text);
  }
  all.listed = listed_classes(files[0].parent_path());
  return all;
}

/// What all samples say of their classes: the place of the alternative in ShardLabel.
size_t kind_of_labels(const std::vector<ShardSample>& samples) {
  constexpr const char* said[] = {"says no class", "gives the number of its class", "names its class"};
  const ShardSample& first = samples[0];
  for (const ShardSample& sample : samples)
    if (sample.label.index() != first.label.index())
      fail(ErrorKind::data, "{}: this sample {}, but {} {}", place_of(sample), said[sample.label.index()],
           place_of(first), said[first.label.index()]);
  return first.label.index();
}

std::vector<std::string_view> parts_of(std::string_view folder) {
  std::vector<std::string_view> parts;
  while (!folder.empty()) {
    size_t slash = std::min(folder.find('/'), folder.size());
    parts.push_back(folder.substr(0, slash));
    folder.remove_prefix(std::min(slash + 1, folder.size()));
  }
  return parts;
}

/// Gives samples that say nothing the class of their folder: the first part in which two of them differ.
void take_folders(std::vector<ShardSample>& samples) {
  const std::string first = samples[0].folder;
  std::vector<std::string_view> common = parts_of(first);
  for (const ShardSample& sample : samples) {
    std::vector<std::string_view> parts = parts_of(sample.folder);
    auto differs = std::mismatch(common.begin(), common.end(), parts.begin(), parts.end()).first;
    common.erase(differs, common.end());
  }
  for (ShardSample& sample : samples) {
    std::vector<std::string_view> parts = parts_of(sample.folder);
    if (parts.size() <= common.size())
      fail(ErrorKind::data,
           "{}: nothing says its class: no .cls, no .json with a label, no folder that differs from the "
           "others'",
           place_of(sample));
    sample.label = std::string(parts[common.size()]);
  }
}

int64_t number_of(const ShardSample& sample, size_t classes) {
  int64_t number = std::get<int64_t>(sample.label);
  if (number < 0 || number >= static_cast<int64_t>(classes))
    fail(ErrorKind::data, "{}: its class is {}, and there are {}, from 0", place_of(sample), number, classes);
  return number;
}

using Numbers = std::map<std::string, int, std::less<>>;

Numbers numbers_of(const Names& names) {
  Numbers numbers;
  for (size_t i = 0; i < names.size(); ++i) numbers.emplace(names[i], static_cast<int>(i));
  return numbers;
}

int number_of_name(const ShardSample& sample, std::string_view name, const Numbers& numbers,
                   const Names& names) {
  auto known = numbers.find(name);
  if (known == numbers.end())
    fail(ErrorKind::data, "{}: '{}' is none of the classes ({})", place_of(sample), shortened(name),
         shortened(fmt::format("{}", fmt::join(names, ", "))));
  return known->second;
}

/// The classes that the samples themselves have.
Names classes_of(const std::vector<ShardSample>& samples) {
  if (std::holds_alternative<std::string>(samples[0].label)) {
    std::set<std::string> names;
    for (const ShardSample& sample : samples) names.insert(std::get<std::string>(sample.label));
    return {names.begin(), names.end()};
  }
  int64_t last = 0;
  for (const ShardSample& sample : samples) {
    last = std::max(last, std::get<int64_t>(sample.label));
    if (last >= most_classes)
      fail(ErrorKind::data, "{}: its class is {}; at most {} classes are read", place_of(sample), last,
           most_classes);
  }
  Names names;
  for (int64_t i = 0; i <= last; ++i) names.push_back(std::to_string(i));
  return names;
}

ImageFolder folder_of(const fs::path& data, Names class_names, ShardSamples shards) {
  ImageFolder result{data, std::move(class_names), {}, std::move(shards.ignored)};
  for (ShardSample& sample : shards.samples) result.files.push_back(std::move(sample.picture));
  return result;
}

}  // namespace

bool names_shards(const fs::path& data) {
  if (is_folder(data)) return !shards_in(data).empty();
  if (is_shard_name(data)) return true;
  return !is_file(data) && is_shard_pattern(data.string());
}

std::vector<fs::path> shard_files(const fs::path& data) {
  if (is_folder(data)) return shards_in(data);
  if (is_file(data) || !is_shard_pattern(data.string())) return {data};
  std::vector<fs::path> files;
  for (const std::string& each : Braces().expand(data.string())) {
    std::vector<fs::path> found = is_pattern(each) ? files_that_fit(each) : std::vector<fs::path>{each};
    if (found.empty()) fail(ErrorKind::data, "{}: no file fits this pattern", each);
    for (fs::path& file : found) files.push_back(std::move(file));
  }
  if (files.size() > most_shards)
    fail(ErrorKind::data, "{}: {} shards; at most {} are read", data.string(), files.size(), most_shards);
  return files;
}

ImageFolder scan_shards(const fs::path& data) {
  ShardSamples shards = read_shards(data);
  if (kind_of_labels(shards.samples) == 0) take_folders(shards.samples);
  Names names = shards.listed.empty() ? classes_of(shards.samples) : shards.listed;
  if (names.size() < 2)
    fail(ErrorKind::data, "{}: only one class, {}; two or more are needed", data.string(),
         shortened(names[0]));
  Numbers numbers = numbers_of(names);
  for (ShardSample& sample : shards.samples) {
    const auto* name = std::get_if<std::string>(&sample.label);
    sample.picture.label = name ? number_of_name(sample, *name, numbers, names)
                                : static_cast<int>(number_of(sample, names.size()));
  }
  return folder_of(data, std::move(names), std::move(shards));
}

ImageFolder scan_shards_for(const fs::path& data, const Names& class_names) {
  ShardSamples shards = read_shards(data);
  size_t kind = kind_of_labels(shards.samples);
  Numbers numbers = numbers_of(class_names);
  for (ShardSample& sample : shards.samples) {
    std::string name;
    if (const auto* said = std::get_if<std::string>(&sample.label)) name = *said;
    if (kind == 1 && shards.listed.empty()) {
      sample.picture.label = static_cast<int>(number_of(sample, class_names.size()));
      continue;
    }
    if (kind == 1) name = shards.listed[static_cast<size_t>(number_of(sample, shards.listed.size()))];
    if (kind == 0) {  // the innermost folder that is called as a class
      name = sample.folder;
      for (std::string_view part : parts_of(sample.folder))
        if (numbers.contains(part)) name = part;
    }
    sample.picture.label = number_of_name(sample, name, numbers, class_names);
  }
  return folder_of(data, class_names, std::move(shards));
}

}  // namespace manul
