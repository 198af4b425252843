"""Bundles that TensorFlow Serving runs, and data for TensorBoard's projector.

The package can be called: `zoo.export(model, path)` is `zoo.export.saved_model.export(model, path)`.
"""

import sys
import types

from zoo._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__, {"project_towers": "modalities", "query": "ask", "write_projector": "projector"}
)


class _Export(types.ModuleType):
    def __call__(self, model, path, **settings):
        from zoo.export.saved_model import export

        return export(model, path, **settings)


sys.modules[__name__].__class__ = _Export
