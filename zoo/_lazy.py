"""Names that are imported when they are first used (PEP 562), so that `import zoo` stays quick."""

import importlib


def attach(package, names):
    """Return `__getattr__`, `__dir__` and `__all__` of a package whose names live in its submodules.

    Args:
        package: the package's `__name__`.
        names: dict of public name to the submodule (relative to the package) that defines it;
            a name that maps to itself with a leading dot is the submodule as such.

    Returns:
        The three objects to assign in the package's `__init__.py`.
    """

    def __getattr__(name):
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        target = names[name]
        if target.startswith("."):
            return importlib.import_module(package + target)
        return getattr(importlib.import_module(f"{package}.{target}"), name)

    return __getattr__, lambda: sorted(names), sorted(names)
