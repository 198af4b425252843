"""A bundle answers in a process that has TensorFlow and neither keras nor zoo."""

import json

import numpy as np
import pytest
from bundle_texts import ITEMS, ODD

CHILD = """
import importlib.util, json, sys
import numpy as np
assert importlib.util.find_spec("keras") is None and importlib.util.find_spec("zoo") is None
import tensorflow as tf
assert not {"keras", "zoo"} & set(sys.modules)
bundle, batch, answers = sys.argv[1:]
texts = [bytes.fromhex(text) for text in json.load(open(batch))]
found = {}
loaded = tf.saved_model.load(bundle)
for name in ("serving_default", "embed", "search", "classify"):
    for key, value in loaded.signatures[name](tf.constant(texts)).items():
        found[f"{name}/{key}"] = value.numpy()
found["alone"] = np.stack([loaded.signatures["embed"](tf.constant([text]))["embedding"].numpy()[0] for text in texts])
found["none"] = loaded.signatures["embed"](tf.constant([], tf.string))["embedding"].numpy()
for key, value in loaded.signatures["search"](tf.constant([], tf.string)).items():
    found[f"none/{key}"] = value.numpy()
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], bundle)
    signature = meta.signature_def["serving_default"]
    found["session"] = session.run(
        signature.outputs["embedding"].name, {signature.inputs["text"].name: np.array(texts, object)}
    )
np.savez(answers, **{key: value.astype("S") if value.dtype == object else value for key, value in found.items()})
"""


@pytest.fixture(scope="module")
def answers(bundle, plain_python, child, tmp_path_factory):
    """What the bundle answered in such a process, and what `saved_model_cli` wrote."""
    folder = tmp_path_factory.mktemp("answers")
    (folder / "child.py").write_text(CHILD)
    texts = [text.encode() for text in ITEMS] + ODD
    (folder / "batch.json").write_text(json.dumps([text.hex() for text in texts]))
    library = child(plain_python, "child.py", bundle, "batch.json", "answers.npz", folder=folder)
    command = child(
        plain_python, "-m", "tensorflow.python.tools.saved_model_cli", "run", "--dir", bundle, "--tag_set", "serve",
        "--signature_def", "serving_default", "--input_exprs", f"text={ITEMS!r}", "--outdir", "written",
        folder=folder,
    )  # fmt: skip
    for process in (library, command):
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
    with np.load(folder / "answers.npz") as file:
        return {**file, "command": np.load(folder / "written" / "embedding.npy"), "texts": texts}


@pytest.mark.parametrize("way", ["serving_default/embedding", "embed/embedding", "session", "alone"])
def test_embeddings_equal_those_of_predict(model, answers, way):
    expected = model.predict(answers["texts"])
    assert expected.shape == (len(ITEMS) + len(ODD), 8) and np.isfinite(expected).all()
    np.testing.assert_allclose(answers[way], expected, atol=1e-5)
    assert answers[way].dtype == np.float32


def test_saved_model_cli_answers_the_same(model, answers):
    np.testing.assert_allclose(answers["command"], model.predict(ITEMS), atol=1e-5)


def test_an_empty_batch_has_the_right_shapes(answers):
    assert answers["none"].shape == (0, 8)
    assert answers["none/ids"].shape == answers["none/scores"].shape == (0, 5)


def test_search_finds_the_item_itself(answers):
    found = [name.decode() for name in answers["search/ids"][: len(ITEMS), 0]]
    assert found == ITEMS
    assert np.isfinite(answers["search/scores"]).all() and (np.diff(answers["search/scores"], axis=1) <= 0).all()
    assert set(answers["classify/label"]) <= {b"go", b"music", b"other"}
    assert ((0 < answers["classify/votes"]) & (answers["classify/votes"] <= 1)).all()
    assert ((0 <= answers["classify/confidence"]) & (answers["classify/confidence"] <= 1)).all()
