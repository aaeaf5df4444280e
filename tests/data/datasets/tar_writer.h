#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <string>

namespace manul {

/// A tar in memory, header by header, as POSIX has them (ustar), so that a test can say anything in one.
class TarWriter {
 public:
  struct Header {
    std::string name;
    char type =
        '0';  // '0' a file, '1' a hard link, '2' a symbolic one, '5' a folder, 'x' more about the next
    std::string link = {};
    std::string size = {};  // in place of the content's, in octal digits
  };

  /// Returns where the header is.
  size_t add(const Header& header, const std::string& content = "") {
    size_t position = tar_.size();
    std::string block(512, '\0');
    auto put = [&](size_t at, const std::string& text) { text.copy(block.data() + at, text.size()); };
    put(0, header.name.substr(0, 100));
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, header.size.empty() ? fmt::format("{:011o}", content.size()) : header.size);
    put(136, "00000000000");
    block[156] = header.type;
    put(157, header.link);
    put(257, std::string("ustar\00000", 8));
    put(148, std::string(8, ' '));
    unsigned sum = 0;
    for (unsigned char byte : block) sum += byte;
    put(148, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
    tar_ += block + content + std::string((512 - content.size() % 512) % 512, '\0');
    return position;
  }
  size_t add(const std::string& name, const std::string& content) { return add(Header{name}, content); }
  /// What is said about the next header: "path", "size", "GNU.sparse.map".
  void add_pax(std::initializer_list<std::pair<std::string, std::string>> records) {
    std::string text;
    for (const auto& [key, value] : records) {
      size_t rest = key.size() + value.size() + 3, length = rest + 1;
      while (std::to_string(length).size() + rest != length) ++length;
      text += fmt::format("{} {}={}\n", length, key, value);
    }
    add(Header{"PaxHeaders/next", 'x'}, text);
  }
  std::string finished() const { return tar_ + std::string(1024, '\0'); }
  std::string unfinished() const { return tar_; }

 private:
  std::string tar_;
};

}  // namespace manul
