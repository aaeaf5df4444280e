#include "manul/framework/config/not_supported.h"

#include "manul/framework/config/object_table.h"

namespace manul {

const std::vector<NotSupported>& not_supported() {
  static const std::vector<NotSupported> all{
      {"layers",
       {"LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "TimeDistributed", "ConvLSTM1D", "ConvLSTM2D",
        "ConvLSTM3D", "StackedRNNCells", "LSTMCell", "GRUCell", "SimpleRNNCell", "CuDNNLSTM", "CuDNNGRU"},
       "recurrent networks are not"},
      {"layers",
       {"Lambda", "SlicingOpLambda", "TFOpLambda"},
       "they are code of a Python program: write a layer of your own and register it under this name"},
      {"layers",
       {"FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"},
       "they are code of another framework: write a layer of your own and register it under this name"},
      {"layers",
       {"Conv3D", "Conv3DTranspose", "AveragePooling3D", "MaxPooling3D", "GlobalAveragePooling3D",
        "GlobalMaxPooling3D", "AdaptiveAveragePooling3D", "AdaptiveMaxPooling3D", "Cropping3D",
        "SpatialDropout3D", "UpSampling3D", "ZeroPadding3D"},
       "volumes are not: a sample has at most two axes and its channels"},
      {"layers",
       {"AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveMaxPooling1D",
        "AdaptiveMaxPooling2D"},
       "the size of a model's input is known: a pooling of that size divided by the output's does where it "
       "is a multiple"},
      {"layers",
       {"AdditiveAttention", "Attention", "GroupQueryAttention"},
       "MultiHeadAttention is the attention that is here"},
      {"layers",
       {"AugMix",
        "AutoContrast",
        "ContrastLimitedAdaptiveHistogramEqualization",
        "CutMix",
        "Equalization",
        "MaxNumBoundingBoxes",
        "MixUp",
        "RandAugment",
        "RandomColorDegeneration",
        "RandomColorJitter",
        "RandomElasticTransform",
        "RandomErasing",
        "RandomGaussianBlur",
        "RandomGrayscale",
        "RandomHue",
        "RandomInvert",
        "RandomPerspective",
        "RandomPosterization",
        "RandomSaturation",
        "RandomSharpness",
        "RandomShear",
        "Solarization"},
       "augmentation has flips, crops, rotation, zoom, translation, contrast and brightness here"},
      {"layers",
       {"CategoryEncoding", "Discretization", "HashedCrossing", "Hashing", "IntegerLookup", "StringLookup",
        "TextVectorization", "ReversibleEmbedding"},
       "they are for tables and text, which are read elsewhere"},
      {"layers", {"MelSpectrogram", "STFTSpectrogram"}, "they are for sound"},
      {"layers",
       {"EinsumDense"},
       "a Dense is one along the last axis; others are a layer of your own with matmul"},
      {"layers", {"RMSNormalization"}, "LayerNormalization and UnitNormalization are"},
      {"layers",
       {"SpectralNormalization", "Wrapper"},
       "layers around another layer are not: a nested model is what holds layers"},
      {"layers", {"Pipeline"}, "a Sequential of the same layers is"},
      {"metrics",
       {"Mean", "Sum", "MeanTensor"},
       "they add up what a training loop of one's own tells them; compile() has nothing to tell them"},
      {"metrics", {"MeanMetricWrapper"}, "a function of labels and predictions is a metric as it is"},
      {"metrics", {"MeanRelativeError"}, "tf.keras alone has it"},
      {"optimizers",
       {"Adafactor"},
       "what it keeps of a kernel are rows and columns, not one number a weight"},
      {"optimizers",
       {"LossScaleOptimizer"},
       "it scales the losses of float16; mixed_bfloat16, which there is, needs none"},
      {"optimizers",
       {"Muon", "MultiOptimizer", "ScheduleFreeAdamW"},
       "an optimizer of your own is a struct (docs/models.md)"},
      {"initializers", {"STFT"}, "it is for sound"},
      {"callbacks", {"CallbackList"}, "fit() takes a list"},
      {"callbacks", {"History"}, "it is what fit() gives back"},
      {"callbacks", {"ProgbarLogger"}, "ProgressBar is, which fit() has by itself"},
      {"callbacks", {"OrbaxCheckpoint"}, "ModelCheckpoint and BackupAndRestore are"},
      {"callbacks", {"RemoteMonitor"}, "a LambdaCallback may send what it is told"},
      {"callbacks", {"SwapEMAWeights"}, "the option ema_overwrite_frequency of every optimizer is"},
  };
  return all;
}

std::string why_not_supported(std::string_view kind, std::string_view class_name) {
  std::string wanted = plain_class_name(class_name);
  for (const NotSupported& entry : not_supported())
    for (std::string_view known : entry.classes)
      if (entry.kind == kind && plain_class_name(known) == wanted) return "; " + std::string(entry.why);
  return {};
}

}  // namespace manul
