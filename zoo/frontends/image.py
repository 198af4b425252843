"""Image files and arrays of pixels to one size."""

import keras
import numpy as np

from zoo import errors
from zoo.backends import tensorflow

MAX_PIXELS = 2**26  # of a file; a header that promises more is refused before memory is taken for it
SAMPLE = 2000  # images from which statistics are taken
HEAD = 32  # bytes of a file that tell its format and size
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"RIFF")  # in the order of `_kind`
JPEG, PNG, GIF, BMP, WEBP = range(5)


@keras.saving.register_keras_serializable(package="zoo")
class ImageFrontend:
    """Turns image files [N] or pixels [N, H, W] and [N, H, W, C] into float32 [N, S, S, C].

    Reads JPEG (also CMYK), PNG, BMP, WebP and the first frame of a GIF. Grey images get C equal channels, an alpha
    channel is laid over white. Of every image the middle square is cut out and scaled to S x S pixels with
    antialiasing; then each channel loses its mean and is divided by its standard deviation. Training and the exported
    graph run this one function.

    Args:
        size: S, pixels of a side.
        resize: pixels to which the shorter side is scaled before S x S are cut out of the middle; None means S.
        channels: C, 3 or 1.
        mean, std: of each channel, from 0 to 255, numbers or lists of C; None until `adapt`, and 127.5 until then.
        bgr: turn the channels around, as networks want that were trained in Caffe.

    Call arguments:
        items: encoded files [N], `bytes` or a string tensor; paths of files [N], `str`; or pixels from 0 to 255.

    Example:

    >>> import numpy as np
    >>> from zoo.frontends import ImageFrontend
    >>> ImageFrontend(size=8)(np.full((2, 20, 30, 3), 255, "uint8")).shape
    TensorShape([2, 8, 8, 3])
    """

    def __init__(self, size=64, resize=None, channels=3, mean=None, std=None, bgr=False):
        self.size = errors.whole("size", size)
        self.resize = self.size if resize is None else errors.whole("resize", resize, self.size)
        if channels not in (1, 3):
            raise ValueError(f"channels must be 1 or 3, not {channels!r}")
        if (mean is None) != (std is None):
            raise ValueError("mean and std belong together: give both or none")
        self.channels, self.bgr = channels, errors.flag("bgr", bgr)
        self.mean, self.std = _statistic("mean", mean, channels), _statistic("std", std, channels)

    def learn(self, items):
        """Return mean and standard deviation of each channel over up to 2,000 images, evenly taken from `items`."""
        items = items[:: max(1, len(items) // SAMPLE)][:SAMPLE]
        if not len(items):
            raise ValueError("images: there is none to take statistics from")
        sums, squares, count = 0.0, 0.0, 0
        for start in range(0, len(items), 64):
            pixels = np.asarray(self.pixels(items[start : start + 64])[0], "float64").reshape(-1, self.channels)
            sums, squares, count = sums + pixels.sum(axis=0), squares + (pixels**2).sum(axis=0), count + len(pixels)
        mean = sums / count
        return mean.tolist(), np.maximum(np.sqrt(np.maximum(squares / count - mean**2, 0.0)), 1.0).tolist()

    def adapt(self, items):
        """Take the statistics from training images; see `learn`."""
        self.mean, self.std = self.learn(items)

    def __call__(self, items):
        """Return float32 [N, S, S, C]; an item that is no image becomes one of zeros."""
        return self.checked(items)[0]

    def checked(self, items):
        """Return float32 [N, S, S, C] and whether each item is an image [N].

        Empty files, files of no known format and headers that promise more than 67 million pixels are told apart. A
        file that breaks off in the middle is an error: TensorFlow cannot go on without it.
        """
        tf = tensorflow("reading images")
        pixels, ok = self.pixels(items)
        x = pixels[..., ::-1] if self.bgr else pixels
        mean, std = (127.5, 127.5) if self.mean is None else (self.mean, self.std)
        x = (x - tf.constant(mean, tf.float32)) / tf.constant(std, tf.float32)
        return tf.where(ok[:, None, None, None], x, 0.0), ok

    def pixels(self, items):
        """Return the squares before the statistics, float32 from 0 to 255 [N, S, S, C], and whether each is an image."""
        tf = tensorflow("reading images")
        if is_files(items):
            spec = tf.TensorSpec([self.size, self.size, self.channels], tf.float32), tf.TensorSpec([], tf.bool)
            return tf.map_fn(self._file, as_files(items), fn_output_signature=spec)
        items = tf.convert_to_tensor(items)
        if items.shape.rank not in (3, 4) or (items.shape.rank == 4 and items.shape[-1] not in (1, 3, 4)):
            raise ValueError(f"images must be [N, H, W] or [N, H, W, C] with 1, 3 or 4 channels, not {items.shape}")
        images = self._square(tf.cast(items[..., None] if items.shape.rank == 3 else items, tf.float32))
        return images, tf.ones(tf.shape(images)[:1], tf.bool)

    @property
    def raw_spec(self):
        """What the served signature takes."""
        tf = tensorflow("reading images")
        return tf.TensorSpec([None], tf.string, name="image")

    def dataset(self, items, batch_size):
        """Return batches of images in the order given, from files or paths [N], read as they are needed."""
        tf = tensorflow("reading images")
        strings, paths = tf.constant(list(items), tf.string), isinstance(items[0], str)
        dataset = tf.data.Dataset.from_tensor_slices(strings)
        if paths:
            dataset = dataset.map(tf.io.read_file, num_parallel_calls=tf.data.AUTOTUNE)
        return dataset.batch(batch_size).map(self, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)

    def _file(self, data):
        """One encoded file to a square [S, S, C], and whether it is an image."""
        tf = tensorflow("reading images")
        head = tf.io.decode_raw(tf.strings.substr(data + b"\0" * HEAD, 0, HEAD), tf.uint8)
        kind = _kind(tf, head)
        # A header may promise what no memory holds; JPEG's is read by TensorFlow, which refuses a broken one.
        ok = tf.logical_and(kind < len(SIGNATURES), _area(tf, head, kind, data) <= MAX_PIXELS)

        def png():
            image = tf.io.decode_png(data, channels=4)
            # TensorFlow fills in an alpha of 2^bits - 1 where pixels have fewer than 8 bits.
            opaque = tf.bitwise.left_shift(tf.constant(1, tf.uint8), tf.minimum(head[24], 7)) - 1
            filled = tf.logical_and(head[24] < 8, image[..., 3:] == opaque)
            alpha = tf.where(filled, tf.constant(255, tf.uint8), image[..., 3:])
            return _over_white(tf.cast(tf.concat([image[..., :3], alpha], axis=-1), tf.float32))

        def other():
            return tf.cast(tf.io.decode_image(data, channels=3, expand_animations=False), tf.float32)

        def jpeg():
            # As Pillow decodes, to the bit; the default differs by up to 8 of 255.
            return tf.cast(tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE"), tf.float32)

        def nothing():
            return tf.zeros([1, 1, 3])

        readers = {JPEG: jpeg, PNG: png, GIF: other, BMP: other, WEBP: other}
        image = tf.switch_case(tf.where(ok, kind, len(readers)), {**readers, len(readers): nothing})
        image.set_shape([None, None, 3])
        return self._square(image[None])[0], ok

    def _square(self, images):
        """The middle squares of images [N, H, W, 1, 3 or 4], scaled [N, S, S, C]."""
        tf = tensorflow("reading images")
        if images.shape[-1] == 4:
            images = _over_white(images)
        if images.shape[-1] == 1 and self.channels == 3:
            images = tf.repeat(images, 3, axis=-1)
        elif images.shape[-1] == 3 and self.channels == 1:
            images = tf.image.rgb_to_grayscale(images)
        height, width = tf.shape(images)[1], tf.shape(images)[2]
        # Cut before scaling: a strip of 1 x 100,000 pixels would first grow by the size.
        side = tf.cast(tf.minimum(height, width), tf.float32) * (self.size / self.resize)
        side = tf.maximum(tf.cast(tf.round(side), tf.int32), 1)
        top, left = (height - side) // 2, (width - side) // 2
        images = images[:, top : top + side, left : left + side]
        images = tf.image.resize(images, [self.size, self.size], antialias=True)
        return tf.ensure_shape(images, [None, self.size, self.size, self.channels])

    def get_config(self):
        return {name: getattr(self, name) for name in ("size", "resize", "channels", "mean", "std", "bgr")}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def is_files(items):
    """Whether items are encoded files or paths: a list or array of `bytes` or `str`, or a TensorFlow string tensor."""
    if isinstance(items, (list, tuple)):
        return len(items) > 0 and isinstance(items[0], (str, bytes))
    kind = getattr(getattr(items, "dtype", None), "kind", None)
    if kind == "O":
        return items.size > 0 and isinstance(items.flat[0], (str, bytes))
    return kind in ("U", "S") if kind else getattr(items, "dtype", None) == "string"


def as_files(items):
    """Return encoded files as a string tensor [N]; paths, which are `str`, are read."""
    tf = tensorflow("reading images")
    if hasattr(items, "dtype") and items.dtype == "string":
        return items
    files = []
    for i, item in enumerate(items):
        if not isinstance(item, (str, bytes)):
            raise ValueError(f"images must all be files (bytes) or all paths (str), but item {i} is {type(item).__name__}")
        if isinstance(item, str):
            with open(item, "rb") as file:
                item = file.read()
        files.append(item)
    return tf.constant(files, tf.string)


def _kind(tf, head):
    """Which of `SIGNATURES` the first bytes [32] are; their number where none."""
    found = [tf.reduce_all(head[: len(sign)] == tf.constant(list(sign), tf.uint8)) for sign in SIGNATURES]
    found[WEBP] = tf.logical_and(found[WEBP], tf.reduce_all(head[8:12] == tf.constant(list(b"WEBP"), tf.uint8)))
    return tf.argmax(tf.cast([*found, True], tf.int32), output_type=tf.int32)


def _area(tf, head, kind, data):
    """Pixels that the header [32] promises, as a float."""
    numbers = tf.cast(head, tf.float32)

    def little(start, count):
        return tf.reduce_sum(numbers[start : start + count] * [256.0**i for i in range(count)])

    def big(start):
        return tf.reduce_sum(numbers[start : start + 4] * [256.0**i for i in (3, 2, 1, 0)])

    def jpeg():
        shape = tf.cast(tf.io.extract_jpeg_shape(data), tf.float32)
        return shape[0] * shape[1]

    def bmp():  # a negative height means rows from the top
        height = little(22, 4)
        return little(18, 4) * tf.minimum(height, 256.0**4 - height)

    sizes = {JPEG: jpeg, PNG: lambda: big(16) * big(20), GIF: lambda: little(6, 2) * little(8, 2), BMP: bmp}
    # WebP has at most 16,383 pixels a side.
    return tf.switch_case(kind, {**sizes, WEBP: lambda: 0.0, len(SIGNATURES): lambda: 0.0})


def _over_white(images):
    """Images with alpha [..., 4] on a white ground [..., 3]."""
    alpha = images[..., 3:] / 255.0
    return images[..., :3] * alpha + 255.0 * (1.0 - alpha)


def _statistic(name, value, channels):
    if value is None:
        return None
    values = [errors.number(name, float(one)) for one in (value if isinstance(value, (list, tuple)) else [value] * channels)]
    if len(values) != channels or (name == "std" and min(values) <= 0):
        raise ValueError(f"{name} must be a number or one for each of {channels} channels, std above 0; not {value!r}")
    return values
