"""Findings on the evidence of visits: what is looked at, kept once, and decided by a supervisor.

Judging reads and writes nothing; what it found is kept in a transaction of its own. Nothing here is
ever asked by a verb of a visit: a finding warns and blocks nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, savepoint
from app.errors import Forbidden, NotFound
from app.evidence import prints
from app.evidence import queries as evidence_queries
from app.evidence.models import Evidence, EvidenceLink, EvidencePrint
from app.evidence.rules import EvidenceState
from app.journal import service as journal
from app.journal.rules import Event
from app.tasks.models import Task
from app.units.models import Unit
from app.visits import departures
from app.visits import integrity_queries as queries
from app.visits import integrity_rules as rules
from app.visits.doubts import Found, Gap, Judged, Subject, limits_on
from app.visits.integrity_rules import (
    Doubt,
    IntegrityKind,
    IntegrityState,
    Limits,
    Moment,
    Reason,
    Span,
    Spot,
    Stay,
    Unjudged,
    Use,
)
from app.visits.models import IntegrityFinding, Visit, VisitAttendance


class IntegrityFindingUnknown(NotFound):
    code, title = "integrity-finding-unknown", "没有这项疑点"


class OwnIntegrityFinding(Forbidden):
    code, title = "own-integrity-finding", "不能处理自己检查的疑点"


# --- visits ---


def judge_visit(visit: Visit, limits: Limits) -> Judged:
    """Look at a visit: where its officers came and left, how they came, where its photos are.

    Reads only, and gives the same answer for the same rows.
    """
    judged = Judged()
    unit = db.session.get_one(Unit, visit.unit_id)
    place = rules.spot_of_unit(unit.lon_e7, unit.lat_e7, unit.datum, limits)
    for one in visit.attendance:
        _judge_arrival(judged, visit, one, place, limits)
        _judge_journeys(judged, visit, one, limits)
    departures.judge(judged, visit, place, limits)
    photos = evidence_queries.links_of(queries.parts_of(visit.id))
    span = Span(visit.started_recorded_at, visit.finished_recorded_at, visit.clock_suspect)
    _judge_photos(judged, photos, Subject.of_visit(visit), place, span, limits)
    _say_unseen(judged, [evidence for _, evidence in photos])
    return judged


def judge_task(task: Task, limits: Limits) -> Judged:
    """Look at the photos of a task that came without a visit: a closed door, an empty house."""
    judged = Judged()
    unit = db.session.get_one(Unit, task.unit_id)
    place = rules.spot_of_unit(unit.lon_e7, unit.lat_e7, unit.datum, limits)
    photos = evidence_queries.links_of([task.id])
    _judge_photos(judged, photos, Subject.of_task(task), place, None, limits)
    return judged


def _judge_arrival(
    judged: Judged,
    visit: Visit,
    one: VisitAttendance,
    place: Spot | Unjudged,
    limits: Limits,
) -> None:
    doubt = rules.judge_fix(
        _arrival_fix(visit, one),
        one.recorded_at,
        place,
        limits,
        far=Reason.ARRIVAL_FAR,
        mock=Reason.ARRIVAL_MOCK,
    )
    if isinstance(doubt, Unjudged):
        judged.skip(IntegrityKind.PLACE, "arrival", doubt)
    elif doubt is not None:
        names = {"officer_id": one.officer_id, "device_id": one.device_id}
        subject = Subject.of_visit(visit)
        judged.found.append(
            subject.found(IntegrityKind.PLACE, doubt, limits, of=one.officer_id, **names)
        )


def _arrival_fix(visit: Visit, one: VisitAttendance) -> Mapping[str, Any] | None:
    """Return the fix an officer came with; visits of before it was kept have the first one's."""
    if one.fix is None and one.recorded_at == visit.started_recorded_at:
        return visit.fix
    return one.fix


