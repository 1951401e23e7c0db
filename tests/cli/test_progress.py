"""The bar of a single file."""

from __future__ import annotations

import io

import pytest

from ulbic.cli import progress
from ulbic.cli.progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(progress, "_PATIENCE", 0)
    return stream


def listen(hidden=False):
    with progress_bar(hidden) as listener:
        for share in (0.25, 0.5, 1.0):
            listener(share)


def test_a_terminal_sees_it(terminal):
    listen()
    assert "25%" in terminal.getvalue()
    assert "100%" in terminal.getvalue()


def test_quiet_hides_it(terminal):
    listen(hidden=True)
    assert terminal.getvalue() == ""


def test_a_file_does_not_get_it(terminal, monkeypatch):
    monkeypatch.setattr(terminal, "isatty", lambda: False)
    listen()
    assert terminal.getvalue() == ""


def test_what_is_done_soon_needs_none(terminal, monkeypatch):
    monkeypatch.setattr(progress, "_PATIENCE", 3600)
    listen()
    assert terminal.getvalue() == ""
