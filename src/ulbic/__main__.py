"""``python -m ulbic`` is the ``ulbic`` command."""

from ulbic.cli.main import main

main()
