"""Codes pictures with many codecs through real files and measures what comes back."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context

from PIL import Image

from . import worker
from .cache import Cache
from .metrics import Measured, Metric, measure
from .peers import Codec, UnavailableError
from .pictures import Picture
from .records import Record


@dataclass
class Results:
    """What a run found out, and a line for everything that went wrong."""

    records: list[Record] = field(default_factory=list)
    keys: dict[tuple[str, str, int], str] = field(default_factory=dict)  # in the cache
    problems: list[str] = field(default_factory=list)


def available(codecs: Sequence[Codec]) -> tuple[dict[str, str], list[str]]:
    """Versions, by name, of the codecs that can be used here, and a line for each of the others."""
    versions, lines = {}, []
    for codec in codecs:
        try:
            versions[codec.name] = codec.version()
        except UnavailableError as error:
            lines.append(f"{codec.label}: n/a, {error}")
    return versions, lines


def run(
    pictures: Sequence[Picture],
    codecs: dict[str, Codec],
    versions: dict[str, str],
    metrics: Sequence[Metric],
    cache: Cache,
    jobs: int = 1,
    advance: Callable[[int], None] = lambda steps: None,
) -> Results:
    """Every picture at every setting of every codec that has a version.

    With one job, coding and measuring take turns, and times are those of an otherwise idle machine; with
    more, as many pictures are under way at once.

    Args:
        advance: is told of every so many finished files.
    """
    results = Results()
    for name, version in versions.items():
        codec = codecs[name]
        share = max((os.cpu_count() or 1) // jobs, 1)
        with (
            ProcessPoolExecutor(jobs, get_context("spawn"), worker.start, (codec, share)) as processes,
            ThreadPoolExecutor(jobs) as threads,
        ):
            task = partial(_code_picture, processes, codec, version, metrics, cache, advance)
            outcomes = [threads.submit(task, picture) for picture in pictures]
            try:
                for picture, outcome in zip(pictures, outcomes, strict=True):
                    _collect(results, codec, picture, outcome)
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise
    results.problems += _unmeasured(results.records, metrics)
    return results


Found = list[tuple[str, Record]]  # cache keys and records


def _collect(results: Results, codec: Codec, picture: Picture, outcome: Future[Found]) -> None:
    try:
        found = outcome.result()
    except BrokenProcessPool:
        results.problems.append(f"{codec.label} on {picture.name}: its process died (out of memory?)")
    except Exception as error:  # a peer may fail in any way; the others go on
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        results.problems.append(f"{codec.label} on {picture.name}: {reason}")
    else:
        for key, made in found:
            results.records.append(made)
            results.keys[made.picture, made.codec, made.setting] = key


def _code_picture(
    processes: ProcessPoolExecutor,
    codec: Codec,
    version: str,
    metrics: Sequence[Metric],
    cache: Cache,
    advance: Callable[[int], None],
    picture: Picture,
) -> Found:
    """The records of one picture at every setting, from the cache as far as it has them."""
    found: Found = []
    try:
        original = picture.load()
        for setting in codec.settings:
            key = cache.key(picture.digest, version, setting)
            found.append((key, _complete(processes, codec, metrics, cache, key, picture, original, setting)))
            advance(1)
    finally:
        advance(len(codec.settings) - len(found))
    return found


def _complete(
    processes: ProcessPoolExecutor,
    codec: Codec,
    metrics: Sequence[Metric],
    cache: Cache,
    key: str,
    picture: Picture,
    original: Image.Image,
    setting: int,
) -> Record:
    """The record of one file with all metrics; the cache has it afterwards."""
    known = cache.load(key)
    if known is None:
        coded = processes.submit(worker.code, codec, original, setting).result()
        cache.store_data(key, coded.data)
        complete = record(picture, codec, setting, coded, measure(original, coded.decoded, metrics))
    else:
        missing = [metric for metric in metrics if metric.key not in known.metrics]
        if not missing:
            return replace(known, picture=picture.name)
        decoded = processes.submit(codec.decode, cache.data(key)).result()
        values = known.metrics | measure(original, decoded, missing)
        complete = replace(known, picture=picture.name, metrics=values)
    cache.store_record(key, complete)
    return complete


def record(
    picture: Picture, codec: Codec, setting: int, coded: worker.Coded, values: dict[str, Measured | None]
) -> Record:
    """What is known of a coded file, and of the picture in it."""
    width, height = coded.decoded.size
    return Record(
        picture=picture.name,
        codec=codec.name,
        setting=setting,
        bytes=len(coded.data),
        bpp=8 * len(coded.data) / (width * height),
        encode_s=coded.encode_s,
        decode_s=coded.decode_s,
        peak_mib=coded.peak_mib,
        metrics=values,
    )


def _unmeasured(records: Sequence[Record], metrics: Sequence[Metric]) -> list[str]:
    """A line for every picture that lacks a metric."""
    lacking: dict[str, dict[str, None]] = {}
    for made in records:
        for metric in metrics:
            if made.metrics[metric.key] is None:
                lacking.setdefault(made.picture, {})[metric.label] = None
    return [f"{name} has no {', '.join(labels)} (too small?)" for name, labels in lacking.items()]
