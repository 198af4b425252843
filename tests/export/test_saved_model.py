"""What `export` writes, and what it refuses."""

import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from bundle_texts import ITEMS, LABELS

import zoo
from zoo.export import card, inputs
from zoo.export.ask import find, query
from zoo.export.saved_model import export, refuse_operations
from zoo.frontends import TextFrontend


def read(bundle):
    return json.loads((bundle / "card.json").read_text(encoding="utf-8"))


def test_the_version_is_complete(bundle):
    assert bundle.name == "1" and [entry.name for entry in bundle.parent.iterdir()] == ["1"]
    assert {"saved_model.pb", "variables", "fingerprint.pb", "card.json"} <= {entry.name for entry in bundle.iterdir()}
    assert bundle.stat().st_mode & 0o055 == 0o055  # a server under another name can read it


def test_names_types_and_shapes(bundle):
    signatures = read(bundle)["signatures"]
    text = {"text": {"dtype": "string", "shape": [None]}}
    assert all(signature["inputs"] == text for signature in signatures.values())
    outputs = {
        name: {key: (spec["dtype"], spec["shape"]) for key, spec in signature["outputs"].items()}
        for name, signature in signatures.items()
    }
    embedding = {"embedding": ("float32", [None, 8])}
    assert outputs == {
        "serving_default": embedding,
        "embed": embedding,
        "search": {"ids": ("string", [None, 5]), "labels": ("string", [None, 5]), "scores": ("float32", [None, 5])},
        "classify": {"label": ("string", [None]), "votes": ("float32", [None]), "confidence": ("float32", [None])},
    }


def test_the_card_says_what_it_is_and_keeps_what_it_answers(model, bundle):
    found = read(bundle)
    assert found["name"] == "bilstm_epshn" and found["bundle"] == "intent"
    assert found["gallery"] == len(ITEMS) and found["scores"] == {"accuracy": 0.5}
    assert found["settings"]["units"] == 8 and found["versions"]["tensorflow"] == tf.__version__
    assert found["largest_difference"] <= 1e-5
    assert found["fingerprint"] == card.fingerprint(bundle) and all(map(int, found["fingerprint"].values()))
    texts = [sample["input"] for sample in found["samples"]]
    assert texts[0] == "导航去火车站" and "导航" in (bundle / "card.json").read_text(encoding="utf-8")
    answers = np.array([sample["embedding"] for sample in found["samples"]], np.float32)
    served = tf.saved_model.load(str(bundle)).signatures["embed"](tf.constant(texts))["embedding"]
    np.testing.assert_allclose(answers, served, atol=1e-6)


def test_the_same_model_has_the_same_identity_when_exported_again(model, bundle, tmp_path):
    again = export(model, tmp_path / "name", gallery=(ITEMS, LABELS), neighbors=5)
    assert again.name == "1" and card.fingerprint(again) == card.fingerprint(bundle)


def test_query_answers_from_the_highest_version(bundle):
    rows = query(bundle.parent, ["回家", b"\xff", ""])
    assert [row["text"] for row in rows] == ["回家", "\ufffd", ""]
    assert rows[0]["neighbors"][0]["id"] == "回家" and rows[0]["neighbors"][0]["label"] == "go"
    assert rows[0]["label"] in LABELS and len(rows[0]["neighbors"]) == 5
    (alone,) = query(bundle, "回家")
    assert query(bundle, []) == [] and alone.keys() == rows[0].keys()
    for one, same in zip(alone["neighbors"], rows[0]["neighbors"], strict=True):  # products of other shapes round otherwise
        assert one == {**same, "score": pytest.approx(same["score"], abs=1e-6)}
    assert alone["confidence"] == pytest.approx(rows[0]["confidence"], abs=1e-5) and alone["label"] == rows[0]["label"]
    json.dumps(rows)


def test_query_without_a_gallery_gives_the_embedding(model, tmp_path):
    path = export(model, tmp_path / "plain", samples=["one"])
    (tmp_path / "plain" / "10").mkdir()  # not a bundle: no saved_model.pb in it
    assert find(tmp_path / "plain") == path
    (row,) = query(tmp_path / "plain", ["one"])
    np.testing.assert_allclose(row["embedding"], model.predict(["one"])[0], atol=1e-5)
    with pytest.raises(ValueError, match="unknown bundle .*plane'; did you mean .*plain'"):
        query(tmp_path / "plane", ["one"])
    with pytest.raises(ValueError, match="unknown bundle .* Valid: none"):
        query(tmp_path / "no" / "where", ["one"])


def test_a_split_as_gallery_has_its_texts_as_ids():
    items, labels, ids = inputs.checked_gallery(zoo.data.Split(ITEMS, LABELS), TextFrontend())
    assert [item.decode() for item in items] == ids == ITEMS and labels == LABELS


