"""Writes tests/reference/models/mixed-bfloat16-{dense,pictures,block}.{keras,h5} and what real Keras, under the policy
mixed_bfloat16, makes of them: python make_bfloat16.py ../reference. Keras 3 with TensorFlow; tf.keras 2.15 writes the
first of them as keras2-mixed-bfloat16-dense.h5 alone."""
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
import h5py
import keras
import numpy as np

L = keras.layers
IS_KERAS_2 = keras.__version__.startswith("2.")
(keras.mixed_precision.set_global_policy if IS_KERAS_2 else keras.config.set_dtype_policy)("mixed_bfloat16")


def dense():
    x = keras.Input((12,), name="numbers")
    y = L.Dense(16, activation="relu", name="wide")(x)
    y = L.Dense(8, activation="tanh", name="middle")(y)
    return keras.Model(x, L.Dense(4, dtype="float32", name="last")(y), name="dense")


def pictures():
    """All layers in bfloat16, the last as well."""
    x = keras.Input((12, 12, 3), name="pictures")
    y = L.Rescaling(0.5, name="rescaled")(x)
    y = L.Conv2D(8, 3, padding="same", activation="relu", name="conv")(y)
    y = L.MaxPooling2D(2, name="largest")(y)
    y = L.SeparableConv2D(8, 3, name="separable")(y)
    y = L.LayerNormalization(name="layer_norm")(y)
    y = L.AveragePooling2D(2, name="averages")(y)
    y = L.Flatten(name="flat")(y)
    return keras.Model(x, L.Dense(4, name="last")(y), name="pictures")


def block():
    """Of a residual network."""
    x = keras.Input((8, 8, 4), name="pictures")
    short = L.Conv2D(8, 1, strides=2, use_bias=False, name="short")(x)
    short = L.BatchNormalization(name="short_norm")(short)
    y = L.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="first")(x)
    y = L.BatchNormalization(name="first_norm")(y)
    y = L.ReLU(name="first_relu")(y)
    y = L.Conv2D(8, 3, padding="same", use_bias=False, name="second")(y)
    y = L.BatchNormalization(name="second_norm")(y)
    y = L.Add(name="sum")([short, y])
    y = L.ReLU(name="relu")(y)
    y = L.GlobalAveragePooling2D(name="average")(y)
    return keras.Model(x, L.Dense(4, dtype="float32", name="last")(y), name="block")


folder = sys.argv[1]
if IS_KERAS_2:
    keras.utils.set_random_seed(5)
    dense().save(os.path.join(folder, "models", "keras2-mixed-bfloat16-dense.h5"))
    sys.exit()
with h5py.File(os.path.join(folder, "bfloat16.h5"), "w") as file:
    for make in (dense, pictures, block):
        keras.utils.set_random_seed(5)
        model = make()
        random = np.random.default_rng(11)
        for weight in model.weights:
            near_one = any(word in weight.path for word in ("gamma", "variance"))
            low, high = (0.5, 1.5) if near_one else (-0.4, 0.4)
            weight.assign(random.uniform(low, high, weight.shape).astype(np.float32))
        x = random.uniform(-1, 1, (6, *model.input_shape[1:])).astype(np.float32)
        labels = random.uniform(-1, 1, (6, 4)).astype(np.float32)
        for suffix in ("keras", "h5"):
            model.save(os.path.join(folder, "models", f"mixed-bfloat16-{model.name}.{suffix}"))
        group = file.create_group(model.name)
        group["x"], group["labels"] = x, labels
        group["output"] = np.asarray(model.predict(x, verbose=0)).astype(np.float32)
        before = [weight.numpy().astype(np.float32) for weight in model.trainable_weights]
        model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=False, auto_scale_loss=False)
        group["loss"] = np.float32(model.train_on_batch(x, labels))
        for weight, old in zip(model.trainable_weights, before):
            layer = next(l.name for l in model.layers if any(weight is w for w in l.weights))
            group[f"gradients/{layer}/{weight.name}"] = old - weight.numpy().astype(np.float32)
