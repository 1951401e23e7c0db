"""Hostile files: nothing but the documented errors may come of them.

python -m ulbic.benchmarks.experiments.fuzz [--containers 1000000] [--files 2000] [--seed 0]
"""

from __future__ import annotations

import binascii
from collections import Counter

import click
import numpy as np
from PIL import Image

from ulbic.bitstream.container import read_container
from ulbic.errors import UlbicError

MAX_PIXELS = 256 * 256  # of a decoded file: what a file may claim is limited, so that the run ends


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """A few random edits; every second time with a checksum that matches, so that they get further."""
    mutated = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        kind, place = rng.integers(5), int(rng.integers(len(mutated) + 1))
        if kind == 0 and place < len(mutated):
            mutated[place] ^= 1 << int(rng.integers(8))
        elif kind == 1 and place < len(mutated):
            mutated[place] = int(rng.integers(256))
        elif kind == 2:
            mutated[place:place] = rng.bytes(int(rng.integers(1, 9)))
        elif kind == 3:
            del mutated[place : place + int(rng.integers(1, 9))]
        else:
            del mutated[place:]
    if rng.random() < 0.5:
        mutated += binascii.crc_hqx(bytes(mutated), 0xFFFF).to_bytes(2, "big")
    return bytes(mutated)


def fuzz_containers(seeds: list[bytes], count: int, seed: int) -> Counter[str]:
    """Outcomes of `count` mutated or random containers in the parser; anything unexpected is raised."""
    rng, outcomes = np.random.default_rng(seed), Counter[str]()
    for i in range(count):
        source = rng.bytes(int(rng.integers(60))) if i % 4 == 0 else seeds[i % len(seeds)]
        data = mutate(b"\xd9U\x10" + source if i % 8 == 0 else source, rng)
        try:
            read_container(data, allow_partial=bool(i % 2))
        except UlbicError as error:
            outcomes[type(error).__name__] += 1
        else:
            outcomes["read"] += 1
    return outcomes


def fuzz_files(seeds: list[bytes], count: int, seed: int) -> Counter[str]:
    """Outcomes of `count` mutated files in the whole decoder; anything unexpected is raised."""
    from ulbic.codec.bundle import load_bundle
    from ulbic.codec.decoder import decode_picture
    from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES

    bundle = load_bundle(PROFILES.named(DEFAULT_MODEL), "cpu")
    rng, outcomes = np.random.default_rng(seed), Counter[str]()
    for i in range(count):
        data = mutate(seeds[i % len(seeds)], rng)
        try:
            decode_picture(bundle, read_container(data, MAX_PIXELS, allow_partial=bool(i % 2)))
        except UlbicError as error:
            outcomes[type(error).__name__] += 1
        else:
            outcomes["decoded"] += 1
    return outcomes


def sample_files() -> list[bytes]:
    """Small files of every index mode, one with a region of interest, and one with transparency as well."""
    import ulbic
    from ulbic.codec.index_modes import INDEX_MODES

    picture = Image.radial_gradient("L").resize((48, 40)).convert("RGB")
    files = [ulbic.encode(picture, 1 + i, index_mode=name) for i, name in enumerate(INDEX_MODES.names)]
    files.append(ulbic.encode(picture, 3, roi=(0, 0, 20, 40)))
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    return [*files, ulbic.encode(picture, 2, roi=(8, 8, 8, 8))]


@click.command()
@click.option("--containers", default=1_000_000, show_default=True)
@click.option("--files", default=2_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(containers: int, files: int, seed: int) -> None:
    """Feed mutated files to the parser and to the decoder, and count what comes of them."""
    seeds = sample_files()
    click.echo(f"containers: {dict(fuzz_containers(seeds, containers, seed))}")
    click.echo(f"files: {dict(fuzz_files(seeds, files, seed))}")


if __name__ == "__main__":
    main()