def _judge_journeys(judged: Judged, visit: Visit, one: VisitAttendance, limits: Limits) -> None:
    if visit.clock_suspect or one.clock_suspect:
        judged.skip(IntegrityKind.TRAVEL, "arrival", Unjudged.CLOCK_SUSPECT)
        return
    stay = _stay(visit, one, limits)
    if stay is None:
        judged.skip(IntegrityKind.TRAVEL, "arrival", Unjudged.UNIT_WITHOUT_PLACE)
        return
    for other_visit, other in queries.neighbours(visit, one):
        other_stay = _stay(other_visit, other, limits)
        if other_stay is None or other_visit.unit_id == visit.unit_id:
            continue
        doubt = rules.judge_journey(stay, other_stay, limits)
        if doubt is not None:
            pair = sorted(((stay, visit), (other_stay, other_visit)), key=_came)
            earlier, later = pair[0][1], pair[1][1]
            judged.found.append(_journey(earlier, later, one, other, doubt, limits))


def _came(pair: tuple[Stay, Visit]) -> tuple[datetime, UUID]:
    return pair[0].arrived.at, pair[1].id


def _journey(
    earlier: Visit,
    later: Visit,
    one: VisitAttendance,
    other: VisitAttendance,
    doubt: Doubt,
    limits: Limits,
) -> Found:
    """Return the finding on a pair of visits: one, whoever of the pair it was found by."""
    low, high = sorted((earlier.id, later.id))
    return Found(
        key=f"{doubt.reason}:{low}:{high}",
        kind=IntegrityKind.TRAVEL,
        doubt=doubt,
        agency_id=later.agency_id,
        district=later.district,
        names={
            "visit_id": later.id,
            "unit_id": later.unit_id,
            "other_visit_id": earlier.id,
            "other_unit_id": earlier.unit_id,
            "officer_id": one.officer_id if one.officer_id == other.officer_id else None,
            "device_id": one.device_id if one.device_id == other.device_id else None,
        },
        limits=limits,
    )


def _stay(visit: Visit, one: VisitAttendance, limits: Limits) -> Stay | None:
    """Return an officer's part in a visit, by his fix or else by the unit's place."""
    came = _spot(_arrival_fix(visit, one), one.recorded_at, limits)
    if came is None:
        unit = db.session.get_one(Unit, visit.unit_id)
        place = rules.spot_of_unit(unit.lon_e7, unit.lat_e7, unit.datum, limits)
        came = place if isinstance(place, Spot) else None
    if came is None:
        return None
    left = None
    if visit.finished_recorded_at is not None and visit.finished_by_id == one.device_id:
        spot = _spot(visit.finished_fix, visit.finished_recorded_at, limits)
        left = None if spot is None else Moment(visit.finished_recorded_at, spot)
    return Stay(Moment(one.recorded_at, came), left, one.device_id)


def _spot(fix: Mapping[str, Any] | None, at: datetime, limits: Limits) -> Spot | None:
    read = rules.read_fix(fix, at, limits)
    if fix is None or isinstance(read, Unjudged) or fix["mock"]:
        return None
    return read


# --- photos ---


def _judge_photos(
    judged: Judged,
    photos: Sequence[tuple[EvidenceLink, Evidence]],
    subject: Subject,
    place: Spot | Unjudged,
    span: Span | None,
    limits: Limits,
) -> None:
    doubts: dict[IntegrityKind, list[tuple[Doubt, object]]] = {}
    for link, evidence in photos:
        for kind, of, said in _said_of(link, evidence, place, span, limits):
            if isinstance(said, Unjudged):
                if of == "photo":  # that a picture's EXIF says nothing is nothing to say
                    judged.skip(kind, of, said)
            elif said is not None:
                doubts.setdefault(kind, []).append((said, evidence.id))
    for kind, found in doubts.items():
        for doubt, evidence_id in rules.worst(found):
            judged.found.append(subject.found(kind, doubt, limits, evidence_id=evidence_id))


