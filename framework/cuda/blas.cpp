#include "manul/framework/cuda/blas.h"

#include <cublasLt.h>

#include <map>
#include <mutex>
#include <tuple>

#include "manul/framework/cuda/accesses.h"
#include "manul/framework/cuda/context.h"
#include "manul/framework/cuda/handle.h"
#include "manul/framework/cuda/library.h"
#include "manul/framework/error.h"

namespace manul::cuda {
namespace {

constexpr size_t most_workspace = size_t{32} << 20;

/// The functions of cuBLASLt that are used, loaded at the first product.
struct Functions {
  Library library{"cuBLAS", {MANUL_CUBLASLT_LIBRARY, fmt::format("libcublasLt.so.{}", CUBLAS_VER_MAJOR)}};
  decltype(cublasLtCreate)* create = library.function<decltype(cublasLtCreate)>("cublasLtCreate");
  decltype(cublasLtGetVersion)* version =
      library.function<decltype(cublasLtGetVersion)>("cublasLtGetVersion");
  decltype(cublasLtGetStatusString)* status_text =
      library.function<decltype(cublasLtGetStatusString)>("cublasLtGetStatusString");
  decltype(cublasLtMatmul)* matmul = library.function<decltype(cublasLtMatmul)>("cublasLtMatmul");
  decltype(cublasLtMatmulDescCreate)* create_description =
      library.function<decltype(cublasLtMatmulDescCreate)>("cublasLtMatmulDescCreate");
  decltype(cublasLtMatmulDescDestroy)* destroy_description =
      library.function<decltype(cublasLtMatmulDescDestroy)>("cublasLtMatmulDescDestroy");
  decltype(cublasLtMatmulDescSetAttribute)* describe =
      library.function<decltype(cublasLtMatmulDescSetAttribute)>("cublasLtMatmulDescSetAttribute");
  decltype(cublasLtMatrixLayoutCreate)* create_layout =
      library.function<decltype(cublasLtMatrixLayoutCreate)>("cublasLtMatrixLayoutCreate");
  decltype(cublasLtMatrixLayoutDestroy)* destroy_layout =
      library.function<decltype(cublasLtMatrixLayoutDestroy)>("cublasLtMatrixLayoutDestroy");
  decltype(cublasLtMatrixLayoutSetAttribute)* describe_layout =
      library.function<decltype(cublasLtMatrixLayoutSetAttribute)>("cublasLtMatrixLayoutSetAttribute");
  decltype(cublasLtMatmulPreferenceCreate)* create_preference =
      library.function<decltype(cublasLtMatmulPreferenceCreate)>("cublasLtMatmulPreferenceCreate");
  decltype(cublasLtMatmulPreferenceDestroy)* destroy_preference =
      library.function<decltype(cublasLtMatmulPreferenceDestroy)>("cublasLtMatmulPreferenceDestroy");
  decltype(cublasLtMatmulPreferenceSetAttribute)* prefer =
      library.function<decltype(cublasLtMatmulPreferenceSetAttribute)>(
          "cublasLtMatmulPreferenceSetAttribute");
  decltype(cublasLtMatmulAlgoGetHeuristic)* choose =
      library.function<decltype(cublasLtMatmulAlgoGetHeuristic)>("cublasLtMatmulAlgoGetHeuristic");
};

const Functions& lt() {
  static const Functions* instance = new Functions;
  return *instance;
}

void check_blas(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS)
    fail(ErrorKind::device, "cuda: cuBLAS failed at {}: {}", what, lt().status_text(status));
}

cublasLtHandle_t handle_of(int index) {
  static std::map<int, cublasLtHandle_t>* handles = new std::map<int, cublasLtHandle_t>;
  auto [place, is_new] = handles->try_emplace(index, nullptr);
  if (is_new) check_blas(lt().create(&place->second), "cublasLtCreate");
  return place->second;
}

struct Key {
  int device;
  BlasProduct product;
  bool tf32, adds;
  Epilogue epilogue;
  uint32_t alignment;

