#include "framework/cuda/blas.h"

#include <cublasLt.h>

#include <array>
#include <cmath>
#include <map>
#include <mutex>
#include <tuple>
#include <vector>

#include "framework/cuda/context.h"
#include "framework/cuda/handle.h"
#include "framework/cuda/library.h"
#include "framework/cuda/measure.h"
#include "framework/cuda/memory.h"
#include "framework/error.h"

namespace manul::cuda {
namespace {

constexpr size_t most_workspace = size_t{32} << 20;
constexpr size_t most_compared_bytes = size_t{1} << 30;  // of a result on which algorithms are compared

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
  int64_t rows, columns, inner;
  bool transpose_a, transpose_b, tf32;
  Epilogue epilogue;
  uint32_t alignment;
  bool operator<(const Key& other) const { return tie() < other.tie(); }

 private:
  std::tuple<int, int64_t, int64_t, int64_t, bool, bool, bool, Epilogue, uint32_t> tie() const {
    return {device, rows, columns, inner, transpose_a, transpose_b, tf32, epilogue, alignment};
  }
};

using Layout = Handle<cublasLtMatrixLayout_t, cublasStatus_t>;

/// A way to compute a product.
struct Choice {
  cublasLtMatmulAlgo_t algorithm{};
  size_t workspace = 0;
};

struct Plan {
  Handle<cublasLtMatmulDesc_t, cublasStatus_t> description;
  Layout first, second, result;
  std::vector<Choice> choices;  // the heuristic's order; empty if cuBLAS has none
  Choice choice;
  bool timed = false;
};

Layout layout(int64_t rows, int64_t columns) {
  cublasLtMatrixLayout_t made = nullptr;
  check_blas(lt().create_layout(&made, CUDA_R_32F, rows, columns, rows), "cublasLtMatrixLayoutCreate");
  return {made, lt().destroy_layout};
}

template <class Value>
void set(const Handle<cublasLtMatmulDesc_t, cublasStatus_t>& description, cublasLtMatmulDescAttributes_t name,
         const Value& value) {
  check_blas(lt().describe(description.get(), name, &value, sizeof value), "cublasLtMatmulDescSetAttribute");
}

/// cuBLAS is column-major: it computes the transposed product bᵀ · aᵀ in the same memory, of which b comes
/// first.
void describe(Plan& plan, const Key& key) {
  cublasLtMatmulDesc_t made = nullptr;
  auto compute = key.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  check_blas(lt().create_description(&made, compute, CUDA_R_32F), "cublasLtMatmulDescCreate");
  plan.description = {made, lt().destroy_description};
  set(plan.description, CUBLASLT_MATMUL_DESC_TRANSA, key.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(plan.description, CUBLASLT_MATMUL_DESC_TRANSB, key.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
  if (key.epilogue != Epilogue::none)
    set(plan.description, CUBLASLT_MATMUL_DESC_EPILOGUE,
        key.epilogue == Epilogue::bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_RELU_BIAS);
  plan.first = key.transpose_b ? layout(key.inner, key.columns) : layout(key.columns, key.inner);
  plan.second = key.transpose_a ? layout(key.rows, key.inner) : layout(key.inner, key.rows);
  plan.result = layout(key.columns, key.rows);
}

/// The heuristic's choices depend on the shapes alone.
std::vector<Choice> find_choices(const Key& key, const Plan& plan) {
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
  std::array<cublasLtMatmulHeuristicResult_t, 16> results{};
  int count = 0;
  cublasStatus_t status =
      lt().choose(handle_of(key.device), plan.description.get(), plan.first.get(), plan.second.get(),
                  plan.result.get(), plan.result.get(), made, results.size(), results.data(), &count);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) return {};
  check_blas(status, "cublasLtMatmulAlgoGetHeuristic");
  std::vector<Choice> choices;
  for (int i = 0; i < count; ++i)
    if (results[i].state == CUBLAS_STATUS_SUCCESS)
      choices.push_back({results[i].algo, results[i].workspaceSize});
  return choices;
}

cublasStatus_t multiply(const Plan& plan, const Choice& choice, const Tensor& a, const Tensor& b,
                        const Tensor& y) {
  const Context& context = Context::use(y.device().index);
  Tensor workspace;
  if (choice.workspace > 0)
    workspace = Tensor::empty({static_cast<int64_t>(choice.workspace)}, DType::u8, y.device());
  const float one = 1, zero = 0;
  return lt().matmul(handle_of(context.index()), plan.description.get(), &one, b.raw(), plan.first.get(),
                     a.raw(), plan.second.get(), &zero, y.raw(), plan.result.get(), y.raw(),
                     plan.result.get(), &choice.algorithm, workspace.defined() ? workspace.raw() : nullptr,
                     choice.workspace, context.stream());
}

/// The fastest of the choices that give the very bits of the first one. Timing differs from run to run; with
/// this rule results do not.
Choice fastest_equal_choice(const Plan& plan, const Tensor& a, const Tensor& b, const Tensor& y) {
  Tensor expected = Tensor::empty_like(y), result = Tensor::empty_like(y);
  check_blas(multiply(plan, plan.choices[0], a, b, expected), "cublasLtMatmul");
  Choice best = plan.choices[0];
  float best_time = INFINITY;
  for (const Choice& choice : plan.choices) {
    auto run = [&] { return multiply(plan, choice, a, b, result); };
    if (run() != CUBLAS_STATUS_SUCCESS || !same_bits(expected, result)) continue;
    float time = shortest_time(y.device().index, [&] { check_blas(run(), "cublasLtMatmul"); });
    if (time < best_time) {
      best_time = time;
      best = choice;
    }
  }
  return best;
}

Plan make_plan(const Key& key) {
  Plan plan;
  describe(plan, key);
  plan.choices = find_choices(key, plan);
  if (!plan.choices.empty()) plan.choice = plan.choices[0];
  return plan;
}

uint32_t common_alignment(std::initializer_list<const void*> pointers) {
  for (const void* pointer : pointers)
    if (reinterpret_cast<uintptr_t>(pointer) % 16 != 0) return 4;
  return 16;
}

}  // namespace

bool blas_product(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b, Epilogue epilogue,
                  const Tensor& bias, const Tensor& y) {
  static std::mutex mutex;
  static auto* plans = new std::map<Key, Plan>;
  Context& context = Context::use(y.device().index);
  Key key{context.index(),
          y.shape()[0],
          y.shape()[1],
          a.shape()[transpose_a ? 0 : 1],
          transpose_a,
          transpose_b,
          tf32(),
          epilogue,
          common_alignment({a.raw(), b.raw(), y.raw()})};
  std::lock_guard lock(mutex);
  auto place = plans->find(key);
  if (place == plans->end()) place = plans->emplace(key, make_plan(key)).first;
  Plan& plan = place->second;
  if (plan.choices.empty()) return false;
  if (epilogue != Epilogue::none) {
    const void* pointer = bias.raw();
    set(plan.description, CUBLASLT_MATMUL_DESC_BIAS_POINTER, pointer);
  }
  if (!plan.timed && !capturing() && y.bytes() <= most_compared_bytes) {
    plan.choice = fastest_equal_choice(plan, a, b, y);
    plan.timed = true;
  }
  check_blas(multiply(plan, plan.choice, a, b, y), "cublasLtMatmul");
  return true;
}

std::string blas_version() {
  size_t version = lt().version();
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

}  // namespace manul::cuda
