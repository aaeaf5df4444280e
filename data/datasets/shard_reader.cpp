#include "manul/data/datasets/shard_reader.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>
#include <unordered_set>

#include "manul/data/datasets/spool_file.h"
#include "manul/framework/archive/tar.h"
#include "manul/framework/config/json.h"
#include "manul/framework/error.h"
#include "manul/framework/random.h"
#include "manul/framework/text.h"
#include "manul/framework/warning.h"

namespace manul {
namespace {

using archive::TarContent;
using archive::TarMember;

constexpr int64_t most_picture_bytes = int64_t{1} << 30, most_class_bytes = 4 << 10,
                  most_json_bytes = 1 << 20;
constexpr int64_t most_unpacked_bytes = int64_t{1} << 30, most_growth = 100;  // the larger of both
constexpr size_t longest_name = 4096, most_members = 1000;                    // of a path, of a sample

/// "./cats/0001.seg.PNG" is member "seg.png" of the sample "cats/0001".
struct MemberName {
  std::string name, key, extension;

  explicit MemberName(std::string text) : name(std::move(text)) {
    while (name.starts_with("./") || name.starts_with('/')) name.erase(0, name[0] == '/' ? 1 : 2);
    size_t slash = name.rfind('/'), dot = name.find('.', slash == std::string::npos ? 0 : slash + 1);
    key = name.substr(0, dot);
    if (dot == std::string::npos) return;
    extension = name.substr(dot + 1);
    for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  std::string folder() const {
    return key.substr(0, key.rfind('/') == std::string::npos ? 0 : key.rfind('/'));
  }
};

std::string trimmed(std::string_view text) {
  constexpr std::string_view spaces(" \t\r\n\0", 5);
  size_t first = text.find_first_not_of(spaces), last = text.find_last_not_of(spaces);
  return first == std::string_view::npos ? "" : std::string(text.substr(first, last - first + 1));
}

ShardLabel label_of_text(const std::string& text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return text;
}

class ShardReader {
 public:
  ShardReader(const std::filesystem::path& path, IgnoredFiles& ignored, std::shared_ptr<SpoolFile>& spool)
      : file_(path, ErrorKind::data), ignored_(ignored), spool_(spool) {
    if (file_.size() == 0) file_.refuse("the file is empty");
    shard_ = std::make_shared<Shard>(Shard{path, file_.stamp(), {}});
  }

  std::vector<ShardSample> read() {
    archive::walk_tar(file_.name(),
                      {[&](int64_t offset, void* to, int64_t count) { return file_.read(offset, to, count); },
                       file_.size()},
                      [&](const TarMember& member, const TarContent& content) {
                        take(member, content);
                        return true;
                      });
    end_sample();
    constexpr int64_t end_mark = 1024;
    if (!last_.packed && end_ > 0 && file_.size() < end_ + end_mark)
      warn("{}: has no end mark behind byte {}, so that it may have been cut short", file_.name(), end_);
    return std::move(samples_);
  }

 private:
  [[noreturn]] void refuse(const TarMember& member, const std::string& reason) const {
    fail(ErrorKind::data, "{}: {} at byte {}: {}", file_.name(),
         member.name.empty() ? "a member" : shortened(member.name), member.position, reason);
  }

  void take(const TarMember& member, const TarContent& content) {
    check_place(member);
    if (member.kind == TarMember::Kind::other) return;
    MemberName name(member.name);
    std::filesystem::path path = shard_->path / name.name;
    if (is_hidden_name(path)) return ignored_.add("hidden file or folder", "hidden files or folders", path);
    if (member.kind == TarMember::Kind::link) return ignored_.add("link in a shard", "links in shards", path);
    if (name.extension.empty())
      return ignored_.add("file that is no picture", "files that are no pictures", path);
    if (member.kind == TarMember::Kind::sparse) refuse(member, "is sparse, which is not read");
    begin_sample(name, member);
    if (is_picture_extension(name.extension))
      take_picture(std::move(path), name, member, content);
    else if (name.extension == "cls" || name.extension == "cls.txt")
      take_class(member, content);
    else if (name.extension == "json")
      take_json(member, content);
  }

  /// Where the member is, against the one before and the file's size.
  void check_place(const TarMember& member) {
    if (member.name.empty()) refuse(member, "it has no name that can be read");
    if (member.name.size() > longest_name)
      refuse(member,
             fmt::format("a name of {} bytes; at most {} are read", member.name.size(), longest_name));
    if (member.position < end_) refuse(last_, "is sparse, which is not read");
    int64_t most = std::max(most_unpacked_bytes, most_growth * file_.size());
    if (member.packed && member.bytes > most - std::min(most, member.offset))
      refuse(member, fmt::format("it would end behind byte {}, as far as a packed file of {} bytes is read",
                                 most, file_.size()));
    last_ = member;
    end_ = member.offset + member.bytes;
  }