  auto tie() const {
    const BlasProduct& p = product;
    return std::tuple(device, p.count, p.rows, p.columns, p.inner, p.transpose_a, p.transpose_b, p.dtype, p.a,
                      p.b, p.y, tf32, adds, epilogue, alignment);
  }
  bool operator<(const Key& other) const { return tie() < other.tie(); }
};

using Layout = Handle<cublasLtMatrixLayout_t, cublasStatus_t>;

struct Plan {
  Handle<cublasLtMatmulDesc_t, cublasStatus_t> description;
  Layout first, second, result;
  cublasLtMatmulAlgo_t algorithm{};
  size_t workspace = 0;
  bool found = false;
};

/// Of matrices that are [rows, columns] to cuBLAS, where columns lie in one piece.
Layout layout(const BlasProduct& product, int64_t rows, int64_t columns, const BlasProduct::Steps& steps) {
  cublasLtMatrixLayout_t made = nullptr;
  check_blas(lt().create_layout(&made, product.dtype == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F, rows, columns,
                                steps.row),
             "cublasLtMatrixLayoutCreate");
  Layout result{made, lt().destroy_layout};
  auto describe = [&](cublasLtMatrixLayoutAttribute_t name, const auto& value) {
    check_blas(lt().describe_layout(made, name, &value, sizeof value), "cublasLtMatrixLayoutSetAttribute");
  };
  if (product.count > 1) {
    describe(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, static_cast<int32_t>(product.count));
    describe(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, steps.matrix);
  }
  return result;
}

template <class Value>
void set(const Handle<cublasLtMatmulDesc_t, cublasStatus_t>& description, cublasLtMatmulDescAttributes_t name,
         const Value& value) {
  check_blas(lt().describe(description.get(), name, &value, sizeof value), "cublasLtMatmulDescSetAttribute");
}

/// cuBLAS is column-major: it computes the transposed product bᵀ · aᵀ in the same memory, of which b comes
/// first.
void describe(Plan& plan, const Key& key) {
  const BlasProduct& p = key.product;
  cublasLtMatmulDesc_t made = nullptr;
  auto compute = key.tf32 && p.dtype != DType::bf16 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  check_blas(lt().create_description(&made, compute, CUDA_R_32F), "cublasLtMatmulDescCreate");
  plan.description = {made, lt().destroy_description};
  set(plan.description, CUBLASLT_MATMUL_DESC_TRANSA, p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(plan.description, CUBLASLT_MATMUL_DESC_TRANSB, p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
  if (key.epilogue != Epilogue::none)
    set(plan.description, CUBLASLT_MATMUL_DESC_EPILOGUE,
        key.epilogue == Epilogue::bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_RELU_BIAS);
  plan.first = p.transpose_b ? layout(p, p.inner, p.columns, p.b) : layout(p, p.columns, p.inner, p.b);
  plan.second = p.transpose_a ? layout(p, p.rows, p.inner, p.a) : layout(p, p.inner, p.rows, p.a);
  plan.result = layout(p, p.columns, p.rows, p.y);
}

/// The heuristic's first choice: it depends on the shapes alone, so that two runs give the same bits; timing
/// would not.
Plan make_plan(const Key& key) {
  Plan plan;
  describe(plan, key);
  cublasLtMatmulPreference_t made = nullptr;
  check_blas(lt().create_preference(&made), "cublasLtMatmulPreferenceCreate");
  Handle<cublasLtMatmulPreference_t, cublasStatus_t> preference(made, lt().destroy_preference);
  auto prefer = [&](cublasLtMatmulPreferenceAttributes_t name, const auto& value) {
    check_blas(lt().prefer(made, name, &value, sizeof value), "cublasLtMatmulPreferenceSetAttribute");
  };
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, most_workspace);
  prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
         static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, key.alignment);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, key.alignment);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, key.alignment);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, key.alignment);
  cublasLtMatmulHeuristicResult_t choice{};
  int choices = 0;
  cublasStatus_t status =
      lt().choose(handle_of(key.device), plan.description.get(), plan.first.get(), plan.second.get(),
                  plan.result.get(), plan.result.get(), made, 1, &choice, &choices);
  if (status != CUBLAS_STATUS_NOT_SUPPORTED) check_blas(status, "cublasLtMatmulAlgoGetHeuristic");
  plan.found = status == CUBLAS_STATUS_SUCCESS && choices > 0 && choice.state == CUBLAS_STATUS_SUCCESS;
  plan.algorithm = choice.algo;
  plan.workspace = choice.workspaceSize;
  return plan;
}

