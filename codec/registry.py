"""Things that files call by a number and users by a name, each given once. Free of torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from ulbic.errors import SettingsError


class Entry(Protocol):
    """What can be registered."""

    @property
    def number(self) -> int: ...

    @property
    def name(self) -> str: ...


Kind = TypeVar("Kind", bound=Entry)


class Registry(Generic[Kind]):
    """Entries of one kind, in the order in which they came."""

    def __init__(self, kind: str, numbers: int, entries: Iterable[Kind] = ()) -> None:
        """`kind` is what messages call an entry; numbers go from 0 to numbers - 1."""
        self._kind, self._numbers = kind, numbers
        self._entries: dict[str, Kind] = {}
        for entry in entries:
            self.register(entry)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._entries.values())

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._entries)

    def register(self, entry: Kind) -> Kind:
        """Makes an entry known.

        Raises:
            ValueError: its name or number is taken, or the number is out of range.
        """
        if not 0 <= entry.number < self._numbers:
            raise ValueError(f"{self._kind} number {entry.number} is not one of 0 to {self._numbers - 1}")
        if entry.name in self._entries or self.numbered(entry.number) is not None:
            raise ValueError(f"{self._kind} {entry.name!r}: name or number {entry.number} is taken")
        self._entries[entry.name] = entry
        return entry

    def named(self, name: str) -> Kind:
        """The entry that a user asks for.

        Raises:
            SettingsError: there is none.
        """
        if name not in self._entries:
            raise SettingsError(f"no {self._kind} {name!r}; there are {', '.join(self._entries)}")
        return self._entries[name]

    def numbered(self, number: int) -> Kind | None:
        """The entry that a file asks for, if this release knows it."""
        return next((entry for entry in self if entry.number == number), None)
