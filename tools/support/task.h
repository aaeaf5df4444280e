#pragma once

#include <string>

namespace manul {

/// What a network is trained to say of a picture: one class of several, which of several labels it has (each
/// by itself), or numbers.
enum class Task { classify, multilabel, regress };

/// "classify", "multilabel", "regress".
std::string name_of(Task task);
/// Throws ErrorKind::usage for another name; an empty one is classify.
Task parse_task(const std::string& name);

}  // namespace manul