uint32_t common_alignment(DType dtype, std::initializer_list<const void*> pointers) {
  for (const void* pointer : pointers)
    if (reinterpret_cast<uintptr_t>(pointer) % 16 != 0) return static_cast<uint32_t>(size_of(dtype));
  return 16;
}

struct Epilog {
  Epilogue kind = Epilogue::none;
  const void *bias = nullptr, *addend = nullptr;
};

bool multiply(const BlasProduct& product, const Epilog& epilog, const void* a, const void* b, void* y,
              Device device) {
  static std::mutex mutex;
  static auto* plans = new std::map<Key, Plan>;
  Context& context = Context::use(device.index);
  const void* added = epilog.addend ? epilog.addend : y;
  Key key{context.index(), product,     tf32(),
          !!epilog.addend, epilog.kind, common_alignment(product.dtype, {a, b, y, added})};
  key.product.factor = 1;  // the plan is the same
  std::lock_guard lock(mutex);
  auto place = plans->find(key);
  if (place == plans->end()) place = plans->emplace(key, make_plan(key)).first;
  const Plan& plan = place->second;
  if (!plan.found) return false;
  if (epilog.kind != Epilogue::none) set(plan.description, CUBLASLT_MATMUL_DESC_BIAS_POINTER, epilog.bias);
  Tensor workspace;
  if (plan.workspace > 0)
    workspace = Tensor::empty({static_cast<int64_t>(plan.workspace)}, DType::u8, device);
  const float one = 1, zero = 0;
  check_blas(lt().matmul(handle_of(context.index()), plan.description.get(), &product.factor, b,
                         plan.first.get(), a, plan.second.get(), epilog.addend ? &one : &zero, added,
                         plan.result.get(), y, plan.result.get(), &plan.algorithm,
                         workspace.defined() ? workspace.raw() : nullptr, plan.workspace, context.stream()),
             "cublasLtMatmul");
  context.accesses().note_foreign_launch();
  return true;
}

BlasProduct::Steps dense_steps(const Tensor& x) {
  return {x.shape()[-2] * x.shape()[-1], x.shape()[-1]};
}

const void* address_or_null(const Tensor& x) {
  return x.defined() ? x.raw_data() : nullptr;
}

}  // namespace

bool blas_product(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b, Epilogue epilogue,
                  const Tensor& bias, const Tensor& y, const Tensor& addend) {
  const Shape& s = y.shape();
  BlasProduct product{s.rank() > 2 ? s[0] : 1,
                      s[-2],
                      s[-1],
                      a.shape()[transpose_a ? -2 : -1],
                      transpose_a,
                      transpose_b,
                      y.dtype(),
                      dense_steps(a),
                      dense_steps(b),
                      dense_steps(y)};
  return multiply(product, {epilogue, address_or_null(bias), address_or_null(addend)}, a.raw_data(),
                  b.raw_data(), y.raw(), y.device());
}

bool blas_product(const BlasProduct& product, const void* a, const void* b, void* y, Device device,
                  const void* bias) {
  return multiply(product, {bias ? Epilogue::bias : Epilogue::none, bias}, a, b, y, device);
}

std::string blas_version() {
  size_t version = lt().version();
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

}  // namespace manul::cuda
