"""Rows of a large register and of what happened in it, by chance and repeatable.

Written in bulk past the services: a third of the visits fall on busy units, one hospital has many.
Some tablets have wrong clocks, some visits arrive days late, some had no task; every visit has its
record and its published result, every fourth finds something, and what follows that follows.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.cases.models import CaseRemedy, CaseSanction, CaseStep, CaseTransfer, PenaltyCase
from app.cases.rules import RemedyKind, RemedyResult
from app.cases.sanctions import SanctionKind
from app.complaints.models import Complaint
from app.complaints.rules import ComplaintResult
from app.credit.models import CreditEntry
from app.days import local_date
from app.db import Base
from app.documents.models import Document
from app.evidence.models import Evidence
from app.people.models import Agency
from app.publication.models import Publication, PublicationReceipt
from app.tasks.models import Task
from app.units.models import Licence, Unit, UnitRegistration
from app.visits.models import CorrectiveOrder, Finding, Sample, Visit, VisitAttendance

SPECIALTY, OBJECT_CLASS = "public-places", "lodging"
BUSY_SHARE = 3  # every third visit goes to a busy unit
CAUSES = ("hygiene-notice", "disinfection", "air", "staff-health", "licence")
PLANNED_BEFORE = timedelta(days=10)
Row = dict[str, Any]
Rows = Iterator[tuple[type[Base], Iterable[Row]]]


@dataclass(frozen=True)
class Size:
    """How large the register is; visits lie in the years before today."""

    units: int
    visits: int
    busy: int = 1_000
    hospital: int = 400
    years: int = 5


class Register:
    """The rows of an agency's register, table after table in the order in which they refer."""

    def __init__(
        self, agency: Agency, officers: Sequence[UUID], size: Size, *, at: datetime, seed: int = 1
    ) -> None:
        self.agency, self.officers, self.size, self.at = agency, officers, size, at
        self.chance = random.Random(seed)
        self.units = [self.id() for _ in range(size.units)]
        self.visited: list[UUID] = []

    def rows(self) -> Rows:
        """Yield each table with its rows."""
        yield Unit, self._units()
        yield UnitRegistration, self._registrations()
        yield Licence, self._licences()
        visits = list(self._visits())
        yield Task, (task for task, _ in visits if task is not None)
        yield Visit, (visit for _, visit in visits)
        yield VisitAttendance, (row for _, visit in visits for row in self._there(visit))
        yield from self._papers([visit for _, visit in visits])
        found = [visit for _, visit in visits if visit["outcome"] == "lead"]
        findings = [self._finding(visit) for visit in found]
        yield Finding, findings
        yield CorrectiveOrder, (self._order(visit) for visit in found[::2])
        pairs = list(zip(found, findings, strict=True))
        yield from self._cases([self._case(*pair) for pair in pairs[::3]])
        yield Complaint, (self._complaint(number, one) for number, one in enumerate(found[::5]))
        yield Sample, (self._sample(visit) for _, visit in visits[::10])

    # --- what every row has --------------------------------------------------------------------

    def id(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128), version=4)

    def _entity(self) -> Row:
        agency = self.agency
        return {"id": self.id(), "version": 1, "district": agency.district, "agency_id": agency.id}

    def _made(self, at: datetime) -> Row:
        """Return what every row has whose id the server gave: it begins with its instant."""
        row = self._entity()
        return {**row, "id": UUID(int=int(at.timestamp() * 1000) << 80 | row["id"].int % 2**80)}

    def _by(self, name: str, at: datetime | None) -> Row:
        kind = None if at is None else "user"
        return {f"{name}_at": at, f"{name}_by_kind": kind, f"{name}_by_id": None}

    def _once_in(self, times: int) -> bool:
        return self.chance.randrange(times) == 0

    def _later(self, at: datetime, days: int) -> datetime:
        return at + timedelta(seconds=self.chance.randrange(days * 86_400))

    # --- the register --------------------------------------------------------------------------

    def _units(self) -> Iterator[Row]:
        for number, unit_id in enumerate(self.units):
            yield {
                **self._entity(),
                "id": unit_id,
                "archive_no": f"GG{number:07}",
                "name": f"上海第{number}宾馆有限公司",
                "address": f"长宁路{number}号",
                "datum": "WGS-84",
                "state": "in-operation",
            }

    def _registrations(self) -> Iterator[Row]:
        kind = {"specialty": SPECIALTY, "object_class": OBJECT_CLASS}
        for unit_id in self.units:
            yield {"id": self.id(), "unit_id": unit_id, **kind}

    def _licences(self) -> Iterator[Row]:
        for number, unit_id in enumerate(self.units):
            held = {"kind": "permit", "number": f"卫公证字{number}", "commitment": False}
            yield {"id": self.id(), "unit_id": unit_id, **held}

    # --- visits --------------------------------------------------------------------------------

    def _visits(self) -> Iterator[tuple[Row | None, Row]]:
        begins = self.at - timedelta(days=365 * self.size.years)
        for number in range(self.size.visits):
            unit_id = self._unit_of(number)
            self.visited.append(unit_id)
            began = self._later(begins, 365 * self.size.years)
            arrived = self._later(began, 3) if self._once_in(20) else began + timedelta(minutes=1)
            planned = not self._once_in(10)
            visit = self._visit(unit_id, began, arrived, planned=planned)
            task = self._task(number, visit, began) if planned else None
            visit["task_id"] = None if task is None else task["id"]
            yield task, visit

    def _unit_of(self, number: int) -> UUID:
        if number < min(self.size.hospital, self.size.visits // 10):
            return self.units[0]
        busy = self.units[: self.size.busy]
        return self.chance.choice(busy if number % BUSY_SHARE == 0 else self.units)

    def _visit(self, unit_id: UUID, began: datetime, arrived: datetime, *, planned: bool) -> Row:
        under_way = self._once_in(100)
        ended = None if under_way else arrived + timedelta(hours=1)
        return {
            **(self._made(began - PLANNED_BEFORE) if planned else self._entity()),
            "unit_id": unit_id,
            "kind": "planned" if planned else "triggered",
            "reason": None if planned else "投诉现场核查",
            "state": "under-way" if under_way else "signed",
            "clock_suspect": self._once_in(100),
            "started_recorded_at": began,
            **self._by("started", arrived),
            "outcome": None if under_way else self.chance.choice(["no-problem"] * 3 + ["lead"]),
            "finished_recorded_at": None if under_way else began + timedelta(hours=1),
            **self._by("finished", ended),
            **self._by("signed", ended),
        }

    def _task(self, number: int, visit: Row, began: datetime) -> Row:
        done = visit["outcome"] is not None
        return {
            **self._made(began - PLANNED_BEFORE),
            "task_no": f"{began.year}-{number:06}",
            "unit_id": visit["unit_id"],
            "specialty": SPECIALTY,
            "object_class": OBJECT_CLASS,
            "origin": self._origin(),
            "state": "completed" if done else "in-progress",
            "awaiting_results": False,
            "round": 1,
            "visit_id": visit["id"],
            "lead_officer_id": self.officers[0],
            "outcome": visit["outcome"],
            "closing_evidence": [],
            **self._by("created", began - PLANNED_BEFORE),
            **self._by("completed", self._later(began, 60) if done else None),
        }

    def _origin(self) -> str:
        if self._once_in(50):
            return "compliance-talk"
        return self.chance.choice(["drawn", "routine", "complaint", "recheck"])

    def _there(self, visit: Row) -> Iterator[Row]:
        for officer_id in self.officers[:2]:
            yield {
                "visit_id": visit["id"],
                "officer_id": officer_id,
                "recorded_at": visit["started_recorded_at"],
                "clock_suspect": False,
            }

    def _papers(self, visits: Sequence[Row]) -> Rows:
        """What there is of every visit: its record, a photo, its result on a channel."""
        yield Document, (row for one in visits for row in self._documents(one))
        yield Evidence, (self._photo(one) for one in visits)
        signed = [one for one in visits if one["outcome"] is not None]
        results = (self._public("result", "portal", one["id"], one, 20) for one in signed)
        yield Publication, results

    def _documents(self, visit: Row) -> Iterator[Row]:
        kinds = ["visit-record"]
        if visit["outcome"] == "lead":
            kinds.append(self.chance.choice(["opinion", "opinion", "assistant-opinion"]))
        for kind in kinds:
            number = self.id().hex
            yield {
                **self._entity(),
                "kind": kind,
                "series": number[:16],
                "serial": 1,
                "number": f"沪卫监〔{number[:8]}〕",
                "unit_id": visit["unit_id"],
                "visit_id": visit["id"],
                "fields": {},
                "officer_id": self.officers[0],
                "officer_ids": [],
                "content_hash": number,
                "state": "issued",
                "issued_recorded_at": visit["started_recorded_at"],
                **self._by("issued", visit["started_at"]),
            }

    def _photo(self, visit: Row) -> Row:
        return {
            **self._entity(),
            "sha256": self.id().hex * 2,
            "size_bytes": 3_000_000,
            "mime": "video/mp4" if self._once_in(50) else "image/jpeg",
            "role": "scene",
            "state": "stored",
            "thumbnail": False,
            "uninspected": False,
            "taken_at": visit["started_recorded_at"],
            **self._by("stored", visit["started_at"]),
        }

    def _public(self, what: str, channel: str, of: UUID, visit: Row, term: int) -> Row:
        shown = self._later(visit["started_at"], term + 5)
        state = self.chance.choice(["public"] * 8 + ["due", "withdrawn"])
        gone = self._later(shown, 30) if state == "withdrawn" else None
        return {
            **self._entity(),
            "unit_id": visit["unit_id"],
            "channel": channel,
            "subject_type": what,
            "subject_id": of,
            "number": of.hex,
            "event_on": local_date(visit["started_recorded_at"]),
            "due_on": local_date(visit["started_recorded_at"]) + timedelta(days=term),
            "state": state,
            "content": None if gone else {},
            "withdrawn_reason": "更正" if gone else None,
            **self._by("planned", visit["started_at"]),
            **self._by("published", None if state == "due" else shown),
            **self._by("ended", gone),
        }

    def _receipt(self, shown: Row) -> Row:
        accepted = not self._once_in(20)
        return {
            **self._entity(),
            "publication_id": shown["id"],
            "number": shown["number"],
            "reported_on": shown["event_on"] + timedelta(days=self.chance.choice([1, 2, 3, 4, 20])),
            "accepted": accepted,
            "reason": None if accepted else "缺代码",
            "file_sha256": "0" * 64,
            "row_no": 1,
            **self._by("imported", shown["planned_at"]),
        }

    # --- what follows a visit that found something ---------------------------------------------

    def _finding(self, visit: Row) -> Row:
        return {
            **self._entity(),
            "visit_id": visit["id"],
            "officer_id": self.officers[0],
            "text": "未按规定公示卫生许可证",
            "recorded_at": visit["started_recorded_at"],
        }

    def _order(self, visit: Row) -> Row:
        at = visit["started_recorded_at"]
        state = self.chance.choice(["open", "complied", "overdue"])
        return {
            **self._entity(),
            "officer_id": self.officers[0],
            "visit_id": visit["id"],
            "unit_id": visit["unit_id"],
            "number": f"责改{self.id().hex[:8]}",
            "content_key": visit["id"].hex,
            "state": state,
            "issued_on": local_date(at),
            "due_on": local_date(at) + timedelta(days=15),
            "recorded_at": at,
            **self._by("issued", at),
            **self._by("concluded", None if state == "open" else self._later(at, 60)),
        }

    def _cases(self, cases: Sequence[Row]) -> Rows:
        yield PenaltyCase, cases
        yield CaseSanction, (row for one in cases for row in self._sanctions(one))
        yield CaseStep, (row for one in cases for row in self._steps(one))
        yield CaseRemedy, (self._remedy(one) for one in cases[::3])
        yield CaseTransfer, (self._transfer(one) for one in cases[::10])
        yield CreditEntry, (self._credit(one) for one in cases)
        for channel in ("portal", "credit-site"):
            decided = ({**one, **_as_visit(one)} for one in cases)
            shown = [self._public("decision", channel, one["id"], one, 7) for one in decided]
            yield Publication, shown
        yield PublicationReceipt, (self._receipt(one) for one in shown if not self._once_in(4))

    def _case(self, visit: Row, finding: Row) -> Row:
        at, simple = visit["started_recorded_at"], not self._once_in(4)
        cause = CAUSES[visit["id"].int % len(CAUSES)]
        decided = at if simple else self._later(at, 80)
        return {
            **self._entity(),
            "procedure": "simple" if simple else "ordinary",
            "source": "finding",
            "unit_id": visit["unit_id"],
            "visit_id": visit["id"],
            "finding_id": finding["id"],
            "number": f"案{self.id().hex[:8]}",
            "state": "filed" if simple else "decided",
            "cause_code": cause,
            "cause_from": local_date(at),
            "cause_name": f"未按规定公示（{cause}）",
            "basis_law": "实施细则",
            "basis_article": "第三十七条",
            "party_kind": "organisation",
            "party_name": "上海宾馆有限公司",
            "act": "未公示",
            "warning": False,
            "fine_fen": 50_000,
            "acted_on": local_date(at),
            "opened_on": local_date(at),
            "decided_on": local_date(decided),
            "revoked_on": local_date(self._later(decided, 200)) if self._once_in(30) else None,
            "filed_on": local_date(at),
            "officer_id": self.officers[0],
            "recorded_at": at,
            **self._by("decided", decided),
            **self._by("filed", at),
        }

    def _sanctions(self, case: Row) -> Iterator[Row]:
        for kind in self.chance.sample(list(SanctionKind), self.chance.choice([1, 1, 1, 2, 3])):
            money = kind in {SanctionKind.FINE, SanctionKind.CONFISCATED_GAINS}
            yield {
                "case_id": case["id"],
                "kind": kind,
                "on_staff": self._once_in(10),
                "amount_fen": self.chance.randrange(1, 100_000) if money else None,
            }

    def _steps(self, case: Row) -> Iterator[Row]:
        for seq, verb in enumerate(("file", "conclude", "review", "notify", "review", "decide")):
            if case["procedure"] == "simple" and verb != "file":
                return
            yield {
                "case_id": case["id"],
                "seq": seq,
                "verb": verb,
                "on_day": local_date(self._later(case["recorded_at"], 80)),
                "state": "filed",
                "officer_ids": [],
                "data": {},
                **self._by("recorded", case["recorded_at"]),
            }

    def _remedy(self, case: Row) -> Row:
        open_still, begun_on = self._once_in(3), case["decided_on"] + timedelta(days=20)
        return {
            "id": self.id(),
            "case_id": case["id"],
            "agency_id": self.agency.id,
            "kind": self.chance.choice(list(RemedyKind)),
            "organ": "区人民政府",
            "begun_on": begun_on,
            "ended_on": None if open_still else begun_on + timedelta(days=60),
            "result": None if open_still else self.chance.choice(list(RemedyResult)),
        }

    def _transfer(self, case: Row) -> Row:
        return {
            **self._entity(),
            "direction": self.chance.choice(["in", "out"]),
            "kind": self.chance.choice(["hand-over", "assistance", "consultation"]),
            "criminal": self._once_in(3),
            "organ": "市场监督管理局",
            "subject": "线索",
            "on_day": case["decided_on"],
            "unit_id": case["unit_id"],
        }

    def _credit(self, case: Row) -> Row:
        return {
            **self._entity(),
            "unit_id": case["unit_id"],
            "kind": "penalty",
            "reference": str(case["id"]),
            "decided_on": case["decided_on"],
            "data": {},
            **self._by("recorded", case["recorded_at"]),
        }

    def _complaint(self, number: int, visit: Row) -> Row:
        at = visit["started_recorded_at"]
        concluded = None if self._once_in(4) else self._later(at, 60)
        replied = None if concluded is None or self._once_in(4) else self._later(concluded, 20)
        state = "received" if concluded is None else "replied" if replied else "concluded"
        return {
            **self._entity(),
            "number": f"投诉{number:06}",
            "kind": "complaint",
            "channel": "hotline",
            "received_on": local_date(at),
            "unit_id": visit["unit_id"],
            "content": "卫生状况差",
            "anonymous": True,
            "reward_claimed": False,
            "state": state,
            "result": None if concluded is None else self.chance.choice(list(ComplaintResult)),
            **self._by("filed", at),
            **self._by("concluded", concluded),
            **self._by("replied", replied),
        }

    def _sample(self, visit: Row) -> Row:
        at = visit["started_recorded_at"]
        resulted = None if self._once_in(3) else self._later(at, 30)
        result = None if resulted is None else self.chance.choice(["qualified", "unqualified"])
        return {
            **self._entity(),
            "officer_id": self.officers[0],
            "visit_id": visit["id"],
            "name": "池水",
            "amount": "500 ml",
            "method": "GB/T 18204",
            "taken_at": at,
            "recorded_at": at,
            "state": "awaited" if resulted is None else "resulted",
            "result": result,
            **self._by("resulted", resulted),
        }


def _as_visit(case: Row) -> Row:
    return {"started_recorded_at": case["decided_at"], "started_at": case["decided_at"]}
