"""The commands of `python -m ulbic.training` that need pictures with classes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ulbic.models.model import UlbicModel

    from .classes import ClassSet

KINDS = ("predictor", "random", "histogram")


def _class_options(function: Callable[..., None]) -> Callable[..., None]:
    """What all of them have in common."""
    options = [
        click.argument("classes", type=click.Path(path_type=Path)),
        click.option("--weights", type=click.Path(path_type=Path), help="Default: the bundled ones."),
        click.option(
            "--held-out",
            type=click.FloatRange(0, 1, min_open=True, max_open=True),
            default=0.2,
            show_default=True,
            help="Share of every class to judge by, where CLASSES has no folders train and val.",
        ),
        click.option("--at-least", type=click.IntRange(2), default=2, help="Leave smaller classes out."),
        click.option("--at-most", type=click.IntRange(2), help="Draw so many pictures of larger classes."),
        click.option("--seed", type=int, default=0, show_default=True),
        click.option("--output", type=click.Path(path_type=Path), default="runs/classes", show_default=True),
        click.option("--device", help="Default: the GPU where there is one."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


_features_option = click.option(
    "--features",
    type=click.Choice(KINDS),
    default="predictor",
    show_default=True,
    help="What is probed: the predictor's encoder, the same untrained, or a histogram of codes.",
)


@click.command("probe")
@_class_options
@_features_option
@click.option("--epochs", type=click.IntRange(1), default=90, show_default=True)
@click.option("--batch", type=click.IntRange(2), default=4096, show_default=True)
@click.option(
    "--rate",
    "rates",
    type=click.FloatRange(0, min_open=True),
    multiple=True,
    default=(0.1,),
    show_default=True,
    help="For a batch of 256; ViT-L: 0.05. May be repeated, with --views: the one that suits best.",
)
@click.option(
    "--views",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Compute so many views of every picture once, instead of new ones every epoch.",
)
def probe_command(
    features: str, epochs: int, batch: int, rates: tuple[float, ...], views: int, **common: Any
) -> None:
    """Linear probing on CLASSES: a folder of class folders, or of shards with a manifest.csv."""
    from .features import make_extractor
    from .probe import ProbeConfig, probe

    if len(rates) > 1 and not views:
        raise click.UsageError("several rates want --views, which all of them learn from")
    config = ProbeConfig(epochs=epochs, batch=batch, base_rates=rates, views=views, seed=common["seed"])
    classes, model, device = _opened(**common)
    extractor = make_extractor(features, model, config.seed)  # type: ignore[arg-type]
    judgement, rate = probe(extractor, classes, config, device, _workers())
    _tell(f"probe-{features}", judgement, common, classes, {**asdict(config), "rate": rate})


@click.command("fine-tune")
@_class_options
@click.option("--epochs", type=click.IntRange(1), default=100, show_default=True, help="ViT-L: 50.")
@click.option("--batch", type=click.IntRange(1), default=1024, show_default=True)
@click.option("--rate", type=float, default=2.5e-4, show_default=True, help="For a batch of 256.")
@click.option("--layer-decay", type=float, default=0.65, show_default=True, help="ViT-L: 0.75.")
@click.option("--drop-path", type=float, default=0.1, show_default=True, help="ViT-L: 0.2.")
def fine_tune_command(
    epochs: int, batch: int, rate: float, layer_decay: float, drop_path: float, **common: Any
) -> None:
    """Fine-tune the encoder end to end on CLASSES (as for probe)."""
    from .fine_tune import FineTuneConfig, fine_tune

    config = FineTuneConfig(
        epochs=epochs,
        batch=batch,
        base_rate=rate,
        layer_decay=layer_decay,
        drop_path=drop_path,
        seed=common["seed"],
    )
    classes, model, device = _opened(**common)
    judgement = fine_tune(model, classes, config, device, _workers())
    _tell("fine-tune", judgement, common, classes, asdict(config))


@click.command("few-shot")
@_class_options
@_features_option
@click.option(
    "--shots",
    type=click.IntRange(1),
    multiple=True,
    default=(1, 5, 10, 25),
    show_default=True,
    help="Pictures of a class; may be repeated.",
)
@click.option("--draws", type=click.IntRange(1), default=5, show_default=True)
def few_shot_command(features: str, shots: tuple[int, ...], draws: int, **common: Any) -> None:
    """A linear classifier from a few pictures of each of CLASSES (as for probe)."""
    from .features import make_extractor
    from .few_shot import FewShotConfig, few_shot

    config = FewShotConfig(shots=shots, draws=draws, seed=common["seed"])
    classes, model, device = _opened(**common)
    extractor = make_extractor(features, model, config.seed)  # type: ignore[arg-type]
    for result in few_shot(extractor, classes, config, device, _workers()):
        name = f"few-shot-{result.shots}-{features}"
        settings = {**asdict(config), "shots": result.shots, "deviation": round(result.deviation, 4)}
        _tell(name, result.judgement, common, classes, settings)


@click.command("class-decoder")
@_class_options
@click.option("--steps", type=click.IntRange(1))
@click.option("--seconds", type=click.FloatRange(0, min_open=True))
@click.option("--preset", type=click.Choice(["tiny", "base", "large"]), default="tiny", show_default=True)
@click.option(
    "--batch", type=click.IntRange(1), help="Crops a step of all processes, instead of the recipe's."
)
def class_decoder_command(
    steps: int | None, seconds: float | None, preset: str, batch: int | None, **common: Any
) -> None:
    """Train a class-conditional decoder on CLASSES (as for probe); `ulbic generate` draws with it.

    Resumes what OUTPUT holds. Learns from all pictures, the held-out ones too.
    """
    from .class_decoder_stage import train_class_decoder
    from .loop import Budget
    from .run import RunSetup

    if (steps is None) == (seconds is None):
        raise click.UsageError("give either --steps or --seconds")
    classes, model, device = _opened(**common)
    output = common["output"]
    setup = RunSetup(
        preset=preset, shards=[], cache=output.parent / "cache", output=output, device=device, batch=batch
    )
    click.echo(train_class_decoder(model, classes, Budget(steps, seconds), setup))


COMMANDS = (probe_command, fine_tune_command, few_shot_command, class_decoder_command)


def _opened(
    classes: Path,
    weights: Path | None,
    held_out: float,
    at_least: int,
    at_most: int | None,
    seed: int,
    output: Path,
    device: str | None,
) -> tuple[ClassSet, UlbicModel, str]:
    """The pictures, the model on its device, and the device's name; OUTPUT is there then."""
    from ulbic.codec.bundle import find_device
    from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES
    from ulbic.errors import OutputError
    from ulbic.models.checkpoint import load_checkpoint

    from .classes import Choice, open_classes

    choice = Choice(held_out=held_out, at_least=at_least, at_most=at_most, seed=seed)
    found = open_classes(classes, choice)
    place = find_device(device or "auto")
    model = load_checkpoint(weights or PROFILES.named(DEFAULT_MODEL).find_weights()).model
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write into {str(output)!r}: {error.strerror}") from None
    return found, model.to(place), device or place.type


def _workers() -> int:
    return max(1, (os.cpu_count() or 1) // 2)


def _tell(name: str, judgement: Any, common: dict[str, Any], classes: ClassSet, settings: dict) -> None:
    """A line on stdout, and the files beside it."""
    from .judgement import write_judgement

    account = {
        **{key: str(value) if isinstance(value, Path) else value for key, value in common.items()},
        **settings,
        "training_pictures": len(classes.training),
        "held_out_pictures": len(classes.held_out),
    }
    write_judgement(common["output"], name, judgement, account)
    click.echo(
        f"{name}: top-1 {judgement.top1:.1%} of {len(classes.held_out)} held-out pictures "
        f"in {len(classes.names)} classes (the most frequent class: {judgement.chance:.1%})"
    )
