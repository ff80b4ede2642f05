"""The reports of a seeded agency: numbers kept by hand, tables, a review of files."""

from datetime import date
from hashlib import sha256

from app import db
from app.access import ActorKind, Role
from app.days import local_date
from app.people import service as people
from app.reports import manual_counts
from app.reports.annual_form import NAMES
from app.reports.manual_counts import NewManualCount
from app.reports.models import FileReview
from app.reports.permit_rules import COLUMNS as PERMIT_COLUMNS
from app.units import lifecycle
from app.units import service as units
from app.units.lifecycle import NewStep
from app.units.lifecycle_rules import LifeVerb
from app.units.models import Unit, UnitStep
from app.units.rules import UnitStatus
from tests.api.seeds.builder import Builder


def fill(builder: Builder) -> None:
    """A number kept by hand, and tables of permits and of the yearly form."""
    number = NewManualCount(
        counter="docs-open",
        number="114",
        from_on=date(2026, 1, 1),
        until_on=date(2026, 10, 31),
        source=f"办公室台账{builder.agency.id.hex[-6:]}",
        sourced_on=date(2026, 11, 2),
    )
    with builder.make.writing():
        agency = people.get_agency(builder.agency.id)
        by = builder.actor(Role.CLERK)
        count = manual_counts.record_count(number, agency=agency, by=by, at=builder.make.at)
        builder.keep("manual-count", count)
    builder.side.texts.add(number.source)
    builder.side.values["table:self-checks"] = "档案编号,自查日期,自查平台,自查结果\n"
    builder.keep("file-review", _file_review(builder))
    for name in ("unit-step", "unit-step:confirm", "unit-step:refuse"):
        builder.keep(name, _proposed_cancellation(builder))
    builder.side.values["table:permits"] = f"{','.join(PERMIT_COLUMNS)}\n"
    builder.side.values["table:annual"] = f"{','.join(NAMES.values())}\n"


def _file_review(builder: Builder) -> FileReview:
    """A review of a file, as rows: no case of this world is closed for good."""
    at = builder.make.at
    with builder.make.writing():
        review = FileReview(
            id=db.new_id(),
            agency_id=builder.agency.id,
            district=builder.agency.district,
            name="案卷评查",
            from_on=date(2026, 1, 1),
            until_on=date(2026, 12, 31),
            seed="0123456789",
            criteria_on=local_date(at),
            population=1,
            population_sha256=sha256(b"").hexdigest(),
            drawn_at=at,
            drawn_by_kind=ActorKind.USER,
        )
        db.db.session.add(review)
        return review


def _proposed_cancellation(builder: Builder) -> UnitStep:
    """A forced cancellation that waits for a second person."""
    unit, at = builder.unit(), builder.make.at
    with builder.make.writing():
        row = db.db.session.get_one(Unit, unit.id)
        for status in (UnitStatus.LICENCE_OVERDUE, UnitStatus.NOTIFIED, UnitStatus.ANNOUNCED):
            units.flag_unit(row, status, by=builder.second, at=at)
        step = NewStep(LifeVerb.FORCE_CANCEL, local_date(at), "逾期不校验", "注销〔2026〕1号")
        return lifecycle.take_step(row, step, by=builder.second, at=at)
