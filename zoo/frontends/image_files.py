"""Encoded image files to pixels."""

from zoo.backends import tensorflow
from zoo.frontends.base import is_strings

MAX_PIXELS = 2**26  # of a file; a header that promises more is refused before memory is taken for it
HEAD = 32  # bytes of a file that tell its format and size
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"RIFF")  # in the order of `_kind`
JPEG, PNG, GIF, BMP, WEBP = range(5)


def as_files(items):
    """Return encoded files as a string tensor [N]; paths, which are `str`, are read."""
    tf = tensorflow("reading images")
    if isinstance(items, (str, bytes)):
        raise ValueError("images must be a list of files or paths, not one of them; put it in a list")
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


def as_pngs(pixels):
    """Return pixels from 0 to 255 [N, H, W] or [N, H, W, C] as PNG files, a list of `bytes`."""
    tf = tensorflow("writing images")
    pixels = tf.cast(tf.round(tf.cast(tf.convert_to_tensor(pixels), tf.float32)), tf.uint8)
    pixels = pixels[..., None] if pixels.shape.rank == 3 else pixels
    return [tf.io.encode_png(image).numpy() for image in pixels]


def are_paths(items):
    """Whether items are paths, `str`, rather than the content of files, `bytes`."""
    return is_strings(items) and len(items) > 0 and isinstance(items[0], str)


def decode(data):
    """Return the pixels of one encoded file, float32 from 0 to 255 [H, W, 3], and whether it is an image.

    Alpha is laid over white. A file that breaks off in the middle is an error of TensorFlow.
    """
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
        return over_white(tf.cast(tf.concat([image[..., :3], alpha], axis=-1), tf.float32))

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
    return image, ok


def over_white(images):
    """Return images with alpha [..., 4] on a white ground [..., 3]."""
    alpha = images[..., 3:] / 255.0
    return images[..., :3] * alpha + 255.0 * (1.0 - alpha)


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
