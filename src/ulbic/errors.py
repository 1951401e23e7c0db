"""Every error a user can meet: one class a cause, each with the exit code the command line gives it."""


class UlbicError(Exception):
    """Base of all errors raised on purpose; its message is one line, fit for stderr."""

    exit_code = 1


class MismatchError(UlbicError):
    """An option does not fit what it is given with: a box outside the picture, a class that there is not."""

    exit_code = 2


class InputError(UlbicError):
    """A file cannot be read (missing, a folder, no permission)."""

    exit_code = 3


class ImageError(UlbicError):
    """The input is not a picture that can be decoded."""

    exit_code = 4


class NotUlbError(UlbicError):
    """The input does not start with the ulbic signature."""

    exit_code = 5


class VersionError(UlbicError):
    """The container has a version that this release does not read."""

    exit_code = 6


class DamagedError(UlbicError):
    """The container is truncated, altered, or breaks the format's rules."""

    exit_code = 7


class WeightsError(UlbicError):
    """The weights are missing, or are not the ones the file was made with."""

    exit_code = 8


class OutputError(UlbicError):
    """The output cannot be written, or exists already."""

    exit_code = 9


class LimitError(UlbicError):
    """The picture is larger than the allowed or the coded maximum."""

    exit_code = 10


class PartialError(UlbicError):
    """Some of several inputs could not be processed; the others were."""

    exit_code = 11


class BudgetError(UlbicError):
    """No file of the picture is as small as it was strictly asked to be."""

    exit_code = 12


class ConversionNote(UserWarning):
    """Something that a picture had is not in its file, because of its kind and not because of a fault."""
