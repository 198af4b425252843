"""Folders of WAV files as people and Speech Commands lay them out, to rows of (split, label, path)."""

import os
import pathlib
import warnings
import zlib

from zoo.data.image_layouts import SPLITS

LISTS = {"validation_list.txt": "validation", "testing_list.txt": "test"}  # of Speech Commands
MARK = "_nohash_"  # between speaker and number in the names of Speech Commands
BACKGROUND = "_background_noise_"  # long recordings without a word


def read(folder, check=True):
    """Return (split, label, path) of every WAV file of a folder, and (path, why) of those that were left out.

    Args:
        folder: as in `load_speech`.
        check: leave out, with a warning, files that do not begin as a WAV file does.
    """
    rows = [(split or drawn(path), label, path) for split, label, path in listed(folder)]
    kept, skipped = [], []
    for row in rows:
        why = wrong(row[2]) if check else None
        kept += [] if why else [row]
        skipped += [(row[2], why)] if why else []
    if skipped:
        shown = "; ".join(f"{path}: {why}" for path, why in skipped[:5])
        more = f"; and {len(skipped) - 5} more" if len(skipped) > 5 else ""
        warnings.warn(f"{len(skipped)} files of {folder} are left out: {shown}{more}", stacklevel=3)
    return kept, skipped


def listed(folder):
    """Return (split or None, label, path) of every WAV file of a folder, in the order of their names."""
    folder = pathlib.Path(folder)
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    if names and set(names) <= set(SPLITS) and "train" in names:
        return [(SPLITS[name], label, path) for name in names for label, path in _clips(folder / name)]
    if all((folder / name).is_file() for name in LISTS):
        parts = {}
        for name, split in LISTS.items():
            parts |= {line.strip(): split for line in (folder / name).read_text(encoding="utf-8").splitlines()}
        return [
            (parts.get(pathlib.Path(path).relative_to(folder).as_posix(), "train"), label, path)
            for label, path in _clips(folder)
        ]
    return [(None, label, path) for label, path in _clips(folder)]


def speaker(path):
    """Return the speaker that a name of Speech Commands tells, `SPEAKER_nohash_0.wav`, or nothing."""
    before, mark, _ = os.path.basename(path).partition(MARK)
    return before if mark else ""


def _clips(folder):
    """(label, path) of the WAV files in the folders of a folder; other files are passed over."""
    for label in sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and entry.name != BACKGROUND):
        for base, folders, files in os.walk(folder / label):
            folders.sort()
            for name in sorted(files):
                if name.lower().endswith((".wav", ".wave")):
                    yield label, os.path.join(base, name)


def drawn(path):
    """Return the split of a clip by a hash of its speaker or else of its name: the same whatever else is in the folder."""
    share = zlib.crc32((speaker(path) or os.path.basename(path)).encode()) / 2**32
    return "test" if share < 0.1 else "validation" if share < 0.2 else "train"


def wrong(path):
    """Return what is wrong with the head of a WAV file, or None."""
    try:
        with open(path, "rb") as file:
            head = file.read(12)
    except OSError as error:
        return f"{type(error).__name__}: {error.strerror}"
    if not head:
        return "empty"
    return None if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:] == b"WAVE" else "no WAV file"
