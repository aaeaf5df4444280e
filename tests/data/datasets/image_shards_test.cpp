#include "manul/data/datasets/image_shards.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "manul/framework/warning.h"
#include "manul/tests/data/datasets/picture_folder.h"
#include "manul/tests/data/datasets/tar_writer.h"

namespace manul {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const fs::path of_webdataset = fs::path(MANUL_SOURCE_DIR) / "tests/reference/shards";

class ImageShards : public PictureFolderTest {
 protected:
  /// The file of a picture.
  std::string png(int seed) {
    write("loose.png", seed);
    return read_file(folder / "loose.png");
  }
  fs::path shard(const std::string& name, const std::string& tar) {
    write_text("shards/" + name, tar);
    fs::remove(folder / "loose.png");
    return folder / "shards" / name;
  }
  fs::path shards() const { return folder / "shards"; }
  std::vector<std::string> samples(const ImageFolder& found) {
    std::vector<std::string> all;
    for (const PictureFile& file : found.files)
      all.push_back(file.path.lexically_relative(shards()).string() + "=" + found.class_names[file.label]);
    return all;
  }
  /// What is said about a tar.
  std::string refused(const TarWriter& tar) {
    fs::path path = shard("a.tar", tar.finished());
    return error_of([&] { scan_shards(path); });
  }
  static std::vector<int> colour_of(const PictureFile& file) {
    Image image = load_image(file, {});
    return {image.pixels[0], image.pixels[1], image.pixels[2]};
  }
};

TEST_F(ImageShards, ReadsWhatWebDatasetWrites) {
  ImageFolder found = ImageFolder::scan(of_webdataset / "webdataset-{000000..000001}.tar");
  EXPECT_THAT(found.class_names, ElementsAre("0", "1", "2"));
  ASSERT_EQ(found.files.size(), 6);
  EXPECT_EQ(found.files[4].path, of_webdataset / "webdataset-000001.tar/000004.png");
  EXPECT_EQ(found.files[4].label, 1);
  EXPECT_THAT(colour_of(found.files[0]), ElementsAre(255, 0, 0));
  EXPECT_THAT(colour_of(found.files[4]), ElementsAre(0, 255, 255));
  Image image = load_image(found.files[5], {});
  EXPECT_EQ(image.height, 4);
  EXPECT_EQ(image.width, 5);
}

TEST_F(ImageShards, ReadsPackedOnesWithNamesOfAllAlphabets) {
  ImageFolder found = ImageFolder::scan(of_webdataset / "webdataset.tar.zst");
  EXPECT_THAT(found.class_names, ElementsAre("b", "ä"));
  ASSERT_EQ(found.files.size(), 4);
  EXPECT_EQ(found.files[1].path.string(), (of_webdataset / "webdataset.tar.zst/träin/1.png").string());
  EXPECT_EQ(found.files[1].label, 0);
  EXPECT_THAT(colour_of(found.files[3]), ElementsAre(255, 255, 0));
  EXPECT_THAT(colour_of(found.files[0]), ElementsAre(255, 0, 0));
}

/// A shard holds what a folder does: the same batches, to the bit, cached and streamed.
TEST_F(ImageShards, GiveTheBatchesOfAFolder) {
  write_many(6);
  ImageFolder pictures = ImageFolder::scan(folder);
  ImageDataset expected(pictures, small());
  ASSERT_EQ(std::system(("cd " + folder.string() +
                         " && mkdir shards more && tar cf shards/all.tar cats dogs && gzip -k shards/all.tar "
                         "&& mv shards/all.tar.gz more")
                            .c_str()),
            0);
  for (const fs::path& data : {folder / "shards", folder / "more"})
    for (int64_t cache_mb : {64, 0}) {
      ImageFolder found = ImageFolder::scan(data);
      ASSERT_EQ(found.class_names, pictures.class_names);
      // tar takes the files of a folder in any order.
      std::sort(found.files.begin(), found.files.end(), [](const PictureFile& a, const PictureFile& b) {
        return std::pair(a.label, a.path.filename()) < std::pair(b.label, b.path.filename());
      });
      ImageDatasetOptions options = small();
      options.cache_mb = cache_mb;
      ImageDataset data_set(found, options);
      EXPECT_EQ(epoch_of(data_set, 1, 3, true), epoch_of(expected, 1, 3, true));
    }
}

TEST_F(ImageShards, TakeClassesFromAFileBesideThem) {
  TarWriter tar;
  for (int i = 0; i < 3; ++i) {
    tar.add(fmt::format("{}.PNG", i), png(i));
    tar.add(fmt::format("{}.cls.txt", i), fmt::format(" {}\n", 2 - i));
  }
  fs::path path = shard("a.tar", tar.finished());
  EXPECT_THAT(samples(scan_shards(path)), ElementsAre("a.tar/0.PNG=2", "a.tar/1.PNG=1", "a.tar/2.PNG=0"));
  write_text("shards/classes.txt", "wolf\r\nlynx\nmanul\n\n");
  EXPECT_THAT(samples(ImageFolder::scan(shards())),
              ElementsAre("a.tar/0.PNG=manul", "a.tar/1.PNG=lynx", "a.tar/2.PNG=wolf"));
  EXPECT_THAT(samples(ImageFolder::scan_for(path, {"manul", "lynx", "wolf"})),
              ElementsAre("a.tar/0.PNG=manul", "a.tar/1.PNG=lynx", "a.tar/2.PNG=wolf"));
  write_text("shards/classes.txt", "wolf\nlynx\n");
  EXPECT_THAT(error_of([&] { scan_shards(path); }),
              AllOf(HasSubstr("a.tar/0.PNG at byte 0: its class is 2, and there are 2")));
  write_text("shards/classes.txt", "wolf\n\nlynx\n");
  EXPECT_THAT(error_of([&] { scan_shards(path); }), HasSubstr("classes.txt:2: the line is empty"));
}

TEST_F(ImageShards, TakeNamesFromJsonAndFromFolders) {
  TarWriter json, folders;
  json.add("0.json", R"({"label": "wolf", "caption": "a \"label\": 3 {"})");
  json.add("0.jpg", png(0));
  json.add("1.jpg", png(1));
  json.add("1.json", R"({"boxes": [{"label": "no"}], "class_name": "manul"})");
  EXPECT_THAT(samples(scan_shards(shard("json.tar", json.finished()))),
              ElementsAre("json.tar/0.jpg=wolf", "json.tar/1.jpg=manul"));
  for (const char* key : {"./set/wolves/1", "./set/manuls/x/1", "./set/wolves/2"})
    folders.add(std::string(key) + ".png", png(0));
  fs::path path = shard("folders.tar", folders.finished());
  EXPECT_THAT(samples(scan_shards(path)),
              ElementsAre("folders.tar/set/wolves/1.png=wolves", "folders.tar/set/manuls/x/1.png=manuls",
                          "folders.tar/set/wolves/2.png=wolves"));
  EXPECT_EQ(samples(scan_shards_for(path, {"lynxes", "manuls", "wolves"})).size(), 3);
  EXPECT_THAT(error_of([&] {
                scan_shards_for(path, {"lynxes", "manuls"});
              }),
              HasSubstr("is none of the classes (lynxes, manuls)"));
}

