"""A clerk's desk: a unit and the verbs of credit, each in a transaction of its own."""

from datetime import UTC, date, datetime
from typing import Any

from app.access import Actor, Role
from app.catalogue import service as catalogue
from app.credit import exceptions, grades, points, repairs, service
from app.credit.rules import Cycle, EntryKind, NewEntry, PledgePart
from app.db import transaction
from app.units.rules import LicenceData, LicenceKind

DECIDED = date(2026, 10, 12)


class Desk:
    """Everything happens at the test's clock, by a clerk, unless said otherwise."""

    def __init__(self, make: Any, **unit: Any) -> None:
        self.make = make
        licence = LicenceData(
            LicenceKind.PERMIT, "沪卫公证字2024第1号", "lodging", date(2024, 1, 1), None
        )
        self.unit = make.unit(**{"licences": (licence,), **unit})
        self.by = make.actor(make.account(Role.CLERK))
        self.chief = make.actor(make.account(Role.SUPERVISOR))

    def on(self, year: int, month: int, day: int) -> None:
        """Let it be another day."""
        self.make.clock.at = datetime(year, month, day, 1, 0, tzinfo=UTC)

    @property
    def who(self) -> dict[str, Any]:
        return {"agency": self.make.home(), "by": self.by, "at": self.make.at}

    def record(self, reference: str = "case/1", **values: Any) -> Any:
        given = {
            "kind": EntryKind.PENALTY,
            "reference": reference,
            "decided_on": DECIDED,
            "unit_id": self.unit.id,
            "tier": "general",
            **values,
        }
        with transaction():
            return service.record(NewEntry(**given), **self.who)

    def reverse(self, entry: Any) -> Any:
        with transaction():
            done = service.reverse(
                entry.id, "复议撤销", date(2026, 11, 20), by=self.by, at=self.make.at
            )
            points.settle(entry, by=self.by, at=self.make.at)
            return done

    def give(self, item: str, reference: str, on: date = DECIDED) -> Any:
        with transaction():
            return points.give_points(
                points.NewPoints(self.unit.id, item, reference, on), **self.who
            )

    def cycle(self, from_on: date, until_on: date) -> Any:
        with transaction():
            return points.open_cycle(
                self.unit.id, "malpractice", Cycle(from_on, until_on), **self.who
            )

    def score(
        self, reference: str, on: date, sheet: str = "score-lodging", **lost: int | None
    ) -> Any:
        """A sheet with every point but `lost`: tenths by item, None for what does not apply."""
        items = catalogue.get_row("score_sheet", sheet, on).body["items"]
        scores: dict[str, int | None] = {}
        for item in items:
            less = lost.get(item["code"].replace("-", "_"), 0)
            scores[item["code"]] = None if less is None else item["tenths"] - less
        with transaction():
            return grades.record_scoring(
                grades.NewScoring(self.unit.id, sheet, reference, on, scores, "lodging"), **self.who
            )

    def propose(self, entry: Any, by: Actor | None = None) -> Any:
        with transaction():
            return exceptions.propose_exception(
                entry.id, "群众持续关注", by=by or self.by, at=self.make.at
            )

    def settle(self, exception: Any, *, confirm: bool = True, by: Actor | None = None) -> Any:
        with transaction():
            found = exceptions.get_exception(exception.id, self.unit.agency_id)
            return exceptions.decide_exception(
                found, confirm=confirm, opinion="同意", by=by or self.chief, at=self.make.at
            )

    def apply(self, entry: Any, *kinds: PledgePart) -> Any:
        sha256 = self.make.stored_evidence()
        kinds = kinds or (PledgePart.PLEDGE, PledgePart.PERFORMANCE)
        new = repairs.NewRepair(
            entry_id=entry.id,
            applicant="某公司",
            pledge="依法诚信经营",
            pledged_on=date(2026, 11, 1),
            parts=tuple(repairs.Part(kind, sha256) for kind in kinds),
        )
        with transaction():
            return repairs.apply_for_repair(new, **self.who)

    def check(self, repair: Any, *, fulfilled: bool = True, open_reason: str | None = None) -> Any:
        with transaction():
            found = repairs.get_repair(repair.id, self.unit.agency_id)
            return repairs.check_fulfilment(
                found,
                fulfilled=fulfilled,
                note="罚款已缴清",
                open_reason=open_reason,
                by=self.by,
                at=self.make.at,
            )

    def decide(self, repair: Any, *, approve: bool = True, by: Actor | None = None) -> Any:
        with transaction():
            found = repairs.get_repair(repair.id, self.unit.agency_id)
            return repairs.decide_repair(
                found, approve=approve, opinion="同意", by=by or self.chief, at=self.make.at
            )
