"""The verbs `bundle` and `fetch`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command, UserError
from cli.command import seed

_log = logging.getLogger(__name__)
_OF_RUN = ("seed", "scope", "configfile")
_OF_CHECKPOINT = ("config", "window_seconds", "name", "description")


def bundle(arguments: argparse.Namespace) -> None:
    """Make a bundle: a folder with a trained network, its encoders' settings and weights, which predicts anywhere.

    It is made of a run of the workflow (--run), in the checkout that trained it; or of a checkpoint (--checkpoint) of
    this project, of QD-DETR or of its gated variant, with the settings of the encoders whose features it was trained on
    (--config). A network that was trained on features of other settings or weights is refused.

    Example:
      python -m av_highlights bundle --run base --seed 2018 --out bundles/demo
      python -m av_highlights bundle --checkpoint model_best.ckpt --config config/features_b32_pann.yaml --out bundles/b
    """
    from av_highlights.bundle.making import make_bundle
    from av_highlights.bundle.study import parts_of_checkpoint, parts_of_run

    if arguments.run is not None:
        _refuse(arguments, _OF_CHECKPOINT, "--run")
        if arguments.seed is None:
            raise UserError("--seed: required with --run")
        scope, files = arguments.scope or "all", arguments.configfile or []
        made = make_bundle(parts_of_run(arguments.run, arguments.seed, scope, files), arguments.out, arguments.weights)
    else:
        _refuse(arguments, _OF_RUN, "--checkpoint")
        if arguments.config is None:
            raise UserError("--config: required with --checkpoint: the sections of the encoders")
        more = {name: getattr(arguments, name) for name in _OF_CHECKPOINT if name != "config"}
        with parts_of_checkpoint(arguments.checkpoint, arguments.config, **more) as parts:
            made = make_bundle(parts, arguments.out, arguments.weights)
    _log.info("%s: %s; streams %s", made.folder, made.description, ", ".join(made.streams))


def fetch(arguments: argparse.Namespace) -> None:
    """Fetch public networks and the weights of their encoders, and make their bundles; without a name, list them.

    Files are downloaded, or with --mirror copied from a local folder, checked and kept in weights/published.
    """
    from av_highlights.bundle.published import KNOWN, fetch_bundle

    for name in arguments.names:
        made = fetch_bundle(name, arguments.mirror)
        _log.info("%s: published:%s, %s", made.folder, name, made.description)
    if not arguments.names:
        for known in KNOWN.values():
            source = known.checkpoint
            _log.info("published:%s: %s; %s, from %s", known.name, known.description, source.licence, source.source)


def _refuse(arguments: argparse.Namespace, names: tuple[str, ...], given: str) -> None:
    for name in names:
        if getattr(arguments, name) is not None:
            raise UserError(f"--{name.replace('_', '-')}: has no effect with {given}")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, got {text!r}")
    return value


def add_verbs(command: Command) -> None:
    """Add the verbs and their arguments."""
    parser = command.verb("bundle", bundle)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", metavar="NAME", help="run of the study in this folder")
    source.add_argument("--checkpoint", type=Path, metavar="FILE", help="checkpoint, or QD-DETR's model_best.ckpt")
    parser.add_argument("--seed", type=seed, help="with --run: seed of the training")
    parser.add_argument("--scope", metavar="DOMAIN", help="with --run: the domain, if there is one network per domain")
    parser.add_argument(
        "--configfile", type=Path, action="extend", nargs="+", metavar="YAML", help="with --run: overlays of the study"
    )
    parser.add_argument("--config", metavar="JSON|FILE", help="with --checkpoint: sections of the encoders")
    parser.add_argument(
        "--window-seconds",
        type=_seconds,
        metavar="SECONDS",
        help="with --checkpoint: length of the longest training video (default: what QD-DETR's file says)",
    )
    parser.add_argument("--name", metavar="TEXT", help="with --checkpoint: name for tables (default: that of the file)")
    parser.add_argument("--description", metavar="TEXT", help="with --checkpoint: what it was trained on, one line")
    parser.add_argument(
        "--weights",
        choices=["inside", "named"],
        help="where the encoders' weights are kept (default: published ones named, others inside)",
    )
    parser.add_output_folder("--out", required=True, metavar="DIR", help="bundle to make; an empty folder, or none")

    parser = command.verb("fetch", fetch)
    parser.add_argument("names", nargs="*", metavar="NAME", help="network from the list that is printed without a NAME")
    parser.add_argument("--mirror", type=Path, metavar="DIR", help="copy from here: DIR/NAME/FILE or DIR/FILE")
