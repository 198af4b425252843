"""The command `zoo` trains, measures, draws and exports models of two towers, from folders and sets by name."""

import pathlib
import re

import numpy as np
import pytest
import towers
from PIL import Image

import zoo
from zoo import cli, cli_train
from zoo.frontends import as_wavs

SETTINGS = ["units=8", "word_dim=8", "embedding_dim=6", "learning_rate=0.02"]
NETWORK = ["size=12", "image_settings={'blocks': 1, 'filters': 8}"]


def given(*settings):
    return [part for setting in settings for part in ("--set", setting)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Flickr8k's layout: images of four colors, two captions each, and another caption for the same image of each split."""
    lines, lists = [], {"train": [], "dev": [], "test": []}
    for i, image in enumerate([*towers.IMAGES, *towers.IMAGES[::3], *towers.IMAGES[1::3]]):
        name = f"{i}.png"
        (tmp_path / "flickr/images").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "flickr/images" / name)
        color = [*towers.COLORS][i // 3 if i < 12 else i % 4]
        lines += [f"{name}#{n}\t{start} {color} square ." for n, start in enumerate(("a", "see the"))]
        lists["train" if i < 12 else "dev" if i < 16 else "test"].append(name)
    (tmp_path / "flickr/Flickr8k.token.txt").write_text("\n".join(lines) + "\n")
    for split, names in lists.items():
        (tmp_path / f"flickr/Flickr_8k.{split}Images.txt").write_text("\n".join(names) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def features(tmp_path, monkeypatch):
    """Stored features of four images, and five captions of each."""
    for split, count in (("train", 4), ("dev", 3), ("test", 2)):
        captions = [f"{start} {color} square ." for color in [*towers.COLORS][:count] for start in ("a", "b", "c", "d", "e")]
        (tmp_path / f"{split}_caps.txt").write_text("\n".join(captions) + "\n")
        np.save(tmp_path / f"{split}_ims.npy", np.eye(count, 7, dtype="float32") + 0.1)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(out, *more, data="flickr"):
    return cli.main(["train", "vse_ranking", "--data", data, "--out", out, "--pairs", "8", *given(*SETTINGS), *more])


def test_a_folder_of_captions_is_trained_on_measured_drawn_exported_and_asked(folder, capfd):
    assert train("runs/f", "--epochs", "4", *given(*NETWORK)) == 0
    said = capfd.readouterr().out
    assert "24 texts and 12 images, 3 steps an epoch" in said and "image=convnet, freeze=False" in said
    best = [float(x) for x in re.findall(r"val_recall_sum: (\S+)", said)]
    assert f"with the weights of epoch {best.index(max(best)) + 1}, the best on validation data" in said
    assert "text_to_image_median_rank" in said and re.search(r"recall_sum +[\d.]+ +\[", said)
    assert sorted(p.name for p in (folder / "runs/f").iterdir()) == ["model.keras", "projector", "run.json"]
    assert (folder / "runs/f/projector/epoch_004/sprite.png").is_file()
    assert cli.main(["evaluate", "runs/f/model.keras", "--data", "flickr", "--split", "validation"]) == 0
    assert f"{max(best):.3f}" in re.search(r"recall_sum +(\S+)", capfd.readouterr().out).group(1)
    assert cli.main(["project", "runs/f/model.keras", "--data", "flickr", "--out", "runs/points"]) == 0
    header, *rows = pathlib.Path("runs/points/metadata.tsv").read_text().splitlines()
    assert header == "item\tmodality\tlabel" and len(rows) == 12 and sum("\timage\t" in row for row in rows) == 4
    assert cli.main(["export", "runs/f/model.keras", "saved_models/f", "--data", "flickr", "--neighbors", "3"]) == 0
    capfd.readouterr()
    assert cli.main(["query", "saved_models/f", "a red square ."]) == 0
    answer = capfd.readouterr().out.splitlines()
    assert answer[0].startswith("a red square .: a red square .") and len(answer) == 4 and "images/" in answer[1]


def test_a_killed_run_goes_on_from_its_last_epoch_with_the_best_it_had(features, capfd, monkeypatch):
    def run(name, *more):
        return train(f"runs/{name}", "--epochs", "3", *more, data=".")

    assert run("whole") == 0
    best = re.findall("epoch ., the best", capfd.readouterr().out)

    def kill(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(zoo.callbacks.Backup, "on_epoch_begin", kill)
        assert run("killed") == 130
    assert "call it again to go on from the last epoch" in capfd.readouterr().err
    assert run("killed", *given("margin=0.5")) == 1
    assert "another settings" in capfd.readouterr().err
    assert run("killed") == 0
    said = capfd.readouterr().out
    assert "Epoch 1/3" not in said and "Epoch 2/3" in said and re.findall("epoch ., the best", said) == best != []
    models = [zoo.load_model(f"runs/{name}/model.keras") for name in ("whole", "killed")]
    for a, b in zip(*(model.predict((towers.TEXTS, np.eye(4, 7))) for model in models), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_stored_features_say_their_size_themselves(features, capfd):
    assert train("runs/f", "--epochs", "1", data=".") == 0
    assert "20 texts and 4 images" in capfd.readouterr().out
    assert zoo.load_model("runs/f/model.keras").second.backbone.features == 7
    assert cli.main(["evaluate", "runs/f/model.keras", "--data", "."]) == 0
    assert cli.main(["project", "runs/f/model.keras", "--data", ".", "--out", "runs/points"]) == 0
    assert cli.main(["export", "runs/f/model.keras", "saved_models/f", "--data", ".", "--neighbors", "2"]) == 0
    capfd.readouterr()
    assert cli.main(["query", "saved_models/f", "a red square ."]) == 0
    assert re.search(r"-?[\d.]+  . \w+ square \. +\d\n", capfd.readouterr().out)
    assert cli.main(["export", "runs/f/model.keras", "saved_models/no", "--data", "digits.tsv"]) == 1
    assert "stored features" in capfd.readouterr().err
    assert train("o", *given("image=convnet"), data=".") == 1
    assert "stored features; leave it out" in capfd.readouterr().err and not pathlib.Path("o").exists()


def test_speech_and_images_are_trained_on_in_batches_of_classes(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli_train, "SHOWN", 30)
    settings = ["seconds=0.5", "size=8", "image_settings={'channels': 1, 'blocks': 1, 'filters': 4}", "embedding_dim=6"]
    settings.append("speech_settings={'blocks': [(4, 5, True)]}")
    arguments = ["--data", "spoken_digits_synthetic", "--epochs", "1", "--classes", "8", "--per-class", "2", *given(*settings)]
    assert cli.main(["train", "speech2image_maxmargin", "--out", "runs/s", *arguments]) == 0
    said = capfd.readouterr().out
    assert "320 clips and 1080 images, 20 steps an epoch" in said and "image_to_speech_recall@10" in said
    columns = (tmp_path / "runs/s/projector/epoch_001/metadata.tsv").read_text().splitlines()
    assert {line.split("\t")[2] for line in columns[1:]} == set(zoo.data.load_spoken_images("digits_synthetic").words)


def test_a_folder_of_spoken_captions_is_trained_on_measured_drawn_exported_and_asked(tmp_path, monkeypatch, capfd):
    """Images of four colors, each with two tones of its color's pitch."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spoken").mkdir()
    rows = ["audio\timage\tsplit\tlabel"]
    for i, image in enumerate(towers.IMAGES):
        color, split = towers.LABELS[i], ("train", "validation", "test")[i % 3]
        Image.fromarray(image).save(tmp_path / f"spoken/{i}.png")
        tones = [np.sin(np.arange(2000) * (0.1 + 0.4 * (i // 3)) + k) for k in range(2)]
        for k, file in enumerate(as_wavs([(20000 * tone).astype("int16") for tone in tones], 8000)):
            (tmp_path / f"spoken/{i}_{k}.wav").write_bytes(file)
            rows.append(f"{i}_{k}.wav\t{i}.png\t{split}\t{color}")
    (tmp_path / "spoken/pairs.tsv").write_text("\n".join(rows) + "\n")
    settings = ["seconds=0.25", "size=8", "image_settings={'blocks': 1, 'filters': 4}", "embedding_dim=6"]
    settings = given(*settings, "speech_settings={'blocks': [(4, 5, True)]}")
    data = ["--data", "spoken"]
    assert cli.main(["train", "speech2image_mms", *data, "--out", "runs/s", "--epochs", "2", "--pairs", "8", *settings]) == 0
    said = capfd.readouterr().out
    assert "speech2image_mms on spoken: 8 clips and 4 images, 1 steps an epoch" in said
    assert cli.main(["evaluate", "runs/s/model.keras", *data]) == 0
    assert "speech_to_image_recall@1" in capfd.readouterr().out
    assert cli.main(["project", "runs/s/model.keras", *data, "--out", "runs/points"]) == 0
    header, *rows = pathlib.Path("runs/points/metadata.tsv").read_text().splitlines()
    assert "spoken/2_1.wav\tspeech\tred" in rows and "spoken/2.png\timage\tred" in rows and len(rows) == 12
    assert cli.main(["export", "runs/s/model.keras", "saved_models/s", *data, "--neighbors", "12"]) == 0
    capfd.readouterr()
    assert cli.main(["query", "saved_models/s", "spoken/2_0.wav"]) == 0
    first, *near = capfd.readouterr().out.splitlines()
    assert first.startswith("spoken/2_0.wav: ") and sorted(line.split()[-1] for line in near) == sorted(
        f"spoken/{i}.png" for i in range(12)
    )
    assert cli.main(["train", "speech2image_mms", "--data", "./runs", "--out", "o"]) == 1
    assert "no spoken captions of a known kind; expected" in capfd.readouterr().err and not pathlib.Path("o").exists()


def test_a_folder_of_classes_without_pairs_gives_a_gallery_of_images(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    settings = {"seconds": 0.25, "size": 8, "embedding_dim": 6, "speech_settings": {"blocks": [(4, 5, True)]}}
    model = zoo.build("speech2image_mms", image_settings={"blocks": 1, "filters": 4}, **settings)
    model.adapt({"image": towers.IMAGES, "speech": as_wavs([np.ones(2000, "int16")], 8000)})
    model.save("model.keras")
    for i, (color, image) in enumerate(zip(towers.LABELS, towers.IMAGES, strict=True)):
        (tmp_path / "colors" / color).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / f"colors/{color}/{i}.png")
    assert cli.main(["export", "model.keras", "colored", "--data", "colors", "--neighbors", "12"]) == 0
    (tmp_path / "a.wav").write_bytes(as_wavs([np.ones(2000, "int16")], 8000)[0])
    capfd.readouterr()
    assert cli.main(["query", "colored", "a.wav"]) == 0
    first, *near = capfd.readouterr().out.splitlines()
    found = sorted(line.split()[-1] for line in near)
    assert first.startswith("a.wav: ") and found == sorted(f"{color}/{i}.png" for i, color in enumerate(towers.LABELS))
    (tmp_path / "empty").mkdir()
    assert cli.main(["export", "model.keras", "no", "--data", "empty"]) == 1
    assert "Expected folder/class/image.jpg" in capfd.readouterr().err and not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["train", "bilstm_epshn", "--data", "embedded", "--out", "o", "--pairs", "4"], ["--pairs", "two towers"]),
        (["train", "vse_mms", "--data", "digits", "--out", "o", "--pairs", "4", "--classes", "2"], ["--pairs", "--classes"]),
        (["train", "vse_mms", "--data", "digit", "--out", "o"], ["set of captions", "did you mean 'digits'"]),
        (["train", "vse_mms", "--data", "./none", "--out", "o"], ["no folder './none'", "Flickr8k.token.txt"]),
        (["train", "vse_mms", "--data", "digits", "--out", "o", "--pairs", "1"], ["size must be"]),
        (["train", "speech2image_mms", "--data", "digits", "--out", "o"], ["set of speech and images", "digits_synthetic"]),
        (["train", "vse_epshn", "--data", "digits", "--out", "o"], ["encoders of one tower"]),
    ],
)
def test_what_is_senseless_is_refused_and_nothing_is_left(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 1
    message = capsys.readouterr().err
    assert all(word in message for word in words), message
    assert not list(tmp_path.iterdir())
