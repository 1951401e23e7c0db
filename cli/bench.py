"""`ulbic bench`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ulbic.benchmarks import LPIPS_NETS
from ulbic.errors import PartialError, UlbicError

from .arguments import FOLDER, PATH
from .demo import sample_photo
from .examples import with_examples
from .options import effort_option
from .output import check_output, make_folder, tell, write_output

EXAMPLES = with_examples(
    "ulbic bench --bpp-curve photos/ -o bench/ --jobs 2",
    "ulbic bench --bpp-curve photos/ --codec ulbic --codec avif --anchor avif --lpips-net alex",
    "ulbic bench --bpp-curve kodak/ --published --force",
    "ulbic bench --bpp-curve kodak/ --codec ulbic --effort 2 -o effort/",
)


@click.command("bench", epilog=EXAMPLES)
@click.argument("pictures", nargs=-1, type=PATH)
@click.option("--bpp-curve", is_flag=True, required=True, help="Rate and distortion at every quality.")
@click.option(
    "-o",
    "--output",
    type=FOLDER,
    default="ulbic-bench",
    show_default=True,
    help="Folder for the results, and for a cache with which a broken-off run goes on.",
)
@click.option("--codec", "names", multiple=True, help="Only this one; may be repeated. Default: all.")
@click.option("--anchor", help="Codec that BD-rates are stated against. Default: the first of VVC, HEIC, ...")
@click.option("--lpips-net", type=click.Choice(LPIPS_NETS), default="squeeze", show_default=True)
@click.option("--published", is_flag=True, help="Draw published points of other codecs on Kodak as well.")
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    default=1,
    show_default=True,
    help="Pictures at once.",
)
@click.option(
    "--device", default="auto", metavar="NAME", show_default=True, help="ulbic's: auto, cpu, cuda, ..."
)
@click.option("--weights", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="ulbic's.")
@effort_option
@click.option("-f", "--force", is_flag=True, help="Overwrite earlier results.")
def command(
    pictures: tuple[Path, ...],
    bpp_curve: bool,
    output: Path,
    names: tuple[str, ...],
    anchor: str | None,
    lpips_net: str,
    published: bool,
    jobs: int,
    device: str,
    weights: Path | None,
    effort: int,
    force: bool,
) -> None:
    """Measure ulbic and its peers on PICTURES (files or folders; default: a photograph of matplotlib's).

    Every picture comes back from the bytes of a whole file. Codecs that are not installed are left out with
    a line. OUTPUT gets results.csv, results.json, curves.png, curves.svg and report.html.
    """
    from ulbic.benchmarks import metrics, outputs
    from ulbic.benchmarks.cache import Cache
    from ulbic.benchmarks.peers import CODECS
    from ulbic.benchmarks.peers.ulbic import Ulbic
    from ulbic.benchmarks.pictures import open_pictures
    from ulbic.benchmarks.published import published_curves
    from ulbic.benchmarks.runner import available, run

    unknown = {*names, *([anchor] if anchor else [])} - set(CODECS)
    if unknown:
        raise click.UsageError(f"no codec {sorted(unknown)[0]!r}; there are {', '.join(CODECS)}")
    codecs = {name: codec for name, codec in CODECS.items() if name in (names or CODECS)}
    if "ulbic" in codecs:
        codecs["ulbic"] = Ulbic(weights, device, effort)

    if output.is_dir():
        for name in (*outputs.NAMES, *map(outputs.curve_file, codecs)):
            check_output(output / name, force)

    opened, unreadable = open_pictures(pictures or [sample_photo()])
    versions, missing_codecs = available(list(codecs.values()))
    if not versions:
        raise UlbicError("; ".join(missing_codecs))
    if anchor is not None and anchor not in versions:
        raise UlbicError(f"the anchor {anchor!r} is not among the codecs that can be measured")
    make_folder(output)
    table, missing_metrics = metrics.usable(metrics.metric_table(lpips_net))
    for line in (*missing_codecs, *missing_metrics, *unreadable):
        tell(line)

    total = len(opened) * sum(len(codecs[name].settings) for name in versions)
    cache = Cache(output / "cache")
    with click.progressbar(length=total, label="files", file=sys.stderr, show_pos=True) as bar:
        results = run(opened, codecs, versions, table, cache, jobs, bar.update)
    for line in results.problems:
        tell(line)

    finished = outputs.Run(
        opened, codecs, versions, table, jobs, results, [*missing_codecs, *missing_metrics, *unreadable]
    )
    if not finished.curves:
        raise UlbicError("there is no picture that all codecs coded")
    made = outputs.files(finished, cache, anchor, published_curves() if published else [])
    for name, data in made.items():
        write_output(output / name, data)
    click.echo(outputs.account(finished, anchor))
    click.echo(f"wrote {', '.join(outputs.NAMES)} in {str(output)!r}")
    if unreadable or results.problems:
        count = len(unreadable) + len(results.problems)
        raise PartialError(f"not everything could be measured: {count} line{'s' if count > 1 else ''} above")
