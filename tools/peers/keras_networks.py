"""The networks of bench in Keras (2.15 on TensorFlow, or 3 on JAX: KERAS_BACKEND=jax), and what a training step or a
prediction of them takes: prints milliseconds and MiB.

    PYTHONPATH=tools python3 -m peers.keras_networks step resnet18 256 224 cuda tf32 2
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from peers.clock import measurement, milliseconds_a_call
from keras import layers


def convolution(x, filters, kernel, strides=1, activation="relu"):
    """With the normalization behind it."""
    x = layers.Conv2D(filters, kernel, strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.Activation(activation)(x) if activation else x


def resnet18(x):
    x = layers.MaxPooling2D(3, 2, padding="same")(convolution(x, 64, 7, 2))
    for stage in range(4):
        for block in range(2):
            strides = 2 if block == 0 and stage > 0 else 1
            y = convolution(convolution(x, 64 << stage, 3, strides), 64 << stage, 3, activation=None)
            skip = convolution(x, 64 << stage, 1, strides, activation=None) if strides == 2 else x
            x = layers.ReLU()(layers.Add()([y, skip]))
    return layers.Dense(1000, activation="softmax", dtype="float32")(layers.GlobalAveragePooling2D()(x))


def unet32(x):
    skips = []
    for level in range(4):
        skips.append(convolution(convolution(x, 32 << level, 3), 32 << level, 3))
        x = layers.MaxPooling2D()(skips[-1])
    x = convolution(convolution(x, 512, 3), 512, 3)
    for level in reversed(range(4)):
        x = layers.Conv2DTranspose(32 << level, 2, 2)(x)
        x = layers.Concatenate()([x, skips[level]])
        x = convolution(convolution(x, 32 << level, 3), 32 << level, 3)
    return layers.Conv2D(2, 1, activation="softmax", dtype="float32")(x)


def vgg11(x):
    for block in ([64], [128], [256, 256], [512, 512], [512, 512]):
        for filters in block:
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    return layers.Dense(1000, activation="softmax", dtype="float32")(layers.GlobalAveragePooling2D()(x))


class PositionEmbedding(layers.Layer):
    def build(self, shape):
        self.embeddings = self.add_weight(name="embeddings", shape=shape[1:], initializer="random_normal")

    def call(self, x):
        return x + self.embeddings


def vit_s16(x):
    x = layers.Conv2D(384, 16, 16)(x)
    x = PositionEmbedding()(layers.Reshape((-1, 384))(x))
    for _ in range(12):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.Add()([x, layers.MultiHeadAttention(6, 64)(y, y)])
        y = layers.Dense(1536, activation="gelu")(layers.LayerNormalization(epsilon=1e-6)(x))
        x = layers.Add()([x, layers.Dense(384)(y)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-6)(x))
    return layers.Dense(1000, activation="softmax", dtype="float32")(x)


def network(name, side):
    known = {"resnet50": "ResNet50", "mobilenetv2": "MobileNetV2", "efficientnetb0": "EfficientNetB0"}
    if name in known:
        return getattr(keras.applications, known[name])(weights=None, input_shape=(side, side, 3), classes=1000)
    x = keras.Input((side, side, 3))
    return keras.Model(x, globals()[name](x))


def measure_by_tensorflow(model, what, shape, labels, seconds):
    import tensorflow as tf

    x, y = tf.random.uniform(shape), tf.zeros(labels, tf.int32)
    if what == "step":
        run = tf.function(lambda: model.train_step((x, y)))
    else:
        run = tf.function(lambda: model(x, training=False))
    return milliseconds_a_call(run, lambda: None, seconds), 0


def measure_by_jax(model, what, shape, labels, precision, seconds):
    """A step is train_on_batch of tensors that lie on the device, a prediction the compiled call of the model."""
    import jax

    multiplications = {"f32": "highest", "tf32": "tensorfloat32", "bf16": "tensorfloat32"}
    jax.config.update("jax_default_matmul_precision", multiplications[precision])
    x = jax.random.uniform(jax.random.key(1), shape)
    y = jax.numpy.zeros(labels, "int32")
    if what == "step":
        best = milliseconds_a_call(lambda: model.train_on_batch(x, y), lambda: None, seconds)
    else:
        weights = [w.value for w in model.trainable_variables], [w.value for w in model.non_trainable_variables]
        call = jax.jit(lambda weights, x: model.stateless_call(*weights, x, training=False)[0])
        best = milliseconds_a_call(lambda: call(weights, x).block_until_ready(), lambda: None, seconds)
    memory = jax.devices()[0].memory_stats() or {}
    return best, memory.get("peak_bytes_in_use", 0) >> 20


def measure(what, name, batch, side, device, precision, seconds):
    if precision == "bf16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    model = network(name, side)
    model.compile("adam", "sparse_categorical_crossentropy")
    shape, labels = (batch, side, side, 3), (batch, side, side) if name == "unet32" else (batch,)
    if keras.backend.backend() == "jax":
        return measure_by_jax(model, what, shape, labels, precision, seconds)
    if device != "cpu":
        sys.exit("on a GPU Keras 3 is measured, on JAX: KERAS_BACKEND=jax")
    return measure_by_tensorflow(model, what, shape, labels, seconds)


if __name__ == "__main__":
    print(*measure(*measurement(sys.argv[1:])))
