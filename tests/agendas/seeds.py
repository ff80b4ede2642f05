"""Agendas of a seeded agency, for the tests that ask every route."""

from uuid import UUID

from app.access import Actor
from app.agendas import service
from app.people import service as people
from app.people.models import Agency
from tests.factories import Make


def fill(make: Make, agency: Agency, ids: dict[str, str], officer: Actor) -> None:
    """Leave the officer's own agenda, and the secret part of the address of his team's."""
    supervisor = make.supervisor(agency)
    with make.writing():
        own = UUID(ids["officer:own"])
        _, agenda = service.make_agenda(own, None, agency_id=agency.id, by=officer, at=make.at)
        team = people.get_officer(own, agency.id).team
        token, _ = service.make_agenda(None, team, agency_id=agency.id, by=supervisor, at=make.at)
    ids["agenda"], ids["agenda-token"] = str(agenda.id), token