TEST_F(ImageShards, AreNamedAsWebDatasetUsersDo) {
  write_text("shards/x.txt", "");
  EXPECT_FALSE(names_shards(shards()));
  for (const char* name : {"t-08.tar", "t-09.tar", "t-10.tar", "v-1.tar", "._t-08.tar"}) shard(name, "");
  auto files = [&](const std::string& pattern) {
    std::vector<std::string> names;
    EXPECT_TRUE(names_shards(shards() / pattern)) << pattern;
    for (const fs::path& file : shard_files(shards() / pattern)) names.push_back(file.filename().string());
    return names;
  };
  EXPECT_THAT(files(""), ElementsAre("t-08.tar", "t-09.tar", "t-10.tar", "v-1.tar"));
  EXPECT_THAT(files("t-{08..10}.tar"), ElementsAre("t-08.tar", "t-09.tar", "t-10.tar"));
  EXPECT_THAT(files("{v-{1..1},t-{8..9}}.tar"), ElementsAre("v-1.tar", "t-8.tar", "t-9.tar"));
  EXPECT_THAT(files("t-*.tar"), ElementsAre("t-08.tar", "t-09.tar", "t-10.tar"));
  EXPECT_THAT(files("{v-?,t-0*}.tar"), ElementsAre("v-1.tar", "t-08.tar", "t-09.tar"));
  EXPECT_THAT(files("v-1.tar"), ElementsAre("v-1.tar"));
  EXPECT_THAT(error_of([&] { shard_files("x-{0..9999999}.tar"); }), HasSubstr("more than 100000 shards"));
  EXPECT_THAT(error_of([&] { ImageFolder::scan(shards() / "t-{11..12}.tar"); }),
              HasSubstr("t-11.tar: cannot be read: No such file"));
  fs::create_directories(shards() / "cats");
  EXPECT_FALSE(names_shards(shards())) << "a folder with classes";
}

