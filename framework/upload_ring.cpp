#include "manul/framework/upload_ring.h"

#include "manul/framework/error.h"
#ifdef MANUL_WITH_CUDA
#include "manul/framework/cuda/staging.h"
#endif

namespace manul {

#ifdef MANUL_WITH_CUDA
struct UploadRing::Staging : cuda::Staging {
  using cuda::Staging::Staging;
};
#else
struct UploadRing::Staging {};
#endif

UploadRing::UploadRing(const Tensor& target)
    : target_(target),
      row_bytes_(target.shape().sample().elements()),
      host_(static_cast<uint8_t*>(target.raw())) {
  check(target.dtype() == DType::u8 && rows() > 0, "upload ring: takes bytes, one row or more");
#ifdef MANUL_WITH_CUDA
  if (target.device().is_cpu()) return;
  staging_ = std::make_unique<Staging>(target.bytes(), target.device().index);
  host_ = staging_->host();
#endif
}

UploadRing::~UploadRing() = default;

void UploadRing::restart() {
#ifdef MANUL_WITH_CUDA
  if (staging_) staging_->finish();
#endif
}

int64_t UploadRing::reclaim(int64_t used, [[maybe_unused]] int64_t wanted) {
#ifdef MANUL_WITH_CUDA
  if (staging_) return staging_->wait_until_copied(wanted);
#endif
  return used;
}

void UploadRing::upload(int64_t first, int64_t end) {
  check(end - first <= rows(), "upload ring: {} rows are more than its {}", end - first, rows());
#ifdef MANUL_WITH_CUDA
  if (!staging_ || first == end) return;
  staging_->begin(first, end - rows());
  for (int64_t k = first; k < end;) {  // in two pieces where the ring closes
    int64_t place = k % rows(), count = std::min(end - k, rows() - place);
    staging_->copy(target_.mutable_data<uint8_t>() + place * row_bytes_, host_row(k), count * row_bytes_);
    k += count;
  }
  staging_->end(end);
#endif
}

}  // namespace manul
