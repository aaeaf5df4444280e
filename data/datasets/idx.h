#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "manul/data/datasets/labelled_images.h"

namespace manul {

/// Reads an IDX file (Yann LeCun's format of MNIST: a type, the lengths of the axes, the elements,
/// big-endian), plain or compressed by gzip. Bytes become u8; i32, f32 and f64 stay what they are. Throws
/// ErrorKind::data with a sentence that begins with the file's name if it is damaged, of another type, or
/// says that it has more elements than its bytes can hold.
Tensor read_idx(const std::filesystem::path& file);

/// The same from memory; `name` stands for the file in errors.
Tensor decode_idx(std::span<const uint8_t> bytes, std::string_view name);

/// MNIST and its kin (Fashion-MNIST, KMNIST), of the files train-images-idx3-ubyte, train-labels-idx1-ubyte,
/// t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte in `folder`, each with or without ".gz": images u8
/// [N, height, width, 1]. Debian's package dataset-fashion-mnist puts such files into
/// /usr/share/datasets/fashion-mnist.
LabelledImages read_mnist(const std::filesystem::path& folder, DataPart part);

/// Fashion-MNIST (Xiao et al. 2017) with the names of its ten classes: 60000 and 10000 grey pictures of 28x28
/// pixels, from where Debian's package dataset-fashion-mnist puts it unless another folder is given. Throws
/// ErrorKind::data with a sentence that says how to get it if it is not there.
LabelledImages read_fashion_mnist(DataPart part,
                                  const std::filesystem::path& folder = "/usr/share/datasets/fashion-mnist");

}  // namespace manul
