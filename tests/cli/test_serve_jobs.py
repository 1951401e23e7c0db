"""`ulbic serve`: its worker thread, how jobs end, and the process as users start it."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import urllib.request
import warnings

import pytest
from support import run_here, serving

from ulbic.errors import ImageError

pytest.importorskip("starlette", reason="needs ulbic[web]")

from ulbic.cli import serve
from ulbic.cli.web import jobs
from ulbic.cli.web.work import Coder, warm_up


def test_jobs_run_one_after_another_and_only_so_many_wait():
    worker, told = jobs.Worker(), []
    runs, gate, ended = threading.Event(), threading.Event(), threading.Event()

    def waiting(tell):
        runs.set()
        gate.wait(60)
        tell(jobs.Event({"step": "first"}))

    worker.submit(waiting, told.append)
    assert runs.wait(60)
    for i in range(jobs.MAX_WAITING):
        last = i == jobs.MAX_WAITING - 1
        worker.submit(
            lambda tell, i=i: tell(jobs.Event({"step": i})),
            lambda event, last=last: ended.set() if last and event is None else told.append(event),
        )
    with pytest.raises(jobs.BusyError, match="too many jobs wait"):
        worker.submit(waiting, told.append)
    gate.set()
    assert ended.wait(60)
    worker.close()
    assert worker.ended(60)
    steps = [event.fields["step"] for event in told if event and "step" in event.fields]
    assert [step for step in steps if step in ("first", *range(9))] == ["first", *range(jobs.MAX_WAITING)]
    assert steps.count("Waiting for earlier work") == jobs.MAX_WAITING


def run_ticket(job, cancel_at=None):
    told = []
    ticket = jobs.Ticket(job, told.append)

    def listening(event):
        told.append(event.fields if event else None)
        if event and cancel_at in event.fields.values():
            ticket.cancel()

    ticket = jobs.Ticket(job, listening)
    with warnings.catch_warnings():
        ticket.run()
    return told[1:]  # without "Starting"


def test_a_cancelled_job_ends_before_its_next_step():
    def job(tell):
        for name in ("one", "two", "three"):
            tell(jobs.Event({"step": name}))

    assert run_ticket(job, cancel_at="two") == [{"step": "one"}, {"step": "two"}, None]


def test_warnings_become_notes_and_every_error_one_line():
    def noting(tell):
        warnings.warn("something\nis lost", UserWarning, stacklevel=1)

    def failing(tell):
        raise ImageError("no\npicture")

    def crashing(tell):
        raise MemoryError

    assert run_ticket(noting) == [{"note": "something is lost"}, {"done": True}, None]
    assert run_ticket(failing) == [{"error": "no picture", "code": 4}, None]
    assert run_ticket(crashing) == [{"error": "MemoryError", "code": 1}, None]


def test_without_the_server_library_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = run_here("serve", "--port", 0)
    assert result.exit_code == 1
    assert result.stderr == "ulbic: this verb needs a server library: pip install 'ulbic[web]'\n"


def test_the_server_runs_until_ctrl_c():
    with serving() as (process, address):
        with urllib.request.urlopen(address) as answer:
            assert b"<title>ulbic</title>" in answer.read()

        port = address.rpartition(":")[2]
        taken = run_here("serve", "--port", port)
        assert taken.exit_code == 1
        assert taken.stderr == f"ulbic: cannot listen on port {port}: {os.strerror(errno.EADDRINUSE)}\n"

        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=300) == ("", "")
        assert process.returncode == 0


def test_weights_that_cannot_be_used_are_told_of_at_the_start(tmp_path, capsys):
    told = []
    jobs.Ticket(warm_up(Coder("cpu", tmp_path / "missing")), told.append).run()
    for event in told:
        serve._complain(event)
    assert told[-1] is None
    lines = capsys.readouterr().err
    assert lines.startswith("ulbic: ")
    assert lines.count("\n") == 1
