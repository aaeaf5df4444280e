#include "manul/models/hdf5/reader.h"

#include <algorithm>

#include "manul/framework/error.h"
#include "manul/models/hdf5/format.h"

namespace manul::hdf5 {
namespace {

constexpr size_t largest_object_count = 100'000;

template <class T>
double number_at(const unsigned char* data) {
  T value;
  std::memcpy(&value, data, sizeof(T));
  return static_cast<double>(value);
}

/// The element at `data` as a double.
double number(const ElementType& type, const unsigned char* data) {
  using Kind = ElementType::Kind;
  if (type.kind == Kind::floating_point)
    return type.size == 4 ? number_at<float>(data) : number_at<double>(data);
  bool has_sign = type.kind == Kind::signed_integer;
  switch (type.size) {
    case 1:
      return has_sign ? number_at<int8_t>(data) : number_at<uint8_t>(data);
    case 2:
      return has_sign ? number_at<int16_t>(data) : number_at<uint16_t>(data);
    case 4:
      return has_sign ? number_at<int32_t>(data) : number_at<uint32_t>(data);
    default:
      return has_sign ? number_at<int64_t>(data) : number_at<uint64_t>(data);
  }
}

constexpr std::string_view not_hdf5 = "is not an HDF5 file";

/// A file that is no HDF5 file, named for what it is if it is known to come in a model's place.
std::string_view what_it_is(std::span<const unsigned char> head) {
  auto begins = [&](std::string_view mark) {
    return head.size() >= mark.size() && std::memcmp(head.data(), mark.data(), mark.size()) == 0;
  };
  if (begins("PK"))
    return "is a zip archive, but not a .keras file";
  if (begins("version https://git-lfs"))
    return "is a pointer of Git LFS, not the file itself; fetch it by git lfs pull";
  return not_hdf5;
}

}  // namespace

Reader::Reader(std::shared_ptr<const OpenFile> file)
    : source_(std::move(file)), values_left_(4 * source_.size()) {
  read_superblock();
}

void Reader::read_superblock() {
  Bytes block = source_.metadata(0, std::min<uint64_t>(source_.size(), superblock_size), "");
  if (block.size() < superblock_size) {
    std::string_view what = what_it_is(block);
    refuse("", what == not_hdf5 ? "is not an HDF5 file, or is cut short: it is too small for one" : what);
  }
  Cursor at(block, source_, "");
  if (std::memcmp(at.take(8).data(), signature, 8) != 0) refuse("", what_it_is(block));
  int version = at.u8();
  if (version == 1 || version == 2 || version == 3)
    source_.refuse_layout(
        "", fmt::format("is an HDF5 file of another layout (superblock {}) than Keras writes (superblock 0)",
                        version));
  at.skip(4);
  int offset_size = at.u8(), length_size = at.u8();
  at.skip(1);
  int leaf = at.u16(), internal = at.u16();
  if (version != 0) refuse("", fmt::format("is an HDF5 file of an unknown kind (superblock {})", version));
  if (offset_size != 8 || length_size != 8 || leaf != leaf_k || internal != internal_k)
    source_.refuse_layout("", "is an HDF5 file with other sizes in its superblock than Keras writes");
  at.skip(4);
  uint64_t base = at.u64();
  at.skip(8);
  uint64_t end = at.u64();
  if (base != 0) refuse("", "is damaged (its base address is not 0)");
  if (end > source_.size())
    refuse("", fmt::format("is cut short: it has {} bytes of {}", source_.size(), end));
  at.skip(16);
  root_ = at.u64();
}

const Object& Reader::parsed(uint64_t address, std::string_view path) {
  auto found = objects_.find(address);
  if (found != objects_.end()) return found->second;
  if (objects_.size() >= largest_object_count) refuse(path, "the file has too many objects");
  source_.keep(sizeof(Object), path);
  return objects_.emplace(address, read_object(source_, address, path)).first->second;
}

const Object* Reader::find(std::string_view path) {
  const Object* here = &parsed(root_, "");
  for (size_t begin = 0; !path.empty() && begin <= path.size();) {
    size_t end = std::min(path.find('/', begin), path.size());
    auto link = here->links.find(path.substr(begin, end - begin));
    if (!here->group || link == here->links.end()) return nullptr;
    here = &parsed(link->second, path.substr(0, end));
    begin = end + 1;
  }
  return here;
}

const Object& Reader::object(std::string_view path) {
  const Object* found = find(path);
  if (!found) refuse(path, "is missing");
  return *found;
}

bool Reader::exists(std::string_view object) {
  return find(object) != nullptr;
}

bool Reader::is_group(std::string_view path) {
  return object(path).group;
}

std::vector<std::string> Reader::members(std::string_view group) {
  std::vector<std::string> names;
  for (const auto& link : object(group).links) names.push_back(link.first);
  return names;
}

bool Reader::has_attribute(std::string_view path, std::string_view name) {
  return object(path).attributes.count(name) > 0;
}

std::optional<std::string> Reader::text(std::string_view path, std::string_view name) {
  const Object& owner = object(path);
  auto found = owner.attributes.find(name);
  if (found == owner.attributes.end()) return std::nullopt;
  if (!found->second.type.is_text() || found->second.shape.elements() != 1)
    refuse(path, fmt::format("its attribute {} is not one text", name));
  return strings(found->second, path).front();
}

std::optional<std::vector<std::string>> Reader::names(std::string_view path, std::string_view name) {
  const Object& owner = object(path);
  std::vector<std::string> list;
  auto append = [&](const std::string& part) {
    auto found = owner.attributes.find(part);
    if (found == owner.attributes.end()) return false;
    if (found->second.shape.elements() == 0) return true;
    if (!found->second.type.is_text())
      refuse(path, fmt::format("its attribute {} is not a list of names", part));
    for (std::string& text : strings(found->second, path)) list.push_back(std::move(text));
    return true;
  };
  if (append(std::string(name))) return list;
  int parts = 0;
  while (append(fmt::format("{}{}", name, parts))) ++parts;
  if (parts == 0) return std::nullopt;
  return list;
}

std::vector<std::string> Reader::strings(const Attribute& attribute, std::string_view path) {
  std::vector<std::string> found;
  Cursor at(attribute.data, source_, path);
  for (int64_t i = 0; i < attribute.shape.elements(); ++i) {
    if (attribute.type.kind == ElementType::Kind::fixed_string) {
      auto bytes = at.take(attribute.type.size);
      source_.keep(sizeof(std::string) + bytes.size(), path);
      found.emplace_back(bytes.begin(), std::find(bytes.begin(), bytes.end(), 0));
    } else {
      uint32_t length = at.u32();
      uint64_t address = at.u64();
      found.push_back(heap_string(address, at.u32(), length, path));
    }
  }
  return found;
}

std::string Reader::heap_string(uint64_t address, uint32_t index, uint64_t length, std::string_view path) {
  if (length == 0) {
    source_.keep(sizeof(std::string), path);
    return "";
  }
  const Collection& owner = collection(address, path);
  auto found = owner.texts.find(index);
  if (found == owner.texts.end() || length > found->second.size())
    refuse(path, "a text of its attributes is damaged");
  source_.keep(sizeof(std::string) + length, path);
  auto bytes = found->second.first(length);
  return {bytes.begin(), std::find(bytes.begin(), bytes.end(), 0)};
}

const Reader::Collection& Reader::collection(uint64_t address, std::string_view path) {
  auto known = collections_.find(address);
  if (known != collections_.end()) return known->second;
  Bytes header = source_.metadata(address, 16, path);
  Cursor head(header, source_, path);
  head.expect("GCOL");
  head.skip(4);
  Collection& found = collections_[address];
  found.bytes = source_.metadata(address, head.u64(), path);
  Cursor at(found.bytes, source_, path);
  at.skip(16);
  while (at.rest().size() >= 16) {
    uint32_t index = at.u16();
    at.skip(6);
    uint64_t length = at.u64();
    if (index == 0) break;  // the free space at the end
    source_.keep(sizeof(*found.texts.begin()), path);
    found.texts.emplace(index, at.take(length));
    at.skip(std::min<uint64_t>(padded(length) - length, at.rest().size()));
  }
  return found;
}

Dataset Reader::dataset(std::string_view path) {
  const Object& found = object(path);
  if (found.group) refuse(path, "is a group where a dataset is expected");
  if (!found.type.is_number())
    source_.refuse_layout(path, "holds elements other than the kinds of numbers that Keras writes");
  return {std::string(path), found.shape, found.type, found.address};
}

template <class Value>
void Reader::read(const Dataset& dataset, std::span<Value> values) const {
  check(static_cast<int64_t>(values.size()) == dataset.shape.elements(), "{}: shape {} is read to {} values",
        dataset.path, dataset.shape, values.size());
  if (values.empty()) return;
  uint64_t bytes = values.size() * dataset.type.size;
  if (bytes > values_left_)
    refuse(dataset.path, "the datasets have many times as many bytes as the file (several lie in one place)");
  values_left_ -= bytes;
  if (dataset.type.kind == ElementType::Kind::floating_point && dataset.type.size == sizeof(Value))
    return source_.read(dataset.address, values.data(), values.size_bytes(), dataset.path);
  Bytes raw(bytes);
  source_.read(dataset.address, raw.data(), raw.size(), dataset.path);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<Value>(number(dataset.type, raw.data() + i * dataset.type.size));
}
template void Reader::read(const Dataset& dataset, std::span<float> values) const;
template void Reader::read(const Dataset& dataset, std::span<double> values) const;

double Reader::scalar(std::string_view path) {
  Dataset found = dataset(path);
  if (found.shape.elements() != 1)
    refuse(path, fmt::format("has shape {}; one number is expected", found.shape));
  Bytes raw(found.type.size);
  source_.read(found.address, raw.data(), raw.size(), path);
  return number(found.type, raw.data());
}

}  // namespace manul::hdf5
