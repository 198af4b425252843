"""Steps of pytorch-metric-learning."""

from importlib import metadata

import cases as data
import torch
import torch_losses

LOSSES = {}


def start(library):
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    LOSSES.update(torch_losses.metric_learning())


def versions():
    return {name: metadata.version(name) for name in ("pytorch-metric-learning", "torch")}


def cases():
    return sorted([*LOSSES, "arcface"])


def step(case, n, chunk=None):
    x, labels = map(torch.from_numpy, data.batch(case, n))
    x.requires_grad_()
    labels = labels.long()
    if case in data.FLOORS:
        return floor(x, torch.from_numpy(data.class_weights()).requires_grad_() if case == "class floor" else None)
    module = torch_losses.arcface(data.class_weights()) if case == "arcface" else None
    function = torch_losses.plain(module) if module else LOSSES[case]

    def run():
        x.grad = None
        if module:
            module.zero_grad(set_to_none=True)
        value = function(labels, torch.nn.functional.normalize(x))
        value.backward()
        return float(value)

    return run


def floor(x, weights=None):
    """x x^T, or x W^T with the weights W [C, D], and its gradient by autodiff: three products."""
    upstream = torch.randn(len(x), len(x if weights is None else weights))

    def run():
        x.grad = None
        if weights is not None:
            weights.grad = None
        unit = torch.nn.functional.normalize(x)
        product = unit @ (unit if weights is None else weights).T
        product.backward(upstream)
        return float(product[0, 0])

    return run


def answer(case, labels, x):
    """Loss and gradient of a batch, with the rows as they are."""
    x = torch.from_numpy(x).requires_grad_()
    value = LOSSES[case](torch.from_numpy(labels), x)
    value.backward()
    gradient = torch.zeros_like(x) if x.grad is None else x.grad
    return float(value), gradient.double().numpy()
