"""Steps of the libraries on TensorFlow: ours, tensorflow-addons, tensorflow-similarity. Compiled by tf.function."""

from importlib import metadata

import cases as data
import tensorflow as tf

LOSSES = {}
LIBRARY = ""
PACKAGES = {
    "zoo": ("keras", "tensorflow-cpu", "tensorflow"),
    "tfa": ("tensorflow-addons", "tensorflow-cpu"),
    "tfsim": ("tensorflow-similarity", "tensorflow-cpu"),
}


def start(library):
    global LIBRARY
    LIBRARY = library
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if library != "zoo":
        import tensorflow_losses

        LOSSES.update(tensorflow_losses.FIND[library]())


def versions():
    found = {}
    for name in PACKAGES[LIBRARY]:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def cases():
    if LIBRARY != "zoo":
        return sorted(LOSSES)
    from zoo import registry

    return sorted(key for key, case in data.CASES.items() if case.name in registry.LOSSES)


def loss(case, chunk=None):
    """The loss function of a case, and the variables that it trains."""
    if LIBRARY != "zoo":
        return LOSSES[case], []
    import zoo
    from zoo import registry

    item = data.CASES[case]
    extra = {} if chunk is None else {"anchor_chunk": chunk}
    made = zoo.losses.get(item.name, **{**item.settings, **extra})
    if not registry.LOSSES[item.name].needs_classes:
        return made, []
    layer = zoo.layers.LossLayer(made, classes=data.CLASSES)
    layer.build((None, data.D))
    weights = [v for v in layer.trainable_variables if tuple(v.shape) == (data.D, data.CLASSES)]
    weights[0].assign(data.class_weights().T)
    return layer, [v.value for v in layer.trainable_variables]


def step(case, n, chunk=None):
    x, labels = map(tf.constant, data.batch(case, n))
    if case in data.FLOORS:
        return floor(x, tf.constant(data.class_weights()) if case == "class floor" else None)
    function, variables = loss(case, chunk)

    @tf.function
    def run(labels, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(labels, tf.math.l2_normalize(x, axis=1))
        return value, tape.gradient(value, [x, *variables])

    compiled = run.get_concrete_function(labels, x)  # traced here, not in the first run
    return lambda: float(compiled(labels, x)[0])


def floor(x, weights=None):
    """x x^T, or x W^T with the weights W [C, D], and its gradient by autodiff: three products."""
    upstream = tf.random.normal((len(x), len(x if weights is None else weights)))

    @tf.function
    def run(x, upstream):
        with tf.GradientTape() as tape:
            tape.watch(x)
            unit = tf.math.l2_normalize(x, axis=1)
            other = unit if weights is None else tf.identity(weights)
            tape.watch(other)
            product = tf.matmul(unit, other, transpose_b=True)
        sources = [x] if weights is None else [x, other]
        return product[0, 0], tape.gradient(product, sources, output_gradients=upstream)

    compiled = run.get_concrete_function(x, upstream)
    return lambda: float(compiled(x, upstream)[0])


def answer(case, labels, x):
    """Loss and gradient of a batch, eagerly and with the rows as they are."""
    function, _ = loss(case)
    variable = tf.Variable(x)
    with tf.GradientTape() as tape:
        value = function(labels if LIBRARY == "zoo" else tf.constant(labels), tf.convert_to_tensor(variable))
    gradient = tape.gradient(value, variable, unconnected_gradients="zero")
    return float(value), tf.convert_to_tensor(gradient).numpy().astype("float64")
