#include "manul/framework/cuda/dnn.h"

#include <cudnn.h>

#include <map>
#include <mutex>
#include <vector>

#include "manul/framework/cuda/accesses.h"
#include "manul/framework/cuda/context.h"
#include "manul/framework/cuda/handle.h"
#include "manul/framework/cuda/library.h"
#include "manul/framework/error.h"

// The convolution functions that cuDNN 9 marks as superseded by its graph interface: they choose among the
// same engines.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace manul::cuda {
namespace {

/// Large pictures want nearly a gibibyte; a small GPU needs its memory for other things.
size_t most_workspace(const Context& context) {
  return std::min(size_t{1} << 30, context.memory_bytes() / 16);
}

template <class Function>
Function* load(const Library& library, const char* name) {
  return library.function<Function>(name);
}

/// The functions of cuDNN that are used, loaded at the first convolution.
struct Functions {
  Library library{"cuDNN", {MANUL_CUDNN_LIBRARY, "libcudnn.so.9"}};
  decltype(cudnnCreate)* create = load<decltype(cudnnCreate)>(library, "cudnnCreate");
  decltype(cudnnGetVersion)* version = load<decltype(cudnnGetVersion)>(library, "cudnnGetVersion");
  decltype(cudnnGetErrorString)* error_text =
      load<decltype(cudnnGetErrorString)>(library, "cudnnGetErrorString");
  decltype(cudnnSetStream)* set_stream = load<decltype(cudnnSetStream)>(library, "cudnnSetStream");
  decltype(cudnnCreateTensorDescriptor)* create_tensor =
      load<decltype(cudnnCreateTensorDescriptor)>(library, "cudnnCreateTensorDescriptor");
  decltype(cudnnDestroyTensorDescriptor)* destroy_tensor =
      load<decltype(cudnnDestroyTensorDescriptor)>(library, "cudnnDestroyTensorDescriptor");
  decltype(cudnnSetTensor4dDescriptor)* set_tensor =
      load<decltype(cudnnSetTensor4dDescriptor)>(library, "cudnnSetTensor4dDescriptor");
  decltype(cudnnCreateFilterDescriptor)* create_filter =
      load<decltype(cudnnCreateFilterDescriptor)>(library, "cudnnCreateFilterDescriptor");
  decltype(cudnnDestroyFilterDescriptor)* destroy_filter =
      load<decltype(cudnnDestroyFilterDescriptor)>(library, "cudnnDestroyFilterDescriptor");
  decltype(cudnnSetFilter4dDescriptor)* set_filter =
      load<decltype(cudnnSetFilter4dDescriptor)>(library, "cudnnSetFilter4dDescriptor");
  decltype(cudnnCreateConvolutionDescriptor)* create_convolution =
      load<decltype(cudnnCreateConvolutionDescriptor)>(library, "cudnnCreateConvolutionDescriptor");
  decltype(cudnnDestroyConvolutionDescriptor)* destroy_convolution =
      load<decltype(cudnnDestroyConvolutionDescriptor)>(library, "cudnnDestroyConvolutionDescriptor");
  decltype(cudnnSetConvolution2dDescriptor)* set_convolution =
      load<decltype(cudnnSetConvolution2dDescriptor)>(library, "cudnnSetConvolution2dDescriptor");
  decltype(cudnnSetConvolutionGroupCount)* set_groups =
      load<decltype(cudnnSetConvolutionGroupCount)>(library, "cudnnSetConvolutionGroupCount");
  decltype(cudnnSetConvolutionMathType)* set_math =
      load<decltype(cudnnSetConvolutionMathType)>(library, "cudnnSetConvolutionMathType");
  decltype(cudnnGetConvolutionForwardAlgorithm_v7)* choose_forward =
      load<decltype(cudnnGetConvolutionForwardAlgorithm_v7)>(library,
                                                             "cudnnGetConvolutionForwardAlgorithm_v7");
  decltype(cudnnGetConvolutionBackwardDataAlgorithm_v7)* choose_backward_input =
      load<decltype(cudnnGetConvolutionBackwardDataAlgorithm_v7)>(
          library, "cudnnGetConvolutionBackwardDataAlgorithm_v7");
  decltype(cudnnGetConvolutionBackwardFilterAlgorithm_v7)* choose_backward_kernel =
      load<decltype(cudnnGetConvolutionBackwardFilterAlgorithm_v7)>(
          library, "cudnnGetConvolutionBackwardFilterAlgorithm_v7");
  decltype(cudnnConvolutionForward)* forward =
      load<decltype(cudnnConvolutionForward)>(library, "cudnnConvolutionForward");
  decltype(cudnnCreateActivationDescriptor)* create_activation =
      load<decltype(cudnnCreateActivationDescriptor)>(library, "cudnnCreateActivationDescriptor");
  decltype(cudnnDestroyActivationDescriptor)* destroy_activation =
      load<decltype(cudnnDestroyActivationDescriptor)>(library, "cudnnDestroyActivationDescriptor");
  decltype(cudnnSetActivationDescriptor)* set_activation =
      load<decltype(cudnnSetActivationDescriptor)>(library, "cudnnSetActivationDescriptor");
  decltype(cudnnConvolutionBiasActivationForward)* forward_with_bias =
      load<decltype(cudnnConvolutionBiasActivationForward)>(library, "cudnnConvolutionBiasActivationForward");
  decltype(cudnnConvolutionBackwardData)* backward_input =
      load<decltype(cudnnConvolutionBackwardData)>(library, "cudnnConvolutionBackwardData");
  decltype(cudnnConvolutionBackwardFilter)* backward_kernel =
      load<decltype(cudnnConvolutionBackwardFilter)>(library, "cudnnConvolutionBackwardFilter");
};

const Functions& dnn() {
  static const Functions* instance = new Functions;
  return *instance;
}

void check_dnn(cudnnStatus_t status, const char* what) {
  if (status != CUDNN_STATUS_SUCCESS)
    fail(ErrorKind::device, "cuda: cuDNN failed at {}: {}", what, dnn().error_text(status));
}

cudnnHandle_t handle_of(Context& context) {
  static auto* handles = new std::map<int, cudnnHandle_t>;
  auto [place, is_new] = handles->try_emplace(context.index(), nullptr);
  if (is_new) {
    check_dnn(dnn().create(&place->second), "cudnnCreate");
    check_dnn(dnn().set_stream(place->second, context.stream()), "cudnnSetStream");
  }
  return place->second;
}

enum class Direction : int { forward, forward_with_bias, backward_input, backward_kernel };

/// What forward_with_bias() does besides.
struct Tail {
  bool adds = false, relu = false;
};

/// Everything that a plan depends on, as plain numbers.
using Key = std::array<int64_t, 22>;

Key key_of(Direction direction, const Tail& tail, const ConvolutionShape& s, int device) {
  return {static_cast<int64_t>(direction),
          tail.adds,
          tail.relu,
          device,
          tf32(),
          s.batch,
          s.channels,
          s.filters,
          s.input[0],
          s.input[1],
          s.output[0],
          s.output[1],
          s.size[0],
          s.size[1],
          s.strides[0],
          s.strides[1],
          s.dilation[0],
          s.dilation[1],
          s.padding[0],
          s.padding[1],
          s.groups,
          static_cast<int64_t>(s.dtype)};
}

cudnnDataType_t type_of(DType dtype) {
  return dtype == DType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

/// What the products may be made of. The sums of all are f32.
cudnnMathType_t math_of(DType dtype) {
  if (dtype == DType::bf16) return CUDNN_TENSOR_OP_MATH;
  return tf32() ? CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION : CUDNN_FMA_MATH;
}

struct Plan {
  Handle<cudnnTensorDescriptor_t, cudnnStatus_t> input, output, bias;
  Handle<cudnnActivationDescriptor_t, cudnnStatus_t> activation;
  Handle<cudnnFilterDescriptor_t, cudnnStatus_t> kernel;
  Handle<cudnnConvolutionDescriptor_t, cudnnStatus_t> convolution;
  int algorithm = 0;
  size_t workspace = 0;
  bool found = false;
};

Handle<cudnnTensorDescriptor_t, cudnnStatus_t> image(int64_t batch, const std::array<int64_t, 2>& size,
                                                     int64_t channels, DType dtype) {
  cudnnTensorDescriptor_t made = nullptr;
  check_dnn(dnn().create_tensor(&made), "cudnnCreateTensorDescriptor");
  Handle<cudnnTensorDescriptor_t, cudnnStatus_t> handle(made, dnn().destroy_tensor);
  check_dnn(dnn().set_tensor(made, CUDNN_TENSOR_NHWC, type_of(dtype), batch, channels, size[0], size[1]),
            "cudnnSetTensor4dDescriptor");
  return handle;
}

void describe(Plan& plan, const ConvolutionShape& s, cudnnMathType_t math) {
  plan.input = image(s.batch, s.input, s.channels, s.dtype);
  plan.output = image(s.batch, s.output, s.filters, s.dtype);
  cudnnFilterDescriptor_t filter = nullptr;
  check_dnn(dnn().create_filter(&filter), "cudnnCreateFilterDescriptor");
  plan.kernel = {filter, dnn().destroy_filter};
  check_dnn(dnn().set_filter(filter, type_of(s.dtype), CUDNN_TENSOR_NHWC, s.filters, s.channels / s.groups,
                             s.size[0], s.size[1]),
            "cudnnSetFilter4dDescriptor");
  cudnnConvolutionDescriptor_t convolution = nullptr;
  check_dnn(dnn().create_convolution(&convolution), "cudnnCreateConvolutionDescriptor");
  plan.convolution = {convolution, dnn().destroy_convolution};
  check_dnn(dnn().set_convolution(convolution, s.padding[0], s.padding[1], s.strides[0], s.strides[1],
                                  s.dilation[0], s.dilation[1], CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
            "cudnnSetConvolution2dDescriptor");
  check_dnn(dnn().set_groups(convolution, static_cast<int>(s.groups)), "cudnnSetConvolutionGroupCount");
  check_dnn(dnn().set_math(convolution, math), "cudnnSetConvolutionMathType");
}

/// What a bias is added with: relu, or no activation, which cuDNN does behind one of its algorithms alone.
void describe_bias(Plan& plan, int64_t filters, DType dtype, bool relu) {
  plan.found &= relu || plan.algorithm == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
  plan.bias = image(1, {1, 1}, filters, dtype);
  cudnnActivationDescriptor_t activation = nullptr;
  check_dnn(dnn().create_activation(&activation), "cudnnCreateActivationDescriptor");
  plan.activation = {activation, dnn().destroy_activation};
  check_dnn(dnn().set_activation(activation, relu ? CUDNN_ACTIVATION_RELU : CUDNN_ACTIVATION_IDENTITY,
                                 CUDNN_PROPAGATE_NAN, 0),
            "cudnnSetActivationDescriptor");
}

/// Takes the first of the heuristic's choices that works, is deterministic and keeps to the precision asked
/// for. They depend on the shapes alone, so that two runs give the same bits; timing would not.
template <class Choice>
void take_first(Plan& plan, const std::vector<Choice>& choices, int count, cudnnMathType_t math,
                size_t most) {
  for (int i = 0; i < count && !plan.found; ++i) {
    const Choice& choice = choices[i];
    if (choice.status != CUDNN_STATUS_SUCCESS || choice.determinism != CUDNN_DETERMINISTIC) continue;
    if (choice.memory > most) continue;
    // For true f32 the description keeps to CUDNN_FMA_MATH, whatever the choice would allow itself.
    if (math == CUDNN_FMA_MATH && choice.mathType != CUDNN_FMA_MATH && choice.mathType != CUDNN_DEFAULT_MATH)
      continue;
    if (math != CUDNN_FMA_MATH)
      check_dnn(dnn().set_math(plan.convolution.get(), choice.mathType), "cudnnSetConvolutionMathType");
    plan.algorithm = static_cast<int>(choice.algo);
    plan.workspace = choice.memory;
    plan.found = true;
  }
}

template <class Choice, class Choose>
void choose(Plan& plan, cudnnMathType_t math, size_t most, const Choose& ask) {
  std::vector<Choice> choices(16);
  int count = 0;
  if (ask(static_cast<int>(choices.size()), &count, choices.data()) == CUDNN_STATUS_SUCCESS)
    take_first(plan, choices, count, math, most);
}

Plan make_plan(Direction direction, const Tail& tail, const ConvolutionShape& shape, cudnnHandle_t handle,
               const Context& context) {
  size_t most = most_workspace(context);
  cudnnMathType_t math = math_of(shape.dtype);
  Plan plan;
  describe(plan, shape, math);
  auto x = plan.input.get(), y = plan.output.get();
  auto kernel = plan.kernel.get();
  auto convolution = plan.convolution.get();
  switch (direction) {
    case Direction::forward:
    case Direction::forward_with_bias:
      choose<cudnnConvolutionFwdAlgoPerf_t>(plan, math, most, [&](int wanted, int* count, auto* choices) {
        return dnn().choose_forward(handle, x, kernel, convolution, y, wanted, count, choices);
      });
      if (direction == Direction::forward_with_bias)
        describe_bias(plan, shape.filters, shape.dtype, tail.relu);
      break;
    case Direction::backward_input:
      choose<cudnnConvolutionBwdDataAlgoPerf_t>(plan, math, most, [&](int wanted, int* count, auto* choices) {
        return dnn().choose_backward_input(handle, kernel, y, convolution, x, wanted, count, choices);
      });
      break;
    case Direction::backward_kernel:
      choose<cudnnConvolutionBwdFilterAlgoPerf_t>(
          plan, math, most, [&](int wanted, int* count, auto* choices) {
            return dnn().choose_backward_kernel(handle, x, y, convolution, kernel, wanted, count, choices);
          });
      break;
  }
  return plan;
}

/// Each thousand has a code for each reason. cuDNN calls a mixture of dtypes that it has not a bad parameter.
bool is_unsupported(cudnnStatus_t status, DType dtype) {
  return status / 1000 == CUDNN_STATUS_NOT_SUPPORTED / 1000 ||
         (dtype == DType::bf16 && status / 1000 == CUDNN_STATUS_BAD_PARAM / 1000);
}

/// Calls run(handle, plan, workspace) if there is an algorithm for the shape.
template <class Run>
bool with_plan(Direction direction, const char* what, const ConvolutionShape& shape, Device device,
               const Run& run, const Tail& tail = {}) {
  static std::mutex mutex;
  static auto* plans = new std::map<Key, Plan>;
  Context& context = Context::use(device.index);
  std::lock_guard lock(mutex);
  cudnnHandle_t handle = handle_of(context);
  Key key = key_of(direction, tail, shape, device.index);
  auto place = plans->find(key);
  if (place == plans->end())
    place = plans->emplace(key, make_plan(direction, tail, shape, handle, context)).first;
  Plan& plan = place->second;
  if (!plan.found) return false;
  Tensor workspace;
  if (plan.workspace > 0)
    workspace = Tensor::empty({static_cast<int64_t>(plan.workspace)}, DType::u8, device);
  cudnnStatus_t status = run(handle, plan, workspace.defined() ? workspace.raw() : nullptr);
  if (is_unsupported(status, shape.dtype))
    plan.found = false;
  else
    check_dnn(status, what);
  context.accesses().note_foreign_launch();
  return plan.found;
}

constexpr float one = 1, zero = 0;

/// dx = dx of dy + `keep` * dx.
bool backward_input(const ConvolutionShape& shape, const Tensor& dy, const Tensor& kernel, const float& keep,
                    const Tensor& dx) {
  return with_plan(Direction::backward_input, "cudnnConvolutionBackwardData", shape, dy.device(),
                   [&](cudnnHandle_t handle, const Plan& plan, void* workspace) {
                     return dnn().backward_input(
                         handle, &one, plan.kernel.get(), kernel.raw_data(), plan.output.get(), dy.raw_data(),
                         plan.convolution.get(), static_cast<cudnnConvolutionBwdDataAlgo_t>(plan.algorithm),
                         workspace, plan.workspace, &keep, plan.input.get(), dx.raw());
                   });
}

}  // namespace

bool dnn_forward(const ConvolutionShape& shape, const Tensor& x, const Tensor& kernel, const Tensor& y) {
  return with_plan(Direction::forward, "cudnnConvolutionForward", shape, x.device(),
                   [&](cudnnHandle_t handle, const Plan& plan, void* workspace) {
                     return dnn().forward(handle, &one, plan.input.get(), x.raw_data(), plan.kernel.get(),
                                          kernel.raw_data(), plan.convolution.get(),
                                          static_cast<cudnnConvolutionFwdAlgo_t>(plan.algorithm), workspace,
                                          plan.workspace, &zero, plan.output.get(), y.raw());
                   });
}

bool dnn_forward_with_bias(const ConvolutionShape& shape, const Tensor& x, const Tensor& kernel,
                           const Tensor& bias, const Tensor& y, const Tensor& addend, bool relu) {
  const void* added = addend.defined() ? addend.raw_data() : y.raw_data();
  return with_plan(Direction::forward_with_bias, "cudnnConvolutionBiasActivationForward", shape, x.device(),
                   [&](cudnnHandle_t handle, const Plan& plan, void* workspace) {
                     return dnn().forward_with_bias(
                         handle, &one, plan.input.get(), x.raw_data(), plan.kernel.get(), kernel.raw_data(),
                         plan.convolution.get(), static_cast<cudnnConvolutionFwdAlgo_t>(plan.algorithm),
                         workspace, plan.workspace, addend.defined() ? &one : &zero, plan.output.get(), added,
                         plan.bias.get(), bias.raw_data(), plan.activation.get(), plan.output.get(), y.raw());
                   },
                   {addend.defined(), relu});
}

bool dnn_backward_input(const ConvolutionShape& shape, const Tensor& dy, const Tensor& kernel,
                        const Tensor& dx) {
  return backward_input(shape, dy, kernel, zero, dx);
}

bool dnn_add_backward_input(const ConvolutionShape& shape, const Tensor& dy, const Tensor& kernel,
                            const Tensor& dx) {
  return backward_input(shape, dy, kernel, one, dx);
}

bool dnn_backward_kernel(const ConvolutionShape& shape, const Tensor& x, const Tensor& dy,
                         const Tensor& dkernel) {
  return with_plan(Direction::backward_kernel, "cudnnConvolutionBackwardFilter", shape, dy.device(),
                   [&](cudnnHandle_t handle, const Plan& plan, void* workspace) {
                     return dnn().backward_kernel(
                         handle, &one, plan.input.get(), x.raw_data(), plan.output.get(), dy.raw_data(),
                         plan.convolution.get(), static_cast<cudnnConvolutionBwdFilterAlgo_t>(plan.algorithm),
                         workspace, plan.workspace, &zero, plan.kernel.get(), dkernel.raw());
                   });
}

std::string dnn_version() {
  size_t version = dnn().version();
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

}  // namespace manul::cuda
