"""Speech sets: the named ones, the synthetic digits, folders, files that are none."""

import subprocess
import sys

import numpy as np
import pytest

from zoo.data import data_root, load_speech, pk_batches, speech_sets
from zoo.data.synthesiser import RATE, VOICES, WORDS, speak
from zoo.frontends import AudioFrontend, as_wavs
from zoo.layers import LogMel


def has_data():
    try:
        return (data_root() / "fsdd").is_dir()
    except FileNotFoundError:
        return False


needs_data = pytest.mark.skipif(not has_data(), reason="the data sets lie outside of the repository; see ZOO_DATA")


@needs_data
@pytest.mark.parametrize(
    "name, counts, words",
    [("fsdd", (2000, 250, 250), 10), ("spoken_words", (895, 122, 273), 9), ("speech_commands_toy", (245, 70, 35), 35)],
)
def test_named_sets_have_their_counts_words_and_speakers(name, counts, words):
    data = load_speech(name)
    assert (len(data.train), len(data.validation), len(data.test)) == counts and not data.synthetic
    assert all(len(set(split.labels)) == words for split in (data.train, data.validation, data.test))
    assert data.licence and max(data.baseline.values()) > 0.3
    with np.load(data_root() / name / f"{name}.npz") as file:
        row = np.flatnonzero(file["split"] == 2)[3]
        clip = file["audio"][file["offset"][row] : file["offset"][row + 1]]
        assert data.test.labels[3] == file["class_names"][file["label"][row]]
    assert data.test.items[3] == as_wavs([clip], 8000)[0]
    assert (set(data.test.sources) == {""}) == (name != "spoken_words")
    known = {name: set(split.speakers) - {""} for name, split in (("train", data.train), ("test", data.test))}
    assert known["train"] and (name != "spoken_words" or not known["train"] & known["test"])


@needs_data
def test_one_speaker_of_the_digits_is_left_out():
    data, whole = load_speech("fsdd", speaker="theo"), load_speech("fsdd")
    assert set(data.test.speakers) == {"theo"} and len(data.test) == 500 and data.name == "fsdd without theo"
    assert "theo" not in set(data.train.speakers) | set(data.validation.speakers)
    assert len(data.train) == 1800 and len(data.validation) == 200
    assert set(data.validation.items) <= set(whole.validation.items)
    with pytest.raises(ValueError, match="unknown speaker 'teo'; did you mean 'theo'"):
        load_speech("fsdd", speaker="teo")


def test_synthetic_digits_say_so_and_every_split_has_voices_of_its_own():
    data = load_speech("spoken_digits_synthetic")
    splits = data.train, data.validation, data.test
    assert speech_sets()[0] == data.name and data.synthetic and "SYNTHETIC" in data.note
    voices = [set(split.speakers) for split in splits]
    assert [len(v) for v in voices] == [8, 2, 2] and len(set.union(*voices)) == 12
    assert all("synthetic" in voice for v in voices for voice in v)
    assert all(set(split.sources) == {"synthetic"} and set(split.labels) == set(WORDS) for split in splits)
    assert len({item for split in splits for item in split.items}) == 480


