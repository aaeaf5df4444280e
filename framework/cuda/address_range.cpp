#include "manul/framework/cuda/address_range.h"

#include <cuda.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <atomic>
#include <bit>

#include "manul/framework/cuda/context.h"

namespace manul::cuda {
namespace {

/// The functions of the driver, which the runtime has loaded already.
struct Functions {
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  bool complete = library != nullptr;
  decltype(cuDeviceGetAttribute)* attribute = load<decltype(cuDeviceGetAttribute)>("cuDeviceGetAttribute");
  decltype(cuMemGetAllocationGranularity)* granularity =
      load<decltype(cuMemGetAllocationGranularity)>("cuMemGetAllocationGranularity");
  decltype(cuMemAddressReserve)* reserve = load<decltype(cuMemAddressReserve)>("cuMemAddressReserve");
  decltype(cuMemAddressFree)* free = load<decltype(cuMemAddressFree)>("cuMemAddressFree");
  decltype(cuMemCreate)* create = load<decltype(cuMemCreate)>("cuMemCreate");
  decltype(cuMemRelease)* release = load<decltype(cuMemRelease)>("cuMemRelease");
  decltype(cuMemMap)* map = load<decltype(cuMemMap)>("cuMemMap");
  decltype(cuMemUnmap)* unmap = load<decltype(cuMemUnmap)>("cuMemUnmap");
  decltype(cuMemSetAccess)* allow = load<decltype(cuMemSetAccess)>("cuMemSetAccess");

  template <class Function>
  Function* load(const char* name) {
    void* address = library ? dlsym(library, name) : nullptr;
    complete &= address != nullptr;
    return reinterpret_cast<Function*>(address);
  }
};

const Functions& driver() {
  static const Functions* instance = new Functions;
  return *instance;
}

CUmemAllocationProp memory_of(int index) {
  CUmemAllocationProp properties{};
  properties.type = CU_MEM_ALLOCATION_TYPE_PINNED;
  properties.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  properties.location.id = index;
  return properties;
}

CUdeviceptr address(const std::byte* data) {
  return reinterpret_cast<CUdeviceptr>(data);
}

std::atomic<bool> is_refused = false;

/// Whether there is such a thing, and its pages may have that size.
bool is_possible(int index, size_t page_bytes) {
  if (is_refused || !driver().complete) return false;
  int supported = 0;
  size_t unit = 0;
  CUmemAllocationProp properties = memory_of(index);
  return driver().attribute(&supported, CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED, index) ==
             CUDA_SUCCESS &&
         supported != 0 &&
         driver().granularity(&unit, &properties, CU_MEM_ALLOC_GRANULARITY_MINIMUM) == CUDA_SUCCESS &&
         unit > 0 && page_bytes % unit == 0;
}

}  // namespace

AddressRange::AddressRange(const Context& context, std::byte* data, size_t pages, size_t page_bytes)
    : index_(context.index()),
      stream_(context.stream()),
      data_(data),
      page_bytes_(page_bytes),
      has_memory_(pages) {}

std::unique_ptr<AddressRange> AddressRange::reserve(int index, size_t page_bytes) {
  Context& context = Context::use(index);
  size_t pages = 2 * context.memory_bytes() / page_bytes + 1;
  CUdeviceptr data = 0;
  if (!is_possible(index, page_bytes) || driver().reserve(&data, pages * page_bytes, 0, 0, 0) != CUDA_SUCCESS)
    return nullptr;
  return std::unique_ptr<AddressRange>(
      new AddressRange(context, std::bit_cast<std::byte*>(data), pages, page_bytes));
}

void AddressRange::refuse_more() {
  is_refused = true;
}

AddressRange::~AddressRange() {
  wait();
  unmap_pages(0, has_memory_.size());
  driver().free(address(data_), bytes());
}

bool AddressRange::map_page(size_t page) {
  CUmemGenericAllocationHandle memory = 0;
  CUmemAllocationProp properties = memory_of(index_);
  if (driver().create(&memory, page_bytes_, &properties, 0) != CUDA_SUCCESS) return false;
  CUresult status = driver().map(address(data_ + page * page_bytes_), page_bytes_, 0, memory, 0);
  driver().release(memory);  // what is mapped stays until it is unmapped
  if (status != CUDA_SUCCESS) return false;
  has_memory_[page] = true;
  mapped_ += page_bytes_;
  return true;
}

bool AddressRange::map(const std::byte* from, size_t bytes) {
  auto first = static_cast<size_t>(from - data_);
  size_t end = (first + bytes + page_bytes_ - 1) / page_bytes_;
  for (size_t page = first / page_bytes_; page < end; ++page) {
    size_t begin = page;
    bool is_left = true;
    while (is_left && page < end && !has_memory_[page])
      if (is_left = map_page(page); is_left) ++page;
    if (page > begin && is_left) is_left = allow_access(begin, page);
    if (is_left) continue;
    unmap_pages(begin, page);
    return false;
  }
  return true;
}

bool AddressRange::allow_access(size_t begin, size_t end) {
  CUmemAccessDesc access{{CU_MEM_LOCATION_TYPE_DEVICE, index_}, CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
  std::byte* data = data_ + begin * page_bytes_;
  return driver().allow(address(data), (end - begin) * page_bytes_, &access, 1) == CUDA_SUCCESS;
}

void AddressRange::unmap(const std::byte* from, size_t bytes) {
  auto first = static_cast<size_t>(from - data_);
  wait();
  unmap_pages((first + page_bytes_ - 1) / page_bytes_, (first + bytes) / page_bytes_);
}

void AddressRange::wait() const {
  if (cudaStreamSynchronize(stream_) != cudaSuccess) cudaGetLastError();
}

void AddressRange::unmap_pages(size_t begin, size_t end) {
  for (size_t page = begin; page < end; ++page) {
    if (!has_memory_[page]) continue;
    driver().unmap(address(data_ + page * page_bytes_), page_bytes_);
    has_memory_[page] = false;
    mapped_ -= page_bytes_;
  }
}

}  // namespace manul::cuda
