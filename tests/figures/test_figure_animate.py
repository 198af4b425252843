"""GIF and HTML: frames, times, one palette, nothing outside the file, whole or absent."""

import functools
import io
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from zoo.figures import animate_encodings, save_gif, save_html, save_png
from zoo.figures.style import new_figure

CHROMIUM = shutil.which("chromium")


@functools.cache
def png(gray, size=(60, 40)):
    buffer = io.BytesIO()
    Image.new("RGB", size, (gray, 40, 200)).save(buffer, "PNG")
    return buffer.getvalue()


FRAMES = [png(0), png(90), png(180)]


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_gif_frames_and_times(tmp_path):
    path = save_gif(FRAMES, tmp_path / "new" / "a.gif", fps=4, hold=1.5)
    image = Image.open(path)
    durations, palettes = [], []
    for i in range(image.n_frames):
        image.seek(i)
        durations.append(image.info["duration"])
        palettes.append(image.convert("RGB").getpixel((5, 5)))
    assert durations == [250, 250, 1500] and image.info["loop"] == 0
    np.testing.assert_allclose(palettes, [(0, 40, 200), (90, 40, 200), (180, 40, 200)], atol=4)
    assert left_in(path.parent) == ["a.gif"]


def test_gif_has_one_palette_and_a_white_ground(tmp_path):
    figures = []
    for i in range(3):
        figure = new_figure(3, 2)
        figure.subplots().plot([0, i], [0, 1], "o", color="#0072B2")
        figures.append(figure)
    image, colors = Image.open(save_gif(figures, tmp_path / "a.gif")), set()
    for i in range(3):
        image.seek(i)
        frame = image.convert("RGB")
        colors |= {color for _, color in frame.getcolors(1 << 16)}
        assert frame.getpixel((2, 2)) == (255, 255, 255)
    assert len(colors) <= 256, "more colors than one palette holds: frames flicker"


def test_gif_shrinks_until_it_fits(tmp_path):
    noise = np.random.default_rng(0).integers(255, size=(200, 300, 3), dtype=np.uint8)
    frames = [figure_noise(noise), figure_noise(noise[::-1])]
    whole = save_gif(frames, tmp_path / "a.gif")
    small = save_gif(frames, tmp_path / "b.gif", most_bytes=whole.stat().st_size // 2)
    assert small.stat().st_size <= whole.stat().st_size // 2
    assert Image.open(small).size < Image.open(whole).size == (300, 200)


def figure_noise(pixels):
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()


def test_html_needs_nothing_outside_itself(tmp_path):
    path = save_html(
        FRAMES,
        tmp_path / "a.html",
        ["untrained", "epoch 1", "</script><b>"],
        title="PCA & <more>",
        description='dots "by" class',
    )
    page = path.read_text("utf-8")
    assert not re.search(r"https?:|//[a-z]|src=\"(?!data:)|href=|url\(|@import", re.sub(r"base64,[^\"]+", "", page))
    assert (
        page.count("data:image/png;base64,") == 4
    )  # three frames, and the first one again for readers without JavaScript
    assert page.count("</script>") == 1 and "<title>PCA &amp; &lt;more&gt;</title>" in page
    assert 'alt="dots &quot;by&quot; class, untrained"' in page and "{{" not in page
    assert 'type="range"' in page and 'max="2"' in page and "ArrowRight" in page
    assert left_in(tmp_path) == ["a.html"]


QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --virtual-time-budget=6000 --dump-dom"
)


