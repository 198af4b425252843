"""Folders of images with spoken captions: each layout read back exactly, what is left out, what is refused."""

import io
import json
import wave

import numpy as np
import pytest
from PIL import Image

from zoo.data import has_pairs, load_pairs, load_spoken_images, spoken_folders, spoken_layouts

SPLITS = {"train": ["a.jpg", "b.jpg"], "dev": ["c.jpg"], "test": ["d.jpg"]}


def clip(path, level=1000):
    """A WAV file of 100 samples."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(8000)
        file.writeframes(np.full(100, level, "<i2").tobytes())


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), "red").save(path)


def flickr(folder, lists="text", images="Flicker8k_Dataset", speech="flickr_audio"):
    """Two clips of each image in the layout of the Flickr Audio Caption Corpus, beside Flickr8k's own files."""
    names = [name for part in SPLITS.values() for name in part]
    for name in names:
        picture(folder / images / name)
        for k in range(2):
            clip(folder / speech / "wavs" / f"{name[0]}_{k}.wav")
    lines = [f"{name[0]}_{k}.wav {name} #{k}" for name in [*names, "unlisted.jpg"] for k in range(2)]
    (folder / speech / "wav2capt.txt").write_text("\n".join(lines) + "\n")
    (folder / speech / "wav2spk.txt").write_text("".join(f"{line.split()[0]} {i % 3}\n" for i, line in enumerate(lines)))
    (folder / lists).mkdir(exist_ok=True)
    for part, some in SPLITS.items():
        (folder / lists / f"Flickr_8k.{part}Images.txt").write_text("\n".join(some) + "\n")


def entries(names, clips=2):
    """Entries of Places Audio Captions."""
    return [
        {"uttid": f"{name}{k}", "speaker": f"s{k}", "asr_text": f"clip {k} of {name}", "wav": f"wavs/0/{name[0]}_{k}.wav",
         "image": f"x/{name}"} for name in names for k in range(clips)
    ]  # fmt: skip


def places(folder, lists, images="images", audio=".", base=None):
    """Lists of Places Audio Captions, a dict of file name to names of images, below `metadata`."""
    (folder / "metadata").mkdir(parents=True, exist_ok=True)
    given = {"image_base_path": "/data/vision/images", "audio_base_path": "/data/sls/distro"} if base is None else base
    for file, names in lists.items():
        (folder / "metadata" / file).write_text(json.dumps({**given, "data": entries(names)}))
        for name in names:
            picture(folder / images / "x" / name)
            [clip(folder / audio / f"wavs/0/{name[0]}_{k}.wav") for k in range(2)]


def table(folder, rows, head=("audio", "image")):
    (folder / "pairs.tsv").write_text("\n".join("\t".join(row) for row in [head, *rows]) + "\n")


def check(data, names=SPLITS, labels=None):
    """Two clips of each image, in order, and nothing but their own image matches them."""
    for split, some in zip(("train", "validation", "test"), names.values(), strict=True):
        part = getattr(data, split)
        clips, images = ([path.split("/")[-1] for path in part.items[kind]] for kind in ("speech", "image"))
        assert images == some and clips == [f"{name[0]}_{k}.wav" for name in some for k in range(2)]
        ids = np.repeat(np.arange(len(some)), 2).tolist(), list(range(len(some)))
        assert tuple(side.tolist() for side in part.matches) == ids
        wanted = labels or (lambda name: name[:-4])
        assert part.labels["image"].tolist() == [wanted(name) for name in some]
        assert part.labels["speech"].tolist() == [wanted(name) for name in some for _ in range(2)]
        Image.open(part.items["image"][0]).load()
        wave.open(part.items["speech"][0]).close()


def test_flickr_audio(tmp_path):
    flickr(tmp_path)
    assert has_pairs(tmp_path, "speech") and not has_pairs(tmp_path)
    check(load_pairs(tmp_path, "speech"))
    assert load_spoken_images(tmp_path).speech["validation"].speakers.tolist() == ["1", "2"]
    lines = [f"{name}#{k}\tcaption {k} of {name}" for part in SPLITS.values() for name in part for k in range(2)]
    (tmp_path / "text/Flickr8k.token.txt").write_text("\n".join(lines))  # written captions are read for the labels
    check(load_pairs(tmp_path, "speech"), labels="caption 0 of {}".format)
    assert has_pairs(tmp_path) and len(load_pairs(tmp_path).train) == 4


