"""The networks of models/zoo in Keras: those of keras.applications, and definitions of the others; what stands before
them; and numbers for their weights that need no file, as tests/models/zoo/formula.h has them.
"""
import numpy as np

# The name here: (class in keras.applications, its module), or none.
APPLICATIONS = {
    "vgg16": ("VGG16", "vgg16"), "vgg19": ("VGG19", "vgg19"),
}


def relu(L, x, name):
    return L.Activation("relu", name=name)(x)


def catdog(keras, options):
    L = keras.layers
    x = i = keras.Input(options.get("input_shape", (64, 64, 3)))
    x = L.MaxPooling2D(2)(L.Conv2D(32, 3, strides=3, activation="relu")(x))
    x = L.Dense(128, activation="relu")(L.Flatten()(x))
    return keras.Model(i, top(L, x, options, None, classes=1), name="catdog")


def lenet5(keras, options):
    L = keras.layers
    x = i = keras.Input(options.get("input_shape", (28, 28, 1)))
    x = L.AveragePooling2D(2, name="s2")(L.Conv2D(6, 5, padding="same", activation="tanh", name="c1")(x))
    x = L.AveragePooling2D(2, name="s4")(L.Conv2D(16, 5, activation="tanh", name="c3")(x))
    if options.get("include_top", True):
        x = L.Dense(120, activation="tanh", name="c5")(L.Flatten(name="flatten")(x))
        x = top(L, L.Dense(84, activation="tanh", name="f6")(x), options, classes=10)
    else:
        x = pooled(L, x, options)
    return keras.Model(i, x, name="lenet5")


def resnet_of_basic_blocks(keras, options, blocks, name):
    L = keras.layers

    def convolution(x, filters, size, strides, name):
        if size > 1:
            x = L.ZeroPadding2D(size // 2, name=name + "_pad")(x)
        x = L.Conv2D(filters, size, strides=strides, use_bias=False, name=name + "_conv")(x)
        return L.BatchNormalization(epsilon=1e-5, momentum=0.9, name=name + "_bn")(x)

    x = i = keras.Input(options.get("input_shape", (224, 224, 3)))
    x = relu(L, convolution(x, 64, 7, 2, "conv1"), "conv1_relu")
    x = L.MaxPooling2D(3, strides=2, name="pool1_pool")(L.ZeroPadding2D(1, name="pool1_pad")(x))
    for stage, count in enumerate(blocks):
        filters = 64 * 2 ** stage
        for block in range(count):
            here, strides = "conv%d_block%d" % (stage + 2, block + 1), 2 if stage and not block else 1
            shortcut = convolution(x, filters, 1, strides, here + "_0") if strides > 1 or x.shape[-1] != filters else x
            y = relu(L, convolution(x, filters, 3, strides, here + "_1"), here + "_1_relu")
            x = L.Add(name=here + "_add")([shortcut, convolution(y, filters, 3, 1, here + "_2")])
            x = relu(L, x, here + "_out")
    x = top(L, L.GlobalAveragePooling2D(name="avg_pool")(x), options) if options.get("include_top", True) else pooled(L, x, options)
    return keras.Model(i, x, name=name)


def top(L, x, options, name="predictions", classes=1000):
    if not options.get("include_top", True):
        return x
    classes = options.get("classes", classes)
    return L.Dense(classes, activation=options.get("classifier_activation", "sigmoid" if classes == 1 else "softmax"), name=name)(x)


def pooled(L, x, options):
    kinds = {"avg": (L.GlobalAveragePooling2D, "avg_pool"), "max": (L.GlobalMaxPooling2D, "max_pool")}
    if options.get("pooling") is None:
        return x
    kind, name = kinds[options["pooling"]]
    return kind(name=name)(x)


OWN = {
    "catdog": (catdog, "rescale"), "lenet5": (lenet5, "rescale"),
    "resnet18": (lambda keras, options: resnet_of_basic_blocks(keras, options, (2, 2, 2, 2), "resnet18"), "torch"),
    "resnet34": (lambda keras, options: resnet_of_basic_blocks(keras, options, (3, 4, 6, 3), "resnet34"), "torch"),
}
NAMES = sorted([*OWN, *APPLICATIONS])


def build(keras, name, **options):
    """The network with Keras' own random weights; names of its layers are counted from the start."""
    keras.backend.clear_session()
    if name in OWN:
        return OWN[name][0](keras, options)
    return getattr(keras.applications, APPLICATIONS[name][0])(weights=None, **options)


def preprocess(keras, name, pixels):
    """preprocess_input of pixels 0..255."""
    pixels = np.array(pixels, np.float32)
    if name in APPLICATIONS:
        return getattr(keras.applications, APPLICATIONS[name][1]).preprocess_input(pixels)
    mode = OWN[name][1]
    return pixels / 255 if mode == "rescale" else keras.applications.imagenet_utils.preprocess_input(pixels, mode=mode)


def noise(seed, count):
    """Numbers in -1..1 that look random: a formula of the place and the seed."""
    places = np.sin(np.arange(count, dtype=np.float64) * 12.9898 + seed * 78.233) * 43758.5453
    return 2 * (places - np.floor(places)) - 1


def formula_weight(seed, name, shape):
    """A weight of this name and shape, in Keras' layout."""
    values, rank = noise(seed, int(np.prod(shape))), len(shape)
    if name.endswith("variance"):
        values = 1 + 0.5 * np.abs(values)
    elif name.endswith("gamma"):
        values = 1 + 0.2 * values
    elif rank < 2:
        values = 0.1 * values
    else:
        fan = shape[0] * shape[1] if "depthwise" in name else int(np.prod(shape[:-1]))
        values = values * np.sqrt(6 / fan)
    return values.reshape(shape).astype(np.float32)


def set_formula_weights(model):
    weights = []
    for layer in model.layers:
        weights += layer.weights
    assert len(weights) == len(model.weights)
    for i, weight in enumerate(weights):
        if weight.shape != () and "count" not in weight.name:
            weight.assign(formula_weight(i, weight.name.split(":")[0], tuple(weight.shape)))


def formula_pixels(shape):
    return np.floor(128 * (1 + noise(-1, int(np.prod(shape))))).reshape(shape).astype(np.float32)
