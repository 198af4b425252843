"""Spoken digits that this file makes itself: formants and noise, twelve voices. Synthetic, and labelled so wherever used.

A word is a row of sounds, a sound a target for three formants, for the voice and for noise. What lies between two sounds
is a glide. The voice is a train of pulses through four resonators in a row, one a formant, as in Klatt's synthesizer;
hisses are noise through a resonator of their own. Voices differ in pitch, in the length of the vocal tract, which moves
all formants together, in tempo and in breath; two clips of one voice differ in length, melody, loudness and the noise
around them.

They are words to a listener with good will, and easier than real recordings: for tests and first looks, not for comparing
models. Everything is ours: no licence, no download. The same seed gives the same clips.
"""

import typing

import numpy as np

RATE, STEP = 8000, 80  # samples per second; of a step of the tracks, 10 ms
BANDS = 60.0, 90.0, 150.0, 250.0  # Hz, width of each resonator


class Sound(typing.NamedTuple):
    """What a sound aims at.

    Args:
        length: seconds.
        formants: Hz, three of them; or two rows of three, from where to where the sound glides.
        voice, noise: loudness of the pulses and of the hiss.
        hiss: Hz around which the noise lies, and its width.
    """

    length: float
    formants: tuple
    voice: float = 1.0
    noise: float = 0.0
    hiss: tuple = (2500, 1500)


SOUNDS = {
    "AH": Sound(0.10, (640, 1190, 2390)),
    "AO": Sound(0.14, (570, 840, 2410)),
    "AY": Sound(0.22, ((730, 1150, 2440), (390, 1990, 2550))),
    "EH": Sound(0.11, (530, 1840, 2480)),
    "EY": Sound(0.20, ((480, 1900, 2500), (330, 2250, 2900))),
    "F": Sound(0.11, (400, 1100, 2200), 0.0, 0.10, (3000, 3000)),
    "IH": Sound(0.09, (390, 1990, 2550)),
    "IY": Sound(0.18, (280, 2250, 2950)),
    "K": Sound(0.03, (400, 1800, 2300), 0.0, 0.5, (1800, 600)),
    "N": Sound(0.09, (250, 1250, 2300), 0.45),
    "OW": Sound(0.20, ((540, 950, 2400), (380, 800, 2300))),
    "R": Sound(0.09, (350, 1080, 1600), 0.7),
    "S": Sound(0.14, (400, 1600, 2500), 0.0, 0.35, (3600, 700)),
    "T": Sound(0.03, (400, 1700, 2600), 0.0, 0.7, (3300, 900)),
    "TH": Sound(0.11, (400, 1400, 2400), 0.0, 0.06, (3300, 2500)),
    "UW": Sound(0.20, (310, 900, 2200)),
    "V": Sound(0.08, (300, 1100, 2200), 0.4, 0.05, (2800, 2500)),
    "W": Sound(0.08, (300, 640, 2200), 0.7),
    "Z": Sound(0.12, (300, 1600, 2500), 0.35, 0.25, (3500, 700)),
    "-": Sound(0.05, (400, 1600, 2500), 0.0),  # the silence before a burst
}
WORDS = {
    "zero": "Z IH R OW",
    "one": "W AH N",
    "two": "- T UW",
    "three": "TH R IY",
    "four": "F AO R",
    "five": "F AY V",
    "six": "S IH - K S",
    "seven": "S EH V AH N",
    "eight": "EY - T",
    "nine": "N AY N",
}


class Voice(typing.NamedTuple):
    """A speaker: pitch in Hz, formants relative to the table, tempo, and the noise in the voice."""

    name: str
    pitch: float
    tract: float
    tempo: float
    breath: float


VOICES = {
    "train": (
        Voice("synthetic_a", 95, 0.94, 0.90, 0.01),
        Voice("synthetic_b", 110, 1.00, 1.00, 0.03),
        Voice("synthetic_c", 125, 1.04, 1.15, 0.02),
        Voice("synthetic_d", 140, 0.97, 1.05, 0.06),
        Voice("synthetic_e", 175, 1.10, 1.00, 0.02),
        Voice("synthetic_f", 195, 1.16, 0.95, 0.05),
        Voice("synthetic_g", 215, 1.18, 1.10, 0.02),
        Voice("synthetic_h", 240, 1.22, 1.00, 0.04),
    ),
    "validation": (Voice("synthetic_i", 118, 0.98, 1.10, 0.03), Voice("synthetic_j", 205, 1.14, 1.05, 0.03)),
    "test": (Voice("synthetic_k", 103, 1.02, 0.95, 0.02), Voice("synthetic_l", 225, 1.20, 1.05, 0.04)),
}