def test_flickr_audio_in_one_folder(tmp_path):
    flickr(tmp_path, ".", "images", ".")
    check(load_pairs(str(tmp_path), "speech"))
    (tmp_path / "Flickr_8k.devImages.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"wav2capt.txt' needs 'Flickr_8k.devImages.txt'"):
        load_pairs(tmp_path, "speech")
    (tmp_path / "wav2capt.txt").write_text("a_0.wav a.jpg #0\nb_0.wav b.jpg\n")
    with pytest.raises(ValueError, match=r"wav2capt.txt:2: expected name.wav image.jpg #0"):
        load_pairs(tmp_path, "speech")


@pytest.mark.parametrize(
    "files, base",
    [(("train.json", "val.json", "test.json"), None), (("train_2020.json", "dev_2020.json", "test_2020.json"), {}),
     (("train.json", "dev.json", "test.json"), {"image_base_path": "../images", "audio_base_path": ".."})],
)  # fmt: skip
def test_places_audio_captions(tmp_path, files, base):
    places(tmp_path, dict(zip(files, SPLITS.values(), strict=True)), base=base)
    assert has_pairs(tmp_path, "speech") and not has_pairs(tmp_path)
    check(load_pairs(tmp_path, "speech"), labels="clip 0 of {}".format)
    assert load_spoken_images(tmp_path).speech["test"].speakers.tolist() == ["s0", "s1"]


def test_several_files_of_one_split_and_the_list_with_the_most_splits(tmp_path):
    lists = {"train.json": ["d.jpg"], "val.json": ["c.jpg"]}
    lists |= {"train_2020.json": ["a.jpg"], "dev_seen_2020.json": ["b.jpg"], "dev_unseen_2020.json": ["c.jpg"]}
    places(tmp_path, lists | {"test_seen_2020.json": ["d.jpg"], "test_unseen_2020.json": ["e.jpg"]})
    wanted = {"train": ["a.jpg"], "validation": ["b.jpg", "c.jpg"], "test": ["d.jpg", "e.jpg"]}
    check(load_pairs(tmp_path, "speech"), wanted, "clip 0 of {}".format)


def test_a_base_path_of_the_list_goes_before_the_folder(tmp_path):
    lists = dict(zip(("train.json", "val.json", "test.json"), SPLITS.values(), strict=True))
    places(tmp_path / "here", lists, base={"image_base_path": "../../there/images"})
    places(tmp_path / "there", lists)
    data = load_pairs(tmp_path / "here", "speech")
    assert all("there/images/x" in path for path in data.train.items["image"])


def test_spoken_coco_cuts_its_validation(tmp_path):
    names = {"train": ["train2014/a.jpg"], "val": ["val2014/d.jpg", "val2014/c.jpg", "val2014/e.jpg"]}
    for part, some in names.items():
        data = []
        for name in some:
            letter = name[-5]
            picture(tmp_path / name)
            captions = [{"text": f"caption {k} of {letter}.jpg".upper(), "speaker": "m", "uttid": f"{letter}{k}",
                         "wav": f"wavs/{part}/0/{letter}_{k}.wav"} for k in range(2)]  # fmt: skip
            [clip(tmp_path / "SpokenCOCO" / caption["wav"]) for caption in captions]
            data.append({"image": name, "captions": captions})
        (tmp_path / f"SpokenCOCO/SpokenCOCO_{part}.json").write_text(json.dumps({"data": data}))
    data = load_pairs(tmp_path, "speech")
    wanted = {"train": ["a.jpg", "e.jpg"], "validation": ["c.jpg"], "test": ["d.jpg"]}  # in the order of the names
    check(data, wanted, lambda name: f"CAPTION 0 OF {name.upper()}")
    for part, some in {**names, "test": names["train"]}.items():  # a caption an entry, and a split of its own
        data = [{"image": name, "caption": {"text": "x", "wav": f"wavs/{name.split('2014')[0]}/0/{name[-5]}_{k}.wav"}}
                for name in some for k in range(2)]  # fmt: skip
        (tmp_path / f"SpokenCOCO/SpokenCOCO_{part}_unrolled_karpathy.json").write_text(json.dumps({"data": data}))
    wanted = {"train": ["a.jpg"], "validation": ["d.jpg", "c.jpg", "e.jpg"], "test": ["a.jpg"]}
    check(load_pairs(tmp_path, "speech"), wanted, lambda name: "x")


def test_lists_that_do_not_fit_are_named(tmp_path):
    places(tmp_path, {"train.json": ["a.jpg"], "val.json": ["b.jpg"]})
    (tmp_path / "metadata/val.json").unlink()
    with pytest.raises(FileNotFoundError, match="needs 'val.json' or 'dev.json' beside it, and 'test.json'"):
        load_pairs(tmp_path, "speech")
    broken = {"data": [*entries(["b.jpg"]), {"image": "x/b.jpg", "captions": [{"text": "no wav"}]}]}
    (tmp_path / "metadata/val.json").write_text(json.dumps(broken))
    with pytest.raises(ValueError, match=r"val.json: data\[2\] needs image and wav.* lacks 'wav'"):
        load_pairs(tmp_path, "speech")
    places(tmp_path, {"train.json": ["a.jpg"], "val.json": ["b.jpg"]})
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError) as error:
        load_pairs(tmp_path, "speech")
    said = ["train.json: none of its 1 images", "'x/a.jpg'", f"{tmp_path},", "base_path '/data/vision/images' is no folder"]
    assert all(word in str(error.value) for word in said), error.value
    (tmp_path / "metadata/train.json").write_text('{"data": [{"speech": 1}]}')  # of something else
    assert not has_pairs(tmp_path, "speech")


