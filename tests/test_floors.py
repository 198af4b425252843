"""The layout: a file imports from the floors below it, never above; TensorFlow stays where it belongs."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FLOORS = (
    "_lazy errors backends catalogue registry geometry mining losses addons layers frontends encoders neighbors export base_model "
    "embedder two_towers making data metrics figures callbacks __init__ cli_train cli __main__"
).split()
FILES = sorted((ROOT / "zoo").rglob("*.py"))
WITH_TENSORFLOW = ("backends.py", "frontends", "data", "export")


def floor(path):
    return path.relative_to(ROOT / "zoo").with_suffix("").parts[0]


def imported(path):
    """(line, module) of everything that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def test_every_file_has_a_floor():
    assert {floor(path) for path in FILES} <= set(FLOORS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_come_from_below(path):
    for line, module in imported(path):
        parts = module.split(".")
        if parts[0] == "zoo" and len(parts) > 1 and parts[1] in FLOORS:
            below = FLOORS.index(parts[1]) <= FLOORS.index(floor(path))
            assert below, f"{path}:{line} imports {module}, which is above it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_tensorflow_is_used_only_where_it_must_be(path):
    uses = [module for _, module in imported(path) if module.split(".")[0] == "tensorflow" or module == "zoo.backends.tensorflow"]
    assert not uses or path.relative_to(ROOT / "zoo").parts[0] in WITH_TENSORFLOW, uses


@pytest.mark.parametrize("path", [*FILES, *ROOT.glob("recipes/*.py"), *ROOT.glob("tools/*.py")], ids=lambda p: p.name)
def test_no_file_is_longer_than_300_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_no_layer_carries_code_in_its_config():
    for path in FILES:
        names = {node.attr for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Attribute)}
        assert "Lambda" not in names, path


def test_functions_do_not_share_a_name_with_a_module_of_their_package():
    """Importing the module would set it as an attribute of the package and hide the function."""
    for init in (ROOT / "zoo").glob("*/__init__.py"):
        modules = {path.stem for path in init.parent.glob("*.py")}
        for node in ast.walk(ast.parse(init.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "attach":
                names = ast.literal_eval(node.args[1])
                assert not {name for name, target in names.items() if not target.startswith(".")} & modules, init
