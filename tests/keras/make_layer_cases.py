"""tests/reference/layer_cases.h5: layers computed by Keras 2.15, forward and gradients, for cases that keras.h5 has not.

    python tests/keras/make_layer_cases.py      (tensorflow-cpu 2.15, h5py)

A group for each case, laid out as in keras.h5 (tests/reference/README.md): inputs, weights, output, upstream gradient,
gradients; with training_* where training differs. Float64, except layers that compute in float32 there.
"""
import json
import os
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import h5py
import numpy as np
import tensorflow as tf
from tensorflow import keras

L = keras.layers
keras.backend.set_floatx("float64")

SEQUENCE = (2, 9, 4)
PICTURE = (2, 7, 6, 3)

# name: (layer, shape of the input[, "training"]). float32: dtype of the layer.
CASES = {
    "conv1d_valid": (lambda: L.Conv1D(5, 3), SEQUENCE),
    "conv1d_same_stride2": (lambda: L.Conv1D(5, 4, strides=2, padding="same", activation="relu"), SEQUENCE),
    "conv1d_causal_dilation2": (lambda: L.Conv1D(5, 3, padding="causal", dilation_rate=2), SEQUENCE),
    "conv1d_causal_stride2": (lambda: L.Conv1D(5, 3, padding="causal", strides=2, use_bias=False), SEQUENCE),
    "conv1d_groups2": (lambda: L.Conv1D(6, 3, groups=2), SEQUENCE),
    "depthwise1d_valid": (lambda: L.DepthwiseConv1D(3), SEQUENCE),
    "depthwise1d_multiplier2_same_stride2": (lambda: L.DepthwiseConv1D(2, strides=2, padding="same", depth_multiplier=2), SEQUENCE),
    "separable1d_valid": (lambda: L.SeparableConv1D(5, 3), SEQUENCE),
    "separable1d_causal_multiplier2": (lambda: L.SeparableConv1D(5, 3, padding="causal", depth_multiplier=2), SEQUENCE),
    "transpose1d_valid_stride2": (lambda: L.Conv1DTranspose(3, 3, strides=2), SEQUENCE),
    "transpose1d_same_stride2_output_padding": (lambda: L.Conv1DTranspose(3, 3, strides=2, padding="same", output_padding=1), SEQUENCE),
    "transpose_dilation2_valid": (lambda: L.Conv2DTranspose(4, 3, dilation_rate=2), PICTURE),
    "transpose_dilation2_same": (lambda: L.Conv2DTranspose(4, (3, 2), dilation_rate=2, padding="same"), PICTURE),
    "conv2d_groups2_dilation2": (lambda: L.Conv2D(4, 3, groups=2, dilation_rate=2, padding="same"), (2, 7, 6, 4)),
    "conv2d_group_a_channel": (lambda: L.Conv2D(6, 3, groups=3, padding="same"), PICTURE),
    "separable_dilation2": (lambda: L.SeparableConv2D(4, 3, dilation_rate=2, activation="tanh"), PICTURE),
    "maxpool1d": (lambda: L.MaxPooling1D(2), SEQUENCE),
    "maxpool1d_same_overlapping": (lambda: L.MaxPooling1D(3, strides=2, padding="same"), SEQUENCE),
    "avgpool1d_same_overlapping": (lambda: L.AveragePooling1D(3, strides=2, padding="same"), SEQUENCE),
    "global_max_1d": (lambda: L.GlobalMaxPooling1D(), SEQUENCE),
    "global_average_1d": (lambda: L.GlobalAveragePooling1D(keepdims=True), SEQUENCE),
    "zeropadding1d": (lambda: L.ZeroPadding1D((2, 1)), SEQUENCE),
    "cropping1d": (lambda: L.Cropping1D((2, 1)), SEQUENCE),
    "upsampling1d": (lambda: L.UpSampling1D(3), SEQUENCE),
    "upsampling_bilinear_channels": (lambda: L.UpSampling2D((3, 2), interpolation="bilinear", dtype="float32"), PICTURE),
    "resizing_up": (lambda: L.Resizing(13, 9, dtype="float32"), PICTURE),
    "resizing_down": (lambda: L.Resizing(3, 4, dtype="float32"), PICTURE),
    "resizing_mixed": (lambda: L.Resizing(16, 2, dtype="float32"), PICTURE),
    "resizing_nearest_up": (lambda: L.Resizing(14, 9, interpolation="nearest", dtype="float32"), PICTURE),
    "resizing_nearest_down": (lambda: L.Resizing(4, 4, interpolation="nearest", dtype="float32"), PICTURE),
    "resizing_crop_wide": (lambda: L.Resizing(5, 9, crop_to_aspect_ratio=True, dtype="float32"), PICTURE),
    "resizing_crop_high": (lambda: L.Resizing(9, 4, crop_to_aspect_ratio=True, interpolation="nearest", dtype="float32"), PICTURE),
    "center_crop": (lambda: L.CenterCrop(4, 3, dtype="float32"), PICTURE),
    "center_crop_of_smaller": (lambda: L.CenterCrop(9, 4, dtype="float32"), PICTURE),
    # "batchnorm_axis2": (lambda: L.BatchNormalization(axis=2), (3, 4, 5, 2), "training"),
    "batchnorm_3d": (lambda: L.BatchNormalization(epsilon=0.1, momentum=0.9), SEQUENCE, "training"),
    "layernorm_axis1": (lambda: L.LayerNormalization(axis=1), PICTURE),
    "layernorm_axes12_no_center": (lambda: L.LayerNormalization(axis=(1, 2), center=False), PICTURE),
    "layernorm_axes23": (lambda: L.LayerNormalization(axis=(-2, -1), epsilon=0.1), PICTURE),
    "groupnorm_2d": (lambda: L.GroupNormalization(groups=3), (4, 6)),
    "groupnorm_3d_plain": (lambda: L.GroupNormalization(groups=2, center=False, scale=False), SEQUENCE),
    "groupnorm_axis1": (lambda: L.GroupNormalization(groups=2, axis=1), (2, 4, 5, 3)),
    "groupnorm_instance_minus1": (lambda: L.GroupNormalization(groups=-1), PICTURE),
    "unitnorm": (lambda: L.UnitNormalization(), SEQUENCE),
    "unitnorm_axis1": (lambda: L.UnitNormalization(axis=1), PICTURE),
    "unitnorm_axes12": (lambda: L.UnitNormalization(axis=(1, 2)), PICTURE),
    "normalization_scalar": (lambda: L.Normalization(axis=None, mean=0.5, variance=2.0), PICTURE),
    "normalization_invert": (lambda: L.Normalization(mean=[0.5, -1.0, 2.0], variance=[0.25, 4.0, 3.0], invert=True), PICTURE),
    "normalization_axis1": (lambda: L.Normalization(axis=1, mean=[0.5, -1, 2, 0, 1, 3, -2], variance=[1, 2, 3, 4, 5, 6, 7]), PICTURE),
    "normalization_weights": (lambda: L.Normalization(), SEQUENCE),
}


