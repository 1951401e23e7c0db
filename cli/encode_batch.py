"""`ulbic encode-batch`: a manifest of pictures over Ray Data, on one machine or on many."""

from __future__ import annotations

import functools
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ulbic.codec.settings import EncodeSettings
from ulbic.errors import InputError, UlbicError
from ulbic.files import read_bytes

from .arguments import PATH
from .conversion import Converted, Outcome, attempt
from .encode import encode_file
from .examples import with_examples
from .manner import Manner
from .options import (
    effort_option,
    force_option,
    jobs_option,
    json_option,
    keep_icc_option,
    keep_metadata_option,
    quality_option,
    quiet_option,
)
from .output import check_output, write_output
from .plan import Task
from .run import report

if TYPE_CHECKING:
    from ulbic.codec.progress import Listener

Row = dict[str, Any]
RAY_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # or it calls home
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # it says one line of its own even so
}

EXAMPLES = with_examples(
    "ulbic encode-batch manifest.jsonl -o results.jsonl --jobs 16",
    "ulbic encode-batch manifest.jsonl -o results.jsonl --address auto --keep-icc",
)


@click.command("encode-batch", epilog=EXAMPLES)
@click.argument("manifest", type=PATH)
@click.option("-o", "--output", type=PATH, required=True, help="Manifest of what came of it.")
@quality_option
@effort_option
@keep_icc_option
@keep_metadata_option
@click.option("--address", help="Of a Ray cluster. Default: $RAY_ADDRESS, or a runtime on this machine.")
@jobs_option
@force_option
@json_option
@quiet_option
def command(
    manifest: Path,
    output: Path,
    quality: int | None,
    effort: int,
    keep_icc: bool,
    keep_metadata: bool,
    address: str | None,
    jobs: int,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compress the pictures of a MANIFEST over Ray Data (needs `pip install 'ulbic[ray]'`).

    MANIFEST is JSON lines: {"input": PATH, "output": PATH}, and "quality" where it is not the common one.
    Relative paths start at the manifest's folder; every machine must see them. OUTPUT has a line for each,
    in the same order, once all are done. Pictures whose results exist are skipped, so that the same command
    goes on after a break; --force does them again.
    """
    rows = read_manifest(manifest)
    check_output(output, force or _is_results(output))
    settings = EncodeSettings(
        quality=quality, effort=effort, keep_icc=keep_icc, keep_metadata=keep_metadata, device="cpu"
    )
    outcomes: dict[str, Outcome] = {}
    try:
        stream = _encode_all(rows, settings, force, jobs, address)
        report(
            _collect(stream, outcomes),
            len(rows),
            Manner(force=force, jobs=jobs, as_json=as_json, quiet=quiet),
        )
    finally:
        if len(outcomes) == len(rows):
            lines = (json.dumps(outcomes[row["output"]].to_dict()) for row in rows)
            write_output(output, "".join(f"{line}\n" for line in lines).encode())


def read_manifest(path: Path) -> list[Row]:
    """The rows of a manifest, paths made absolute.

    Raises:
        InputError: it cannot be read, a line is not what it should be, or two ask for the same output.
    """
    rows: list[Row] = []
    outputs: set[str] = set()
    for number, line in enumerate(read_bytes(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            places = {key: str(path.resolve().parent / row[key]) for key in ("input", "output")}
            quality = row.get("quality")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"{str(path)!r}, line {number}: not an object with input and output") from None
        if places["output"] in outputs:
            raise InputError(f"{str(path)!r}, line {number}: {row['output']!r} is the output of two pictures")
        outputs.add(places["output"])
        rows.append({**places, "quality": quality})
    if not rows:
        raise InputError(f"{str(path)!r} has no lines")
    return rows


def _is_results(path: Path) -> bool:
    """Whether an earlier run of this verb wrote the file, so that the next one may replace it."""
    try:
        with open(path, "rb") as file:
            return "exit_code" in json.loads(file.readline())
    except (OSError, ValueError, TypeError):
        return False


class Encoder:
    """An actor of Ray: it loads the model with its first picture, and keeps it."""

    def __init__(self, settings: EncodeSettings, force: bool) -> None:
        self._settings, self._force = settings, force

    def __call__(self, row: Row) -> Row:
        """An outcome as JSON, so that Ray does not have to guess at its columns."""
        converter = functools.partial(_encode_row, self._settings, row["quality"])
        outcome = attempt(converter, self._force, Task(Path(row["input"]), Path(row["output"])))
        return {"outcome": json.dumps(outcome.to_dict())}


def _encode_row(
    settings: EncodeSettings,
    quality: Any,
    source: Path | bytes,
    output: Path,
    listener: Listener | None = None,
) -> Converted:
    """`quality` is what the manifest says, whatever that is; None where it says nothing."""
    own = settings if quality is None else replace(settings, quality=quality)
    return encode_file(own, source, output, listener)


def _encode_all(
    rows: list[Row], settings: EncodeSettings, force: bool, jobs: int, address: str | None
) -> Iterator[Outcome]:
    for name, value in RAY_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError:
        raise UlbicError("this verb needs Ray Data: pip install 'ulbic[ray]'") from None
    try:
        ray.init(address, include_dashboard=False, logging_level="error", log_to_driver=False)
    except Exception as error:  # Ray has no one error for this
        raise UlbicError(f"Ray does not start: {str(error).splitlines()[0]}") from None
    try:
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        ray.data.DataContext.get_current().enable_progress_bars = False
        actors = ray.data.ActorPoolStrategy(size=jobs)
        pictures = ray.data.from_items(rows, override_num_blocks=min(len(rows), 16 * jobs))
        results = pictures.map(Encoder, fn_constructor_args=(settings, force), compute=actors, num_cpus=1)
        for row in results.iter_rows():
            yield Outcome(**json.loads(row["outcome"]))
    finally:
        ray.shutdown()


def _collect(stream: Iterator[Outcome], outcomes: dict[str, Outcome]) -> Iterator[Outcome]:
    for outcome in stream:
        outcomes[outcome.output] = outcome
        yield outcome
