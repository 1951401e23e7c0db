"""`ulbic doctor`."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

import ulbic
from ulbic.errors import UlbicError

from .examples import with_examples
from .options import json_option, quiet_option

SELFTEST = Path(__file__).parent / "selftest"  # a golden file and what must be read from it
PACKAGES = ("torch", "numpy", "pillow", "constriction", "safetensors", "click")


@dataclass(frozen=True)
class Finding:
    """One line of the account."""

    name: str
    state: str  # "ok", "skipped" or "failed"
    text: str


EXAMPLES = with_examples(
    "ulbic doctor",
)


@click.command("doctor", epilog=EXAMPLES)
@json_option
@quiet_option
def command(as_json: bool, quiet: bool) -> None:
    """Show versions, devices and weights, and test the codec on a golden file."""
    findings = []
    for finding in examine():
        findings.append(finding)
        if as_json:
            click.echo(json.dumps(asdict(finding)))
        elif not quiet:
            mark = "" if finding.state == "ok" else f"{finding.state.upper()}: "
            click.echo(f"{finding.name:<11} {mark}{finding.text}")
    failed = [finding.name for finding in findings if finding.state == "failed"]
    if failed:
        raise UlbicError(f"not in order: {', '.join(failed)}")


def examine() -> Iterator[Finding]:
    """Everything there is to say, the self-tests last."""
    yield Finding("ulbic", "ok", f"{ulbic.__version__} in {Path(ulbic.__file__).parent}")
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.platform()}")
    for package in PACKAGES:
        yield _tested(package, lambda package=package: _version(package))  # type: ignore[misc]
    yield _tested("devices", _devices)
    yield _tested("weights", _weights)
    yield _tested("golden file", _golden)
    yield _tested("round trip", _round_trip)


class _SkippedError(Exception):
    """A test that says nothing here."""


def _tested(name: str, test: Callable[[], str]) -> Finding:
    try:
        return Finding(name, "ok", test())
    except _SkippedError as reason:
        return Finding(name, "skipped", str(reason))
    except Exception as error:  # whatever is broken here is what is to be told
        return Finding(name, "failed", f"{error or type(error).__name__}".splitlines()[0])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        raise UlbicError("not installed") from None


def _devices() -> str:
    import torch

    found = [f"cpu ({os.cpu_count()} cores, {torch.get_num_threads()} threads)"]
    found += [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    return ", ".join([*found, "mps"] if torch.backends.mps.is_available() else found)


def _weights() -> str:
    from ulbic.codec.profiles import PROFILES
    from ulbic.files import file_digest

    lines = []
    for known in PROFILES:
        path = known.find_weights()
        if file_digest(path) != known.sha256:
            raise UlbicError(f"the weights in {str(path)!r} are not those of model {known.name!r}")
        lines.append(f"{known.number} {known.name}, {path.stat().st_size} bytes, SHA-256 {known.sha256}")
    return "; ".join(lines)


def _golden() -> str:
    from ulbic.codec.api import symbol_digest
    from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES

    expected = json.loads((SELFTEST / "golden.json").read_text())
    bundled = f"{PROFILES.named(DEFAULT_MODEL).tag:03x}"
    if expected["weights_tag"] != bundled:
        raise _SkippedError(f"made with weights {expected['weights_tag']}, these are {bundled}")
    if symbol_digest(SELFTEST / "golden.ulb", device="cpu") != expected["symbols"]:
        raise UlbicError("the symbols differ from those that were written")
    return f"symbols as they were written, {expected['symbols'][:12]}"


def _round_trip() -> str:
    from PIL import Image

    picture = Image.radial_gradient("L").resize((160, 128)).convert("RGB")
    data = ulbic.encode(picture, 3, verify=True)
    if ulbic.decode(data).size != picture.size:
        raise UlbicError("the decoded picture has another size")
    return f"160 x 128 pixels to {len(data)} bytes and back"