def _said_of(
    link: EvidenceLink,
    evidence: Evidence,
    place: Spot | Unjudged,
    span: Span | None,
    limits: Limits,
) -> Iterator[tuple[IntegrityKind, str, Doubt | Unjudged | None]]:
    """Yield what place and time of one photo say, by the tablet's word and by its own."""
    if link.claimed_at is not None:
        by_fix = rules.judge_fix(
            link.claimed_fix,
            link.claimed_at,
            place,
            limits,
            far=Reason.PHOTO_FAR,
            mock=Reason.PHOTO_MOCK,
        )
        yield IntegrityKind.PLACE, "photo", by_fix
    exif = rules.judge_exif_place(evidence.lon_e7, evidence.lat_e7, place, limits)
    yield IntegrityKind.PLACE, "exif", exif
    if span is None:
        return
    for of, taken_at, reason in (
        ("photo", link.claimed_at, Reason.PHOTO_OUTSIDE),
        ("exif", evidence.taken_at, Reason.EXIF_OUTSIDE),
    ):
        said = rules.judge_time(taken_at, span, limits, suspect=link.claimed_suspect, reason=reason)
        yield IntegrityKind.TIME, of, said


def _say_unseen(judged: Judged, photos: Iterable[Evidence]) -> None:
    """Say which pictures cannot be compared: not here, not looked into yet, or empty."""
    for one in photos:
        if one.state == EvidenceState.AWAITED:
            judged.skip(IntegrityKind.REUSE, "photo", Unjudged.NOT_ARRIVED)
        elif one.uninspected:
            judged.skip(IntegrityKind.REUSE, "photo", Unjudged.NOT_INSPECTED)
        elif one.width is not None and db.session.get(EvidencePrint, one.id) is None:
            judged.skip(IntegrityKind.REUSE, "photo", Unjudged.TOO_LITTLE_TO_SEE)


# --- pictures used again ---


def judge_picture(evidence: Evidence, limits: Limits) -> list[Found]:
    """Look for another use of a picture: of the same file, or of one that looks the same.

    Each of its uses is held against the one other use that is nearest, then oldest: a picture used
    in twenty visits is told twenty times, not for each pair of them.
    """
    near = evidence_queries.near_prints(evidence.id, bits=limits.reuse_bits)
    links = evidence_queries.uses_of([evidence.id, *near])
    uses = queries.uses_by_subject({(link.subject_type, link.subject_id) for link, _ in links})
    known = [
        (link, found, use)
        for link, found in links
        if (use := uses.get((link.subject_type, link.subject_id))) is not None
    ]
    return [
        found
        for link, own, use in known
        if own.id == evidence.id
        and (found := _used_before(link, own, use, known, limits)) is not None
    ]


def _used_before(
    link: EvidenceLink,
    own: Evidence,
    use: Use,
    known: Sequence[tuple[EvidenceLink, Evidence, Use]],
    limits: Limits,
) -> Found | None:
    others = [one for one in known if one[2].repeats(use)]
    if not others:
        return None
    nearest = min(others, key=lambda one: (one[1].id != own.id, one[0].id))
    earlier, later = sorted(((link, own, use), nearest), key=lambda one: one[0].id)
    same = nearest[1].id == own.id
    measured: dict[str, Any] = {"other_unit": use.unit_id != nearest[2].unit_id}
    if not same:
        measured["bits"] = _bits_apart(own.id, nearest[1].id)
    marks = sorted(f"{one[1].id}@{one[2].subject_id}" for one in (earlier, later))
    return Found(
        key=f"reuse:{':'.join(marks)}",
        kind=IntegrityKind.REUSE,
        doubt=Doubt(Reason.SAME_FILE if same else Reason.SAME_PICTURE, measured),
        agency_id=own.agency_id,
        district=own.district,
        names={
            "unit_id": _uuid(later[2].unit_id),
            f"{later[2].subject_type}_id": _uuid(later[2].subject_id),
            "evidence_id": later[1].id,
            "other_unit_id": _uuid(earlier[2].unit_id),
            f"other_{earlier[2].subject_type}_id": _uuid(earlier[2].subject_id),
            "other_evidence_id": earlier[1].id,
        },
        limits=limits,
    )


def _bits_apart(one: UUID, other: UUID) -> int:
    texts = [db.session.get_one(EvidencePrint, id_).print for id_ in (one, other)]
    return prints.bits_apart(*texts)[0]


