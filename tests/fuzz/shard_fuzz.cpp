#include "manul/data/datasets/image_shards.h"
#include "manul/data/datasets/picture_file.h"
#include "manul/data/datasets/shard_reader.h"
#include "manul/framework/warning.h"
#include "manul/tests/fuzz/fuzz.h"

namespace manul::fuzz {
namespace {

/// A shard, the classes of its samples, and its pictures.
void read_shard_file(Bytes bytes) {
  MemoryFile file(bytes);
  set_warning_handler([](const std::string&) {});  // of a tar without an end
  accept_or_refuse([&] {
    IgnoredFiles ignored;
    std::shared_ptr<SpoolFile> spool;
    for (const ShardSample& sample : read_shard(file.path(), ignored, spool))
      accept_or_refuse([&] { load_image(sample.picture, {.height = 8, .width = 8}); });
  });
  accept_or_refuse([&] { scan_shards(file.path()).split(0.5, 1); });
  set_warning_handler({});
}

const Registration registered({"shard",
                               read_shard_file,
                               {{"ustar\0"
                                 "00",
                                 8},
                                "ustar  ",
                                "0.cls",
                                "0.png",
                                "a/0.json",
                                "{\"label\":",
                                "GNU.sparse.map",
                                "path=",
                                "size=",
                                "\x1f\x8b\x08",
                                "\x28\xb5\x2f\xfd"}});

}  // namespace
}  // namespace manul::fuzz
