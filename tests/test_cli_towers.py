"""The command `zoo` on models of two towers."""

import towers

from zoo.cli import main


def test_models_of_two_towers_are_listed_described_exported_and_asked(tmp_path, capsys):
    model = towers.small()
    path, bundle = str(tmp_path / "model.keras"), str(tmp_path / "bundle")
    model.save(path)
    for i, file in enumerate(model.towers["image"].frontend.as_bytes(towers.IMAGES)):
        folder = tmp_path / "colors" / towers.LABELS[i]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i}.png").write_bytes(file)
    assert main(["list", "vse_*"]) == 0 and "vse_maxranking" in capsys.readouterr().out
    assert main(["describe", "vse_mms"]) == 0 and "each tower" in capsys.readouterr().out
    assert main(["export", path, bundle, "--data", str(tmp_path / "colors"), "--neighbors", "2"]) == 0
    capsys.readouterr()
    assert main(["query", bundle, "a red square"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("a red square: ") and len(said) == 3 and said[1].endswith(".png")