def _uuid(value: object) -> UUID:
    return UUID(str(value))


# --- what is kept ---


def keep(found: Collection[Found], *, by: Actor, at: datetime) -> int:
    """Keep what was found, each matter once; return how many are new or have become more.

    One that is known is told again only while it is open and more photos show it.
    """
    told = 0
    for agency_id in {one.agency_id for one in found}:
        own = {one.key: one for one in found if one.agency_id == agency_id}
        known = queries.findings_by_key(agency_id, own)
        for key, one in own.items():
            finding = known.get(key)
            if finding is None:
                finding = _new(one, at=at)
                with savepoint():
                    db.session.add(finding)
            elif finding.state == IntegrityState.OPEN and rules.grew(
                finding.measured, one.doubt.measured
            ):
                finding.measured, finding.found_at = dict(one.doubt.measured), at
                finding.evidence_id = one.names.get("evidence_id")
            else:
                continue
            journal.record(Event.INTEGRITY_FOUND, finding, by=by, at=at, data=_told(finding))
            told += 1
    return told


def _new(one: Found, *, at: datetime) -> IntegrityFinding:
    return IntegrityFinding(
        agency_id=one.agency_id,
        district=one.district,
        key=one.key,
        kind=one.kind,
        reason=one.doubt.reason,
        measured=dict(one.doubt.measured),
        thresholds=one.thresholds(),
        found_at=at,
        state=IntegrityState.OPEN,
        **one.names,
    )


def _told(finding: IntegrityFinding) -> dict[str, Any]:
    names = ("visit_id", "task_id", "evidence_id", "other_visit_id", "other_task_id")
    ids = {name: getattr(finding, name) for name in names}
    return {
        "kind": finding.kind,
        "reason": finding.reason,
        **{name: str(value) for name, value in ids.items() if value is not None},
    }


# --- decisions ---


def get_finding(finding_id: UUID, agency_id: UUID | None) -> IntegrityFinding:
    """Return a finding of the agency. Raises IntegrityFindingUnknown."""
    finding = db.session.get(IntegrityFinding, finding_id)
    if finding is None or finding.agency_id != agency_id:
        raise IntegrityFindingUnknown("没有这项疑点，或它不属于本机构。")
    return finding


def decide(
    finding_id: UUID, state: IntegrityState, reason: str, *, by: Actor, at: datetime
) -> IntegrityFinding:
    """Say that there is an explanation, or that the finding stands; with the reason.

    A later decision takes the place of an earlier one; the journal keeps both. Nothing else
    follows from it. Raises IntegrityFindingUnknown and OwnIntegrityFinding (whoever was there).
    """
    finding = get_finding(finding_id, by.agency_id)
    attended = queries.officers_at([finding.visit_id, finding.other_visit_id])
    if not rules.may_decide(by.officer_id, [*attended, finding.officer_id]):
        raise OwnIntegrityFinding("您参加了所涉检查，应由另一位负责人处理。")
    before = finding.state
    finding.state, finding.decision_reason = state, reason
    finding.decided_at, finding.decided_by_kind, finding.decided_by_id = at, by.kind, by.id
    journal.record(
        Event.INTEGRITY_DECIDED,
        finding,
        by=by,
        at=at,
        data={"from": before, "to": str(state), "kind": finding.kind},
    )
    return finding


# --- what is shown of a visit ---


@dataclass(frozen=True)
class Shown:
    """What a visit's readers are told: its findings, and what could not be judged."""

    findings: Sequence[IntegrityFinding]
    not_judged: Sequence[Gap]


def shown_of(visit: Visit) -> Shown:
    """Return the findings on a visit, and why nothing is said of the rest of its evidence."""
    findings = queries.findings_of_visit(visit.id)
    try:
        limits = limits_on(local_date(visit.started_at))
    except catalogue.CatalogueRowMissing:  # thresholds that an older catalogue does not have
        return Shown(findings, [])
    return Shown(findings, judge_visit(visit, limits).gaps)
