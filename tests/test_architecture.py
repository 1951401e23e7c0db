"""Imports only point down, and nothing heavy is imported early."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = {
    "bitstream": set(),
    "models": set(),
    "codec": {"bitstream", "models"},
    "benchmarks": {"codec", "bitstream", "models"},
    "training": {"codec", "bitstream", "models"},
    "cli": {"benchmarks", "codec", "bitstream", "models"},
}
FREE = {"errors", "files", "paths"}  # free of dependencies, open to all


def edges(layer: str, source: str) -> set[str]:
    """The layers that a module of `layer` imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            assert not (isinstance(node, ast.ImportFrom) and node.level > 1), (
                "relative imports stay in a layer"
            )
            continue
        for name in names:
            parts = name.split(".")
            assert parts[0] not in ALLOWED, f"{name}: import ulbic.{parts[0]}, not the folder"
            if parts[0] == "ulbic" and len(parts) > 1 and parts[1] in ALLOWED:
                found.add(parts[1])
    return found - {layer}


def modules() -> list[tuple[str, Path]]:
    return [(layer, path) for layer in ALLOWED for path in sorted((ROOT / layer).rglob("*.py"))]


@pytest.mark.parametrize(("layer", "path"), modules(), ids=lambda v: v.name if isinstance(v, Path) else v)
def test_imports_point_down(layer, path):
    assert edges(layer, path.read_text()) <= ALLOWED[layer]


def test_the_guard_sees_an_upward_import():
    assert edges("models", "from ulbic.codec.api import encode") == {"codec"}
    assert edges("models", "import ulbic.cli.main") == {"cli"}
    with pytest.raises(AssertionError, match="not the folder"):
        edges("models", "import codec")


# Who may see the networks themselves: what readies them for the interface, what trains or measures a part.
DOOR = {
    "codec/networks.py",
    "codec/bundle.py",
    "codec/tables.py",
    "codec/public_weights.py",
    "codec/classes.py",
}
PARTS = {"training/recipes.py", "training/run.py", "training/cost.py", "training/initialise.py"}
PARTS |= {
    "training/tokenizer_stage.py",
    "training/joint_stage.py",
    "training/ranking_stage.py",
    "training/loop.py",
    "training/__main__.py",
    "benchmarks/experiments/base_parts.py",
}
PARTS |= {f"training/sparse_{room}.py" for room in ("recipes", "run", "stages", "start", "claims")}
PARTS |= {f"benchmarks/experiments/sparse_{room}.py" for room in ("claims", "bits", "samples")}
PARTS |= {"training/contrast_stage.py", "training/class_decoder_stage.py", "training/class_commands.py"}
PARTS |= {"training/features.py", "training/fine_tune.py", "benchmarks/zoo_model.py"}
OPEN = {"config", "distortion", "entropy", "phases", "perceptual"}  # none of them a network of the codec
HIDDEN = {
    "_model",
    "_context",
    "continuous",
    "tokenizer",
    "predictor",
    "bridge",
    "correction_map",
    "assist_map",
}


def reaches(path: str, source: str) -> set[str]:
    """Modules of networks that a file imports, and attributes behind the interface that it names."""
    tree = ast.parse(source)
    found = {
        node.module.split(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ulbic.models.")
    } - OPEN
    return found | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & HIDDEN


@pytest.mark.parametrize("layer", ["codec", "cli", "training", "benchmarks"])
def test_nothing_reaches_past_the_interface_to_the_networks(layer):
    files = {str(path.relative_to(ROOT)): path for path in (ROOT / layer).rglob("*.py")}
    past = {name: reaches(name, files[name].read_text()) for name in sorted(files.keys() - DOOR - PARTS)}
    assert {name: found for name, found in past.items() if found} == {}


def test_the_guard_sees_a_reach():
    assert reaches("x", "from ulbic.models.model import UlbicModel") == {"model"}
    assert reaches("x", "bundle.networks._model.tokenizer(x)") == {"_model", "tokenizer"}


@pytest.mark.parametrize("layer", [*ALLOWED, "src", "tests"])
def test_files_stay_small(layer):
    files = [p for p in (ROOT / layer).rglob("*") if p.suffix in {".py", ".js", ".css", ".html"}]
    lengths = {str(p.relative_to(ROOT)): len(p.read_text(encoding="utf-8").splitlines()) for p in files}
    assert {name: length for name, length in lengths.items() if length > 300} == {}


@pytest.mark.parametrize("path", sorted((ROOT / "bitstream").glob("*.py")), ids=lambda p: p.name)
def test_bitstream_never_names_torch(path):
    assert "torch" not in {
        alias.name.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
    }


RUN = "from click.testing import CliRunner; from ulbic.cli.main import cli; CliRunner().invoke(cli, "
HEAVY = ("torch", "compressai", "lpips", "matplotlib", "scipy")


@pytest.mark.parametrize(
    "statement",
    [
        "import ulbic",
        "import ulbic; ulbic.info",
        "import ulbic.bitstream.symbols",
        RUN + "['--help'])",
        RUN + "['encode', '-h'])",
        RUN + "['bench', '-h'])",
        RUN + "['compare', '-h'])",
        RUN + "['serve', '-h'])",
        RUN + "['inpaint', '-h'])",
        RUN + "['generate', '-h'])",
        RUN + "['info', 'x'])",
    ],
)
def test_nothing_heavy_is_imported_early(statement):
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = set(json.loads(output.splitlines()[-1]))
    assert loaded.isdisjoint(HEAVY)


def test_decoding_imports_no_training_library():
    code = (
        "import sys\nimport ulbic.codec.api\n"
        "print([m for m in ('compressai', 'lpips', 'torchvision', 'pytorch_msssim') if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"


ROUND_TRIP = """
import sys
from PIL import Image
import ulbic
ulbic.decode(ulbic.encode(Image.new("RGB", (64, 64)), device="cpu"), device="cpu")
print([name for name in ("torch._dynamo", "torchvision", "compressai", "sympy") if name in sys.modules])
"""


def test_coding_does_not_import_what_costs_seconds():
    command = [sys.executable, "-c", ROUND_TRIP]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