def test_a_table_with_splits_labels_and_speakers(tmp_path):
    rows = [(f"w/{name[0]}_{k}.wav", f"p/{name}", {"dev": "val"}.get(split, split), f"kind {name[0]}", f"s{k}")
            for split, names in SPLITS.items() for name in names for k in range(2)]  # fmt: skip
    for wav, image, *_ in rows:
        clip(tmp_path / wav), picture(tmp_path / image)
    table(tmp_path, rows, ("audio", "image", "split", "label", "Speaker"))
    assert has_pairs(tmp_path, "speech")
    check(load_pairs(tmp_path, "speech"), labels=lambda name: f"kind {name[0]}")
    assert load_spoken_images(tmp_path).speech["train"].speakers.tolist() == ["s0", "s1"] * 2


def test_a_table_without_splits_holds_the_last_images_out(tmp_path):
    names = [f"{letter}.jpg" for letter in "jihgfedcba"]
    for name in names:
        picture(tmp_path / name)
        [clip(tmp_path / f"{name[0]}_{k}.wav") for k in range(2)]
    table(tmp_path, [(f"{name[0]}_{k}.wav", name) for name in names for k in range(2)])
    check(load_pairs(tmp_path, "speech"), {"train": names[2:], "validation": ["i.jpg"], "test": ["j.jpg"]})