TEST_F(ImageShards, SplitEachClass) {
  TarWriter tar;
  for (int i = 0; i < 10; ++i) {
    tar.add(fmt::format("{}.png", i), png(i));
    tar.add(fmt::format("{}.cls", i), fmt::format("{}", i % 2));
  }
  fs::path path = shard("a.tar", tar.finished());
  EXPECT_THAT(samples(ImageFolder::scan(path, ImageFolder::Subset::validation, 0.4)),
              ElementsAre("a.tar/0.png=0", "a.tar/1.png=1", "a.tar/2.png=0", "a.tar/3.png=1"));
  auto [training, validation] = ImageFolder::scan(path).split(0.2, 5);
  EXPECT_EQ(training.files.size(), 8);
  ASSERT_EQ(validation.files.size(), 2);
  EXPECT_NE(validation.files[0].label, validation.files[1].label);
}

TEST_F(ImageShards, PassOverWhatIsNoPicture) {
  TarWriter tar;
  tar.add(TarWriter::Header{"set/", '5'});
  tar.add("set/._a.png", "of a Macintosh");
  tar.add("set/a.png", png(1));
  tar.add("set/a.cls", "0");
  tar.add("set/a.txt", "a caption");
  tar.add("set/a.mask.png", png(2));
  tar.add("set/b.cls", "1");
  tar.add("README", "text");
  tar.add(TarWriter::Header{"set/l.png", '2', "/etc/passwd"});
  tar.add(TarWriter::Header{"set/h.png", '1', "set/a.png"});
  tar.add("../../c.png", png(3));
  tar.add("../../c.cls", "1");
  ImageFolder found = scan_shards(shard("a.tar", tar.finished()));
  EXPECT_EQ(found.files.size(), 2);
  std::vector<std::string> reasons;
  for (const auto& reason : found.ignored.reasons()) reasons.push_back(reason.text());
  EXPECT_THAT(reasons, ElementsAre("1 hidden file or folder", "1 file that is no picture",
                                   "2 links in shards", "1 sample without a picture"));
}

TEST_F(ImageShards, RefuseWhatIsNotKnown) {
  TarWriter unlabelled, twice, again, two, mixed, huge, number, json, empty, dots;
  unlabelled.add("0.png", png(0));
  unlabelled.add("0.cls", "0");
  size_t at = unlabelled.add("1.png", png(1));
  EXPECT_THAT(refused(unlabelled),
              AllOf(HasSubstr(fmt::format("a.tar/1.png at byte {}: this sample says no class", at)),
                    HasSubstr("a.tar/0.png at byte 0 gives the number of its class")));
  twice.add("0.png", png(0));
  at = twice.add("0.png", png(1));
  EXPECT_THAT(refused(twice), HasSubstr(fmt::format("a.tar: 0.png at byte {}: stands there twice", at)));
  again.add("0.png", png(0));
  again.add("1.png", png(0));
  at = again.add("0.cls", "1");
  EXPECT_THAT(refused(again),
              HasSubstr(fmt::format("0.cls at byte {}: the sample stands there twice, and not", at)));
  two.add("0.png", png(0));
  two.add("0.jpg", png(0));
  EXPECT_THAT(refused(two), HasSubstr("its sample has another picture"));
  mixed.add("0.png", png(0));
  mixed.add("0.cls", "wolf");
  mixed.add("1.png", png(0));
  mixed.add("1.cls", "1");
  EXPECT_THAT(refused(mixed), HasSubstr("this sample gives the number of its class, but"));
  huge.add("0.png", png(0));
  huge.add("0.cls", std::string(5000, '1'));
  EXPECT_THAT(refused(huge), HasSubstr("5000 bytes; at most 4096 are read"));
  number.add("0.png", png(0));
  number.add("0.cls", "2147483648");
  EXPECT_THAT(refused(number), HasSubstr("its class is 2147483648; at most 100000 classes are read"));
  json.add("0.png", png(0));
  json.add("0.json", std::string(100000, '['));
  EXPECT_THAT(refused(json), HasSubstr("nested more than 64 levels deep"));
  EXPECT_THAT(refused(empty), HasSubstr("no pictures in 1 shard"));
  dots.add("cat.1.jpg", png(0));
  dots.add("cat.2.jpg", png(0));
  EXPECT_THAT(refused(dots),
              HasSubstr("no pictures in 1 shard, 1 sample whose pictures have another dot in their names"));
}

