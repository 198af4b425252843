"""What a triplet costs, as a function of the point (s_ap, s_an): similarity to the positive and to the negative.

All four are elementwise and accept any shape. The gradient field of each can be drawn on the triplet plane.
"""

from keras import ops


def hinge(s_ap, s_an, margin):
    """max(0, s_an - s_ap + margin). Its gradient at exactly 0 is 0: `relu`, not `maximum`."""
    return ops.relu(s_an - s_ap + margin)


def soft_margin(s_ap, s_an):
    """log(1 + exp(s_an - s_ap)), without overflow (Hermans et al., 2017)."""
    return ops.softplus(s_an - s_ap)


def nca(s_ap, s_an, temperature, margin=0.0):
    """-log softmax of the positive against the negative: softplus((s_an - s_ap + margin) / T)."""
    return ops.softplus((s_an - s_ap + margin) / temperature)


def second_order(s_ap, s_an, temperature):
    """softplus((rho^2 - 1) / 2T), rho the distance of (s_ap, s_an) to the ideal point (1, 0): descends towards it."""
    return ops.softplus((ops.square(1.0 - s_ap) + ops.square(s_an) - 1.0) / (2.0 * temperature))
