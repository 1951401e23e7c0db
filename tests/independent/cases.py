"""What the tests of the independent reader share: the bundled weights and small files."""

import functools
import json
from pathlib import Path

from independent.header import checksum
from independent.weights import Weights

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "v1"
NAMES = [
    "160x128-q5",
    "96x80-raw",
    "96x80-regions",
    "17x300-q2",
    "1x1-q1",
    "200x136-1_1",
    "200x136-masked",
    "200x136-dual",
    "256x256-q12",
    "300x17-q4",
    "64x64-q3",
]


@functools.cache
def weights():
    """The bundled weights, `tiny`."""
    return Weights((ROOT / "models" / "weights" / "tiny.safetensors").read_bytes())


TAG = weights().tag
START, PAYLOAD = f"d955101{TAG}", "cae84b661afd2d66f8cc"
PIXEL = bytes.fromhex(START + "000000" + PAYLOAD + "244f")


def golden(name):
    """A golden file's bytes."""
    return (GOLDEN / f"{TAG}-{name}.ulb").read_bytes()


def facts_of(name):
    """What must be read from it."""
    return json.loads((GOLDEN / f"{TAG}-{name}.json").read_text())


def sealed(*parts):
    """A file of these hexadecimal digits, with its checksum."""
    data = bytes.fromhex("".join(parts))
    return data + checksum(data).to_bytes(2, "big")
