#include "manul/tools/support/task.h"

#include "manul/framework/error.h"

namespace manul {

std::string name_of(Task task) {
  switch (task) {
    case Task::classify:
      return "classify";
    case Task::multilabel:
      return "multilabel";
    case Task::regress:
      return "regress";
  }
  return {};
}

Task parse_task(const std::string& name) {
  for (Task task : {Task::classify, Task::multilabel, Task::regress})
    if (name == name_of(task)) return task;
  if (name.empty()) return Task::classify;
  fail(ErrorKind::usage, "task: '{}' is none of classify, multilabel, regress", name);
}

}  // namespace manul
