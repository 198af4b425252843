"""`zoo train`, and what the other commands share with it: data by name or folder, and scores."""

import ast
import hashlib
import itertools
import json
import pathlib

import zoo
from zoo import errors, registry
from zoo.export import inputs

SHOWN = 1000  # images of a test split that the projector shows after each epoch of two towers


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


def train(options):
    """Train the model that the options name, and save it; an unfinished run goes on."""
    import keras

    encoder, loss = registry.parse(options.name)
    towers = encoder.takes == "towers"
    errors.whole("--epochs", options.epochs)
    if options.pairs is not None and (not towers or options.classes):
        raise ValueError("--pairs: is for two towers without --classes; batches of classes have --classes times --per-class items")
    data = (zoo.data.load_pairs if towers else load)(options.data, encoder.inputs.partition(":")[0])
    settings = _settings(options.set)
    if towers:
        settings = _fitting(settings, encoder, data)
    start = zoo.load_model(options.start) if options.start else None
    if start is not None:
        known = {"embedding_dim", *registry.defaults(encoder.path)}
        settings = {key: value for key, value in start.card()["settings"].items() if key in known} | settings
    if loss.needs_classes:
        settings.setdefault("classes", len(set(data.train.labels)))
    keras.utils.set_random_seed(options.seed)
    model = zoo.build(options.name, **settings)
    model.start_from(start) if start is not None else model.adapt(data.train.items)
    batches, watched, drawn, monitor = (_of_pairs if towers else _of_classes)(data, options)
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    _same_run(out, options, settings, data)
    print(f"{options.name} on {data.name}: {_counts(model, data)}, {len(batches)} steps an epoch", flush=True)
    callbacks = [zoo.callbacks.Projector(out / "projector", drawn)]
    best = zoo.callbacks.KeepBest(out / "best.npz", monitor)
    if len(data.validation) > 1:
        callbacks += [zoo.callbacks.Retrieval(*watched), best]
    callbacks.append(zoo.callbacks.Backup(out / "backup"))
    model.fit(batches, epochs=options.epochs, verbose=2, callbacks=callbacks)
    model.save(out / "model.keras")
    best.path.unlink(missing_ok=True)
    chosen = "" if best.epoch is None else f" with the weights of epoch {best.epoch + 1}, the best on validation data"
    print(f"saved {out / 'model.keras'}{chosen}; look at its embeddings: tensorboard --logdir {out / 'projector'}")
    print(report(model, data, "test"))


def _of_classes(data, options):
    """Batches, what is looked at after each epoch, what the projector draws, and the score that says which epoch is best."""
    labels, _ = zoo.data.encode(data.train.labels)
    batches = zoo.data.pk_batches(data.train.items, labels, options.classes, options.per_class, seed=options.seed)
    return batches, (data.validation,), data.test, "val_recall@1"


def _of_pairs(data, options):
    """The same for two towers."""
    sides, matches = data.train.sides
    per_class = options.per_class if options.classes else None
    size = min(options.pairs or 64, len(data.train))
    batches = zoo.data.pair_batches(*sides, matches, size, None, options.seed, options.classes, per_class)
    return batches, (data.validation.sides, None, None), data.test.some(SHOWN), "val_recall_sum"


def _fitting(settings, encoder, data):
    """Settings, with what the images ask for: the size of stored features, or a network for files and pixels."""
    given = {**registry.defaults(encoder.path), **settings}
    images, asked = data.train.items["image"], settings.get("image")
    if images.ndim == 2:
        if asked is not None:
            raise ValueError(f"--set image={asked}: the images of {data.name} are stored features; leave it out")
        return {"features": images.shape[1], **settings}
    if given["image"] is None:
        more = {"image": "convnet", "freeze": False, "scale": False}
        said = ", ".join(f"{key}={value}" for key, value in more.items())
        print(f"The images are files, so {said}; --set image=MobileNet --set weights=FILE takes a network that was trained before")
        return more | settings
    return settings


def _counts(model, data):
    """How many items of which kind there are to train on, in words."""
    if hasattr(model, "towers"):
        return " and ".join(f"{len(items)} {_kinds(kind)}" for kind, items in data.train.items.items())
    return f"{len(data.train)} {_kinds(model.frontend.kind)}, {len(set(data.train.labels))} labels"


def _kinds(kind):
    return {"audio": "clips", "speech": "clips"}.get(kind, f"{kind}s")


def load(name, kind):
    """The data of a name or a folder for a model of one tower."""
    return {"image": zoo.data.load_images, "audio": zoo.data.load_speech}.get(kind, zoo.data.load)(name)


def _gallery(data, split):
    """Where the neighbors of a split are looked up; None among the other items of it."""
    if isinstance(data, zoo.data.ImageData):  # its test classes are not among the training classes
        return data.gallery if split == "test" else None
    return data.train


def load_for(model, name):
    """The data of a name or a folder, as the model takes them."""
    towers = hasattr(model, "towers")
    return zoo.data.load_pairs(name, model.first.name) if towers else load(name, inputs.frontend_of(model).kind)


def report(model, data, split):
    """The scores of a split."""
    if hasattr(model, "towers"):
        return zoo.evaluate(model, getattr(data, split).sides)
    return zoo.evaluate(model, getattr(data, split), gallery=_gallery(data, split))


def _same_run(out, options, settings, data):
    """Refuse to go on with the backup of a run that had other settings; note the settings of this one."""
    run = {"name": options.name, "settings": settings, "data": data.name, "training data": _digest(data.train)}
    run |= {key: getattr(options, key) for key in ("classes", "per_class", "pairs", "seed", "start")}
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
    sides = [split.items, split.labels] if hasattr(split.labels, "dtype") else [*split.items.values(), *split.labels.values()]
    for one in itertools.chain(*sides):
        one = one.encode("utf-8", "surrogatepass") if isinstance(one, str) else one
        digest.update((one if isinstance(one, bytes) else one.tobytes()) + b"\n")
    return digest.hexdigest()
