"""Images with captions: what matches what, the folders of the benchmarks, what is left out or refused."""

import json

import numpy as np
import pytest
from PIL import Image

from zoo.data import CaptionSplit, load_captions, load_features, load_vectors

SPLITS = {"train": ["a.jpg", "b.jpg"], "dev": ["c.jpg"], "test": ["d.jpg"]}
TEXTS = {name: [f"image {name[0]} number {i} ." for i in range(5)] for names in SPLITS.values() for name in names}


def pictures(folder, names=TEXTS):
    folder.mkdir(exist_ok=True, parents=True)
    for name in names:
        Image.new("RGB", (4, 4), "red").save(folder / name)


def flickr8k(folder, texts=TEXTS, splits=SPLITS):
    (folder / "text").mkdir()
    lines = [f"{name}#{i}\t{text}" for name, all in texts.items() for i, text in enumerate(all)]
    (folder / "text/Flickr8k.token.txt").write_text("\n".join(lines) + "\n")
    for part, names in splits.items():
        (folder / f"text/Flickr_8k.{part}Images.txt").write_text("\n".join(names) + "\n")


def karpathy(folder, name, splits, filepath=None):
    images = [
        {"filename": file, "split": split, "sentences": [{"raw": text, "tokens": text.split()} for text in TEXTS[file]]}
        | ({"filepath": filepath} if filepath else {})
        for split, files in splits.items() for file in files
    ]  # fmt: skip
    (folder / name).write_text(json.dumps({"images": images, "dataset": "x"}))


def coco(folder, part, names):
    folder.mkdir(exist_ok=True)
    images = [{"id": 100 + i, "file_name": name} for i, name in enumerate(names)]
    notes = [{"image_id": 100 + i, "caption": text} for i, name in enumerate(names) for text in TEXTS[name]]
    (folder / f"captions_{part}2014.json").write_text(json.dumps({"images": images, "annotations": notes}))


def check(data, train=("a.jpg", "b.jpg"), validation=("c.jpg",), test=("d.jpg",)):
    for split, names in ((data.train, train), (data.validation, validation), (data.test, test)):
        assert [path.split("/")[-1] for path in split.images] == list(names)
        assert split.captions.tolist() == [text for name in names for text in TEXTS[name]]
        assert split.caption_image.tolist() == np.repeat(np.arange(len(names)), 5).tolist()
        Image.open(split.images[0]).load()


def test_flickr8k(tmp_path):
    flickr8k(tmp_path)
    pictures(tmp_path / "Flicker8k_Dataset")
    check(load_captions(tmp_path))


def test_flickr30k_without_splits_takes_the_last_images(tmp_path):
    names = [f"{i:02d}.jpg" for i in range(20)]
    lines = [f"{name}#{i}\tcaption {i} of {name}" for name in names for i in range(5)]
    (tmp_path / "results_20130124.token").write_text("\n".join(lines))
    pictures(tmp_path / "flickr30k-images", names)
    data = load_captions(tmp_path)
    assert [len(split.images) for split in (data.train, data.validation, data.test)] == [16, 2, 2]
    assert data.test.captions[5] == "caption 0 of 19.jpg"


@pytest.mark.parametrize("name, filepath", [("dataset_flickr30k.json", None), ("dataset_coco.json", "val2014")])
def test_karpathy_s_splits(tmp_path, name, filepath):
    karpathy(tmp_path, name, {"train": ["a.jpg"], "restval": ["b.jpg"], "val": ["c.jpg"], "test": ["d.jpg"]}, filepath)
    pictures(tmp_path / (filepath or "images"))
    check(load_captions(tmp_path))
    check(load_captions(tmp_path, restval=False), train=("a.jpg",))


def test_coco_s_own_annotations(tmp_path):
    coco(tmp_path / "annotations", "train", ["a.jpg", "b.jpg"])
    coco(tmp_path / "annotations", "val", ["c.jpg", "d.jpg"])
    pictures(tmp_path / "images/train2014", ["a.jpg", "b.jpg"])
    pictures(tmp_path / "val2014", ["c.jpg", "d.jpg"])
    check(load_captions(tmp_path))


