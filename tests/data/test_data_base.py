"""Split, TextData's parts, encode, and what importing the package costs."""

import subprocess
import sys

import numpy as np
import pytest

import zoo.data


def test_split_keeps_strings_as_they_are():
    split = zoo.data.Split(["a\0", "", "去"], ["x", "y", "x"])
    assert split.items.dtype == object and split.items.tolist() == ["a\0", "", "去"]
    assert len(split) == 3


def test_split_refuses_two_lengths():
    with pytest.raises(ValueError, match="2 items and 1 labels"):
        zoo.data.Split(["a", "b"], ["x"])


def test_encode_sorts_classes():
    codes, names = zoo.data.encode(["b", "a", "c", "b"])
    assert codes.dtype == np.int32 and codes.tolist() == [1, 0, 2, 1] and names == ["a", "b", "c"]


def test_encode_with_given_classes():
    codes, names = zoo.data.encode(np.array(["b", "a"], dtype=object), ["b", "a", "z"])
    assert codes.tolist() == [0, 1] and names == ["b", "a", "z"]
    assert zoo.data.encode(["q", "a"], ["a"], missing=-1)[0].tolist() == [-1, 0]
    assert zoo.data.encode([30, 4])[1] == [4, 30]
    with pytest.raises(ValueError, match=r"labels\[1\].*'mussic'; did you mean 'music'"):
        zoo.data.encode(["call", "mussic"], ["call", "music"])
    with pytest.raises(ValueError, match="distinct"):
        zoo.data.encode(["a"], ["a", "a"])


def test_reading_imports_neither_keras_nor_tensorflow():
    code = "import sys, zoo.data; zoo.data.load('embedded'); print({'keras', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_public_name_is_there():
    for name in zoo.data.__all__:
        assert getattr(zoo.data, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        zoo.data.nonsense
