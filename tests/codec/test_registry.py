import re
from dataclasses import dataclass

import pytest

from ulbic.codec.registry import Registry
from ulbic.errors import SettingsError


@dataclass(frozen=True)
class Thing:
    number: int
    name: str


def test_entries_are_found_by_name_and_number_in_their_order():
    things = Registry("thing", 3, [Thing(2, "b")])
    assert things.register(Thing(0, "a")) == Thing(0, "a")
    assert things.names == ("b", "a")
    assert list(things) == [Thing(2, "b"), Thing(0, "a")]
    assert things.named("a") is things.numbered(0)
    assert things.numbered(1) is None
    with pytest.raises(SettingsError, match=re.escape("no thing 'c'; there are b, a")):
        things.named("c")


@pytest.mark.parametrize("thing", [Thing(2, "c"), Thing(1, "b"), Thing(3, "c"), Thing(-1, "c")])
def test_names_and_numbers_are_given_once_and_within_range(thing):
    with pytest.raises(ValueError, match="is taken|is not one of 0 to 2"):
        Registry("thing", 3, [Thing(2, "b")]).register(thing)
