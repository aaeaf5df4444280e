#include "manul/data/datasets/idx.h"
#include "manul/tests/fuzz/fuzz.h"

namespace manul::fuzz {
namespace {

void read_idx_file(Bytes bytes) {
  accept_or_refuse([&] { decode_idx(bytes, "numbers"); });
}

const Registration registered({"idx",
                               read_idx_file,
                               {{"\0\0\x08\x03", 4}, {"\0\0\x0d\x01", 4}, "\x1f\x8b\x08"}});

}  // namespace
}  // namespace manul::fuzz
