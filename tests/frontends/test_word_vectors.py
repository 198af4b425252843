"""Word vectors from every file format, and from files that are not what they promise."""

import gzip

import numpy as np
import pytest

from zoo.frontends import read_vectors

WORDS = ["red", "grün", "a b", "青"]
VECTORS = np.array([[1, 0.5, -2], [0, 1, 0], [3, 0, 1e-3], [-1, -1, -1]], "float32")


def lines(words=WORDS):
    return "".join(f"{word} {' '.join(map(str, vector))}\n" for word, vector in zip(words, VECTORS.tolist()))


def binary(path, words=WORDS, promised=None, newline=b"\n"):
    records = [word.encode() + b" " + vector.tobytes() + newline for word, vector in zip(words, VECTORS)]
    path.write_bytes(f"{promised or len(words)} 3\n".encode() + b"".join(records))


def test_every_format_gives_the_same(tmp_path):
    (tmp_path / "glove.txt").write_text(lines(), encoding="utf-8")
    (tmp_path / "word2vec.txt").write_text("4 3\n" + lines(), encoding="utf-8")
    (tmp_path / "glove.txt.gz").write_bytes(gzip.compress(lines().encode()))
    np.savez(tmp_path / "some.npz", words=np.array(WORDS), vectors=VECTORS)
    for path in tmp_path.iterdir():
        words, vectors = read_vectors(path)
        assert words == WORDS, path
        np.testing.assert_allclose(vectors, VECTORS, rtol=1e-6)
        assert vectors.dtype == "float32"


@pytest.mark.parametrize("newline", [b"", b"\n"])
def test_binary_files_of_word2vec(tmp_path, newline):
    words = ["red", "grün", "a_b", "青"]
    binary(tmp_path / "w.bin", words, newline=newline)
    assert read_vectors(tmp_path / "w.bin").words == words
    np.testing.assert_array_equal(read_vectors(tmp_path / "w.bin").vectors, VECTORS)


def test_some_words_only_and_the_first_of_two(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text(lines(["red", "blue", "red", "green"]))
    assert read_vectors(path).words == ["red", "blue", "green"]
    np.testing.assert_allclose(read_vectors(path, words=["red", "pink"]).vectors, VECTORS[:1])
    assert read_vectors(path, limit=2).words == ["red", "blue"]
    assert read_vectors(path, words=["pink"]).words == []


def write(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda folder: folder / "none.txt", FileNotFoundError, ["none.txt", "word2vec"]),
        (lambda folder: write(folder / "a.txt", ""), ValueError, ["no words"]),
        (lambda folder: write(folder / "a.txt", "red 1 2\nblue 1\n"), ValueError, ["a.txt:2", "2 numbers", "blue"]),
        (lambda folder: write(folder / "a.txt", "red 1 2\nblue 1 x\n"), ValueError, ["a.txt:2"]),
        (lambda folder: write(folder / "a.txt", "red 1 2\nblue 1 nan\n"), ValueError, ["finite", "'blue'"]),
        (lambda folder: write(folder / "a.txt", "red\nblue\n"), ValueError, ["a.txt:1"]),
    ],
)
def test_what_is_wrong_is_said(tmp_path, make, error, words):
    with pytest.raises(error) as found:
        read_vectors(make(tmp_path))
    assert all(word in str(found.value) for word in words), found.value


def test_files_that_break_off_or_lack_an_array(tmp_path):
    binary(tmp_path / "w.bin", promised=9)
    with pytest.raises(ValueError, match="promises 9 words, but breaks off in word 5"):
        read_vectors(tmp_path / "w.bin")
    np.savez(tmp_path / "a.npz", words=np.array(WORDS))
    with pytest.raises(ValueError, match="must hold the arrays words"):
        read_vectors(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", words=np.array(WORDS), vectors=VECTORS[:2])
    with pytest.raises(ValueError, match="4 words"):
        read_vectors(tmp_path / "b.npz")
