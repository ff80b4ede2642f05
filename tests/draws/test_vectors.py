import pytest

from app.draws.bundle import draw, parse_manifest
from tests.draws.vectors import MANIFEST_SHA256, POPULATION, SECRET, VECTORS, Vector


@pytest.mark.parametrize("number", range(3))
def test_a_written_manifest_has_the_published_bytes(number: int):
    manifest = VECTORS[number].manifest

    assert manifest.sha256 == MANIFEST_SHA256[number]
    assert parse_manifest(manifest.data) == manifest


@pytest.mark.parametrize("vector", VECTORS, ids=["shared", "ratios", "sealed"])
def test_a_published_draw_is_repeated_to_the_last_byte(vector: Vector):
    drawn = draw(vector.manifest, POPULATION, SECRET, vector.entropy)

    selected = {
        (stratum.stratum, one.weight): [lot.id for lot in one.selected]
        for stratum in drawn.results
        for one in stratum.classes
    }
    assert drawn.x.hex() == vector.x
    assert selected == vector.selected
    assert drawn.sha256 == vector.result_sha256


def test_one_ticket_serves_every_stratum_and_is_published_with_the_first_reserve():
    places, clinics = draw(VECTORS[0].manifest, POPULATION, SECRET, VECTORS[0].entropy).results

    assert places.classes[1].selected[0].ticket.startswith("169c98e2")
    assert clinics.classes[0].selected[0].ticket.startswith("169c98e2")
    reserve = places.classes[0].reserves[0]
    assert (reserve.rank, reserve.id, reserve.ticket[:8]) == (2, "U06", "517ea0ff")


def test_independent_strata_have_tickets_of_their_own():
    places, clinics = draw(VECTORS[2].manifest, POPULATION, SECRET, VECTORS[2].entropy).results

    assert places.classes[2].selected[0].ticket.startswith("22e177e7")
    assert clinics.classes[1].selected[0].ticket.startswith("6aca82f1")
