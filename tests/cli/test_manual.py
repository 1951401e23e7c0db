"""The man page, docs/cli.md, `--help` and README say the same of every command."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from support import run_here

from ulbic import errors
from ulbic.cli.main import cli
from ulbic.cli.manual import EXIT_STATUS, MAN_PAGE, MARK, REFERENCE, entries, man_page, reference

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FOREIGN = {"--user": "pip's", "--nproc-per-node": "torchrun's", "--entropy-estimation": "CompressAI's"}


def commands(command=cli, name="ulbic"):
    """Every command that does something, by its whole name."""
    if not isinstance(command, click.Group):
        return {name: command}
    context = click.Context(command)
    below = ((word, command.get_command(context, word)) for word in command.list_commands(context))
    return {n: c for word, found in below for n, c in commands(found, f"{name} {word}").items()}


def options(command):
    return {word for param in command.params if isinstance(param, click.Option) for word in param.opts}


COMMANDS = commands()


def test_there_are_commands():
    assert {"ulbic encode", "ulbic weights convert", "ulbic encode-batch"} <= set(COMMANDS)
    assert {"-q", "--quality", "--dry-run"} <= options(COMMANDS["ulbic encode"])


def test_the_written_pages_are_those_of_the_commands():
    remedy = "run `make manual`"
    assert (ROOT / MAN_PAGE).read_text() == man_page(), remedy
    assert (ROOT / REFERENCE).read_text().partition(MARK)[2] == f"\n{reference()}", remedy


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_help_man_page_and_reference(name):
    help_text = run_here(*name.split()[1:], "--help").stdout
    section = (
        man_page().partition(f'.SS "{name} ['.replace("-", r"\-"))[2].partition("\n.S")[0].replace(r"\-", "-")
    )
    chapter = reference().partition(f"## {name}\n")[2].partition("\n## ")[0]
    for option in options(COMMANDS[name]) - {"-h", "--help"}:
        for text in (help_text, section, chapter):
            assert re.search(rf"(?<![\w-]){option}\b", text), option


def test_the_man_page_has_its_sections_and_every_exit_code():
    page = man_page()
    for title in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", '"EXIT STATUS"', "EXAMPLES"):
        assert f".SH {title}\n" in page
    status = page.partition('.SH "EXIT STATUS"')[2].partition(".SH ")[0]
    assert re.findall(r"^\.B (.+)$", status, re.MULTILINE) == list(EXIT_STATUS)


@pytest.mark.skipif(not shutil.which("groff"), reason="needs groff")
def test_the_man_page_is_set_without_a_warning():
    command = ["groff", "-man", "-Tascii", "-P-cbou", "-ww", ROOT / MAN_PAGE]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stderr == ""
    assert "--target-bpp X" in result.stdout


def test_exit_codes_are_those_of_the_errors_of_readme_and_of_help():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {str(kind.exit_code) for kind in kinds if issubclass(kind, errors.UlbicError)}
    assert codes | {"0", "130, 143"} == set(EXIT_STATUS)
    table = README.partition("| exit code | meaning |")[2].partition("\n\n")[0]
    assert dict(re.findall(r"^\| ([\d, ]+) \| (.+) \|$", table, re.MULTILINE)) == EXIT_STATUS
    told = cli.help.partition("Exit codes:")[2]
    assert set(re.findall(r"\d+", told)) == set(re.findall(r"\d+", " ".join(EXIT_STATUS)))


def calls(line):
    """The calls of ulbic in a line for a shell, each as its words."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&>;")
    lexer.whitespace_split = True
    words, found = [], []
    for word in [*lexer, ";"]:
        if set(word) <= set("|&>;"):
            found += [words] if words[:1] == ["ulbic"] else []
            words = []
        else:
            words.append(word)
    return found


def test_calls_are_found_in_a_line():
    assert calls("cat a | ulbic encode - > 'b c'   # why") == [["ulbic", "encode", "-"]]
    assert calls("pip install . && ulbic demo") == [["ulbic", "demo"]]


def parse(words):
    """Raises what click raises at a call, without doing it."""
    size = 3 if words[1] == "weights" else 2
    COMMANDS[" ".join(words[:size])].make_context(words[0], words[size:])


def test_a_wrong_call_is_seen():
    with pytest.raises(click.NoSuchOption):
        parse(["ulbic", "encode", "a.png", "--strength", "9"])


EXAMPLES = [line for entry in entries() for line in entry.examples]
SHOWN = re.findall(
    r"^(?:\$ | {4})(.*\bulbic .*)$", "\n".join(page.read_text() for page in PAGES), re.MULTILINE
)


@pytest.mark.parametrize("line", sorted({*EXAMPLES, *SHOWN}))
def test_examples_are_understood(line):
    for words in calls(line):
        parse(words)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_readme_or_in_the_page_that_it_names_and_has_an_example(name):
    assert "(docs/cli.md)" in README
    assert f"\n## {name}\n" in (ROOT / REFERENCE).read_text()
    assert any(" ".join(words).startswith(name) for line in EXAMPLES for words in calls(line))


def test_every_option_has_an_example():
    used = {word for line in EXAMPLES for words in calls(line) for word in words if word.startswith("-")}
    for name, command in COMMANDS.items():
        for param in command.params:
            if isinstance(param, click.Option):
                assert used & set(param.opts), f"{name} {param.opts}"


def test_every_option_that_a_page_names_exists():
    sources = [p for folder in ("training", "benchmarks") for p in (ROOT / folder).rglob("*.py")]
    known = {word for command in COMMANDS.values() for word in options(command)} | {"--help", "--version"}
    known |= {word for path in sources for word in re.findall(r'"(--[a-z0-9-]+)', path.read_text())}
    named = {
        word for page in PAGES for word in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*\w", page.read_text())
    }
    assert named - known == set(FOREIGN)
