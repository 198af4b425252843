"""Reading a TSV of the user's own: what is accepted, what is refused and how, and the split by hash."""

import hashlib
import re
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data import load, read_tsv
from zoo.data.tsv import Row, split_rows


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "own.tsv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return write


def pairs(path):
    return [(row.label, row.text) for row in read_tsv(path)]


def test_label_and_text(write):
    assert read_tsv(write("nav\t去哪\nmusic\t放歌\n")) == [Row("nav", "去哪", None, 1), Row("music", "放歌", None, 2)]


@pytest.mark.parametrize(
    "content",
    ["\ufeffa\tx\nb\ty\n", "a\tx\r\nb\ty\r\n", "a\tx\nb\ty", "\n\na\tx\n\n  \nb\ty\n\n"],
    ids=["byte order mark", "CRLF", "no last newline", "blank lines"],
)
def test_variants_read_alike(write, content):
    assert pairs(write(content)) == [("a", "x"), ("b", "y")]


def test_texts_are_kept(write):
    text = 'say "hi, \u2028 there\x0b'
    assert pairs(write(f"a\t{text}\nb\t\nc\t  x \n")) == [("a", text), ("b", ""), ("c", "  x ")]


def test_long_emoji_and_right_to_left_texts(write):
    texts = ["长" * 10_000, "👩‍👩‍👧🚗", "שלום עולם"]
    assert [text for _, text in pairs(write("".join(f"a\t{text}\n" for text in texts)))] == texts


def test_header_columns_in_any_order(write):
    rows = read_tsv(write("Text\tsource\tIntent\tsplit\nx\ts\tnav\ttrain\ny\ts\tcall\tdev\nz\ts\tcall\ttest\n"))
    assert rows[0] == Row("nav", "x", "train", 2)
    assert [row.split for row in rows] == ["train", "validation", "test"]


def test_header_of_two_columns(write):
    assert pairs(write("label\ttext\na\tx\n")) == [("a", "x")]
    assert pairs(write("text\tlabel\nx\ta\n")) == [("a", "x")]


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("a\tx\nno tab here\n", 2, "no tab.*label<TAB>text"),
        (b"a\tx\n\nb\t\xff\xfe\n", 3, "invalid UTF-8 at byte 3.*Save the file as UTF-8"),
        ("a\tx\n\ty\n", 2, "label is empty"),
        ("a\tx\n \ty\n", 2, "label is empty"),
        ("a\tx\ty\n", 1, "3 columns, expected 2.*header line"),
        ("label\ttext\tsplit\na\tx\ttrain\na\tx\n", 3, "2 columns, expected 3"),
        ("label\ttext\tsplit\na\tx\ttrian\n", 2, "unknown split 'trian'; did you mean 'train'"),
        ("label\tquery\na\tx\n", 1, "no column text"),
        ("domain\ttext\tyear\na\tx\t1\n", 1, "no column label or intent"),
        ("label\ttext\ttext\na\tx\ty\n", 1, "twice"),
        ("text\n", 1, "no tab"),
    ],
)
def test_errors_name_file_and_line(write, content, line, words):
    path = write(content)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}:{line}: .*{words}"):
        read_tsv(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [("", "is empty"), ("\n \n", "no rows"), ("\ufeff", "no rows"), ("label\ttext\n", "no rows below the header")],
)
def test_files_without_rows(write, content, words):
    path = write(content)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: .*{words}.*label<TAB>text"):
        read_tsv(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.tsv: no such file"):
        load(tmp_path / "none.tsv")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        load(str(tmp_path))


def test_text_with_two_labels_is_warned_about(write):
    path = write("a\tx\nb\ty\nb\tx\na\ty\n")
    with pytest.warns(UserWarning, match=rf"{re.escape(str(path))}:3: .*'x'.*'b' here and 'a' in line 1; 2 such"):
        assert len(read_tsv(path)) == 4


def test_equal_rows_are_no_conflict(write):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read_tsv(write("a\tx\na\tx\n"))) == 2


