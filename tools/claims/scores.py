"""Which of our losses answers a peer's loss on class proxies; margins of angle are degrees there and radians here."""

import math

CLAIMS = {
    ("pml", "arcface"): lambda params: ("arcface", {"margin": math.radians(params["margin"]), "scale": params["scale"]}),
    ("pml", "cosface"): lambda params: ("cosface", {"margin": params["margin"], "scale": params["scale"]}),
    ("pml", "normalized_softmax"): lambda params: ("cosface", {"margin": 0.0, "scale": 1.0 / params["temperature"]}),
    ("pml", "proxy_nca"): lambda params: ("proxynca", {"scale": params["softmax_scale"]}),
    ("pml", "proxy_anchor"): lambda params: ("proxyanchor", {"margin": params["margin"], "alpha": params["alpha"]}),
}
