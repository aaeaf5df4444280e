#include "manul/tools/support/data_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "manul/tools/support/class_counts.h"

namespace manul {
namespace {

using Names = std::vector<std::string>;

const char* plural(int64_t count, const char* one, const char* many) {
  return count == 1 ? one : many;
}

void look_at_balance(const ImageDataset& train, Names& warnings) {
  if (train.class_names().empty()) return;
  constexpr int64_t very_unequal = 4;
  std::vector<int64_t> counts = class_counts(train.files(), train.class_names().size());
  auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  if (*most < very_unequal * *least) return;
  warnings.push_back(fmt::format(
      "the classes are very unequal: {} has {} pictures, {} has {}, so that always answering {} would be "
      "right for "
      "{:.1f} % of the training pictures; --class-weight balanced makes up for it",
      train.class_names()[most - counts.begin()], *most, train.class_names()[least - counts.begin()], *least,
      train.class_names()[most - counts.begin()],
      100.0 * static_cast<double>(*most) / static_cast<double>(train.size())));
}

void look_at_validation_classes(const ImageDataset& validation, Names& warnings) {
  std::vector<int64_t> counts = class_counts(validation.files(), validation.class_names().size());
  for (size_t i = 0; i < counts.size(); ++i)
    if (counts[i] == 0)
      warnings.push_back(
          fmt::format("the validation has no pictures of {}, so that it says nothing about that class",
                      validation.class_names()[i]));
}

void look_at_colours(const ImageDataset& data, const char* part, Names& warnings) {
  auto plain = std::count_if(data.fingerprints().begin(), data.fingerprints().end(),
                             [](const ImageDataset::Fingerprint& each) { return each.one_colour; });
  auto gray16 = std::count_if(data.warnings().begin(), data.warnings().end(), [](const std::string& each) {
    return each.find("16-bit gray") != std::string::npos;
  });
  if (plain == 0) return;
  std::string why = gray16 == 0
                        ? std::string()
                        : fmt::format(
                              ": {} {} 16-bit gray, whose values above 255 become white, as in Keras; "
                              "save them with 8 bits",
                              gray16, plural(gray16, "is", "are"));
  warnings.push_back(fmt::format("{} of the {} {} pictures {} of one colour{}", plain, data.size(), part,
                                 plural(plain, "is", "are"), why));
}

/// Where the pictures of a data set are, by what they look like; those of one colour are not told apart.
using Places = std::unordered_map<uint64_t, size_t>;

Places places_of(const ImageDataset& data) {
  Places places;
  for (size_t i = 0; i < data.fingerprints().size(); ++i)
    if (const auto& each = data.fingerprints()[i]; !each.one_colour) places.emplace(each.hash, i);
  return places;
}

/// A pair of equal pictures, and how many there are.
struct Doubles {
  int64_t count = 0;
  std::string first, second;

  void add(const ImageFolder::File& one, const ImageFolder::File& other) {
    if (count++ > 0) return;
    first = one.path.string();
    second = other.path.string();
  }
};

void look_for_two_classes(const ImageDataset& train, const Places& places, Names& warnings) {
  Doubles doubles;
  for (size_t i = 0; i < train.fingerprints().size(); ++i) {
    auto known = places.find(train.fingerprints()[i].hash);
    if (known != places.end() && train.files()[known->second].label != train.files()[i].label)
      doubles.add(train.files()[known->second], train.files()[i]);
  }
  if (doubles.count > 0)
    warnings.push_back(fmt::format("{} {} in two classes: {} is {}", doubles.count,
                                   plural(doubles.count, "picture is", "pictures are"), doubles.first,
                                   doubles.second));
}

void look_for_leaks(const ImageDataset& validation, const ImageDataset& train, const Places& places,
                    Names& warnings) {
  Doubles doubles;
  for (size_t i = 0; i < validation.fingerprints().size(); ++i)
    if (auto known = places.find(validation.fingerprints()[i].hash); known != places.end())
      doubles.add(validation.files()[i], train.files()[known->second]);
  if (doubles.count > 0)
    warnings.push_back(fmt::format(
        "{} of the {} validation pictures {} in the training data as well, so that the validation looks "
        "better than "
        "it is: {} is {}",
        doubles.count, validation.size(), plural(doubles.count, "is", "are"), doubles.first, doubles.second));
}

/// Pictures that are equal to one that stands before them.
int64_t repeated(const ImageDataset& data) {
  auto plain = std::count_if(data.fingerprints().begin(), data.fingerprints().end(),
                             [](const ImageDataset::Fingerprint& each) { return each.one_colour; });
  return data.size() - plain - static_cast<int64_t>(places_of(data).size());
}

}  // namespace

std::string duplicates_text(const Pictures& pictures) {
  std::string text = fmt::format("{} of {} training pictures equal an earlier one", repeated(*pictures.train),
                                 pictures.train->size());
  if (!pictures.validation) return text;
  Places places = places_of(*pictures.train);
  auto leaks =
      std::count_if(pictures.validation->fingerprints().begin(), pictures.validation->fingerprints().end(),
                    [&](const auto& each) { return places.contains(each.hash); });
  return text + fmt::format("; {} of {} validation pictures do, and {} equal a training picture",
                            repeated(*pictures.validation), pictures.validation->size(), leaks);
}

std::vector<std::string> warnings_about_data(const Pictures& pictures) {
  Names warnings;
  Places places = places_of(*pictures.train);
  look_at_balance(*pictures.train, warnings);
  look_at_colours(*pictures.train, "training", warnings);
  look_for_two_classes(*pictures.train, places, warnings);
  if (pictures.validation) {
    if (!pictures.validation->class_names().empty())
      look_at_validation_classes(*pictures.validation, warnings);
    look_at_colours(*pictures.validation, "validation", warnings);
    look_for_leaks(*pictures.validation, *pictures.train, places, warnings);
  }
  return warnings;
}

}  // namespace manul