@pytest.mark.parametrize("times", [1, 5])
def test_stored_features_of_vse(tmp_path, times):
    for part, names in SPLITS.items():
        rows = np.arange(len(names) * 3, dtype="float32").reshape(-1, 3)
        np.save(tmp_path / f"{part}_ims.npy", np.repeat(rows, times, axis=0))
        (tmp_path / f"{part}_caps.txt").write_text("".join(f"{text}\n" for name in names for text in TEXTS[name]))
    data = load_captions(tmp_path)
    assert data.train.images.tolist() == [[0, 1, 2], [3, 4, 5]] and data.train.images.dtype == "float32"
    assert len(data.test) == 5 and data.train.of(1).tolist() == [5, 6, 7, 8, 9]


def test_equal_texts_match_every_image_that_has_them():
    split = CaptionSplit(["x", "y", "z"], ["A plane .", "one ship", "a plane", "two", "sea"], [0, 0, 1, 1, 2])
    assert split.matches().astype(int).tolist() == [[1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert split.own[0].tolist() == [0, 0, 1, 1, 2] and split.own[1].tolist() == [0, 1, 2]


def test_one_caption_of_a_group_matches_all_its_images():
    split = CaptionSplit(["x", "y", "z"], ["apple", "pear", "plum"], [7, 9, 4], image_ids=[9, 7, 9])
    assert split.matches().astype(int).tolist() == [[0, 1, 0], [1, 0, 1], [0, 0, 0]]
    assert split.of(2).tolist() == [1]


def test_what_is_missing_or_empty_is_left_out_and_named(tmp_path):
    texts = {**TEXTS, "gone.jpg": ["a", "b"], "b.jpg": ["  ", "b"], "silent.jpg": [" "]}
    flickr8k(tmp_path, texts, {**SPLITS, "train": ["a.jpg", "gone.jpg", "b.jpg", "silent.jpg", "untold.jpg"]})
    pictures(tmp_path, ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "silent.jpg", "untold.jpg"])
    with pytest.warns(UserWarning, match="5 images or captions .* are left out: .*gone.jpg: missing, with 2 captions"):
        data = load_captions(tmp_path)
    assert [path.split("/")[-1] for path in data.train.images] == ["a.jpg", "b.jpg"]
    assert data.train.captions.tolist() == [*TEXTS["a.jpg"], "b"]
    reasons = {what.split("/")[-1]: why for what, why in data.skipped}
    assert reasons["untold.jpg"] == reasons["silent.jpg"] == "no captions"


def test_what_a_folder_lacks_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="Flickr8k.token.txt with .* dataset_coco.json"):
        load_captions(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        load_captions(tmp_path / "none")
    with pytest.raises(ValueError, match="did you mean 'ucm_captions'"):
        load_captions("ucm_caption")
    flickr8k(tmp_path)
    words = "no image with captions for train; 4 were left out, the first .*a.jpg': missing"
    with pytest.warns(UserWarning), pytest.raises(ValueError, match=words):
        load_captions(tmp_path)
    (tmp_path / "text/Flickr_8k.testImages.txt").unlink()
    with pytest.raises(FileNotFoundError, match="needs 'Flickr_8k.testImages.txt'"):
        load_captions(tmp_path)
    (tmp_path / "text/Flickr8k.token.txt").write_text("a.jpg#0\tred\nb.jpg blue\n")
    with pytest.raises(ValueError, match="token.txt:2: expected image.jpg#0"):
        load_captions(tmp_path)


def test_broken_annotations_are_named(tmp_path):
    coco(tmp_path, "train", ["a.jpg"])
    with pytest.raises(FileNotFoundError, match="captions_val2014.json"):
        load_captions(tmp_path)
    (tmp_path / "captions_val2014.json").write_text("{")
    with pytest.raises(ValueError, match="captions_val2014.json: expected JSON with the list 'images'"):
        load_captions(tmp_path)
    (tmp_path / "dataset_x.json").write_text(json.dumps({"images": [{"filename": "a.jpg", "split": "train"}]}))
    with pytest.raises(ValueError, match=r"images\[0\] needs .* it lacks 'sentences'"):
        load_captions(tmp_path)


def test_features_from_files(tmp_path):
    rows = np.arange(6.0).reshape(2, 3)
    np.save(tmp_path / "a.npy", rows)
    np.savez(tmp_path / "b.npz", rows)
    np.savez(tmp_path / "c.npz", features=rows, other=rows[0])
    for path in tmp_path.iterdir():
        assert load_features(path).tolist() == rows.tolist() and load_features(path).dtype == "float32"
    with pytest.raises(ValueError, match=r"expected numbers \[N, F\]"):
        load_features(tmp_path / "c.npz", "other")
    with pytest.raises(ValueError, match="unknown array 'featurs'; did you mean 'features'"):
        load_features(tmp_path / "c.npz", "featurs")
    np.save(tmp_path / "d.npy", [[1, np.nan]])
    with pytest.raises(ValueError, match="row 0 has numbers that are not finite"):
        load_features(tmp_path / "d.npy")
    with pytest.raises(FileNotFoundError, match="none.npy"):
        load_features(tmp_path / "none.npy")


def test_the_digits_need_no_file_and_say_that_their_captions_are_made():
    data = load_captions("digits")
    assert "no evidence" in data.note and len(data.train.images) == 400
    matches = data.test.matches()
    names = np.array([caption.split()[-1] for caption in data.test.captions])
    same = np.array("zero one two three four five six seven eight nine".split())[data.test.labels.astype(int)]
    wrote = [i for i, caption in enumerate(data.test.captions) if caption.startswith("somebody")]
    np.testing.assert_array_equal(matches[wrote], names[wrote][:, None] == same[None, :])


def test_packed_sets(tmp_path):
    (tmp_path / "ucm_captions").mkdir()
    (tmp_path / "grocery81").mkdir()
    shared = {"jpeg": np.arange(12, dtype="uint8"), "offset": np.arange(0, 13, 2), "split": np.array([1, 0, 0, 2, 0, 1])}
    names = {"class_names": np.array(["sea", "farm"]), "label": np.array([0, 1, 0, 0, 1, 1])}
    texts = {"caption": np.array(list("abcdefg")), "caption_image": np.array([0, 1, 1, 2, 3, 4, 5])}
    np.savez(tmp_path / "ucm_captions/ucm_captions.npz", **shared, **names, **texts)
    np.savez(tmp_path / "grocery81/grocery81.npz", **shared, **names, description=np.array(["of sea", "of farm"]))
    data = load_captions("ucm_captions", tmp_path)
    assert data.train.captions.tolist() == ["b", "c", "d", "f"] and data.train.caption_image.tolist() == [0, 0, 1, 2]
    assert data.train.images[1] == bytes([4, 5]) and data.train.labels.tolist() == ["farm", "sea", "farm"]
    data = load_captions("grocery81", tmp_path)
    assert data.train.captions.tolist() == ["of sea", "of farm"]
    assert data.train.matches().tolist() == [[False, True, False], [True, False, True]]
    with pytest.raises(FileNotFoundError, match="'grocery81' belongs at"):
        load_captions("grocery81", tmp_path / "ucm_captions")


def test_vectors_by_name_or_path(tmp_path):
    (tmp_path / "glove50").mkdir()
    np.savez(tmp_path / "glove50/glove50.npz", words=np.array(["a", "b"]), vectors=np.eye(2))
    assert load_vectors("glove50", root=tmp_path).words == ["a", "b"]
    assert load_vectors(tmp_path / "glove50/glove50.npz", limit=1).words == ["a"]
    with pytest.raises(ValueError, match="did you mean 'glove50'"):
        load_vectors("glove5")
