"""The definitions in float64, written to be read: cubic where the definition is, and with nothing of zoo in them.

Gradients come from automatic differentiation. A definition that does not speak of a batch (no pair at all) gives NaN.
"""

import math

import numpy as np
import tensorflow as tf

INFINITY = tf.constant(math.inf, tf.float64)


def classes(y):
    """Masks [N, N] of positives and of negatives from ids of any shape, compared as the integers that they are."""
    y = np.reshape(y, -1)
    same = y[:, None] == y[None, :]
    return same & ~np.eye(len(y), dtype=bool), ~same


def pairwise_distance(x, y=None, w=None, squared=False):
    x = tf.cast(x, tf.float64)
    squares = tf.reduce_sum((x[:, None] - x[None, :]) ** 2, axis=-1)
    positive = squares > 0
    return squares if squared else tf.where(positive, tf.sqrt(tf.where(positive, squares, 1.0)), 0.0)


def angular_distance(x, y=None, w=None):
    x = tf.cast(x, tf.float64)
    x *= tf.math.rsqrt(tf.maximum(tf.reduce_sum(x * x, axis=1, keepdims=True), 1e-12))
    return tf.nn.relu(1.0 - tf.matmul(x, x, transpose_b=True))


def matrix(x, distance_metric):
    if distance_metric == "angular":
        return angular_distance(x)
    return pairwise_distance(x, squared=distance_metric == "squared-L2")


def weighted(value, w):
    return value if w is None else value * tf.cast(w, tf.float64)


def triplet_semihard_loss(x, y, w=None, margin=1.0, distance_metric="L2"):
    d = matrix(x, distance_metric)
    positives, negatives = classes(y)
    beyond = negatives[:, None, :] & (d[:, None, :] > d[:, :, None])  # (a, p, n)
    nearest = tf.reduce_min(tf.where(beyond, d[:, None, :], INFINITY), axis=2)
    farthest = tf.reduce_max(tf.where(negatives, d, -INFINITY), axis=1)
    farthest = tf.where(negatives.any(axis=1), farthest, tf.reduce_min(d, axis=1))
    d_an = tf.where(tf.reduce_any(beyond, axis=2), nearest, farthest[:, None])
    return weighted(tf.reduce_mean(tf.nn.relu(margin + d - d_an)[positives]), w)


def triplet_hard_loss(x, y, w=None, margin=1.0, soft=False, distance_metric="L2"):
    d = matrix(x, distance_metric)
    positives, negatives = classes(y)
    d_ap = tf.reduce_max(tf.where(positives, d, -INFINITY), axis=1)
    d_ap = tf.where(positives.any(axis=1), d_ap, tf.reduce_min(d, axis=1))
    d_an = tf.reduce_min(tf.where(negatives, d, INFINITY), axis=1)
    d_an = tf.where(negatives.any(axis=1), d_an, tf.reduce_max(d, axis=1))
    cost = tf.nn.softplus(d_ap - d_an) if soft else tf.nn.relu(margin + d_ap - d_an)
    return weighted(tf.reduce_mean(cost), w)


def lifted_struct_loss(x, y, w=None, margin=1.0):
    d = pairwise_distance(x)
    positives, negatives = classes(y)
    if not negatives.any():
        return tf.constant(math.nan, tf.float64)
    push = tf.where(negatives, margin - d, -INFINITY)
    both = tf.concat([tf.repeat(push[:, None], len(push), 1), tf.repeat(push[None], len(push), 0)], axis=2)  # (i, j, 2N)
    return weighted(tf.reduce_mean(tf.nn.relu(tf.reduce_logsumexp(both, axis=2) + d)[positives] ** 2) / 2, w)


def npairs_loss(x, y, w=None):
    y = np.reshape(y, -1)
    return weighted(cross_entropy(x, (y[:, None] == y[None, :]).astype("float64")), w)


def npairs_multilabel_loss(x, y, w=None):
    y = y.astype("float64")
    return weighted(cross_entropy(x, y @ y.T), w)


def cross_entropy(logits, target):
    logits = tf.cast(logits, tf.float64)
    total = target.sum(axis=1, keepdims=True)
    target = np.divide(target, total, out=np.zeros_like(target), where=total > 0)
    return -tf.reduce_mean(tf.reduce_sum(target * tf.nn.log_softmax(logits), axis=1))


def contrastive_loss(x, y, w=None, margin=1.0):
    d, same = tf.cast(x, tf.float64), tf.cast(y, tf.float64)
    return same * d**2 + (1 - same) * tf.nn.relu(margin - d) ** 2


def sigmoid_focal_crossentropy(x, y, w=None, alpha=0.25, gamma=2.0, from_logits=False):
    """The logarithms and the power are written apart so that their product has no 0 times infinity."""
    most = 1 - 1e-7 if x.dtype == tf.float64 else float(np.float32(1 - 1e-7))  # the type's own 1 - epsilon
    x, y = tf.cast(x, tf.float64), tf.cast(y, tf.float64)
    p, q = (tf.sigmoid(x), tf.sigmoid(-x)) if from_logits else (x, 1 - x)
    inside = tf.clip_by_value(p, 1e-7, most)
    log_p, log_q = (-tf.nn.softplus(-x), -tf.nn.softplus(x)) if from_logits else (
        tf.math.log(inside + 1e-7), tf.math.log(1 - inside + 1e-7))  # fmt: skip
    loss = -(y * log_p + (1 - y) * log_q)
    if alpha:
        loss *= y * alpha + (1 - y) * (1 - alpha)
    if gamma:
        wrong = y * q + (1 - y) * p
        loss *= tf.where(wrong > 0, tf.where(wrong > 0, wrong, 1.0) ** gamma, 0.0)
    return tf.reduce_sum(loss, axis=-1)


def reduced(function):
    """A class with a reduction: weights of a row spread over its entries."""

    def loss(x, y, w=None, reduction="none", **settings):
        values = function(x, y, **settings)
        if w is not None:
            w = tf.cast(w, tf.float64)
            w = tf.reshape(w, (-1, *(1,) * (len(values.shape) - 1))) if len(w.shape) else w
            values *= w
        if reduction == "none":
            return values
        return tf.reduce_sum(values) / (1 if reduction == "sum" else tf.cast(tf.size(values), tf.float64))

    return loss


TripletSemiHardLoss, TripletHardLoss, LiftedStructLoss = triplet_semihard_loss, triplet_hard_loss, lifted_struct_loss
NpairsLoss, NpairsMultilabelLoss = npairs_loss, npairs_multilabel_loss
ContrastiveLoss, SigmoidFocalCrossEntropy = reduced(contrastive_loss), reduced(sigmoid_focal_crossentropy)
