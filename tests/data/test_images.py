"""Image sets: the named ones, class folders, benchmark layouts, broken files."""

import io

import numpy as np
import pytest
from PIL import Image

from zoo.data import data_root, image_sets, load_images, pk_batches
from zoo.frontends import ImageFrontend


def write(path, shade=0, size=(12, 9)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade, 40, 90)).save(path)


def classes(folder, names, count=3):
    for i, name in enumerate(names):
        for j in range(count):
            write(folder / name / f"{j}.png", 20 * i + j)


def seen(split):
    return sorted(set(split.labels))


def has_data():
    try:
        return (data_root() / "omniglot").is_dir()
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not has_data(), reason="the data sets lie outside of the repository; see ZOO_DATA")
@pytest.mark.parametrize(
    "name, counts, kinds",
    [
        ("flowers102", (3493, 826, 2002), (51, 10, 20)),
        ("caltech101", (3003, 522, 1189), (50, 9, 20)),
        ("grocery81", (None, None, None), (24, 5, 14)),
        ("omniglot", (15880, 3400, 6340), (794, 170, 317)),
    ],
)
def test_named_sets_have_their_counts_and_disjoint_classes(name, counts, kinds):
    data = load_images(name)
    splits = data.train, data.validation, data.test
    assert all(count is None or len(split) == count for split, count in zip(splits, counts, strict=True))
    labels = [set(split.labels) for split in splits]
    assert not labels[0] & labels[1] and not labels[0] & labels[2] and not labels[1] & labels[2]
    if name != "grocery81":  # whose 81 products lie in 43 groups, by which it is cut
        assert tuple(map(len, labels)) == kinds
    pixels, ok = ImageFrontend(size=32).pixels(data.test.items[:20])
    assert ok.numpy().all() and pixels.numpy().std() > 10
    assert (data.gallery is not None) == (name == "grocery81")
    if data.gallery:
        assert set(data.gallery.labels) >= set(data.test.labels) and len(data.gallery) > 100


def test_digits_need_no_file_and_have_disjoint_classes():
    data = load_images("digits")
    assert [seen(split) for split in (data.train, data.validation, data.test)] == [list("01234"), list("56"), list("789")]
    x, y = pk_batches(data.train.items, data.train.labels, 4, 3, preprocess=ImageFrontend(size=16, channels=1)).batch(0)
    assert x.shape == (12, 16, 16, 1) and len(set(y.tolist())) == 4
    assert image_sets()[0] == "digits"


def test_a_folder_of_classes_is_cut_by_class(tmp_path):
    classes(tmp_path, [f"c{i:02d}" for i in range(20)])
    (tmp_path / "c00" / "notes.txt").write_text("no image")
    data = load_images(tmp_path)
    assert seen(data.train) == [f"c{i:02d}" for i in range(10)] and seen(data.validation) == ["c10", "c11"]
    assert seen(data.test) == [f"c{i:02d}" for i in range(12, 20)] and len(data.test) == 24
    assert all(path.endswith(".png") for path in data.train.items)
    assert len(load_images(tmp_path, validation=0).validation) == 0
    x, _ = pk_batches(data.train.items, data.train.labels, 4, 2, preprocess=ImageFrontend(size=8)).batch(0)
    assert x.shape == (8, 8, 8, 3)


def test_a_folder_of_splits_is_taken_as_it_is(tmp_path):
    for split, names in (("train", "abcdefghij"), ("val", "k"), ("test", "lm")):
        classes(tmp_path / split, list(names))
    data = load_images(tmp_path)
    assert [seen(split) for split in (data.train, data.validation, data.test)] == [list("abcdefghij"), ["k"], list("lm")]
    (tmp_path / "val").rename(tmp_path / "x")
    __import__("shutil").rmtree(tmp_path / "x")
    assert seen(load_images(tmp_path, validation=0.2).validation) == ["i", "j"]  # the last of the training classes