TEST_F(ImageShards, RefuseADamagedTar) {
  TarWriter tar;
  for (int i = 0; i < 4; ++i) {
    tar.add(fmt::format("{}.png", i), png(i));
    tar.add(fmt::format("{}.cls", i), fmt::format("{}", i % 2));
  }
  std::string whole = tar.finished();
  fs::path path = shard("a.tar", whole);
  ASSERT_EQ(scan_shards(path).files.size(), 4);
  shard("a.tar", whole.substr(0, 1124));
  EXPECT_THAT(error_of([&] { scan_shards(path); }),
              AllOf(HasSubstr("a.tar: is damaged or cut short behind its member"), HasSubstr("at byte")));
  shard("a.tar", "this is a text, and no tar, for all its name says");
  EXPECT_THAT(error_of([&] { scan_shards(path); }), HasSubstr("a.tar: is not a tar, or is damaged"));
  shard("a.tar", "");
  EXPECT_THAT(error_of([&] { scan_shards(path); }), HasSubstr("a.tar: the file is empty"));
  whole[1024 + 148] ^= 1;  // the checksum of a header
  shard("a.tar", whole);
  EXPECT_THAT(error_of([&] { scan_shards(path); }), HasSubstr("is damaged or cut short behind its member"));
  std::string said;
  set_warning_handler([&](const std::string& text) { said = text; });
  shard("a.tar", tar.unfinished());
  EXPECT_EQ(scan_shards(path).files.size(), 4);
  EXPECT_THAT(said, HasSubstr("a.tar: has no end mark behind byte"));
  set_warning_handler({});
}

TEST_F(ImageShards, RefuseSizesThatAreNone) {
  TarWriter beyond, petabytes, negative, sparse;
  beyond.add(TarWriter::Header{"0.png", '0', "", "07777777777"}, png(0));
  EXPECT_THAT(refused(beyond), AllOf(HasSubstr("behind its member 0.png at byte 0"), HasSubstr("runcated")));
  petabytes.add_pax({{"size", "9000000000000000"}});
  petabytes.add("0.png", png(0));
  EXPECT_THAT(refused(petabytes),
              HasSubstr("a picture of 9000000000000000 bytes; at most 1073741824 are read"));
  negative.add_pax({{"size", "-5"}});
  negative.add("0.png", png(0));
  EXPECT_THAT(refused(negative), HasSubstr("size attribute is negative"));
  sparse.add_pax({{"GNU.sparse.major", "0"},
                  {"GNU.sparse.minor", "1"},
                  {"GNU.sparse.size", "1000000000000"},
                  {"GNU.sparse.numblocks", "1"},
                  {"GNU.sparse.map", "500000000000,512"}});
  sparse.add("0.png", std::string(512, 'x'));
  EXPECT_THAT(refused(sparse), HasSubstr("0.png at byte 0: is sparse, which is not read"));
  TarWriter hole;
  hole.add_pax({{"GNU.sparse.size", "1000000"}, {"GNU.sparse.numblocks", "0"}, {"GNU.sparse.map", ""}});
  hole.add("0.png", "");
  hole.add("1.png", png(0));
  EXPECT_THAT(refused(hole), HasSubstr("0.png at byte 0: is sparse, which is not read"));
}

TEST_F(ImageShards, RefuseAPackedShardThatGrowsWithoutEnd) {
  TarWriter tar;
  tar.add(TarWriter::Header{"0.npy", '0', "", "10000000001"}, png(0));
  fs::path path = shard("a.tar", tar.finished());
  ASSERT_EQ(std::system(("gzip " + path.string()).c_str()), 0);
  EXPECT_THAT(
      error_of([&] { scan_shards(shards() / "a.tar.gz"); }),
      HasSubstr("a.tar.gz: 0.npy at byte 0: it would end behind byte 1073741824, as far as a packed file"));
}

TEST_F(ImageShards, ThatChangeEndTheTraining) {
  TarWriter tar;
  for (int i = 0; i < 4; ++i) {
    tar.add(fmt::format("{}.png", i), png(i));
    tar.add(fmt::format("{}.cls", i), fmt::format("{}", i % 2));
  }
  fs::path path = shard("a.tar", tar.finished());
  ImageDatasetOptions options = small();
  options.cache_mb = 0;
  ImageDataset data(scan_shards(path), options);
  epoch_of(data, 0, 0, false);
  shard("a.tar", tar.finished() + "more");
  EXPECT_THAT(error_of([&] { epoch_of(data, 1, 0, false); }),
              HasSubstr("a.tar: the file has changed since the data was read"));
  fs::remove(path);
  EXPECT_THAT(error_of([&] { epoch_of(data, 2, 0, false); }), HasSubstr("a.tar: cannot be read"));
}

TEST_F(ImageShards, DamagedPicturesAreSkippedByName) {
  TarWriter tar;
  for (int i = 0; i < 4; ++i) {
    tar.add(fmt::format("{}.png", i), i == 2 ? "no picture" : png(i));
    tar.add(fmt::format("{}.cls", i), fmt::format("{}", i % 2));
  }
  ImageDataset data(scan_shards(shard("a.tar", tar.finished())), small());
  EXPECT_THAT(data.bad_images(), ElementsAre(HasSubstr("shards/a.tar/2.png: not a picture")));
  EXPECT_EQ(data.size(), 3);
}

}  // namespace
}  // namespace manul
