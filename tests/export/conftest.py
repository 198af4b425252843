"""One small model and one bundle for all tests here: tracing costs seconds."""

import os
import pathlib
import subprocess
import sys
import sysconfig
import venv

import numpy as np
import pytest
from bundle_texts import ITEMS, LABELS

@pytest.fixture(scope="session")
def model():
    import zoo

    model = zoo.build("bilstm_epshn", units=8, char_dim=8, embedding_dim=8)
    model.adapt(ITEMS)
    model.predict(ITEMS)
    return model


@pytest.fixture(scope="session")
def bundle(model, tmp_path_factory):
    """Path of a version with a gallery."""
    from zoo.export.saved_model import export

    path = tmp_path_factory.mktemp("served") / "saved models" / "intent"
    return export(model, path, gallery=(ITEMS, LABELS), neighbors=5, scores={"accuracy": np.float32(0.5)})


@pytest.fixture(scope="session")
def plain_python(tmp_path_factory):
    """A Python that has TensorFlow and what it needs, but neither keras nor zoo."""
    home = tmp_path_factory.mktemp("plain")
    venv.create(home, symlinks=True)
    packages = next((home / "lib").glob("python*/site-packages"))
    for entry in pathlib.Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("keras", "zoo", "__editable__")):
            (packages / entry.name).symlink_to(entry)
    return home / "bin" / "python"


def start(python, *arguments, folder, **environment):
    """Start a child process that inherits nothing of this one's Python path."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    inherited |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", **environment}
    return subprocess.Popen(
        [str(python), *map(str, arguments)], cwd=folder, env=inherited, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@pytest.fixture(scope="session")
def child():
    """Function that starts a process: child(python or None for this one, *arguments, folder=...)."""
    running = []

    def begin(python, *arguments, folder, **environment):
        running.append(start(python or sys.executable, *arguments, folder=folder, **environment))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait()
