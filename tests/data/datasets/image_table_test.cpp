#include "manul/data/datasets/image_table.h"

#include <gmock/gmock.h>

#include "manul/data/datasets/csv.h"
#include "manul/data/datasets/image_dataset.h"
#include "manul/data/image/image_io.h"
#include "manul/framework/step.h"
#include "manul/testing/op_check.h"
#include "manul/tests/error_of.h"
#include "manul/tests/temporary_folder.h"

namespace manul {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ImageTableTest : public testing::Test {
 protected:
  /// A picture all of whose pixels are `level`.
  void add_picture(const std::string& name, uint8_t level) {
    Image image(4, 4, 3);
    std::fill(image.pixels.begin(), image.pixels.end(), level);
    save_png(folder_ / name, image);
  }
  std::string csv(const std::string& text) {
    write_file(folder_ / "table.csv", text);
    return folder_ / "table.csv";
  }
  ImageTable read(const std::string& text, TableValues kind = TableValues::numbers) {
    return ImageTable::read(csv(text), folder_.path(), kind);
  }
  std::string refused(const std::string& text, TableValues kind = TableValues::numbers) {
    return error_of([&] { read(text, kind); });
  }
  /// Each picture's level and number, of a shuffled epoch in batches of 4.
  void expect_right_batches(const std::string& text, int64_t cache_mb, Device device) {
    ImageDataset data(read(text), {.image = {.height = 4, .width = 4},
                                   .augment = {.rescale = 1},
                                   .cache_mb = cache_mb,
                                   .workers = 1,
                                   .device = device});
    EXPECT_EQ(data.size(), 11) << "one is damaged";
    EXPECT_TRUE(data.class_names().empty());
    EXPECT_THAT(data.columns(), ElementsAre("level", "index"));
    EXPECT_THAT(data.row(5), ElementsAre(120, 6));
    BatchSpec spec = data.spec();
    EXPECT_EQ(spec.labels[0], (SampleSpec{{2}, DType::f32}));
    DeviceStepState state(device);
    data.begin_epoch(0, 7, true);
    for (int64_t position = 0; position < 11; position += 4) {
      int64_t length = std::min<int64_t>(4, 11 - position);
      Batch batch = spec.empty_batch(length, device);
      state.write({.position = position, .seed = 7});
      data.prepare_batch(position, length);
      data.next_batch(state, batch);
      std::vector<float> pixels = batch.inputs[0].to_vector<float>(),
                         labels = batch.labels[0].to_vector<float>();
      for (size_t i = 0; i < static_cast<size_t>(length); ++i) {
        EXPECT_EQ(labels[2 * i], pixels[48 * i]);
        EXPECT_EQ(labels[2 * i + 1], pixels[48 * i] / 20);
      }
    }
  }
  TemporaryFolder folder_;
};

TEST_F(ImageTableTest, CsvAsTheStandardHasIt) {
  std::vector<CsvRecord> records =
      read_csv(csv("\xef\xbb\xbf"
                   "file, a ,b\r\n\r\n\"x,\"\"1\"\"\n.png\",2,\n y ,\"\",3"));
  ASSERT_EQ(records.size(), 3u);
  EXPECT_THAT(records[0].fields, ElementsAre("file", "a", "b"));
  EXPECT_THAT(records[1].fields, ElementsAre("x,\"1\"\n.png", "2", ""));
  EXPECT_EQ(records[1].line, 3);
  EXPECT_THAT(records[2].fields, ElementsAre("y", "", "3"));
  EXPECT_EQ(records[2].line, 5) << "a line feed in quotes counts";
  EXPECT_THAT(error_of([&] { read_csv(csv("a\n\"b\n\n")); }),
              HasSubstr("table.csv:2: a quote is not closed"));
  EXPECT_THAT(error_of([&] { read_csv(csv("a\n\"b\"c\n")); }), HasSubstr("table.csv:2: a quote is closed"));
  EXPECT_TRUE(read_csv(csv("")).empty());
}

TEST_F(ImageTableTest, ReadsNumbersAndFindsFiles) {
  add_picture("a.png", 10);
  add_picture("b c.png", 20);
  ImageTable table = read("file,width,height\na.png,1.5,-2e1\n\"b c.png\",+3,0\n");
  EXPECT_THAT(table.columns, ElementsAre("width", "height"));
  EXPECT_THAT(table.values, ElementsAre(1.5f, -20, 3, 0));
  EXPECT_EQ(table.files[1], folder_ / "b c.png");
}

TEST_F(ImageTableTest, WhatIsWrongIsNamedWithItsLine) {
  add_picture("a.png", 10);
  EXPECT_THAT(refused(""), HasSubstr("table.csv: the file is empty"));
  EXPECT_THAT(refused("file,x\n"), HasSubstr("table.csv: there is no line below the heading"));
  EXPECT_THAT(refused("a.png,1\n"), HasSubstr("table.csv:1: the first column is called 'a.png'"));
  EXPECT_THAT(refused("file\na.png\n"), HasSubstr("table.csv:1: there is no column beside file"));
  EXPECT_THAT(refused("file,x,x\na.png,1,2\n"), HasSubstr("table.csv:1: two columns are called x"));
  EXPECT_THAT(refused("file,x\na.png,1\nno.png,1\n"), HasSubstr("table.csv:3: there is no file "));
  EXPECT_THAT(refused("file,x,y\na.png,1\n"), HasSubstr("table.csv:2: 2 fields, and the heading names 3"));
  for (const char* number : {"", "one", "1x", "nan", "inf", "1e99"})
    EXPECT_THAT(refused(std::string("file,x\na.png,") + number + "\n"),
                HasSubstr("' in the column x is not a number"))
        << number;
  EXPECT_THAT(refused("file,x\na.png,1\n./a.png,1\n"), HasSubstr("table.csv:3: ./a.png stands there twice"));
  EXPECT_THAT(refused("file,cat\na.png,2\n", TableValues::zero_or_one),
              HasSubstr("table.csv:2: '2' in the column cat is neither 0 nor 1"));
  EXPECT_THAT(error_of([&] { ImageTable::read(folder_ / "none.csv", "", TableValues::numbers); }),
              HasSubstr("none.csv"));
}

TEST_F(ImageTableTest, AnotherTableHasItsColumnsInTheOrderOfTheFirst) {
  add_picture("a.png", 10);
  std::string other = csv("file,y,x\na.png,1,2\n");
  ImageTable table = ImageTable::read_for(other, folder_.path(), TableValues::numbers, {"x", "y"});
  EXPECT_THAT(table.values, ElementsAre(2, 1));
  for (std::vector<std::string> columns : {std::vector<std::string>{"x"}, {"x", "z"}})
    EXPECT_THAT(error_of([&] { ImageTable::read_for(other, folder_.path(), TableValues::numbers, columns); }),
                HasSubstr("table.csv:1: its columns are y, x, those that are trained x"));
}

TEST_F(ImageTableTest, SplitsByTheSeedOrInOrder) {
  ImageTable table{"t.csv", {"x"}, {}, {}};
  for (int i = 0; i < 10; ++i) {
    table.files.push_back(std::to_string(i));
    table.values.push_back(static_cast<float>(i));
  }
  auto [rest, first] = table.split(0.3, 0, false);
  EXPECT_THAT(first.values, ElementsAre(0, 1, 2));
  EXPECT_EQ(rest.files.size(), 7u);
  auto [train, drawn] = table.split(0.3, 1);
  EXPECT_EQ(drawn.size(), 3);
  EXPECT_NE(drawn.values, first.values);
  EXPECT_EQ(table.split(0.3, 1).second.values, drawn.values);
  for (size_t i = 0; i < drawn.files.size(); ++i)
    EXPECT_EQ(drawn.files[i], std::to_string(static_cast<int>(drawn.values[i])));
  EXPECT_THAT(error_of([&] { table.split(0.05, 0); }), HasSubstr("leaves none of its 10 pictures for"));
}

TEST_F(ImageTableTest, BatchesHaveTheNumbersOfTheirPictures) {
  std::string text = "file,level,index\n";
  for (int i = 0; i < 12; ++i) {
    add_picture(std::to_string(i) + ".png", static_cast<uint8_t>(20 * i));
    text += fmt::format("{}.png,{},{}\n", i, 20 * i, i);
  }
  write_file(folder_ / "5.png", "this is no picture");
  std::vector<Device> devices{Device::cpu()};
  if (test_gpu()) devices.push_back(*test_gpu());
  for (Device device : devices)
    for (int64_t cache_mb : {int64_t{0}, int64_t{64}}) expect_right_batches(text, cache_mb, device);
  write_file(folder_ / "0.png", "nor is this");
  EXPECT_THAT(error_of([&] { ImageDataset(read("file,x\n0.png,1\n"), {}); }),
              HasSubstr("none of the 1 pictures can be read, the first because: "));
}

}  // namespace
}  // namespace manul
