"""The bar of a single file."""

from __future__ import annotations

import io

from ulbic.cli import progress


class Terminal(io.StringIO):
    def __init__(self, real=True):
        super().__init__()
        self.real = real

    def isatty(self):
        return self.real


def shown(monkeypatch, *, terminal=True, hidden=False, patience=0):
    """What stderr sees of a piece of work."""
    stderr = Terminal(terminal)
    monkeypatch.setattr("sys.stderr", stderr)
    monkeypatch.setattr(progress, "_PATIENCE", patience)
    with progress.progress_bar(hidden) as listener:
        for share in (0.25, 0.5, 1.0):
            listener(share)
    return stderr.getvalue()


def test_a_terminal_sees_it(monkeypatch):
    text = shown(monkeypatch)
    assert "25%" in text
    assert "100%" in text


def test_quiet_hides_it(monkeypatch):
    assert shown(monkeypatch, hidden=True) == ""


def test_a_file_does_not_get_it(monkeypatch):
    assert shown(monkeypatch, terminal=False) == ""


def test_what_is_done_soon_needs_none(monkeypatch):
    assert shown(monkeypatch, patience=3600) == ""
