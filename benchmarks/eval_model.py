"""CompressAI's evaluation command, which then knows the bundled model too, with all of its options.

    python -m ulbic.benchmarks.eval_model pretrained FOLDER -a ulbic-tiny -q 1,5,8

The rates are those of whole .ulb files.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence

from ulbic.errors import UlbicError


def main(arguments: Sequence[str]) -> None:
    """Exits as `ulbic` does where that fails, with one line on stderr."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CompressAI's own, of what is deprecated
        from compressai.utils.eval_model.__main__ import main as evaluate

        from .zoo_model import register
    register()
    try:
        evaluate(list(arguments))
    except UlbicError as error:
        _fail(error, error.exit_code)
    except (AssertionError, OSError, RuntimeError, ValueError) as error:
        _fail(error, UlbicError.exit_code)


def _fail(error: Exception, code: int) -> None:
    print("Error:", " ".join(str(error).split()), file=sys.stderr)
    raise SystemExit(code) from None


if __name__ == "__main__":
    main(sys.argv[1:])
