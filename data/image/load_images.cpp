#include "manul/data/image/load_images.h"

#include "manul/data/image/image_io.h"
#include "manul/data/image/pixels.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/framework/error.h"

namespace manul {

Tensor load_images(const std::vector<std::filesystem::path>& files, const ImageOptions& options) {
  if (files.empty()) fail(ErrorKind::data, "load_images: there are no files");
  Image first = load_image(files[0], options);
  Shape sample{first.height, first.width, first.channels};
  Tensor pictures = Tensor::empty(sample.batch_of(static_cast<int64_t>(files.size())), DType::u8);
  auto* to = pictures.mutable_data<uint8_t>();
  write_bytes_of(first, to, sample, files[0].string());
  cpu::parallel_for(static_cast<int64_t>(files.size()) - 1, 1, [&](int64_t begin, int64_t) {
    const std::filesystem::path& file = files[static_cast<size_t>(begin + 1)];
    Image image = load_image(file, options);
    if (image.height != first.height || image.width != first.width || image.channels != first.channels)
      fail(ErrorKind::data,
           "{}: it is {}x{} pixels with {} channels, but {} is {}x{} with {}: give a height and a width",
           file.string(), image.height, image.width, image.channels, files[0].string(), first.height,
           first.width, first.channels);
    write_bytes_of(image, to + (begin + 1) * sample.elements(), sample, file.string());
  });
  return pictures;
}

}  // namespace manul
