"""Pictures: arrays in, a matplotlib Figure out. One picture a file; no pyplot, no global state."""

from zoo._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "animate_encodings": "encodings",
        "animate_triplets": "triplets",
        "bidirectional_gates": "gates",
        "count_open": "gates",
        "encoding_frame": "encodings",
        "figure_png": "animate",
        "find_cjk_font": "fonts",
        "fit_projection": "encodings",
        "fixed_limits": "encodings",
        "font_for": "fonts",
        "gate_activations": "gates",
        "gate_saturation": "saturation",
        "gate_strips": "strips",
        "loss_on_plane": "loss_plane",
        "plane_features": "features",
        "saturation_plane": "saturation",
        "save_gif": "animate",
        "save_html": "animate",
        "save_png": "animate",
        "triplet_plane": "loss_plane",
        "triplet_scatter": "triplets",
        "two_logits": "logits",
    },
)