def dump(page, tmp_path):
    command = [CHROMIUM, *QUIET.split(), f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here to open the page in")
def test_html_works_in_a_browser_from_a_file(tmp_path):
    path = save_html(FRAMES, tmp_path / "名 字.html", ["untrained", "epoch 1", "epoch 2"], fps=10)
    script = """<script>
    const seen = [], index = () => data.frames.indexOf(frame.src);
    const note = () => seen.push(label.textContent + "|" + slider.value + "|" + index());
    const send = event => slider.dispatchEvent(event);
    const press = key => {
      const event = new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true});
      if (send(event)) seen.push("the slider steps a second time");
      note();
    };
    note(); press("ArrowRight"); press("End"); press("ArrowRight"); press("ArrowLeft"); press("Home");
    slider.value = 2; slider.dispatchEvent(new Event("input")); note();
    play.click(); seen.push(play.textContent);
    setTimeout(() => { note(); seen.push(play.textContent); document.title = seen.join(" ; "); }, 2000);
    </script></body>"""
    path.write_text(path.read_text("utf-8").replace("</body>", script), "utf-8")
    title = re.search("<title>(.*?)</title>", dump(path, tmp_path))[1]
    assert title.split(" ; ") == [
        "untrained|0|0", "epoch 1|1|1", "epoch 2|2|2", "epoch 2|2|2", "epoch 1|1|1", "untrained|0|0", "epoch 2|2|2",
        "Pause", "epoch 2|2|2", "Play",
    ]  # fmt: skip


def test_encodings_are_animated_with_one_projection(tmp_path):
    random = np.random.default_rng(0)
    first = random.normal(size=(30, 4))
    history = {"triplet": [first, first * 2, first * 3], "hinge": [first, first[:, ::-1], first]}
    gif, page = animate_encodings(
        history, np.arange(30) % 2, tmp_path / "pca.v1", class_names=["导航", "other"], per_class=10
    )
    assert (gif.name, page.name) == ("pca.v1.gif", "pca.v1.html")
    assert Image.open(gif).n_frames == 3
    assert '"epoch 0", "epoch 1", "epoch 2"' in page.read_text("utf-8") and "20 points" in page.read_text("utf-8")


def test_frames_keep_their_size_whatever_the_epoch_is_called(tmp_path):
    epochs = ["untrained", 9, "100,000 steps of a long warm-up with the encoder frozen"]
    history = {"a": [np.eye(6)] * 3}
    gif, _ = animate_encodings(history, [0, 1] * 3, tmp_path / "a", epochs=epochs, title="Encodings " * 6)
    assert Image.open(gif).n_frames == 3


@pytest.mark.parametrize(
    "change, message",
    [
        (
            {"history": {"a": [np.zeros((4, 3)), np.full((4, 3), np.nan)]}},
            r"history\['a'\]\[1\]: expected finite numbers",
        ),
        ({"history": {"a": [np.zeros((4, 3))], "b": []}}, "history: expected the same number of epochs"),
        ({"history": {"a": [np.zeros((4, 3)), np.zeros((5, 3))]}}, "history: expected the same items"),
        ({"labels": [0, 1]}, "labels: expected shape"),
        ({"epochs": [1, 2, 3]}, "epochs: expected 1, one a frame, got 3"),
        ({"per_class": 0}, "per_class: expected at least 1"),
    ],
)
def test_bad_histories_are_named(change, message, tmp_path):
    good = {"history": {"a": [np.eye(4, 3)]}, "labels": [0, 1, 0, 1], "path": tmp_path / "a"}
    with pytest.raises(ValueError, match=message):
        animate_encodings(**{**good, **change})
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda path: save_gif([], path), "frames: expected at least one"),
        (lambda path: save_gif([png(1), png(1, (9, 9))], path), "frames: expected one size"),
        (lambda path: save_gif(FRAMES, path, fps=0), "fps: expected a number above 0"),
        (lambda path: save_gif(FRAMES, path, hold=float("nan")), "hold: expected a number above 0"),
        (lambda path: save_html(FRAMES, path, ["a"]), "labels: expected 3, one a frame, got 1"),
        (lambda path: save_html(FRAMES, path, "abc", fps=-1), "fps: expected"),
    ],
)
def test_bad_animations_are_named(call, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        call(tmp_path / "a")
    assert left_in(tmp_path) == []


def test_a_path_below_a_file_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"path: cannot write .*file/a\.gif .*; give a file in a folder"):
        save_gif(FRAMES, tmp_path / "file" / "a.gif")


def test_a_file_size_limit_leaves_the_old_file_whole(tmp_path):
    path = save_png(new_figure(2, 1), tmp_path / "a.png")
    before, limit = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
    try:
        with pytest.raises(OSError, match="path: cannot write"):
            save_png(new_figure(3, 3), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == before and left_in(tmp_path) == ["a.png"]


def test_files_can_be_read_by_others_as_the_umask_allows(tmp_path):
    old = os.umask(0o022)
    try:
        assert save_png(new_figure(1, 1), tmp_path / "a.png").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(old)


def answer(code):
    """What `code` prints in a fresh process."""
    root = pathlib.Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    return run.stdout.strip()


def test_importing_the_package_imports_nothing_heavy():
    heavy = "{'matplotlib', 'sklearn', 'PIL', 'keras', 'numpy'}"
    assert answer(f"import sys, zoo.figures; dir(zoo.figures); print({heavy} & set(sys.modules))") == "set()"


def test_every_public_name_is_there_and_pyplot_is_not_used():
    each = "all(callable(getattr(zoo.figures, name)) for name in zoo.figures.__all__)"
    assert answer(f"import sys, zoo.figures; print({each}, 'matplotlib.pyplot' in sys.modules)") == "True False"
