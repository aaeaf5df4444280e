#include "manul/data/datasets/picture_file.h"

#include "manul/data/datasets/spool_file.h"
#include "manul/data/image/image_io.h"

namespace manul {
namespace {

template <class File>
Image decode_member(const File& file, const PictureFile& picture, const ImageOptions& options) {
  std::vector<uint8_t> bytes(static_cast<size_t>(picture.bytes));
  bytes.resize(static_cast<size_t>(file.read(picture.offset, bytes.data(), picture.bytes)));
  return decode_image(bytes, picture.path.string(), options);
}

}  // namespace

FileStamp PictureFile::stamp() const {
  return shard ? shard->stamp : InputFile(path, ErrorKind::data).stamp();
}

LoadedPicture load_picture(const PictureFile& picture, const ImageOptions& options) {
  if (picture.shard && picture.shard->unpacked)
    return {decode_member(*picture.shard->unpacked, picture, options), picture.shard->stamp};
  InputFile file(picture.file(), ErrorKind::data);
  if (!picture.shard) return {load_image(file, options), file.stamp()};
  // Where its members are is not known any more.
  if (file.stamp() != picture.shard->stamp) file.refuse("the file has changed since the data was read");
  return {decode_member(file, picture, options), file.stamp()};
}

Image load_image(const PictureFile& file, const ImageOptions& options) {
  return load_picture(file, options).image;
}

}  // namespace manul