def test_the_same_seed_speaks_the_same_in_every_process():
    clip = speak("seven", VOICES["test"][0], (1, 2))
    code = (
        "from zoo.data.synthesiser import VOICES, speak\n"
        "import zlib; print(zlib.crc32(speak('seven', VOICES['test'][0], (1, 2)).tobytes()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    import zlib

    assert int(done.stdout) == zlib.crc32(clip.tobytes())
    assert (speak("seven", VOICES["test"][0], (1, 3))[:100] != clip[:100]).any()
    assert clip.dtype == "int16" and 0.3 < len(clip) / RATE < 1.2


def loudest(word, voice):
    """Hz of the strongest frequency of the middle of a word, below and above 1,500 Hz."""
    clip = speak(word, voice, 5).astype("float64")
    spectrum = np.abs(np.fft.rfft(clip[len(clip) // 3 : 2 * len(clip) // 3]))
    hertz = np.linspace(0, RATE / 2, len(spectrum))
    return hertz[np.argmax(spectrum * (hertz < 1500))], hertz[np.argmax(spectrum * (hertz > 1500))]


def test_sounds_have_the_formants_of_the_table():
    low, high = VOICES["train"][0], VOICES["train"][7]
    assert loudest("three", low)[0] < 500 and loudest("three", low)[1] > 1900  # IY
    assert 400 < loudest("four", low)[0] < 1100  # AO
    assert loudest("three", high)[1] > loudest("three", low)[1]  # a shorter vocal tract
    frames = np.asarray(LogMel()(speak("six", low, 1)[None] / 32768.0)[0])[0]
    hiss = frames[:, -6:].mean(axis=1) - frames[:, 5:15].mean(axis=1)
    assert hiss[: len(hiss) // 2].max() > 10 and hiss[len(hiss) // 2 :].max() > 10  # both S
    assert hiss.min() < 2  # the vowel between them


def test_clips_of_any_length_are_batched():
    data = load_speech("spoken_digits_synthetic")
    batches = pk_batches(data.train.items, data.train.labels, 3, 2, steps=2, preprocess=AudioFrontend(seconds=0.5))
    x, y = batches.batch(0)
    assert x.shape == (6, 4000, 1) and len(set(y.tolist())) == 3
    waves = [np.zeros(n, "int16") for n in (5, 6, 7, 8)]
    with pytest.raises(ValueError, match="as_wavs"):
        pk_batches(waves, [0, 0, 1, 1], 2, 2)
    assert len(pk_batches(as_wavs(waves, 8000), [0, 0, 1, 1], 2, 2)) == 1


def fill(folder, words, names):
    for word in words:
        (folder / word).mkdir(parents=True)
        for i, name in enumerate(names):
            (folder / word / name).write_bytes(as_wavs([np.full(9 + i, i, "int16")], 8000)[0])


def test_a_folder_of_words_is_cut_by_clips_and_speakers_stay_together(tmp_path):
    fill(tmp_path, ["yes", "no"], [f"{i:08x}_nohash_{j}.wav" for i in range(60) for j in range(2)])
    (tmp_path / "_background_noise_").mkdir()
    (tmp_path / "_background_noise_" / "hum.wav").write_bytes(b"RIFF")
    (tmp_path / "yes" / "notes.txt").write_text("no clip")
    data = load_speech(tmp_path)
    splits = data.train, data.validation, data.test
    assert sum(map(len, splits)) == 240 and len(data.train) > 160 and min(map(len, splits)) > 5
    speakers = [set(split.speakers) for split in splits]
    assert not speakers[0] & speakers[1] and not speakers[0] & speakers[2] and not speakers[1] & speakers[2]
    assert all(set(split.labels) == {"yes", "no"} for split in splits)
    before = {path for path in data.test.items}
    fill(tmp_path, ["up"], ["a.WAV"])
    assert before <= set(load_speech(tmp_path).test.items)  # more words move nothing


def test_splits_and_lists_are_taken_as_they_are(tmp_path):
    for split in ("train", "val", "test"):
        fill(tmp_path / "a" / split, ["yes", "no"], [f"{split}.wav"])
    data = load_speech(str(tmp_path / "a"))
    assert [[p.rsplit("/")[-1] for p in s.items] for s in (data.train, data.validation, data.test)] == [
        ["train.wav"] * 2, ["val.wav"] * 2, ["test.wav"] * 2
    ]  # fmt: skip
    fill(tmp_path / "b", ["yes", "no"], ["1.wav", "2.wav", "3.wav"])
    (tmp_path / "b" / "validation_list.txt").write_text("yes/2.wav\n")
    (tmp_path / "b" / "testing_list.txt").write_text("yes/3.wav\nno/3.wav\n")
    data = load_speech(tmp_path / "b")
    assert [len(s) for s in (data.train, data.validation, data.test)] == [3, 1, 2]
    assert data.test.labels.tolist() == ["no", "yes"] and data.train.speakers.tolist() == ["", "", ""]


def test_files_that_are_no_wav_are_left_out_and_named(tmp_path):
    fill(tmp_path, ["yes", "no"], [f"{i}.wav" for i in range(8)])
    (tmp_path / "yes" / "empty.wav").write_bytes(b"")
    (tmp_path / "no" / "text.wav").write_bytes(b"hello, this is text")
    (tmp_path / "no" / "gone.wav").symlink_to(tmp_path / "nowhere")
    with pytest.warns(UserWarning, match="3 files of .* are left out: .*gone.wav: FileNotFoundError.*text.wav: no WAV file"):
        data = load_speech(tmp_path)
    assert sorted(why for _, why in data.skipped)[1:] == ["empty", "no WAV file"]
    assert sum(map(len, (data.train, data.validation, data.test))) == 16
    unchecked = load_speech(tmp_path, check=False)
    assert sum(map(len, (unchecked.train, unchecked.validation, unchecked.test))) == 19


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda folder: load_speech("fssd"), ValueError, ["unknown speech set", "did you mean 'fsdd'"]),
        (lambda folder: load_speech(folder / "nowhere"), FileNotFoundError, ["nowhere"]),
        (lambda folder: load_speech(folder), ValueError, ["0 words", "folder/word/clip.wav"]),
        (lambda folder: load_speech("fsdd", root=folder), FileNotFoundError, ["fsdd.npz"]),
        (lambda folder: load_speech("spoken_words", speaker="theo"), ValueError, ["speaker", "fsdd"]),
    ],
)
def test_what_cannot_be_read_is_named(make, error, words, tmp_path):
    with pytest.raises(error) as raised:
        make(tmp_path)
    assert all(word in str(raised.value) for word in words), raised.value