def layout(folder, name):
    """A small folder as the benchmark of that name is published; returns what should be read."""
    paths = [f"{kind}/{i}.jpg" for kind in ("a", "b", "c", "d") for i in range(2)]
    if name == "cub":
        numbers = [1, 100, 101, 200]
        (folder / "images.txt").write_text("".join(f"{i + 1} {path}\n" for i, path in enumerate(paths)))
        lines = "".join(f"{i + 1} {numbers[i // 2]}\n" for i in range(8))
        (folder / "image_class_labels.txt").write_text(lines)
        places = [folder / "images" / path for path in paths]
    elif name == "cars":
        from scipy.io import savemat

        kinds = [("relative_im_path", object), ("bbox_x1", int), ("class", int), ("test", int)]
        notes = [(f"car_ims/{i:06d}.jpg", 0, [1, 98, 99, 196][i // 2], 0) for i in range(8)]
        savemat(folder / "cars_annos.mat", {"annotations": np.array([notes], dtype=kinds)})
        places = [folder / note[0] for note in notes]
    elif name == "sop":
        head = "image_id class_id super_class_id path\n"
        for part, rows in (("Ebay_train.txt", range(4)), ("Ebay_test.txt", range(4, 8))):
            lines = "".join(f"{i + 1} {i // 2 + 1} 1 {paths[i]}\n" for i in rows)
            (folder / part).write_text(head + lines)
        places = [folder / path for path in paths]
    else:
        parts = ["train"] * 4 + ["query", "gallery"] * 2
        lines = "".join(f"img/{paths[i]} id_{i // 2:08d} {parts[i]}\n" for i in range(8))
        (folder / "Eval").mkdir()
        (folder / "Eval/list_eval_partition.txt").write_text("8\nimage_name item_id evaluation_status\n" + lines)
        places = [folder / "Img/img" / path for path in paths]
    for i, place in enumerate(places):
        write(place, 10 * i)
    return list(map(str, places))


@pytest.mark.parametrize("name", ["cub", "cars", "sop", "inshop"])
def test_benchmarks_are_read_from_their_published_folders(tmp_path, name):
    places = layout(tmp_path, name)
    data = load_images(tmp_path, validation=0)
    test = places[4::2] if name == "inshop" else places[4:]
    assert data.train.items.tolist() == places[:4] and data.test.items.tolist() == test
    assert len(set(data.train.labels)) == len(set(data.test.labels)) == 2
    assert not set(data.train.labels) & set(data.test.labels) and not data.skipped
    if name == "inshop":
        assert data.gallery.items.tolist() == places[5::2] and seen(data.gallery) == seen(data.test)
    assert seen(load_images(tmp_path, validation=0.5).validation) == seen(data.train)[1:]


def test_broken_files_are_left_out_counted_and_named(tmp_path):
    classes(tmp_path, list("abcd"))
    good = (tmp_path / "a" / "0.png").read_bytes()
    jpeg = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 60, 3), "uint8")).save(jpeg, "JPEG")
    broken = {"empty.png": b"", "text.jpg": b"hello", "cut.png": good[:-30], "cut.jpg": jpeg.getvalue()[:900]}
    for name, data in broken.items():
        (tmp_path / "b" / name).write_bytes(data)
    with pytest.warns(UserWarning, match="4 files of .* are left out: .*cut.jpg: OSError"):
        data = load_images(tmp_path)
    assert sorted(path.rsplit("/")[-1] for path, _ in data.skipped) == sorted(broken)
    assert len(data.train) == 6 and len(data.test) == 6
    assert len(load_images(tmp_path, check=False).train) == 10
    with pytest.warns(UserWarning, match="missing"):
        (tmp_path / "images.txt").write_text("1 a/0.png\n2 b/9.png\n3 c/0.png\n")
        (tmp_path / "image_class_labels.txt").write_text("1 1\n2 1\n3 150\n")
        (tmp_path / "images").symlink_to(tmp_path)
        load_images(tmp_path, validation=0)


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda folder: load_images("flowers"), ValueError, ["flowers102"]),
        (lambda folder: load_images(folder / "nowhere"), FileNotFoundError, ["nowhere"]),
        (lambda folder: load_images(folder), ValueError, ["0 classes", "folder/class/image.jpg"]),
        (lambda folder: load_images("omniglot", root=folder), FileNotFoundError, ["omniglot.npz"]),
        (lambda folder: load_images(folder, validation=2), ValueError, ["validation", "2"]),
    ],
)
def test_what_cannot_be_read_is_named(make, error, words, tmp_path):
    with pytest.raises(error) as raised:
        make(tmp_path)
    assert all(word in str(raised.value) for word in words), raised.value
