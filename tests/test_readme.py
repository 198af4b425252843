"""Lines of Python and commands in the README run in one folder, in order; long recipes are held against their parsers.

Those recipes take minutes to an hour, many with sets that need not be at hand; each recipe's own tests run it briefly.
"""

import importlib
import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

import zoo

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```", README, re.M | re.S)
RUN = ("python recipes/image_epshn.py",)
IMAGE_RECIPE = f'"{ROOT / "recipes/image_epshn.py"}"'
IMAGES = "--epochs 1 --steps 3 --seeds 1 --rates 1e-3 --losses EPSHN"
RECIPE = " --epochs 1 --steps 2 --features 0"  # half an hour otherwise
ELSEWHERE = ("make demo", "make test", "pip install")  # tests/test_make.py, and the slow test below, run these


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("user")
    data = zoo.data.load("embedded", task="intent")
    rows = zip(data.train.labels[:800], data.train.items[:800], strict=True)
    (folder / "queries.tsv").write_text("".join(f"{label}\t{text}\n" for label, text in rows), encoding="utf-8")
    return folder


def shell(command, folder, **settings):
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command, shell=True, cwd=folder, capture_output=True, text=True, env={**os.environ, "PATH": path}, **settings
    )


def test_the_readme_runs(folder):
    ran = []
    for language, block in BLOCKS:
        if language == "python":
            done = subprocess.run([sys.executable, "-c", block], cwd=folder, capture_output=True, text=True, env=os.environ)
            assert done.returncode == 0, block + done.stderr
            ran.append(done.stdout)
            continue
        for command in block.strip().splitlines():
            if command.startswith(ELSEWHERE):
                continue
            if command.startswith("tensorboard"):
                check_tensorboard(command, folder)
                continue
            if command.startswith("python recipes/intent_bilstm.py"):
                command = check_recipe(command) + RECIPE
            elif command.startswith("python recipes/"):
                if command not in RUN:
                    continue  # test_recipes_take_what_the_readme_gives_them
                command = f'{command.replace("recipes/image_epshn.py", IMAGE_RECIPE)} {IMAGES}'
            if command.startswith("zoo train"):
                command += " --epochs 1"
            if command.startswith(("python tools/", "build/peers/")):
                continue  # would change the project, or take an hour: test_tables_are_what_the_tool_writes, test_tools.py
            done = shell(command, folder)
            assert done.returncode == 0, command + done.stdout + done.stderr
            ran.append(done.stdout)
    output = "\n".join(ran)
    for words in ("temperature=0.1", "recall@1", "导航到高铁东站: ", "play some jazz: ", "saved_models/queries/", "Result for output key label"):
        assert words in output, words
    assert (folder / "runs/queries/test/vectors.tsv").is_file()


def check_recipe(command):
    """The recipe runs from another folder, on the embedded set: the real one takes six minutes for two steps."""
    command = command.replace("nav_zh", "embedded")
    script = ROOT / "recipes/intent_bilstm.py"
    return command.replace("recipes/intent_bilstm.py", f'"{script}"').replace("--models all", '--models "softmax"')


def test_recipes_take_what_the_readme_gives_them(monkeypatch):
    """The recipe's own parser reads each command, without running it."""
    monkeypatch.syspath_prepend(str(ROOT / "recipes"))
    commands = [line for _, block in BLOCKS for line in block.splitlines() if line.startswith("python recipes/")]
    assert len(commands) > 10
    for command in commands:
        _, script, *arguments = shlex.split(command, comments=True)
        monkeypatch.setattr(sys, "argv", [script, *arguments])
        recipe = importlib.import_module(pathlib.Path(script).stem)
        assert recipe.arguments(), command
        monkeypatch.setattr(sys, "argv", [script, "--no-such-setting"])
        with pytest.raises(SystemExit):
            recipe.arguments()


def check_tensorboard(command, folder):
    """TensorBoard starts on the folder and says where it listens; what it serves is tested with the projector."""
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        f"exec {command} --port 0", shell=True, cwd=folder, stderr=subprocess.PIPE, text=True, env={**os.environ, "PATH": path}
    )
    try:
        assert any("http://localhost" in line for line in process.stderr), command
    finally:
        process.terminate()
        process.wait()


def test_the_docker_command_is_the_one_that_the_recipe_prints():
    """There is no Docker here: the line can be compared, not run."""
    recipe = (ROOT / "recipes/intent_bilstm.py").read_text(encoding="utf-8")
    (readme_line,) = re.findall(r"^docker .*$", README, re.M)
    (recipe_line,) = re.findall(r"^ +(docker .*)$", recipe, re.M)
    assert recipe_line.replace("{bundle.name}", "queries").replace("{bundle}", "saved_models/queries") == readme_line


def test_tables_are_what_the_tool_writes():
    done = subprocess.run([sys.executable, ROOT / "tools/readme_tables.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_pictures_exist():
    for path in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / path).is_file(), path


@pytest.mark.slow
def test_the_install_command_installs_into_an_environment_of_ones_own(tmp_path):
    """Downloads TensorFlow with pip: minutes."""
    (command,) = re.findall(r"^pip install .*$", README, re.M)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    done = subprocess.run(
        f'"{tmp_path}/env/bin/python" -m {command}', shell=True, cwd=ROOT, capture_output=True, text=True, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    listed = subprocess.run([tmp_path / "env/bin/zoo", "list"], cwd=tmp_path, capture_output=True, text=True)
    assert "bilstm_epshn" in listed.stdout
