#include "manul/models/tensorboard/event_file.h"

#include <gmock/gmock.h>

#include <cstring>
#include <map>

#include "manul/framework/file_system.h"
#include "manul/framework/warning.h"
#include "manul/layers/layers.h"
#include "manul/models/graph/sequential.h"
#include "manul/models/tensorboard/protobuf.h"
#include "manul/models/tensorboard/record.h"
#include "manul/models/training/callbacks.h"
#include "manul/tests/models/support.h"
#include "manul/tests/temporary_folder.h"

// Event files. That TensorBoard reads them is shown by tests/tensorboard/read_back.py.
namespace manul {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// RFC 3720, B.4, and the check value of the algorithm.
TEST(Record, ChecksumIsCrc32c) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c(""), 0U);
}

/// The length and its checksum as TensorFlow 2.15 wrote them for a record of 62 bytes.
TEST(Record, IsAsTensorFlowWritesIt) {
  std::string record = tf_record(std::string(62, 'x'));
  ASSERT_EQ(record.size(), 8 + 4 + 62 + 4U);
  EXPECT_EQ(record.substr(0, 12), std::string("\x3e\0\0\0\0\0\0\0\xd9\xd2\x40\xe7", 12));
}

TEST(Protobuf, Encoding) {
  EXPECT_EQ(ProtobufMessage().integer(1, 150).bytes(), std::string("\x08\x96\x01", 3));
  EXPECT_EQ(ProtobufMessage().text(2, "testing").bytes(), "\x12\x07testing");
  EXPECT_EQ(ProtobufMessage().message(3, ProtobufMessage().integer(1, 150)).bytes(), "\x1a\x03\x08\x96\x01");
  EXPECT_EQ(ProtobufMessage().number(1, 1.0f).bytes(), std::string("\x0d\0\0\x80\x3f", 5));
  EXPECT_EQ(ProtobufMessage().integer(1, -1).bytes(), "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

/// The records of a file, each checked.
std::vector<std::string> records_of(const std::string& file) {
  std::vector<std::string> records;
  for (size_t at = 0; at < file.size();) {
    uint64_t length = 0;
    std::memcpy(&length, file.data() + at, 8);
    if (at + 16 + length > file.size()) throw std::runtime_error("a record is cut off");
    records.push_back(file.substr(at + 12, length));
    EXPECT_EQ(file.substr(at, 16 + length), tf_record(records.back()));
    at += 16 + length;
  }
  return records;
}

std::string only_file_in(const std::filesystem::path& folder) {
  std::vector<FolderEntry> entries = list_folder(folder, ErrorKind::data);
  EXPECT_EQ(entries.size(), 1U);
  return read_file(entries.at(0).path);
}

Sequential small_model() {
  Sequential model = small_classifier();
  model.compile(Adam({.learning_rate = 0.25}), Loss::binary_crossentropy, {Metric::accuracy}, {.seed = 1});
  return model;
}

size_t count(const std::vector<std::string>& records, const std::string& text) {
  return static_cast<size_t>(std::count_if(records.begin(), records.end(), [&](const std::string& record) {
    return record.find(text) != std::string::npos;
  }));
}

TEST(TensorBoard, HasAnEpochsCurvesAndTheGraph) {
  TemporaryFolder folder;
  InMemoryDataset train = corner_pictures(32, 1), validation = corner_pictures(16, 2);
  Sequential model = small_model();
  TensorBoard board({.log_dir = (folder / "logs").string(), .histogram_freq = 2, .update_freq = 1});
  model.fit(train, {.epochs = 3,
                    .batch_size = 16,
                    .validation = &validation,
                    .callbacks = {&board},
                    .verbose = Verbose::none});
  std::vector<std::string> records = records_of(only_file_in(folder / "logs/train"));
  EXPECT_THAT(records[0], HasSubstr("brain.Event:2"));
  EXPECT_EQ(count(records, "epoch_loss"), 3U);
  EXPECT_EQ(count(records, "epoch_accuracy"), 3U);
  EXPECT_EQ(count(records, "epoch_learning_rate"), 3U);
  EXPECT_EQ(count(records, "batch_loss"), 6U);
  EXPECT_EQ(count(records, "histograms"), 2 * model.parameters().all().size());
  EXPECT_EQ(count(records, "_output_shapes"), 1U);
  std::vector<std::string> validated = records_of(only_file_in(folder / "logs/validation"));
  EXPECT_EQ(count(validated, "epoch_loss"), 3U);
  EXPECT_EQ(count(validated, "val_"), 0U);
}

TEST(TensorBoard, OfAResumedFitTheEarlierEpochsAreThereOnce) {
  TemporaryFolder folder;
  InMemoryDataset train = corner_pictures(32, 1);
  Sequential model = small_model();
  auto fit = [&](const char* logs, int64_t epochs) {
    TensorBoard board({.log_dir = (folder / logs).string(), .write_graph = false});
    model.fit(train, {.epochs = epochs, .callbacks = {&board}, .verbose = Verbose::none, .resume = true});
  };
  fit("one", 2);
  fit("two", 3);
  fit("one", 4);
  EXPECT_EQ(count(records_of(only_file_in(folder / "two/train")), "epoch_loss"), 3U);
  size_t all = 0;
  for (const FolderEntry& entry : list_folder(folder / "one/train", ErrorKind::data))
    all += count(records_of(read_file(entry.path)), "epoch_loss");
  EXPECT_EQ(all, 3U) << "two of the first fit, and the fourth";
}

TEST(TensorBoard, WhatCannotBeWrittenDoesNotEndTheTraining) {
  TemporaryFolder folder;
  write_file(folder / "logs", "a file");
  InMemoryDataset train = corner_pictures(32, 1);
  Sequential model = small_model();
  std::string warning;
  set_warning_handler([&](const std::string& text) { warning += text; });
  TensorBoard board({.log_dir = (folder / "logs").string()});
  History history = model.fit(train, {.epochs = 2, .callbacks = {&board}, .verbose = Verbose::none});
  set_warning_handler({});
  EXPECT_EQ(history.epochs().size(), 2U);
  EXPECT_THAT(warning, testing::AllOf(testing::StartsWith("TensorBoard: "), testing::EndsWith("without it")));
}

}  // namespace
}  // namespace manul
