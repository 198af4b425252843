"""The command `zoo`: a thin layer over the same functions."""

import argparse
import logging
import os
import pathlib
import sys

import zoo
from zoo import errors, registry
from zoo.cli_train import load, load_for, report, train
from zoo.export import inputs


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
    about = "a data set's name; a TSV file of label<TAB>text; a folder of images or WAV files, folder/class/image.jpg; for two "
    about += "towers a set of captions or of speech with images, or a folder of Flickr8k, Flickr30k, COCO or stored features, "
    about += "for speech of Flickr Audio, Places Audio or SpokenCOCO, with pairs.tsv, or with speech/WORD and images/WORD"
    data = {"required": True, "metavar": "DATA", "help": about}

    sub = command("list", _list, "List the models, or those that match a pattern such as '*_epshn'.")
    sub.add_argument("pattern", nargs="?", default="*")
    command("describe", _describe, "Say what a model is and which settings it takes.", ("name", "for instance bilstm_epshn"))

    sub = command("train", train, "Train a model on labeled items, or two towers on pairs, and save it.", ("name", "for instance bilstm_epshn"))
    sub.add_argument("--data", **data)
    sub.add_argument("--out", required=True, metavar="FOLDER", help="where model.keras and the projector data go")
    sub.add_argument("--epochs", type=int, default=10)
    sub.add_argument("--classes", type=int, help="classes in a batch (default 16, or all if there are fewer)")
    sub.add_argument("--per-class", type=int, default=8, help="samples of each class in a batch (default 8)")
    sub.add_argument("--pairs", type=int, help="of two towers, pairs in a batch (default 64), unless --classes is given")
    sub.add_argument("--seed", type=int, default=0)
    sub.add_argument("--start", metavar="MODEL", help="begin with the encoder of a saved model, NAME.keras, and its settings")
    sub.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting, for instance margin=0.3")

    sub = command("evaluate", _evaluate, "Measure retrieval, of one tower also nearest-neighbor classification.", model)
    sub.add_argument("--data", **data)
    sub.add_argument("--split", choices=("validation", "test"), default="test")

    path = ("path", "folder of the bundle, for instance saved_models/bilstm_epshn")
    sub = command("export", _export, "Write a SavedModel that TensorFlow Serving runs from raw text, image or WAV files.", model, path)
    sub.add_argument("--data", metavar="DATA", help="put its training texts or clips, or all its images, into the bundle")
    sub.add_argument("--neighbors", type=int, default=10, help="how many are answered (default 10); also how many words")
    sub.add_argument("--words", metavar="FILE", help="of a words model the word of each column of its labels, one a line")

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


def _evaluate(options):
    model = zoo.load_model(options.model)
    print(report(model, load_for(model, options.data), options.split))


def _export(options):
    model, gallery, name = zoo.load_model(options.model), None, None
    if options.data and hasattr(model, "towers") and zoo.data.has_pairs(options.data, model.first.name):
        data = load_for(model, options.data)
        gallery, name = data.gallery(), data.name
    elif options.data:
        held = model.second if hasattr(model, "towers") else model  # a gallery is of what is searched
        kind = inputs.frontend_of(held).kind
        if kind == "features":
            raise ValueError(f"--data: the gallery is of stored features, and {options.data!r} holds none; see zoo.data.load_captions")
        data = load(options.data, kind)
        gallery, name = data.train, data.name
        if isinstance(data, zoo.data.ImageData):
            parts = [part for part in (data.train, data.validation, data.test, data.gallery) if part]
            gallery = [item for part in parts for item in part.items], [label for part in parts for label in part.labels]
    words = pathlib.Path(options.words).read_text(encoding="utf-8").splitlines() if options.words else None
    print(zoo.export(model, options.path, gallery=gallery, neighbors=options.neighbors, data=name, words=words))


def _project(options):
    model, folder = zoo.load_model(options.model), pathlib.Path(options.out)
    data = load_for(model, options.data).test
    if hasattr(model, "towers"):
        print(zoo.export.project_towers(folder, model, data.items, data.labels))
    else:
        columns = {model.frontend.kind: model.frontend.names(data.items), "label": data.labels}
        images = data.items if model.frontend.kind == "image" else None
        print(zoo.export.write_projector(folder, model.predict(data.items), columns, images=images))
    print(f"tensorboard --logdir {folder}")


def _query(options):
    for answer in zoo.export.query(options.bundle, options.item):
        kind, query = next(iter(answer.items()))
        if not answer.get("ok", True):
            print(f"{query}: no {kind} that can be read")
            continue
        if "words" in answer:
            print(f"{query}: " + ", ".join(f"{one['word']} {one['score']:.2f}" for one in answer["words"]))
        elif "label" not in answer:
            numbers = " ".join(f"{x:.4f}" for x in answer["embedding"])
            print(f"{query}\t{numbers}")
        if "label" in answer:
            print(f"{query}: {answer['label']} ({answer['votes']:.0%} of the votes)")
            for near in answer["neighbors"]:
                print(f"  {near['score']:8.4f}  {near['label']:16} {near['id']}")


if __name__ == "__main__":
    sys.exit(main())
