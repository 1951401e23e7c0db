"""`python -m ulbic.training`: run stages, and turn their weights into a file to ship."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from ulbic.errors import UlbicError
from ulbic.models.config import PRESETS, Bridge
from ulbic.training.class_commands import COMMANDS

if TYPE_CHECKING:
    from .run import RunSetup


@click.group()
def cli() -> None:
    """Train ulbic's models (docs/training.md)."""


def _setup_options(function):  # type: ignore[no-untyped-def]
    """The options that become a RunSetup."""
    options = [
        click.option("--preset", type=click.Choice(list(PRESETS)), default="tiny", show_default=True),
        click.option(
            "--shards",
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            help="Folder of shard-*.tar; default: data/train in ULBIC_SHARED.",
        ),
        click.option("--output", type=click.Path(path_type=Path), default="runs/default", show_default=True),
        click.option("--device", help="Default: the GPU where there is one."),
        click.option(
            "--batch", type=click.IntRange(1), help="Crops a step of all processes, instead of the recipe's."
        ),
        click.option("--lpips-net", type=click.Choice(["alex", "squeeze", "vgg"]), help="Likewise."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


init_option = click.option(
    "--init", type=click.Path(path_type=Path, exists=True), help="Weights to start from."
)


@cli.command("stage")
@click.argument("stage")
@click.option("--steps", type=click.IntRange(1))
@click.option("--seconds", type=click.FloatRange(0, min_open=True))
@init_option
@_setup_options
def stage_command(
    stage: str, steps: int | None, seconds: float | None, init: Path | None, **setup: Any
) -> None:
    """Train one STAGE: continuous, tokenizer, predictor, mage-c, predictor-cross, decoder, codes,
    joint, contexts, indices or ranking; or, of docs/sparse.md, mq-vae, stackformer, dq-vae or
    dq-transformer."""
    from .loop import Budget
    from .ranking_stage import NAME, train_ranking
    from .recipes import RECIPES
    from .run import run_stage
    from .sparse_recipes import SPARSE_RECIPES
    from .sparse_run import run_sparse_stage

    if stage not in {*RECIPES, NAME, *SPARSE_RECIPES}:
        known = ", ".join([*RECIPES, NAME, *SPARSE_RECIPES])
        raise click.BadParameter(f"{stage!r} is not one of {known}", param_hint="STAGE")
    if (steps is None) == (seconds is None):
        raise click.UsageError("give either --steps or --seconds")
    budget, run_setup = Budget(steps, seconds), _setup(**setup)
    if stage == NAME:
        click.echo(train_ranking(init, budget, run_setup))
    else:
        run = run_sparse_stage if stage in SPARSE_RECIPES else run_stage
        click.echo(run(stage, init, budget, run_setup))


@cli.command("all")
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    required=True,
    help="Of training, all stages together.",
)
@init_option
@_setup_options
def all_command(seconds: float, init: Path | None, **setup: Any) -> None:
    """Train every stage for its share of the time; resumes what OUTPUT holds."""
    from .run import run_all

    click.echo(run_all(init, seconds, _setup(**setup)))


@cli.command("export")
@click.argument("weights", type=click.Path(path_type=Path, exists=True))
@click.argument("file", type=click.Path(path_type=Path))
@_setup_options
def export_command(weights: Path, file: Path, **setup: Any) -> None:
    """Write the fp16 file to ship, with its integer tables; without an index model, indices are counted
    on the training pictures."""
    from .run import export

    export(weights, file, _setup(**setup))
    click.echo(f"{file}: {file.stat().st_size / 2**20:.2f} MiB")


@cli.command("bridge")
@click.argument("kind", type=click.Choice(get_args(Bridge)))
@click.argument("weights", type=click.Path(path_type=Path, exists=True))
@click.argument("file", type=click.Path(path_type=Path))
def bridge_command(kind: Bridge, weights: Path, file: Path) -> None:
    """Write WEIGHTS with an untrained bridge of the KIND, to train it from there."""
    import torch

    from ulbic.models.checkpoint import load_checkpoint

    from .initialise import with_new_bridge
    from .run import save_model

    torch.manual_seed(0)
    model = with_new_bridge(load_checkpoint(weights).model, kind)
    save_model(file, model)


@cli.command("without-codes")
@click.argument("weights", type=click.Path(path_type=Path, exists=True))
@click.argument("file", type=click.Path(path_type=Path))
def without_codes_command(weights: Path, file: Path) -> None:
    """Write WEIGHTS with a codebook of zeros, to train from there what paints without any code."""
    from ulbic.models.checkpoint import load_checkpoint

    from .initialise import without_codes
    from .run import save_model

    save_model(file, without_codes(load_checkpoint(weights).model))


@cli.command("assemble")
@click.argument("stream", type=click.Path(path_type=Path, exists=True))
@click.argument("rest", type=click.Path(path_type=Path, exists=True))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--preset", type=click.Choice(list(PRESETS)), default="tiny", show_default=True)
def assemble_command(stream: Path, rest: Path, file: Path, preset: str) -> None:
    """Write a model of the preset with the continuous stream of STREAM, which is a weight file or the
    state.pt of a stage under way, and all other weights of REST."""
    import torch

    from ulbic.models.checkpoint import load_checkpoint

    from .initialise import assembled
    from .run import save_model

    torch.manual_seed(0)
    if stream.suffix == ".pt":
        state = torch.load(stream, map_location="cpu", weights_only=True)["averaged"]
    else:
        state = load_checkpoint(stream).model.continuous.state_dict()
    model = assembled(PRESETS[preset], state, load_checkpoint(rest).model)
    save_model(file, model)


@cli.command("curves")
@click.argument("logs", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--together", is_flag=True, help="The stages began alike; draw them over one another.")
def curves_command(logs: tuple[Path, ...], file: Path, together: bool) -> None:
    """Draw the log.jsonl files of stages that followed one another."""
    from .curves import draw_curves

    draw_curves(logs, file, together=together)


@cli.command("claims")
@click.option("--seconds", type=float, required=True, help="CPU seconds of every first stage.")
@click.option("--prior-seconds", type=float, required=True, help="Of every prior.")
@click.option("--turn", default=20.0, show_default=True, help="CPU seconds until the next one goes on.")
@click.option("--only", multiple=True, help="The networks of these names.")
@_setup_options
def claims_command(
    seconds: float, prior_seconds: float, turn: float, only: tuple[str, ...], **setup: Any
) -> None:
    """Train the networks that docs/sparse.md holds against one another, in turns, on a CPU."""
    from .sparse_claims import run_claims

    for line in run_claims(_setup(**{**setup, "device": "cpu"}), seconds, prior_seconds, turn, only):
        click.echo(line)


@cli.command("cost")
@click.argument("stages", nargs=-1)
@_setup_options
def cost_command(stages: tuple[str, ...], **setup: Any) -> None:
    """Print what a step of the STAGES, or of every stage, costs on this machine."""
    from .cost import table
    from .recipes import RECIPES
    from .sparse_recipes import SPARSE_RECIPES

    for stage in stages:
        if stage not in {*RECIPES, *SPARSE_RECIPES}:
            raise click.BadParameter(f"{stage!r} is no stage", param_hint="STAGES")
    click.echo(table(_setup(**setup), stages or [*RECIPES, *SPARSE_RECIPES]))


def _setup(
    preset: str,
    shards: Path | None,
    output: Path,
    device: str | None,
    batch: int | None,
    lpips_net: str | None,
) -> RunSetup:
    from ulbic.codec.bundle import find_device
    from ulbic.paths import shared_root

    from .run import RunSetup

    folder = shards or shared_root() / "data" / "train"
    place = find_device(device or "auto")
    return RunSetup(
        preset=preset,
        shards=sorted(folder.glob("shard-*.tar")),
        cache=output.parent / "cache",
        output=output,
        device=device or place.type,
        batch=batch,
        lpips_net=lpips_net,
    )


for command in COMMANDS:
    cli.add_command(command)

if __name__ == "__main__":
    try:
        cli()
    except UlbicError as error:
        click.echo(f"ulbic.training: {error}", err=True)
        sys.exit(error.exit_code)
