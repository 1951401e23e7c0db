"""What a user may ask for is checked once, before any network is loaded."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from ulbic.codec.settings import DecodeSettings, EncodeSettings
from ulbic.errors import SettingsError


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"quality": 0}, "quality 0 is not one of 1 to 12"),
        ({"quality": 13}, "quality 13 is not one of 1 to 12"),
        ({"index_mode": "1_3"}, "has no index mode '1_3'"),
        ({"model": "huge"}, "no model 'huge'; there are tiny"),
        ({"target_size": 0}, "a target of 0 bytes"),
        ({"target_bpp": 0.0}, "a target of 0.0 bits per pixel"),
        ({"target_bpp": math.nan}, "a target of nan bits per pixel"),
        ({"target_bpp": math.inf}, "a target of inf bits per pixel"),
        ({"quality": 3, "target_size": 900}, "exclude each other"),
        ({"strict": True}, "strict needs a target"),
    ],
)
def test_what_cannot_be_is_refused(given, message):
    with pytest.raises(SettingsError, match=message) as caught:
        EncodeSettings(**given)
    assert caught.value.exit_code == 2


def test_of_two_targets_the_smaller_one_is_the_budget():
    assert EncodeSettings(target_bpp=0.03).budget(768 * 512) == 1474
    assert EncodeSettings(target_size=1000, target_bpp=0.03).budget(768 * 512) == 1000
    assert EncodeSettings(target_size=2000, target_bpp=0.03).budget(768 * 512) == 1474


def test_the_quality_of_a_weight_file_is_checked_once_it_is_known():
    settings = EncodeSettings(quality=9, weights=Path("other.safetensors"))
    with pytest.raises(SettingsError, match="1 to 6"):
        settings.check(profile_with(6))


def profile_with(qualities):
    from ulbic.codec.profiles import TINY

    return dataclasses.replace(TINY, qualities=TINY.qualities[:qualities])


def test_settings_do_not_change():
    for settings in (EncodeSettings(), DecodeSettings()):
        with pytest.raises(dataclasses.FrozenInstanceError):
            settings.device = "cuda"
