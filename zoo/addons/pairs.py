"""N-pairs and contrastive losses, as tensorflow-addons defines them."""

import keras
from keras import ops

from zoo import geometry
from zoo.addons.base import AddonsLoss, fixed, same_shape, scalar
from zoo.losses.base import check_batch


@keras.saving.register_keras_serializable(package="Addons")
def npairs_loss(y_true, y_pred):
    """Softmax cross-entropy of every row of a similarity matrix against the rows of its class.

    The target of row i is spread evenly over the columns j with y_j = y_i, i itself included; the mean over rows.

    Needs two embeddings a class, or a matrix of anchors by positives.

    Args:
        y_true: class ids [N] or [N, 1].
        y_pred: similarities [N, N], for instance `embeddings @ embeddings.T`.

    Returns:
        A scalar.

    Raises:
        ValueError: a matrix that is not square, bad labels.

    Example:

    >>> round(float(npairs_loss([0, 1], [[2.0, 0.0], [0.0, 2.0]])), 4)
    0.1269

    Related: `npairs_multilabel_loss`.

    Reference: Sohn 2016.
    """
    labels, logits = check_batch(y_true, _square(y_pred))
    return _even_cross_entropy(ops.cast(labels[:, None] == labels[None, :], logits.dtype), logits)


@keras.saving.register_keras_serializable(package="Addons")
def npairs_multilabel_loss(y_true, y_pred):
    """Softmax cross-entropy of every row of a similarity matrix against the labels that the rows share.

    The target of row i is y_i . y_j over the columns j, divided by its sum; the mean over rows. A row without a label
    has no target and counts 0.

    Args:
        y_true: label indicators [N, C]: dense, a sparse tensor of the backend, or a list of N rows of either kind.
        y_pred: similarities [N, N], for instance `embeddings @ embeddings.T`.

    Returns:
        A scalar.

    Raises:
        ValueError: a matrix that is not square, another number of label rows.

    Example:

    >>> round(float(npairs_multilabel_loss([[1, 1], [0, 1]], [[2.0, 0.0], [0.0, 2.0]])), 4)
    0.9603

    Related: `npairs_loss` for one label a row.

    Reference: Sohn 2016.
    """
    indicators = _dense(y_true)
    if len(indicators.shape) != 2:
        raise ValueError(f"y_true must have shape (N, C), not {tuple(indicators.shape)}")
    # check_batch refuses an empty or non-finite matrix; row numbers stand in for the class ids that it expects.
    _, logits = check_batch(ops.arange(ops.shape(indicators)[0], dtype="int32"), _square(y_pred))
    indicators = ops.cast(indicators, logits.dtype)
    return _even_cross_entropy(ops.matmul(indicators, ops.transpose(indicators)), logits)


def _dense(rows):
    """Label rows as one dense tensor [N, C]; sparse rows may have shape [C] or [1, C]."""
    if isinstance(rows, (list, tuple)) and rows and hasattr(rows[0], "dense_shape"):
        rows = ops.stack([ops.reshape(ops.convert_to_tensor(row, sparse=False), (-1,)) for row in rows])
    return ops.convert_to_tensor(rows, sparse=False)


def _square(y_pred):
    y_pred = ops.convert_to_tensor(y_pred)
    shape = tuple(y_pred.shape)
    if len(shape) != 2 or (None not in shape and shape[0] != shape[1]):
        raise ValueError(f"y_pred must be a square matrix of similarities (N, N), not {shape}")
    return y_pred


def _even_cross_entropy(weights, logits):
    """Mean over rows of the cross-entropy of softmax(logits) [N, N] to `weights` [N, N] divided by their row sums."""
    total = ops.sum(weights, axis=1, keepdims=True)
    some = ops.not_equal(total, 0.0)
    target = ops.where(some, weights / ops.where(some, total, 1.0), 0.0)
    return -ops.mean(ops.sum(target * ops.log_softmax(logits, axis=1), axis=1))


@keras.saving.register_keras_serializable(package="Addons")
def contrastive_loss(y_true, y_pred, margin=1.0):
    """Pull the two sides of a positive pair together, push those of a negative pair a margin apart.

    y d^2 + (1 - y) max(0, margin - d)^2, with d the distance of a pair and y its label.

    Args:
        y_true: 1 for pairs of one class, 0 for others [...].
        y_pred: distances [...].
        margin: number in units of the distance.

    Returns:
        float32 or float64 [...]: one value a pair.

    Raises:
        ValueError: shapes that do not fit.

    Example:

    >>> contrastive_loss([1, 0], [0.5, 0.25]).numpy().tolist()
    [0.25, 0.5625]

    Related: `zoo.addons.pairwise_distance` has a finite gradient at 0, which a plain root has not.

    Reference: Hadsell, Chopra, LeCun 2006.
    """
    distance = geometry.widen(y_pred)
    same = same_shape(y_true, distance)
    apart = ops.relu(scalar("margin", margin, distance.dtype) - distance)
    return same * ops.square(distance) + (1.0 - same) * ops.square(apart)


@keras.saving.register_keras_serializable(package="Addons")
class NpairsLoss(AddonsLoss):
    """`npairs_loss` as a loss for `compile`: the model's output is the similarity matrix.

    Args:
        name: name of the loss.

    Example:

    >>> round(float(NpairsLoss()([0, 1], [[2.0, 0.0], [0.0, 2.0]])), 4)
    0.1269

    Related: `NpairsMultilabelLoss`.
    """

    def __init__(self, name="npairs_loss"):
        super().__init__(name=name)

    def call(self, y_true, y_pred):
        return npairs_loss(y_true, y_pred)

    def get_config(self):
        return {"name": self.name}


@keras.saving.register_keras_serializable(package="Addons")
class NpairsMultilabelLoss(AddonsLoss):
    """`npairs_multilabel_loss` as a loss for `compile`: the model's output is the similarity matrix.

    Args:
        name: name of the loss.

    Example:

    >>> round(float(NpairsMultilabelLoss()([[1, 1], [0, 1]], [[2.0, 0.0], [0.0, 2.0]])), 4)
    0.9603

    Related: `NpairsLoss`.
    """

    def __init__(self, name="npairs_multilabel_loss"):
        super().__init__(name=name)

    def call(self, y_true, y_pred):
        return npairs_multilabel_loss(y_true, y_pred)

    def get_config(self):
        return {"name": self.name}


@keras.saving.register_keras_serializable(package="Addons")
class ContrastiveLoss(AddonsLoss):
    """`contrastive_loss` as a loss for `compile`: the model's output is the distance of a pair.

    Args:
        margin: number in units of the distance.
        reduction: see `zoo.addons.base.AddonsLoss`; the mean over pairs by default.
        name: name of the loss.

    Raises:
        ValueError: a margin that is no number, an unknown reduction.

    Example:

    >>> float(ContrastiveLoss()([1, 0], [0.5, 0.25]))
    0.40625

    Related: `contrastive_loss` for one value a pair.
    """

    def __init__(self, margin=1.0, reduction="sum_over_batch_size", name="contrastive_loss"):
        super().__init__(reduction=reduction, name=name)
        self.margin = fixed("margin", margin)

    def call(self, y_true, y_pred):
        return contrastive_loss(y_true, y_pred, self.margin)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}