def test_a_clip_of_several_images_matches_each(tmp_path, monkeypatch):
    rows = [("x.wav", "a.jpg"), ("x.wav", "b.jpg"), ("y.wav", "b.jpg"), ("z.wav", "c.jpg")]
    rows = [(*row, split) for split in ("train", "valid", "test") for row in rows]
    [(clip(tmp_path / wav), picture(tmp_path / image)) for wav, image, _ in rows]
    table(tmp_path, rows, ("audio", "image", "split"))
    data = load_pairs(tmp_path, "speech")
    assert data.train.matches.tolist() == [[True, True, False], [False, True, False], [False, False, True]]
    assert len(data.test.some(3)[0]["image"]) == 3
    monkeypatch.setattr(spoken_folders, "MATRIX", 8)
    with pytest.raises(ValueError, match="3 clips and 3 images make too large a matrix.*one image"):
        load_pairs(tmp_path, "speech")


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "pairs.tsv: is empty.*audio and image"),
        ("audio\tpicture\na.wav\ta.jpg\n", "pairs.tsv:1: the header .* names no column image"),
        ("audio\timage\na.wav\n", "pairs.tsv:2: 1 columns, expected 2"),
        ("audio\timage\na.wav\t \n", "pairs.tsv:2: audio or image is empty"),
        ("audio\timage\tsplit\na.wav\ta.jpg\ttrian\n", "pairs.tsv:2: unknown split 'trian'; did you mean 'train'"),
        ("audio\timage\n", "no clip with an image for train"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_by_line(tmp_path, text, words):
    (tmp_path / "pairs.tsv").write_text(text)
    with pytest.raises(ValueError, match=words):
        load_pairs(tmp_path, "speech")


@pytest.mark.parametrize("given", [True, False])
def test_words_match_every_image_of_theirs(tmp_path, given):
    count = 3 if given else 12
    for word in ("cat", "dog"):
        for i in range(count):
            split = f"{('train', 'val', 'test')[i]}/" if given else ""
            clip(tmp_path / f"speech/{split}{word}/{i}.wav"), picture(tmp_path / f"images/{split}{word}/{i}{i}.png")
    assert has_pairs(tmp_path, "speech")
    data = load_pairs(tmp_path, "speech")
    for part in (data.train, data.validation, data.test):
        rows, columns = part.matches
        labels = part.labels
        assert set(labels["speech"]) == set(labels["image"]) == {"cat", "dog"}
        assert ((rows[:, None] == columns) == (labels["speech"][:, None] == labels["image"])).all()
        assert all(f"/{word}/" in path for kind in labels for word, path in zip(labels[kind], part.items[kind], strict=True))
    assert sum(map(len, (data.train, data.validation, data.test))) == 2 * count and len(data.train) >= 2 * count // 3


def test_clips_of_one_speaker_stay_in_one_split(tmp_path):
    (tmp_path / "images").mkdir()
    for speaker in range(40):
        for word in ("cat", "dog"):
            clip(tmp_path / f"speech/{word}/{speaker}_nohash_{speaker % 3}.wav")
    splits = {}
    for one in spoken_layouts.read(tmp_path)[0]:
        splits.setdefault(one.speaker, set()).add(one.split)
    assert len(splits) == 40 and all(len(found) == 1 for found in splits.values())
    assert set.union(*splits.values()) == {"train", "validation", "test"}


def test_a_word_without_images_in_a_split_is_left_out_there(tmp_path):
    for split in ("train", "validation", "test"):
        for word in ("cat", "dog"):
            clip(tmp_path / f"speech/{split}/{word}/{split[0]}{word}.wav")
        picture(tmp_path / f"images/{split}/cat/0.png")
    picture(tmp_path / "images/train/dog/0.png"), picture(tmp_path / "images/test/cow/0.png")
    words = "3 clips .*vdog.wav: no image of 'dog' for validation; .*0.png: no clip of it for test"
    with pytest.warns(UserWarning, match=words):
        data = load_pairs(tmp_path, "speech")
    assert data.train.labels["image"].tolist() == ["cat", "dog"] and data.test.labels["speech"].tolist() == ["cat"]


def test_what_is_missing_or_broken_is_left_out_counted_and_named(tmp_path):
    flickr(tmp_path, ".", "images", ".")
    (tmp_path / "wavs/a_0.wav").write_bytes(b"RIFF no wave")
    (tmp_path / "wavs/b_0.wav").unlink()
    for k in range(2):
        (tmp_path / f"wavs/e_{k}.wav").write_bytes((tmp_path / "wavs/a_1.wav").read_bytes())
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3)).astype("uint8")).save(file, "jpeg")
    (tmp_path / "images/e.jpg").write_bytes(file.getvalue()[:500])
    (tmp_path / "Flickr_8k.trainImages.txt").write_text("a.jpg\nb.jpg\ne.jpg\ngone.jpg\nsilent.jpg\n")
    picture(tmp_path / "images/silent.jpg")
    with open(tmp_path / "wav2capt.txt", "a") as file:
        file.write("e_0.wav e.jpg #0\ne_1.wav e.jpg #1\ne_0.wav gone.jpg #0\n")
    with pytest.warns(UserWarning, match=r"5 clips or images .* are left out: .*e.jpg: OSError.*with 2 clips"):
        data = load_spoken_images(tmp_path)
    reasons = {path.split("/")[-1]: why for path, why in data.skipped}
    assert reasons["gone.jpg"] == "missing, with 1 clips" and reasons["a_0.wav"] == "no WAV file"
    assert "No such file" in reasons["b_0.wav"] and reasons["silent.jpg"] == "no clip of it for train" and len(reasons) == 5
    assert [path[-7:] for path in data.speech["train"].items] == ["a_1.wav", "b_1.wav"]
    assert [side.tolist() for side in data.ids("train")] == [[0, 1], [0, 1]]
    (tmp_path / "wavs/c_0.wav").unlink(), (tmp_path / "wavs/c_1.wav").write_bytes(b"")
    words = r"no clip with an image for validation; 8 were left out: "
    with pytest.warns(UserWarning), pytest.raises(ValueError, match=words):
        load_spoken_images(tmp_path)


def test_a_folder_of_no_known_kind_is_refused(tmp_path):
    assert not has_pairs(tmp_path, "speech")
    with pytest.raises(FileNotFoundError, match="no spoken captions of a known kind; expected, .*wav2capt.txt.*pairs.tsv"):
        load_pairs(tmp_path, "speech")
    with pytest.raises(FileNotFoundError, match="there is no folder .* of spoken captions"):
        load_pairs(tmp_path / "none", "speech")
    with pytest.raises(ValueError, match="unknown set of speech and images 'digits'.*A folder is accepted too"):
        load_pairs("digits", "speech")
