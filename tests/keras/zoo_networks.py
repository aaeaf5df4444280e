"""The networks of models/zoo in Keras: those of keras.applications, and definitions of the others; what stands before
them; and numbers for their weights that need no file, as tests/models/zoo/formula.h has them.
"""
# The name here: (class in keras.applications, its module), or none.
APPLICATIONS = {
    "convnexttiny": ("ConvNeXtTiny", "convnext"), "densenet121": ("DenseNet121", "densenet"),
    "efficientnetb0": ("EfficientNetB0", "efficientnet"), "efficientnetv2b0": ("EfficientNetV2B0", "efficientnet_v2"),
    "inceptionv3": ("InceptionV3", "inception_v3"), "mobilenetv2": ("MobileNetV2", "mobilenet_v2"),
    "mobilenetv3large": ("MobileNetV3Large", "mobilenet_v3"), "mobilenetv3small": ("MobileNetV3Small", "mobilenet_v3"),
    "resnet50": ("ResNet50", "resnet"), "resnet50v2": ("ResNet50V2", "resnet_v2"), "vgg16": ("VGG16", "vgg16"),
    "vgg19": ("VGG19", "vgg19"), "xception": ("Xception", "xception"),
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


def unet(keras, options):
    L = keras.layers

    def convolutions(x, filters, name):
        for i in (1, 2):
            x = L.Conv2D(filters, 3, padding="same", activation="relu", name="%s_conv%d" % (name, i))(x)
        return x

    x = i = keras.Input(options.get("input_shape", (256, 256, 3)))
    widths, skips = [int(64 * 2 ** k * options.get("alpha", 1)) for k in range(5)], []
    for level in range(4):
        name = "encoder%d" % (level + 1)
        skips.append(convolutions(x, widths[level], name))
        x = L.MaxPooling2D(2, name=name + "_pool")(skips[-1])
    x = convolutions(x, widths[4], "bottom")
    for level in (3, 2, 1, 0):
        name = "decoder%d" % (level + 1)
        x = L.Conv2DTranspose(widths[level], 2, strides=2, name=name + "_up")(x)
        x = convolutions(L.Concatenate(name=name + "_concat")([skips[level], x]), widths[level], name)
    if options.get("include_top", True):
        classes = options.get("classes", 1)
        activation = options.get("classifier_activation", "sigmoid" if classes == 1 else "softmax")
        x = L.Conv2D(classes, 1, activation=activation, name="predictions")(x)
    else:
        x = pooled(L, x, options)
    return keras.Model(i, x, name="unet")


def vit(keras, options):
    L, heads = keras.layers, 4
    width = int(64 * options.get("alpha", 1))
    i = keras.Input(options.get("input_shape", (72, 72, 3)))
    x = L.Conv2D(width, 6, strides=6, name="patches")(i)
    x = L.Add(name="placed")([x, L.DepthwiseConv2D(3, padding="same", name="places")(x)])
    x = L.Dropout(0.1, name="dropout")(x)
    for number in range(1, 9):
        name = "block%d" % number
        y = L.LayerNormalization(epsilon=1e-6, name=name + "_norm1")(x)
        x = L.Add(name=name + "_add1")([x, L.MultiHeadAttention(heads, width // heads, dropout=0.1, name=name + "_attention")(y, y)])
        y = L.LayerNormalization(epsilon=1e-6, name=name + "_norm2")(x)
        y = L.Dropout(0.1, name=name + "_dropout1")(L.Dense(2 * width, "gelu", name=name + "_dense1")(y))
        y = L.Dropout(0.1, name=name + "_dropout2")(L.Dense(width, name=name + "_dense2")(y))
        x = L.Add(name=name + "_add2")([x, y])
    x = L.LayerNormalization(epsilon=1e-6, name="norm")(x)
    x = top(L, L.GlobalAveragePooling2D(name="avg_pool")(x), options) if options.get("include_top", True) else pooled(L, x, options)
    return keras.Model(i, x, name="vit")


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
    "unet": (unet, "rescale"), "vit": (vit, "tf"),
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
    import numpy as np

    pixels = np.array(pixels, np.float32)
    if name in APPLICATIONS:
        return getattr(keras.applications, APPLICATIONS[name][1]).preprocess_input(pixels)
    mode = OWN[name][1]
    return pixels / 255 if mode == "rescale" else keras.applications.imagenet_utils.preprocess_input(pixels, mode=mode)


def noise(seed, count):
    """Numbers in -1..1 that look random: a formula of the place and the seed."""
    import numpy as np

    places = np.sin(np.arange(count, dtype=np.float64) * 12.9898 + seed * 78.233) * 43758.5453
    return 2 * (places - np.floor(places)) - 1


def formula_weight(seed, name, shape, is_depthwise):
    """A weight of this name and shape, in Keras' layout."""
    import numpy as np

    values, rank = noise(seed, int(np.prod(shape))), len(shape)
    if name.endswith("variance"):
        values = 1 + 0.5 * np.abs(values)
    elif name.endswith("gamma"):
        values = 1 + 0.2 * values
    elif rank < 2:
        values = 0.1 * values
    else:
        fan = shape[0] * shape[1] if is_depthwise else int(np.prod(shape[:-1]))
        values = values * np.sqrt(6 / fan)
    return values.reshape(shape).astype(np.float32)


def set_formula_weights(model):
    weights = [(weight, layer.__class__.__name__ == "DepthwiseConv2D") for layer in model.layers for weight in layer.weights]
    assert len(weights) == len(model.weights)
    for i, (weight, is_depthwise) in enumerate(weights):
        if weight.shape != () and "count" not in weight.name:
            weight.assign(formula_weight(i, weight.name.split(":")[0], tuple(weight.shape), is_depthwise))


def formula_pixels(shape):
    import numpy as np

    return np.floor(128 * (1 + noise(-1, int(np.prod(shape))))).reshape(shape).astype(np.float32)
