"""The credit of a seeded agency, for the tests that ask every route."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from app.access import Actor
from app.credit import exceptions, grades, points, queries, repairs, service
from app.credit.rules import EntryKind, NewEntry, PledgePart
from app.people.models import Agency
from tests.factories import Make

DECIDED = date(2026, 6, 1)
PARTS = ("pledge", "performance")


def fill(make: Make, agency: Agency, ids: dict[str, str], by: Actor) -> None:
    """Leave decisions, points with a notice, a grade, and repairs in every state."""
    unit_id = UUID(ids["unit"])
    given: dict[str, Any] = {"agency": agency, "by": by, "at": make.at}

    def keep(name: str, verb: Callable[[], Any]) -> Any:
        with make.writing():
            found = verb()
        ids[name] = str(found.id)
        return found

    def decision(reference: str, tier: str = "general", on: date = DECIDED) -> Any:
        new = NewEntry(EntryKind.PENALTY, reference, on, unit_id, tier)
        return service.record(new, **given).entry

    def application(name: str, *, checked: bool = False) -> None:
        entry = keep(f"credit-entry:{name}", lambda: decision(f"case/{name}"))
        parts = [repairs.Part(PledgePart(one), ids["sha256"]) for one in PARTS]
        new = repairs.NewRepair(entry.id, "某公司", "依法诚信经营", DECIDED, parts)
        repair = keep(name, lambda: repairs.apply_for_repair(new, **given))
        if checked:
            with make.writing():
                found = repairs.get_repair(repair.id, agency.id)
                repairs.check_fulfilment(found, fulfilled=True, note="已履行", by=by, at=make.at)

    keep("credit-entry", lambda: decision("case/1"))
    recent = make.at.date()
    keep("credit-entry:minor", lambda: decision("case/minor", "minor", recent))
    minor = keep("credit-entry:shown", lambda: decision("case/shown", "minor", recent))
    keep(
        "credit-exception",
        lambda: exceptions.propose_exception(minor.id, "群众关注", by=by, at=make.at),
    )
    application("repair")
    application("repair:withdraw")
    application("repair:checked", checked=True)
    for reference, item in (("visit/1", "mal-lent-licence"), ("visit/2", "mal-scope")):
        new = points.NewPoints(unit_id, item, reference, DECIDED)
        keep("credit-points", lambda new=new: points.give_points(new, **given))  # type: ignore[misc]  # its own value
    with make.writing():
        ids["notice"] = str(queries.notices_of(unit_id, "malpractice")[0].id)
    grade = grades.NewGrade(unit_id, "occupational-risk", "乙", "评估1号", DECIDED, "综合评估")
    keep("grade", lambda: grades.declare_grade(grade, **given))
    keep(
        "cooperation",
        lambda: repairs.receive_cooperation("市信用中心", "核对", DECIDED, unit_id, **given),
    )
