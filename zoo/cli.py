"""The command `zoo`: a thin layer over the same functions."""

import argparse
import ast
import hashlib
import json
import logging
import os
import pathlib
import sys

import zoo
from zoo import errors, registry


def main(arguments=None):
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel("ERROR")
    try:
        options.run(options)
    except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
        print(f"zoo {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        again = "; call it again to go on from the last epoch" if options.command == "train" else ""
        print(f"zoo {options.command}: stopped{again}", file=sys.stderr)
        return 130
    return 0


def _parser():
    parser = argparse.ArgumentParser("zoo", description="A metric-learning model zoo for Keras 3.")
    parser.add_argument("--version", action="version", version=f"zoo {zoo.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, run, about, *names):
        sub = commands.add_parser(name, help=about, description=about)
        sub.set_defaults(run=run)
        for argument, text in names:
            sub.add_argument(argument, help=text)
        return sub

    model = ("model", "a model saved by zoo train or model.save, NAME.keras")
    about = "a data set's name; a TSV file of label<TAB>text; a folder of images or WAV files, folder/class/image.jpg"
    data = {"required": True, "metavar": "DATA", "help": about}

    sub = command("list", _list, "List the models, or those that match a pattern such as '*_epshn'.")
    sub.add_argument("pattern", nargs="?", default="*")
    command("describe", _describe, "Say what a model is and which settings it takes.", ("name", "for instance bilstm_epshn"))

    sub = command("train", _train, "Train a model on labeled texts, images or speech and save it.", ("name", "for instance bilstm_epshn"))
    sub.add_argument("--data", **data)
    sub.add_argument("--out", required=True, metavar="FOLDER", help="where model.keras and the projector data go")
    sub.add_argument("--epochs", type=int, default=10)
    sub.add_argument("--classes", type=int, help="classes in a batch (default 16, or all if there are fewer)")
    sub.add_argument("--per-class", type=int, default=8, help="samples of each class in a batch (default 8)")
    sub.add_argument("--seed", type=int, default=0)
    sub.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting, for instance margin=0.3")

    sub = command("evaluate", _evaluate, "Measure retrieval and nearest-neighbor classification.", model)
    sub.add_argument("--data", **data)
    sub.add_argument("--split", choices=("validation", "test"), default="test")

    path = ("path", "folder of the bundle, for instance saved_models/bilstm_epshn")
    sub = command("export", _export, "Write a SavedModel that TensorFlow Serving runs from raw text, image or WAV files.", model, path)
    sub.add_argument("--data", metavar="DATA", help="put its training texts or clips, or all its images, into the bundle")
    sub.add_argument("--neighbors", type=int, default=10)

    sub = command("project", _project, "Write the embeddings of test items for TensorBoard's projector.", model)
    sub.add_argument("--data", **data)
    sub.add_argument("--out", required=True, metavar="FOLDER", help="folder of the run, new")

    sub = command("query", _query, "Ask an exported bundle.", ("bundle", "saved_models/NAME, or one version of it"))
    sub.add_argument("item", nargs="+", help="texts, or paths of images or of WAV files")
    return parser


def _list(options):
    names = zoo.list_models(options.pattern)
    if not names:
        raise ValueError(errors.unknown("model", options.pattern, zoo.list_models()))
    for name in names:
        encoder, loss = registry.parse(name)
        print(f"{name:20} {encoder.summary} {loss.summary}")


def _describe(options):
    print(zoo.describe(options.name))


def _settings(pairs):
    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"--set: expected NAME=VALUE, for instance margin=0.3, not {pair!r}")
        try:
            settings[name] = ast.literal_eval({"true": "True", "false": "False", "none": "None"}.get(value, value))
        except (ValueError, SyntaxError):
            settings[name] = value  # a word, such as soft
    return settings


def _train(options):
    import keras

    encoder, loss = registry.parse(options.name)
    if encoder.takes == "towers":
        raise ValueError(f"{options.name} learns from pairs, and the data of this command are none: zoo.data.pair_batches")
    errors.whole("--epochs", options.epochs)
    data = _data(options.data, encoder.inputs.partition(":")[0])
    labels, names = zoo.data.encode(data.train.labels)
    settings = _settings(options.set)
    if loss.needs_classes:
        settings.setdefault("classes", len(names))
    keras.utils.set_random_seed(options.seed)
    model = zoo.build(options.name, **settings)
    model.adapt(data.train.items)
    batches = zoo.data.pk_batches(data.train.items, labels, options.classes, options.per_class, seed=options.seed)
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    _same_run(out, options, settings, data)
    kinds = {"audio": "clips"}.get(model.frontend.kind, f"{model.frontend.kind}s")
    print(f"{options.name} on {data.name}: {len(data.train)} {kinds}, {len(names)} labels, {len(batches)} steps an epoch")
    callbacks = [zoo.callbacks.Projector(out / "projector", data.test)]
    best = zoo.callbacks.KeepBest(out / "best.npz", "val_recall@1")
    if len(data.validation) > 1:
        callbacks += [zoo.callbacks.Retrieval(data.validation), best]
    callbacks.append(zoo.callbacks.Backup(out / "backup"))
    model.fit(batches, epochs=options.epochs, verbose=2, callbacks=callbacks)
    model.save(out / "model.keras")
    best.path.unlink(missing_ok=True)
    chosen = "" if best.epoch is None else f" with the weights of epoch {best.epoch + 1}, the best on validation data"
    print(f"saved {out / 'model.keras'}{chosen}; look at its embeddings: tensorboard --logdir {out / 'projector'}")
    print(zoo.evaluate(model, data.test, gallery=_gallery(data, "test")))


def _data(name, kind):
    return {"image": zoo.data.load_images, "audio": zoo.data.load_speech}.get(kind, zoo.data.load)(name)


def _gallery(data, split):
    """Where the neighbors of a split are looked up; None among the other items of it."""
    if isinstance(data, zoo.data.ImageData):  # its test classes are not among the training classes
        return data.gallery if split == "test" else None
    return data.train


def _same_run(out, options, settings, data):
    """Refuse to go on with the backup of a run that had other settings; note the settings of this one."""
    run = {"name": options.name, "settings": settings, "data": data.name, "training data": _digest(data.train)}
    run |= {"classes": options.classes, "per_class": options.per_class, "seed": options.seed}
    path = out / "run.json"
    if (out / "backup").exists() and path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        changed = [key for key in run if before.get(key) != json.loads(json.dumps(run[key]))]
        if changed:
            raise ValueError(
                f"--out: {str(out)!r} holds an unfinished run with another {', '.join(changed)}; give a new folder, or "
                f"remove {str(out / 'backup')!r}"
            )
    path.write_text(json.dumps(run, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _digest(split):
    """One line for the items, texts, files or pixels, and the labels of a split."""
    digest = hashlib.sha256()
    for one in (*split.items, *split.labels):
        one = one.encode("utf-8", "surrogatepass") if isinstance(one, str) else one
        digest.update((one if isinstance(one, bytes) else one.tobytes()) + b"\n")
    return digest.hexdigest()


def _one_tower(path):
    """The model in a file, which must have one tower."""
    model = zoo.load_model(path)
    if hasattr(model, "towers"):
        raise ValueError(f"{path} has two towers and needs pairs: in Python, zoo.evaluate and zoo.export.project_towers")
    return model


def _evaluate(options):
    model = _one_tower(options.model)
    data = _data(options.data, model.frontend.kind)
    print(zoo.evaluate(model, getattr(data, options.split), gallery=_gallery(data, options.split)))


def _export(options):
    model, gallery, name = zoo.load_model(options.model), None, None
    if options.data:
        held = [*model.towers.values()][-1] if hasattr(model, "towers") else model  # a gallery is of what is searched
        data = _data(options.data, held.frontend.kind)
        gallery, name = data.train, data.name
        if isinstance(data, zoo.data.ImageData):
            parts = [part for part in (data.train, data.validation, data.test, data.gallery) if part]
            gallery = [item for part in parts for item in part.items], [label for part in parts for label in part.labels]
    print(zoo.export(model, options.path, gallery=gallery, neighbors=options.neighbors, data=name))


def _project(options):
    model = _one_tower(options.model)
    data = _data(options.data, model.frontend.kind).test
    columns = {model.frontend.kind: model.frontend.names(data.items), "label": data.labels}
    folder = pathlib.Path(options.out)
    images = data.items if model.frontend.kind == "image" else None
    print(zoo.export.write_projector(folder, model.predict(data.items), columns, images=images))
    print(f"tensorboard --logdir {folder}")


def _query(options):
    for answer in zoo.export.query(options.bundle, options.item):
        kind, query = next(iter(answer.items()))
        if not answer.get("ok", True):
            print(f"{query}: no {kind} that can be read")
        elif "label" not in answer:
            numbers = " ".join(f"{x:.4f}" for x in answer["embedding"])
            print(f"{query}\t{numbers}")
        else:
            print(f"{query}: {answer['label']} ({answer['votes']:.0%} of the votes)")
            for near in answer["neighbors"]:
                print(f"  {near['score']:8.4f}  {near['label']:16} {near['id']}")


if __name__ == "__main__":
    sys.exit(main())
