"""The files of a projector run."""

import os

import numpy as np
import pytest
from google.protobuf import text_format
from tensorboard.plugins.projector import ProjectorConfig

from zoo.export.projector import write_projector


def read(run):
    """Return the configuration, the vectors by name and the lines of the metadata."""
    config = text_format.Parse((run / "projector_config.pbtxt").read_text(encoding="utf-8"), ProjectorConfig())
    vectors = {e.tensor_name: np.loadtxt(run / e.tensor_path, delimiter="\t", ndmin=2) for e in config.embeddings}
    text = (run / "metadata.tsv").read_text(encoding="utf-8")
    assert text.endswith("\n")
    return config, vectors, [line.split("\t") for line in text[:-1].split("\n")]


def test_rows_are_shuffled_together_and_alike_in_each_run(tmp_path):
    vectors = np.arange(40.0).reshape(20, 2) / 7
    columns = {"text": [f"t{i}" for i in range(20)], "label": np.arange(20) % 3}
    first = write_projector(tmp_path / "a", vectors, columns)
    second = write_projector(tmp_path / "b", vectors + 1, columns)
    config, found, (header, *rows) = read(first)
    assert header == ["text", "label"]
    order = [int(text[1:]) for text, _ in rows]
    assert sorted(order) == list(range(20)) and order != list(range(20))
    np.testing.assert_allclose(found["embedding"], vectors[order], rtol=1e-5)
    assert [label for _, label in rows] == [str(i % 3) for i in order]
    np.testing.assert_allclose(read(second)[1]["embedding"], vectors[order] + 1, rtol=1e-5)
    assert read(second)[2] == [header, *rows]
    (embedding,) = config.embeddings
    assert (embedding.tensor_name, embedding.tensor_path, embedding.metadata_path) == (
        "embedding", "vectors.tsv", "metadata.tsv",
    )  # fmt: skip
    assert list(embedding.tensor_shape) == [20, 2]
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_one_column_has_no_header(tmp_path):
    _, _, rows = read(write_projector(tmp_path / "run", [[0.0], [1.0]], {"label": ["a", "b"]}))
    assert sorted(rows) == [["a"], ["b"]]


def test_no_cell_breaks_the_table(tmp_path):
    odd = ["", " \t ", "a\tb", "a\nb\r\nc", "\u2028\x85\0", "导航", b"\xff", None]
    _, _, rows = read(write_projector(tmp_path / "run", np.zeros((8, 3)), {"text": odd}))
    expected = ["(empty)", "(empty)", "a b", "a b  c", "(empty)", "导航", "\ufffd", "None"]
    assert sorted(rows) == sorted([cell] for cell in expected)
    _, _, (header, *_) = read(write_projector(tmp_path / "two", np.zeros((8, 3)), {"": odd, "a\tb": odd}))
    assert header == ["(empty)", "a b"]


def test_wide_vectors_get_a_copy_of_200_principal_components(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(300, 220)) * np.linspace(3, 1, 220)
    config, found, _ = read(write_projector(tmp_path / "run", vectors, {"label": range(300)}, name="words"))
    assert [embedding.tensor_name for embedding in config.embeddings] == ["words", "words_pca200"]
    assert found["words"].shape == (300, 220) and found["words_pca200"].shape == (300, 200)
    assert config.embeddings[1].metadata_path == "metadata.tsv"
    centered = found["words"] - found["words"].mean(axis=0)
    singular = np.linalg.svd(centered, compute_uv=False)[:200]
    np.testing.assert_allclose(np.linalg.norm(found["words_pca200"], axis=0), singular, rtol=1e-3)


def test_more_rows_than_the_page_takes_are_sampled_and_said(tmp_path):
    count = 100_001
    with pytest.warns(UserWarning, match="of 100,001 rows a sample of 100,000 is written"):
        run = write_projector(tmp_path / "run", np.arange(count)[:, None], {"label": np.arange(count)})
    lines = (run / "metadata.tsv").read_text().split()
    assert len(set(lines)) == 100_000
    assert lines[:5] == [str(int(float(line))) for line in (run / "vectors.tsv").read_text().split()[:5]]


def test_a_run_that_is_there_is_kept_or_replaced_whole(tmp_path):
    run = write_projector(tmp_path / "run", np.zeros((2, 2)), {"label": "ab"})
    (run / "other").touch()
    with pytest.raises(FileExistsError, match="run' is there already; give a new folder, or overwrite=True"):
        write_projector(run, np.ones((3, 2)), {"label": "abc"})
    assert len(read(run)[2]) == 2
    write_projector(run, np.ones((3, 2)), {"label": "abc"}, overwrite=True)
    assert len(read(run)[2]) == 3 and not (run / "other").exists() and os.listdir(tmp_path) == ["run"]
    (tmp_path / "empty").mkdir()
    assert len(read(write_projector(tmp_path / "empty", np.ones((1, 2)), {"label": "a"}))[2]) == 1


@pytest.mark.parametrize(
    ("vectors", "columns", "name", "message"),
    [
        ([[0.0, np.nan], [1.0, 1.0]], {"a": "xy"}, "e", "NaN or infinity in 1 of 2 rows, the first of them row 0"),
        ([0.0, 1.0], {"a": "xy"}, "e", r"expected numbers \[N, D\] with at least one row, got shape \(2,\)"),
        (np.zeros((0, 3)), {"a": ""}, "e", r"got shape \(0, 3\)"),
        ([[0.0], [1.0]], {"a": "xyz"}, "e", r"metadata\['a'\]: expected 2 values, one a row, got 3"),
        ([[0.0], [1.0]], {}, "e", "metadata: expected at least one column"),
        ([[0.0], [1.0]], {"a": "xy"}, "", "name: expected a name"),
    ],
)
def test_bad_input_is_refused_and_nothing_written(tmp_path, vectors, columns, name, message):
    with pytest.raises(ValueError, match=message):
        write_projector(tmp_path / "new" / "run", vectors, columns, name=name)
    assert os.listdir(tmp_path) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file' is a file"):
        write_projector(tmp_path / "file" / "run", np.zeros((2, 2)), {"label": "ab"})


def test_a_full_disk_leaves_no_run(tmp_path):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="run' could not be written, and nothing new was left there"):
            write_projector(tmp_path / "run", np.random.default_rng(0).normal(size=(100, 9)), {"label": range(100)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path) == []


def test_a_checkpoint_beside_the_run_is_mentioned(tmp_path):
    (tmp_path / "checkpoint").touch()
    with pytest.warns(UserWarning, match="TensorBoard will list its variables as embeddings"):
        write_projector(tmp_path / "run", np.zeros((2, 2)), {"label": "ab"})