  void begin_sample(const MemberName& name, const TarMember& member) {
    if (extensions_.empty() || name.key != key_) {
      end_sample();
      key_ = name.key;
      if (!keys_.insert(random_key(key_.c_str())).second)
        refuse(member, "the sample stands there twice, and not in one place");
      first_ = shard_->path / name.name;
    }
    if (!extensions_.insert(name.extension).second) refuse(member, "stands there twice");
    if (extensions_.size() > most_members)
      refuse(member, fmt::format("its sample, as names up to their first dot are, has more than {} members",
                                 most_members));
  }

  void take_picture(std::filesystem::path path, const MemberName& name, const TarMember& member,
                    const TarContent& content) {
    if (has_picture_) refuse(member, "its sample has another picture, and which is meant is not known");
    if (member.bytes > most_picture_bytes)
      refuse(member,
             fmt::format("a picture of {} bytes; at most {} are read", member.bytes, most_picture_bytes));
    has_picture_ = true;
    sample_.picture = {std::move(path), 0, shard_, member.offset, member.bytes};
    sample_.folder = name.folder();
    sample_.position = member.position;
    if (member.packed) unpack(member, content);
  }

  /// Copies a picture of a packed shard to where it can be read at any time.
  void unpack(const TarMember& member, const TarContent& content) {
    if (!spool_) spool_ = std::make_shared<SpoolFile>();
    shard_->unpacked = spool_;
    sample_.picture.offset = spool_->size();
    std::vector<uint8_t> block(size_t{256} << 10);
    int64_t left = member.bytes;
    while (left > 0) {
      int64_t got = content(block.data(), std::min(left, static_cast<int64_t>(block.size())));
      if (got <= 0) refuse(member, "the shard is damaged or cut short");
      spool_->append(std::span(block).first(static_cast<size_t>(got)));
      left -= got;
    }
  }

  std::string text_of(const TarMember& member, const TarContent& content, int64_t most) const {
    if (member.bytes > most) refuse(member, fmt::format("{} bytes; at most {} are read", member.bytes, most));
    std::string text(static_cast<size_t>(member.bytes), '\0');
    for (int64_t done = 0; done < member.bytes;) {
      int64_t got = content(text.data() + done, member.bytes - done);
      if (got <= 0) refuse(member, "the shard is damaged or cut short");
      done += got;
    }
    return text;
  }

  void take_class(const TarMember& member, const TarContent& content) {
    std::string text = trimmed(text_of(member, content, most_class_bytes));
    if (text.empty()) refuse(member, "it is empty, and a class is needed");
    sample_.label = label_of_text(text);
    has_class_ = true;
  }

  /// What a .cls says counts more.
  void take_json(const TarMember& member, const TarContent& content) {
    std::string text = text_of(member, content, most_json_bytes);
    if (has_class_) return;
    try {
      const Config json = parse_json(text);
      for (const char* key : {"label", "cls", "class", "class_name"}) {
        const Config* value = json.find(key);
        if (!value || !std::holds_alternative<std::monostate>(sample_.label)) continue;
        if (value->is_int()) sample_.label = value->as_int();
        if (value->is_string()) sample_.label = trimmed(value->as_string());
      }
    } catch (const Error& error) {
      refuse(member, error.what());
    }
  }

  void end_sample() {
    if (has_picture_)
      samples_.push_back(std::move(sample_));
    else if (has_dotted_picture())
      ignored_.add("sample whose pictures have another dot in their names, as x.1.jpg",
                   "samples whose pictures have another dot in their names, as x.1.jpg", first_);
    else if (!extensions_.empty())
      ignored_.add("sample without a picture", "samples without a picture", first_);
    sample_ = {};
    has_picture_ = has_class_ = false;
    extensions_.clear();
  }

  /// "cat.1.jpg" is the member "1.jpg" of "cat".
  bool has_dotted_picture() const {
    return std::any_of(extensions_.begin(), extensions_.end(), [](const std::string& extension) {
      return is_picture_extension(std::string_view(extension).substr(extension.rfind('.') + 1));
    });
  }

  InputFile file_;
  IgnoredFiles& ignored_;
  std::shared_ptr<SpoolFile>& spool_;
  std::shared_ptr<Shard> shard_;
  std::vector<ShardSample> samples_;
  TarMember last_;
  int64_t end_ = 0;  // of the last member's content
  // The sample that is being read.
  std::string key_;
  std::set<std::string> extensions_;
  std::filesystem::path first_;
  ShardSample sample_;
  bool has_picture_ = false, has_class_ = false;
  std::unordered_set<uint64_t> keys_;  // of all samples of the shard
};

}  // namespace

std::vector<ShardSample> read_shard(const std::filesystem::path& path, IgnoredFiles& ignored,
                                    std::shared_ptr<SpoolFile>& spool) {
  return ShardReader(path, ignored, spool).read();
}

}  // namespace manul
