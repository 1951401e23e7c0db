"""``python -m ulbic`` is the ``ulbic`` command."""


def main() -> None:
    """Entry point of the `ulbic` script: ready for Ctrl-C before anything that takes time is imported."""
    from ulbic.cli.signals import end_at_once

    end_at_once()

    from ulbic.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