def test_given_ids_any_kind_of_label_and_vectors_of_any_length(tmp_path):
    model = zoo.build("bilstm_triplet", units=4, char_dim=4, embedding_dim=3, normalize=False, distance="euclidean")
    model.adapt(ITEMS)
    assert model.distance == "euclidean"
    path = export(model, tmp_path / "raw", gallery=(ITEMS, np.arange(12) % 3, range(12)), neighbors=50)
    near = query(path, [ITEMS[7]])[0]["neighbors"]
    assert near[0]["id"] == "7" and near[0]["label"] == "1"
    vectors = model.predict(ITEMS)
    expected = -np.sort(np.linalg.norm(vectors - vectors[7], axis=1))  # k is capped at the gallery
    np.testing.assert_allclose([entry["score"] for entry in near], expected, atol=1e-5)


def test_half_precision_is_served_as_float32(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = zoo.build("bilstm_epshn", units=4, char_dim=4, embedding_dim=3)
        model.adapt(ITEMS)
        path = export(model, tmp_path / "half")
    finally:
        keras.config.set_dtype_policy("float32")
    assert read(path)["outputs"]["embedding"]["dtype"] == "float32"


def test_what_does_not_run_everywhere_is_refused(tmp_path):
    class InPython(keras.layers.Layer):
        def call(self, x):
            return tf.ensure_shape(tf.py_function(lambda value: value, [x], tf.float32), x.shape)

        def compute_output_shape(self, shape):
            return shape

    model = zoo.build("bilstm_epshn", units=4, char_dim=4, embedding_dim=3)
    model.head.append(InPython())
    model.adapt(ITEMS)
    with pytest.raises(RuntimeError, match="the graph holds EagerPyFunc: .* in this process only"):
        export(model, tmp_path / "name")
    assert not list(tmp_path.iterdir())


def test_a_cudnn_kernel_inside_a_function_is_found(bundle, tmp_path):
    from tensorflow.core.protobuf import saved_model_pb2

    refuse_operations(bundle)
    saved = saved_model_pb2.SavedModel.FromString((bundle / "saved_model.pb").read_bytes())
    saved.meta_graphs[0].graph_def.library.function[0].node_def.add(op="CudnnRNNV3", name="kernel")
    (tmp_path / "saved_model.pb").write_bytes(saved.SerializeToString())
    with pytest.raises(RuntimeError, match="CudnnRNNV3: cuDNN kernels run on a GPU only"):
        refuse_operations(tmp_path)


def test_models_and_arguments_that_cannot_be_exported(model, tmp_path):
    path = tmp_path / "name"
    with pytest.raises(ValueError, match=r"no vocabulary yet: call model.adapt\(texts\)"):
        export(zoo.build("bilstm_epshn"), path)
    with pytest.raises(ValueError, match="model: expected one with a frontend"):
        export(keras.Sequential([keras.layers.Dense(2)]), path)
    with pytest.raises(ValueError, match="neighbors: expected a whole number of at least 1, got 0"):
        export(model, path, neighbors=0)
    with pytest.raises(ValueError, match="got 12 items, 2 labels and 12 ids"):
        export(model, path, gallery=(ITEMS, ["a", "b"]))
    with pytest.raises(ValueError, match="gallery: expected at least one item"):
        export(model, path, gallery=([], []))
    with pytest.raises(ValueError, match="gallery: expected .items, labels."):
        export(model, path, gallery={"items": ITEMS})
    with pytest.raises(ValueError, match="samples: expected a list of at least one text"):
        export(model, path, samples=[])
    assert not path.exists()


def test_a_model_that_answers_nan_is_refused(tmp_path):
    model = zoo.build("bilstm_epshn", units=4, char_dim=4, embedding_dim=3)
    model.adapt(ITEMS)
    model.predict(["a"])
    model.head[0].bias.assign([np.nan, 0, 0])
    with pytest.raises(ValueError, match="samples: expected finite embeddings, got NaN or infinity for 4 of 4"):
        export(model, tmp_path / "name")
    assert not list(tmp_path.iterdir())


def test_another_backend_is_told_what_to_do(model, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="Keras runs on 'jax': .*`KERAS_BACKEND=tensorflow zoo export"):
        export(model, tmp_path / "name")
    assert not list(tmp_path.iterdir())


def test_the_card_holds_plain_values_only(tmp_path):
    from collections import namedtuple

    score = namedtuple("Score", "value low high n")(np.float64(0.5), 0.25, float("nan"), np.int64(3))
    plain = card._plain({"score": score, 1: {"b", "a"}, "path": pathlib.PurePosixPath("x"), "bad": "\ud83d"})
    assert plain["score"] == {"value": 0.5, "low": 0.25, "high": None, "n": 3}
    card.write(plain, tmp_path / "card.json")
    assert json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))["1"] == ["a", "b"]