def speak(word, voice, seed=0):
    """Return one clip of a word in a voice.

    Args:
        word: a key of `WORDS`.
        voice: `Voice`.
        seed: an integer or several; the same one gives the same clip.

    Returns:
        int16 [T], at 8,000 samples a second.

    Example:

    >>> from zoo.data.synthesiser import VOICES, speak
    >>> speak("seven", VOICES["test"][0]).dtype
    dtype('int16')
    """
    from scipy.signal import lfilter

    rng = np.random.default_rng(seed)
    tracks = _tracks(WORDS[word].split(), voice, rng)
    steps = len(tracks["voice"])
    pitch = voice.pitch * rng.uniform(0.92, 1.08) * np.linspace(rng.uniform(1.0, 1.15), rng.uniform(0.75, 0.95), steps)
    pulses = np.diff(np.floor(np.cumsum(np.repeat(pitch, STEP)) / RATE), prepend=0)
    pulses = lfilter([1, -1], [1, -1.6, 0.64], pulses)  # as the glottis opens and closes
    noise = rng.normal(size=len(pulses))
    source = pulses * np.repeat(tracks["voice"], STEP) + voice.breath * noise * np.repeat(tracks["voice"], STEP)
    centers = np.concatenate([tracks["formants"], np.full((steps, 1), 3400 * voice.tract)], axis=1)
    source = _resonate(source, np.minimum(centers, 3700), np.broadcast_to(BANDS, (steps, 4)))
    hiss = _resonate(noise, np.minimum(tracks["hiss"][:, :1] * voice.tract**0.3, 3800), tracks["hiss"][:, 1:])
    clip = source / max(np.abs(source).max(), 1e-9) + hiss / hiss.std() * np.repeat(tracks["noise"], STEP)
    clip = np.concatenate([np.zeros(rng.integers(160, 1200)), clip, np.zeros(rng.integers(160, 1200))])
    clip = clip / np.abs(clip).max() * rng.uniform(0.2, 0.9) + rng.normal(size=len(clip)) * 10 ** rng.uniform(-3.0, -2.2)
    return np.round(np.clip(clip, -1, 1) * 32767).astype("int16")


def generate(split, takes=4, seed=0):
    """Return every word of every voice of a split.

    Args:
        split: `"train"`, `"validation"` or `"test"`; no voice is in two of them.
        takes: clips of a word in a voice.
        seed: any integer.

    Returns:
        list of (clip int16 [T], word, name of the voice).
    """
    voices = VOICES[split]
    return [
        (speak(word, voice, (seed, hash_of(voice.name), number, take)), word, voice.name)
        for voice in voices
        for number, word in enumerate(WORDS)
        for take in range(takes)
    ]


def hash_of(name):
    """Return an integer for a name, the same in every process."""
    return sum(ord(character) * 257**i for i, character in enumerate(name)) % 2**31


def _tracks(names, voice, rng):
    """What every step of 10 ms aims at: formants (T, 3), voice (T,), noise (T,), hiss (T, 2)."""
    tempo = voice.tempo * rng.uniform(0.85, 1.15)
    rows = {"formants": [], "voice": [], "noise": [], "hiss": []}
    for name in names:
        sound = SOUNDS[name]
        steps = max(2, round(sound.length * rng.uniform(0.85, 1.15) / tempo * RATE / STEP))
        ends = np.broadcast_to(np.atleast_2d(np.array(sound.formants, float)), (2, 3))
        glide = ends[0] + np.linspace(0, 1, steps)[:, None] * (ends[1] - ends[0])
        rows["formants"].append(glide * voice.tract * rng.normal(1, 0.025, (1, 3)))
        rows["voice"].append(np.full(steps, sound.voice))
        rows["noise"].append(np.full(steps, sound.noise))
        rows["hiss"].append(np.broadcast_to(sound.hiss, (steps, 2)))
    tracks = {key: np.concatenate(parts) for key, parts in rows.items()}
    tracks["formants"] = np.stack([_smooth(track, 5) for track in tracks["formants"].T], axis=1)
    return {**tracks, "voice": _smooth(tracks["voice"], 3), "noise": _smooth(tracks["noise"], 3)}


def _smooth(track, width):
    """The mean over `width` steps; the ends go on as they are."""
    return np.convolve(np.pad(track, width // 2, mode="edge"), np.ones(width) / width, mode="valid")


def _resonate(signal, centers, widths):
    """Resonators in a row, whose centers and widths (T, R) in Hz move from step to step."""
    from scipy.signal import sosfilt

    radius = np.exp(-np.pi * widths / RATE)
    first, second = 2 * radius * np.cos(2 * np.pi * centers / RATE), -(radius**2)
    zero, one = np.zeros_like(first), np.ones_like(first)
    filters = np.stack([1 - first - second, zero, zero, one, -first, -second], axis=-1)  # (T, R, 6), gain 1 at 0 Hz
    state, parts = np.zeros((centers.shape[1], 2)), []
    for step, sections in enumerate(filters):
        part, state = sosfilt(sections, signal[step * STEP : (step + 1) * STEP], zi=state)
        parts.append(part)
    return np.concatenate(parts)
