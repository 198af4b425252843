"""What a triplet costs, as a function of the point (s_ap, s_an): similarity to the positive and to the negative.

All are elementwise and accept any shape. The gradient field of each can be drawn on the triplet plane: `slopes` gives it.
"""

from typing import Callable, NamedTuple

from keras import ops


class Objective(NamedTuple):
    """A cost and its gradient field.

    Attributes:
        cost: function of (s_ap, s_an).
        slopes: function of (s_ap, s_an) that returns the derivatives of the cost by each of the two.
    """

    cost: Callable
    slopes: Callable


def hinge(s_ap, s_an, margin):
    """max(0, s_an - s_ap + margin). Its gradient at exactly 0 is 0: `relu`, not `maximum`."""
    return ops.relu(s_an - s_ap + margin)


def soft_margin(s_ap, s_an):
    """log(1 + exp(s_an - s_ap)), without overflow (Hermans et al., 2017)."""
    return ops.softplus(s_an - s_ap)


def nca(s_ap, s_an, temperature, margin=0.0):
    """-log softmax of the positive against the negative: softplus((s_an - s_ap + margin) / T)."""
    return ops.softplus((s_an - s_ap + margin) / temperature)


def second_order(s_ap, s_an, temperature, margin=0.0):
    """softplus(((rho^2 - 1) / 2 + margin) / T), rho the distance of (s_ap, s_an) to the ideal point (1, 0)."""
    return ops.softplus((0.5 * (ops.square(1.0 - s_ap) + ops.square(s_an) - 1.0) + margin) / temperature)


def selective(s_ap, s_an, temperature, weight, threshold):
    """`nca` for an easy triplet; `weight` s_an, which moves the negative alone, for a hard one (Xuan et al., 2020)."""
    return ops.where(is_hard(s_ap, s_an, threshold), weight * s_an, nca(s_ap, s_an, temperature))


def is_hard(s_ap, s_an, threshold):
    """True where the negative is closer than the positive, or closer than `threshold`."""
    return ops.logical_or(s_an > s_ap, s_an > threshold)


def make(kind, margin=0.0, temperature=1.0, weight=1.0, threshold=1.0):
    """Return the `Objective` of a name: `"hinge"`, `"soft"`, `"nca"`, `"second_order"` or `"selective"`."""

    def hinge_slopes(p, n):
        active = ops.cast(n - p + margin > 0, p.dtype)
        return -active, active

    def soft_slopes(p, n):
        pull = ops.sigmoid(n - p)
        return -pull, pull

    def nca_slopes(p, n):
        pull = ops.sigmoid((n - p + margin) / temperature) / temperature
        return -pull, pull

    def second_order_slopes(p, n):
        excess = 0.5 * (ops.square(1.0 - p) + ops.square(n) - 1.0) + margin
        pull = ops.sigmoid(excess / temperature) / temperature
        return pull * (p - 1.0), pull * n

    def selective_slopes(p, n):
        pull, hard = ops.sigmoid((n - p) / temperature) / temperature, is_hard(p, n, threshold)
        return ops.where(hard, 0.0, -pull), ops.where(hard, weight, pull)

    return {
        "hinge": Objective(lambda p, n: hinge(p, n, margin), hinge_slopes),
        "soft": Objective(soft_margin, soft_slopes),
        "nca": Objective(lambda p, n: nca(p, n, temperature, margin), nca_slopes),
        "second_order": Objective(lambda p, n: second_order(p, n, temperature, margin), second_order_slopes),
        "selective": Objective(lambda p, n: selective(p, n, temperature, weight, threshold), selective_slopes),
    }[kind]