texts = st.text("abc去走", max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("xyz"), texts), min_size=1, max_size=60))
def test_split_properties(pairs):
    rows = [Row(label, text, None, 1) for label, text in pairs]
    splits = split_rows(rows)
    assert splits == split_rows(rows)
    place, first = {}, {}
    for row, split in zip(rows, splits, strict=True):
        assert place.setdefault(row.text, split) == split  # equal texts stay together
        first.setdefault(row.text, row.label)
    for label in set(first.values()):
        found = {place[text] for text in first if first[text] == label}
        enough = sum(one == label for one in first.values()) >= 3
        assert found == ({"train", "validation", "test"} if enough else {"train"})


@pytest.mark.parametrize(("low", "high"), [(0, 0.8), (0.8, 0.9), (0.9, 1)])
def test_class_whose_hashes_all_fall_into_one_split(low, high):
    def share(text):
        return int(hashlib.sha256(text.encode()).hexdigest()[:16], 16) / 2**64

    texts = [text for text in map(str, range(400)) if low <= share(text) < high][:4]
    splits = split_rows([Row("a", text, None, 1) for text in texts])
    assert len(texts) == 4 and set(splits) == {"train", "validation", "test"}


def test_split_shares_and_stability():
    rows = [Row("a", f"text {number}", None, number) for number in range(2000)]
    splits = split_rows(rows)
    assert 0.77 < splits.count("train") / 2000 < 0.83
    assert 0.08 < splits.count("test") / 2000 < 0.12
    fewer = split_rows(rows[:1000])
    assert sum(a != b for a, b in zip(fewer, splits, strict=False)) <= 3  # a file that grows keeps its split
    assert [splits[i] for i in (0, 1, 2, 3)] == split_rows(rows[::-1])[:-5:-1]  # the order does not matter


def own(count=20):
    return "".join(f"{label}\t{label} {number}\n" for label in ("nav", "call") for number in range(count))


def test_load_without_split_column(write):
    data = load(write(own()))
    assert data.task == "intent" and data.navigation == frozenset() and data.baseline == {}
    assert len(data.train) + len(data.validation) + len(data.test) == 40
    for split in (data.train, data.validation, data.test):
        assert set(split.labels) == {"nav", "call"}
        assert all(text.startswith(label) for text, label in zip(split.items, split.labels, strict=True))


def test_load_navigation_task(write):
    data = load(write(own().replace("nav\t", "navigation\t")), task="navigation")
    assert set(data.train.labels) == {"navigation", "other"} and data.navigation == {"navigation"}
    with pytest.raises(ValueError, match="task='navigation'.*no label 'navigation'; its labels are call, nav"):
        load(write(own()), task="navigation")


def test_label_with_one_example_is_kept_in_train(write):
    path = write(own() + "rare\tonce\n")
    with pytest.warns(UserWarning, match=rf"1 label.*one example.*'rare' \({re.escape(str(path))}:41\)"):
        data = load(path)
    assert "rare" in data.train.labels and "rare" not in data.test.labels


def test_class_only_in_test_is_warned_about(write):
    content = "label\ttext\tsplit\na\t1\ttrain\nb\t2\ttrain\na\t3\tval\nb\t4\ttest\nlate\t5\ttest\nlate\t6\ttest\n"
    with pytest.warns(UserWarning) as caught:
        data = load(write(content))
    assert any("test but not in train" in str(one.message) and "'late'" in str(one.message) for one in caught)
    assert data.test.labels.tolist() == ["b", "late", "late"] and data.validation.items.tolist() == ["3"]


def test_validation_is_taken_from_train(write):
    rows = "".join(f"{label}\ttrain\t{label}{n}\n" for label in "ab" for n in range(10))
    with pytest.warns(UserWarning, match=r"no row has split validation; \d+ of 20 train rows are taken"):
        data = load(write("label\tsplit\ttext\n" + rows + "a\ttest\tx\nb\ttest\ty\n"))
    assert set(data.validation.labels) == {"a", "b"} and data.test.items.tolist() == ["x", "y"]
    assert len(data.train) + len(data.validation) == 20


def test_nothing_to_train_or_test_on(write):
    with pytest.raises(ValueError, match="every row has the label 'a'"):
        load(write("a\tx\na\ty\n"))
    with pytest.raises(ValueError, match="no rows for test.*three different texts"):
        load(write("a\tx\na\ty\nb\tz\nb\tu\n"))
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="no rows for train"):
        load(write("label\ttext\tsplit\na\tx\ttest\nb\ty\ttest\n"))
