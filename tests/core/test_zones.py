"""The lists of time zones: one name for each, nobody's choice lost, and those of the network first."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from core.languages import RELEASED
from core.zones import canonical_zone, zone_groups


@pytest.mark.parametrize("language", RELEASED)
def test_no_zone_and_no_name_stands_twice_and_no_old_name_is_offered(language: str) -> None:
    zones = [option for _, options in zone_groups(language) for option in options]
    assert len({zone for zone, _ in zones}) == len({name for _, name in zones}) == len(zones)
    assert 200 < len(zones) < 330
    offered = dict(zones)
    assert offered.keys() >= {"UTC", "Europe/Madrid", "Europe/Lisbon", "Europe/Kyiv", "America/Toronto", "Asia/Kolkata"}
    for old in ("Africa/Timbuktu", "America/Buenos_Aires", "Asia/Calcutta", "Europe/Busingen", "Africa/Ceuta"):
        assert old not in offered
    assert all(ZoneInfo(zone) for zone in offered)


def test_zones_of_the_network_come_first_and_are_named_by_country() -> None:
    groups = zone_groups("fr", first={"IT", "MA"}, first_name="Réseau")
    assert groups[0] == (
        "Réseau",
        [("Europe/Rome", "Italie – Rome"), ("Africa/Casablanca", "Maroc – Casablanca")],
    )
    assert [name for name, _ in groups[1:4]] == ["Afrique", "Amériques", "Asie"]


@pytest.mark.parametrize("present", ["America/Detroit", "Asia/Calcutta", "Etc/GMT+3"])
def test_what_somebody_chose_before_is_still_there(present: str) -> None:
    zones = {zone for _, options in zone_groups("en", present=present) for zone, _ in options}
    assert canonical_zone(present) in zones
