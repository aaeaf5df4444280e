#include "manul/framework/distributed/texts.h"

#include <cstring>

#include "manul/framework/distributed/communicator.h"
#include "manul/framework/error.h"

namespace manul {

void share_texts(std::vector<std::string>& texts) {
  const Communicator& all = processes();
  if (all.is_alone() || texts.empty()) return;
  // Bytes travel as whole numbers, of which all processes but one have 0.
  constexpr int64_t word = sizeof(int32_t);
  std::vector<int64_t> lengths;
  lengths.reserve(texts.size());
  for (const std::string& text : texts) lengths.push_back(static_cast<int64_t>(text.size()));
  all.max(lengths);
  int64_t words = 0;
  for (int64_t length : lengths) words += (length + word - 1) / word;
  if (words == 0) return;
  Tensor sums = Tensor::zeros({words}, DType::i32);
  auto* at = sums.mutable_data<int32_t>();
  for (size_t i = 0; i < texts.size(); at += (lengths[i++] + word - 1) / word)
    std::memcpy(at, texts[i].data(), texts[i].size());
  all.sum(sums);
  at = sums.mutable_data<int32_t>();
  for (size_t i = 0; i < texts.size(); at += (lengths[i++] + word - 1) / word)
    texts[i].assign(reinterpret_cast<const char*>(at), static_cast<size_t>(lengths[i]));
}

}  // namespace manul
