#include "manul/data/datasets/csv.h"
#include "manul/data/datasets/image_table.h"
#include "manul/tests/fuzz/fuzz.h"

namespace manul::fuzz {
namespace {

/// A table of values, and as one of pictures: in the folder of the table itself, which is a file there.
void read_table(Bytes bytes) {
  MemoryFile file(bytes);
  accept_or_refuse([&] { read_csv(file.path()); });
  for (TableValues kind : {TableValues::numbers, TableValues::zero_or_one})
    accept_or_refuse([&] {
      ImageTable table = ImageTable::read(file.path(), "/proc/self", kind);
      table.split(0.5, 1);
    });
}

const Registration registered({"table",
                               read_table,
                               {"file,", "\n", "\r\n", "\"", "\"\"", ",", "stat,", "status,", "1e400", "nan",
                                "-0", "\xef\xbb\xbf", " "}});

}  // namespace
}  // namespace manul::fuzz
