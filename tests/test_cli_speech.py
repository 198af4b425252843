"""The command `zoo` on a folder of WAV files: train, evaluate, export, query, project."""

import re

from zoo import cli
from zoo.data.synthesiser import VOICES, speak
from zoo.frontends import as_wavs


def test_speech_is_trained_on_exported_and_asked_by_path(tmp_path, capfd, monkeypatch):
    for split, voices in (("train", VOICES["train"][:2]), ("val", VOICES["validation"][:1]), ("test", VOICES["test"][:1])):
        for word in ("one", "three", "six"):
            folder = tmp_path / "words" / split / word
            folder.mkdir(parents=True)
            for i in range(2):
                for voice in voices:
                    (folder / f"{voice.name}_{i}.wav").write_bytes(as_wavs([speak(word, voice, i)], 8000)[0])
    monkeypatch.chdir(tmp_path)
    settings = [f"--set={pair}" for pair in ("seconds=0.5", "embedding_dim=8", "blocks=[(8, 5, True), (8, 3, False)]")]
    arguments = ["--data", "./words", "--out", "runs/w", "--epochs", "1", "--per-class", "4", *settings]
    assert cli.main(["train", "speechcnn_epshn", *arguments]) == 0
    output = capfd.readouterr().out
    assert "12 clips, 3 labels" in output and "recall@1" in output and "knn_accuracy" in output
    assert cli.main(["evaluate", "runs/w/model.keras", "--data", "./words"]) == 0
    assert "recall@1" in capfd.readouterr().out
    assert cli.main(["export", "runs/w/model.keras", "saved_models/w", "--data", "./words", "--neighbors", "3"]) == 0
    capfd.readouterr()
    (tmp_path / "no.wav").write_bytes(b"no audio")
    path = str(sorted(tmp_path.glob("words/train/six/*"))[0])
    assert cli.main(["query", "saved_models/w", path, "no.wav"]) == 0
    answer = capfd.readouterr().out
    assert re.search(r"1\.0000  six +six/synthetic_a_0\.wav", answer), answer
    assert "no.wav: no audio that can be read" in answer
    assert cli.main(["project", "runs/w/model.keras", "--data", "./words", "--out", "runs/points"]) == 0
    assert (tmp_path / "runs/points/metadata.tsv").read_text().startswith("audio\tlabel\n")
    assert cli.main(["train", "speechcnn_epshn", "--data", "spoken_word", "--out", "o"]) == 1
    assert "unknown speech set 'spoken_word'; did you mean 'spoken_words'" in capfd.readouterr().err