def compute(name, make, shape, training):
    random = np.random.default_rng(zlib.crc32(name.encode()))
    layer = make()
    x = tf.constant(random.standard_normal(shape), dtype=layer.compute_dtype)
    layer(x)
    for weight in layer.weights:
        if weight.dtype.is_floating:
            values = random.standard_normal(weight.shape)
            weight.assign(np.abs(values) + 0.5 if "variance" in weight.name else values)
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()
    arrays = {"input0": x.numpy()}
    for i, weight in enumerate(layer.weights):
        arrays[f"weight{i}"] = weight.numpy()
    for mode in [False, True] if training else [False]:
        prefix = "training_" if mode else ""
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=mode)
            upstream = random.standard_normal(y.shape).astype(y.dtype.as_numpy_dtype)
            total = tf.reduce_sum(y * upstream)
        gradients = tape.gradient(total, [x] + layer.trainable_weights)
        arrays[prefix + "output"], arrays[prefix + "upstream"] = y.numpy(), upstream
        arrays[prefix + "input0_grad"] = gradients[0].numpy()
        for i, weight in enumerate(layer.weights):
            for k, other in enumerate(layer.trainable_weights):
                if weight is other:
                    arrays[f"{prefix}weight{i}_grad"] = gradients[k + 1].numpy()
            if mode and not any(weight is other for other in layer.trainable_weights):
                arrays[f"{prefix}weight{i}_after"] = weight.numpy()
    config = json.dumps(layer.get_config(), default=lambda o: o.tolist() if hasattr(o, "tolist") else str(o))
    return arrays, {"class_name": type(layer).__name__, "config": config}


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reference", "layer_cases.h5")
    with h5py.File(path, "w", libver=("v108", "v110")) as file:
        for name, (make, shape, *training) in CASES.items():
            arrays, attributes = compute(name, make, shape, bool(training))
            group = file.create_group("layers/" + name)
            for key, value in arrays.items():
                group.create_dataset(key, data=value, track_times=False)
            for key, value in attributes.items():
                group.attrs[key] = np.bytes_(value)
    print(len(CASES), "cases")


if __name__ == "__main__":
    main()
