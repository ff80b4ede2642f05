"""The visits of a seeded agency."""

from datetime import timedelta
from uuid import UUID

from app import canonical
from app.access import TIMETABLE, Role
from app.days import local_date
from app.evidence import service as evidence
from app.visits import doubts, integrity, integrity_queries
from app.visits import service as visits
from tests.api.seeds.builder import Builder
from tests.api.seeds.cases import fill as fill_cases
from tests.api.seeds.documents import fill as fill_documents


def fill(builder: Builder) -> None:
    """A visit under way."""
    task = builder.task("accepted")
    start = visits.Start(task.id, task.unit_id, "lodging", 1)
    with builder.make.writing():
        started = visits.start_visit(
            task.visit_id,
            start,
            officer_id=builder.officers[0].id,
            device_id=None,
            recorded_at=builder.make.at - timedelta(minutes=5),
            by=builder.actor(Role.OFFICER),
            at=builder.make.at,
        )
    builder.keep("visit", started.visit)
    _photo(builder, started.visit.id)
    fill_cases(builder, started.visit)
    _mocked_visit(builder)
    fill_documents(builder, started.visit)


def _photo(builder: Builder, visit_id: UUID) -> None:
    """The stored picture is evidence of a visit: the team's tablets carry it."""
    with builder.make.writing():
        evidence.expect(
            builder.side.ids["sha256"],
            size_bytes=0,
            mime="image/jpeg",
            role="closing",
            subject_type="visit",
            subject_id=visit_id,
            agency_id=builder.agency.id,
            district=builder.agency.district,
            by=builder.actor(Role.OFFICER),
            at=builder.make.at,
        )


def _mocked_visit(builder: Builder) -> None:
    """A visit whose tablet said that its place was made up: something to look at."""
    task = builder.task("accepted")
    fix = {
        "lat_e7": 312_204_560,
        "lon_e7": 1_214_246_780,
        "accuracy_cm": 1000,
        "datum": "WGS-84",
        "fixed_at": canonical.instant(builder.make.at),
        "mock": True,
        "provider": "gps",
    }
    start = visits.Start(task.id, task.unit_id, "lodging", 1, fix=fix)
    with builder.make.writing():
        visit = visits.start_visit(
            task.visit_id,
            start,
            officer_id=builder.officers[0].id,
            device_id=None,
            recorded_at=builder.make.at,
            by=builder.actor(Role.OFFICER),
            at=builder.make.at,
        ).visit
    with builder.make.writing():
        limits = doubts.limits_on(local_date(builder.make.at))
        found = integrity.judge_visit(visit, limits).found
        integrity.keep(found, by=TIMETABLE, at=builder.make.at)
    with builder.make.flask_app.app_context():
        builder.keep("integrity-finding", integrity_queries.findings_of_visit(visit.id)[0])
