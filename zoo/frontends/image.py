"""Image files and arrays of pixels to one size."""

import os

import keras
import numpy as np

from zoo import errors
from zoo.backends import tensorflow
from zoo.frontends.base import Frontend, is_strings
from zoo.frontends.image_files import are_paths, as_files, as_pngs, decode, over_white

GREY = [0.299, 0.587, 0.114]  # Rec. 601; those of tf.image do not quite sum to 1
SAMPLE = 2000  # images from which statistics are taken


@keras.saving.register_keras_serializable(package="zoo")
class ImageFrontend(Frontend):
    """Turns image files [N] or pixels [N, H, W] and [N, H, W, C] into float32 [N, S, S, C].

    Reads JPEG (also CMYK), PNG, BMP, WebP and the first frame of a GIF. Grey images get C equal channels, an alpha
    channel is laid over white. Of every image the middle square is cut out and scaled to S x S pixels with
    antialiasing; then each channel loses its mean and is divided by its standard deviation. Training and the exported
    graph run this one function.

    While training, images may be cut and mirrored at random (`augmented`).

    Args:
        size: S, pixels of a side.
        resize: pixels to which the shorter side is scaled before S x S are cut out of the middle; None means S.
        channels: C, 3 or 1.
        mean, std: of each channel, from 0 to 255, numbers or lists of C; None until `adapt`, and 127.5 until then.
        bgr: turn the channels around, as networks want that were trained in Caffe.
        crop: least share of an image's area that a random cut keeps while training, above 0 up to 1; the cut is 3:4 to
            4:3 wide and takes the place of the middle square. None cuts the middle square in training too.
        flip: mirror half of the images left to right while training.

    Call arguments:
        items: encoded files [N], `bytes` or a string tensor; paths of files [N], `str`; or pixels from 0 to 255. Floats
            [N, S, S, C] are taken for images that went through here before, by `is_raw`.

    Example:

    >>> import numpy as np
    >>> from zoo.frontends import ImageFrontend
    >>> ImageFrontend(size=8)(np.full((2, 20, 30, 3), 255, "uint8")).shape
    TensorShape([2, 8, 8, 3])
    """

    kind, learns = "image", "statistics"
    streams = True

    def __init__(self, size=64, resize=None, channels=3, mean=None, std=None, bgr=False, crop=None, flip=False):
        self.size = errors.whole("size", size)
        self.resize = self.size if resize is None else errors.whole("resize", resize, self.size)
        if channels not in (1, 3):
            raise ValueError(f"channels must be 1 or 3, not {channels!r}")
        if (mean is None) != (std is None):
            raise ValueError("mean and std belong together: give both or none")
        self.channels, self.bgr = channels, errors.flag("bgr", bgr)
        self.mean, self.std = _statistic("mean", mean, channels), _statistic("std", std, channels)
        self.crop = None if crop is None else errors.number("crop", crop, 0.01, 1.0)
        self.flip = errors.flag("flip", flip)

    @property
    def input_shape(self):
        return (None, self.size, self.size, self.channels)

    @property
    def state(self):
        """Mean and standard deviation of each channel, or None."""
        return None if self.mean is None else (self.mean, self.std)

    @state.setter
    def state(self, value):
        self.mean, self.std = value

    def is_raw(self, items):
        """Whether items are files, paths or pixels, or their spec; floats [N, S, S, C] went through here before.

        So did arrays with other numbers of channels, which are features of a network's frozen layers.
        """
        if isinstance(items, (str, bytes)) or is_strings(items):
            return True
        if isinstance(items, (list, tuple)):
            first = np.asarray(items[0])
            return self.is_raw(np.broadcast_to(first, (len(items), *first.shape)))
        if not hasattr(items, "dtype") or not hasattr(items, "shape"):
            return False
        whole = "int" in str(getattr(items.dtype, "name", items.dtype))
        if len(items.shape) == 4 and not whole and items.shape[-1] not in (1, 3, 4):
            return False
        return len(items.shape) in (3, 4) and (whole or tuple(items.shape)[1:] != self.input_shape[1:])

    def learn(self, items):
        """Return mean and standard deviation of each channel over up to 2,000 images, evenly taken from `items`.

        Statistics that are there already, as those of a pretrained network, stay.
        """
        if self.mean is not None:
            return self.state
        items = items[:: max(1, len(items) // SAMPLE)][:SAMPLE]
        if not len(items):
            raise ValueError("images: there is none to take statistics from")
        sums, squares, count = 0.0, 0.0, 0
        for start in range(0, len(items), 64):
            pixels = np.asarray(self.pixels(items[start : start + 64])[0], "float64").reshape(-1, self.channels)
            sums, squares, count = sums + pixels.sum(axis=0), squares + (pixels**2).sum(axis=0), count + len(pixels)
        mean = sums / count
        return mean.tolist(), np.maximum(np.sqrt(np.maximum(squares / count - mean**2, 0.0)), 1.0).tolist()

    def __call__(self, items, seed=None):
        """Return float32 [N, S, S, C]; an item that is no image is an error, `ValueError` outside of a graph."""
        tf = tensorflow("reading images")
        x, ok = self.checked(items, seed)
        what = "are no JPEG, PNG, GIF, BMP or WebP files, or larger than 67 million pixels; leave them out"
        if tf.executing_eagerly():
            if not bool(tf.reduce_all(ok)):
                raise ValueError(f"images: the items {np.flatnonzero(~ok.numpy())[:20].tolist()} {what}")
            return x
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(ok), ["images", tf.where(~ok)[:, 0], what], 20)]):
            return tf.identity(x)

    def checked(self, items, seed=None):
        """Return float32 [N, S, S, C] and whether each item is an image [N].

        Empty files, files of no known format and headers that promise more than 67 million pixels are told apart. A
        file that breaks off in the middle is an error: TensorFlow cannot go on without it.
        """
        tf = tensorflow("reading images")
        pixels, ok = self.pixels(items, seed)
        x = pixels[..., ::-1] if self.bgr else pixels
        mean, std = (127.5, 127.5) if self.mean is None else (self.mean, self.std)
        x = (x - tf.constant(mean, tf.float32)) / tf.constant(std, tf.float32)
        return tf.where(ok[:, None, None, None], x, 0.0), ok

    def augmented(self, items, seed):
        """Return float32 [N, S, S, C] for training, cut and mirrored as `crop` and `flip` say.

        Args:
            items: as in a call.
            seed: two integers; the same seed cuts the same items in the same way.
        """
        return self(items, seed if self.flip or self.crop else None)

    def pixels(self, items, seed=None):
        """Return the squares before the statistics, float32 from 0 to 255 [N, S, S, C], and whether each is an image."""
        tf = tensorflow("reading images")
        spec = tf.TensorSpec([self.size, self.size, self.channels], tf.float32), tf.TensorSpec([], tf.bool)
        if is_strings(items):
            items, read = as_files(items), decode
        else:
            items, read = tf.convert_to_tensor(items), None
            if items.shape.rank not in (3, 4) or (items.shape.rank == 4 and items.shape[-1] not in (1, 3, 4)):
                raise ValueError(f"images must be [N, H, W] or [N, H, W, C] with 1, 3 or 4 channels, not {items.shape}")
            items = tf.cast(items[..., None] if items.shape.rank == 3 else items, tf.float32)

        def one(item, seed=None):
            image, ok = read(item) if read else (item, tf.constant(True))
            return self._square(image[None], seed)[0], ok

        if seed is not None:
            seeds = tf.random.experimental.stateless_split(seed, tf.shape(items)[0])  # (N, 2)
            return tf.map_fn(lambda pair: one(*pair), (items, seeds), fn_output_signature=spec)
        if read:
            return tf.map_fn(one, items, fn_output_signature=spec)
        return self._square(items), tf.ones(tf.shape(items)[:1], tf.bool)

    def _square(self, images, seed=None):
        """Squares of images [N, H, W, 1, 3 or 4], scaled [N, S, S, C]: the middle ones, or with a seed random ones."""
        tf = tensorflow("reading images")
        if images.shape[-1] == 4:
            images = over_white(images)
        if images.shape[-1] == 1 and self.channels == 3:
            images = tf.repeat(images, 3, axis=-1)
        elif images.shape[-1] == 3 and self.channels == 1:
            images = tf.tensordot(images, GREY, 1)[..., None]
        height, width = tf.shape(images)[1], tf.shape(images)[2]
        if seed is not None and self.crop:
            begin, extent, _ = tf.image.stateless_sample_distorted_bounding_box(
                [height, width, 1], [[[0.0, 0.0, 1.0, 1.0]]], seed, min_object_covered=0.0,
                aspect_ratio_range=(3 / 4, 4 / 3), area_range=(self.crop, 1.0),
            )
            images = tf.slice(images, [0, begin[0], begin[1], 0], [-1, extent[0], extent[1], -1])
        else:
            # Cut before scaling: a strip of 1 x 100,000 pixels would first grow by the size.
            side = tf.cast(tf.minimum(height, width), tf.float32) * (self.size / self.resize)
            side = tf.maximum(tf.cast(tf.round(side), tf.int32), 1)
            top, left = (height - side) // 2, (width - side) // 2
            images = images[:, top : top + side, left : left + side]
        images = tf.image.resize(images, [self.size, self.size], antialias=True)
        if seed is not None and self.flip:
            images = tf.where(tf.random.stateless_uniform([], seed + 1) < 0.5, images[:, :, ::-1], images)
        return tf.ensure_shape(images, [None, self.size, self.size, self.channels])

    @property
    def raw_spec(self):
        """What the served signature takes."""
        tf = tensorflow("reading images")
        return tf.TensorSpec([None], tf.string, name="image")

    def as_items(self, items):
        """Return files or paths as a list, pixels as an array; `ValueError` says what is neither."""
        if isinstance(items, (str, bytes)):
            raise ValueError("images must be a list of files or paths, not one of them; put it in a list")
        if not is_strings(items):
            return np.asarray(items)
        items = items.numpy() if hasattr(items, "numpy") else items
        for i, item in enumerate(items):
            if not isinstance(item, type(items[0])):
                raise ValueError(
                    f"images must all be files (bytes) or all paths (str), but item {i} is {type(item).__name__} and the "
                    f"first {type(items[0]).__name__}"
                )
        return list(items)

    def dataset(self, items, batch_size, rest=(), shuffle=False, augment=False):
        """Return batches of images, read as they are needed.

        Args:
            items: files, paths or pixels [N], as `as_items` gives them.
            batch_size: images in a batch.
            rest: arrays [N], for instance labels, whose rows go with the images.
            shuffle: a new order in each epoch, instead of the one given.
            augment: images for training, see `augmented`.
        """
        tf = tensorflow("reading images")
        dataset = tf.data.Dataset.from_tensor_slices((items, *rest))
        dataset = dataset.shuffle(len(items)) if shuffle else dataset
        return self.mapped(dataset.batch(batch_size), are_paths(items), augment)

    def mapped(self, batches, paths=False, augment=False):
        """Return a `tf.data.Dataset` of images, of one whose elements are (items, ...); `paths` are read first."""
        tf = tensorflow("reading images")
        seeds = tf.data.Dataset.random(rerandomize_each_iteration=True).batch(2)

        def read(batch, seed):
            items, *rest = batch if isinstance(batch, tuple) else (batch,)
            items = tf.map_fn(tf.io.read_file, items) if paths else items
            x = self.augmented(items, seed) if augment else self(items)  # (N, S, S, C)
            return (x, *rest) if rest else x

        return tf.data.Dataset.zip(batches, seeds).map(read, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)

    def names(self, items):
        """Return the last two parts of each path, or the number of each image."""
        if are_paths(items):
            return ["/".join(item.replace(os.sep, "/").split("/")[-2:]) for item in items]
        return [str(i) for i in range(len(items))]

    def as_bytes(self, items):
        """Return images as encoded files, a list of `bytes`; pixels become PNG files."""
        return list(as_files(items).numpy()) if is_strings(items) else as_pngs(items)

    @property
    def samples(self):
        """Four PNG files: black, a slope, noise, and one of 1 x 1 pixels."""
        slope = np.tile(np.arange(0, 256, 8, "uint8"), (32, 1))
        noise = np.random.default_rng(0).integers(0, 255, (32, 32, 3), "uint8")
        return [as_pngs(image[None])[0] for image in (slope * 0, slope, noise, noise[:1, :1])]

    def get_config(self):
        names = ("size", "resize", "channels", "mean", "std", "bgr", "crop", "flip")
        return {name: getattr(self, name) for name in names}


def _statistic(name, value, channels):
    if value is None:
        return None
    values = [errors.number(name, float(one)) for one in (value if isinstance(value, (list, tuple)) else [value] * channels)]
    if len(values) != channels or (name == "std" and min(values) <= 0):
        raise ValueError(f"{name} must be a number or one for each of {channels} channels, std above 0; not {value!r}")
    return values
