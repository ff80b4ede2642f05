"""Verbs of visit codes: request, revoke, read what was scanned, rate, object, answer.

A code is asked for before anybody goes; what a tablet brings home is never refused for it.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.access import PUBLIC, Actor
from app.caps import service as caps
from app.caps.rules import Verdict
from app.catalogue import service as catalogue
from app.codes import queries, rules
from app.codes.models import (
    VisitCode,
    VisitCodeOfficer,
    VisitCodePartner,
    VisitCodeTask,
    VisitObjection,
    VisitRating,
)
from app.codes.rules import Claim, CodeKind, CodeState, ObjectionState, Scanned, Standing
from app.days import local_date
from app.db import db
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people import partners
from app.people import service as people
from app.people.models import Officer, PartnerOfficer
from app.people.rules import is_eligible
from app.tasks.models import Task
from app.tasks.rules import OPEN_STATES
from app.tasks.teams import TEAM_SIZE
from app.units import service as units
from app.units.models import Unit

RATE_WITHIN = "visit-code-rating-days"
LONGEST = "visit-code-longest-days"
ENOUGH_RATINGS = "visit-ratings-shown-from"
UNVISITED = frozenset({Standing.REVOKED, Standing.NOT_YET})  # by such a code nobody came rightly


class CodeUnknown(NotFound):
    code, title = "visit-code-unknown", "未找到检查码"


class CodeInvalid(Invalid):
    code, title = "visit-code-invalid", "检查码申请有误"


class CodeForged(Invalid):
    code, title = "visit-code-forged", "检查码不是本系统签发"


class UnitCodeForged(Invalid):
    code, title = "unit-code-forged", "单位码不是本系统签发"


class CapReached(Conflict):
    """Extras: `caps`, the codes of the caps that the entry would be beyond."""

    code, title = "cap-reached", "超过检查频次上限"


class CodeEnded(Conflict):
    """Extras: `standing`."""

    code, title = "visit-code-ended", "检查码不能再使用"


class AlreadyRated(Conflict):
    code, title = "visit-already-rated", "这次检查已经评价"


class ObjectionUnknown(NotFound):
    code, title = "visit-objection-unknown", "未找到异议"


class ObjectionAnswered(Conflict):
    code, title = "visit-objection-answered", "异议已经答复"


@dataclass(frozen=True)
class NewCode:
    """What a code is asked for; planned ones name tasks, triggered ones a reason."""

    unit_id: UUID
    officer_ids: Sequence[UUID]
    valid_from: datetime
    valid_until: datetime
    task_ids: Sequence[UUID] = ()
    partner_ids: Sequence[UUID] = ()
    reason: str | None = None


@dataclass(frozen=True)
class Seen:
    """What a scan shows: the code, its unit, tasks and officers, and what it stands for now."""

    code: VisitCode
    unit: Unit
    tasks: Sequence[Task]
    officers: Sequence[Officer]
    partners: Sequence[PartnerOfficer]
    standing: Standing
    objections: Sequence[VisitObjection]


# --- for officers and supervisors ---------------------------------------------------------------


def request_code(new: NewCode, *, agency_id: UUID, by: Actor, at: datetime) -> VisitCode:
    """Issue a code for one entry into a unit, by all these officers, for all these tasks.

    A planned entry beyond a cap needs an approved exception, or the reason that the cap asks for; a
    triggered one only its reason. What it is beyond is kept with it. Officers of partner
    departments may come along; they do not count among the two. Raises UnitNotFound, CodeInvalid,
    CapReached, PartnerUnknown and PartnerMayNotGo.
    """
    unit = units.get_unit(new.unit_id, agency_id)
    kind = CodeKind.PLANNED if new.task_ids else CodeKind.TRIGGERED
    tasks = _tasks_for(new, unit)
    _refuse_days(new, at)
    _refuse_officers(new, unit)
    along = partners.partners_to_send(
        new.partner_ids, unit.agency_id, on=local_date(new.valid_from)
    )
    if kind is CodeKind.TRIGGERED and new.reason is None:
        raise CodeInvalid("触发式检查须写明原因。")
    beyond = _ask_caps(new, tasks, agency_id)
    code = VisitCode(
        agency_id=agency_id,
        district=unit.district,
        unit_id=unit.id,
        short=rules.short_of(secrets.token_bytes(8)),
        kind=kind,
        state=CodeState.ISSUED,
        reason=new.reason,
        valid_from=new.valid_from,
        valid_until=new.valid_until,
        beyond_caps=beyond,
        tasks=[VisitCodeTask(task_id=one.id, visit_id=one.visit_id) for one in tasks],
        officers=[VisitCodeOfficer(officer_id=one) for one in sorted(set(new.officer_ids))],
        partners=[VisitCodePartner(partner_id=one.id) for one in along],
        requested_at=at,
        requested_by_kind=by.kind,
        requested_by_id=by.id,
    )
    db.session.add(code)
    db.session.flush()
    data = {"unit_id": str(unit.id), "kind": str(kind), "beyond_caps": beyond}
    journal.record(Event.VISIT_CODE_ISSUED, code, by=by, at=at, data=data)
    return code


def _tasks_for(new: NewCode, unit: Unit) -> Sequence[Task]:
    tasks = queries.tasks_by_id(new.task_ids)
    if len(tasks) != len(set(new.task_ids)) or any(one.unit_id != unit.id for one in tasks):
        raise CodeInvalid("任务不存在，或不是这个单位的任务。")
    ended = [one.task_no for one in tasks if one.state not in OPEN_STATES]
    if ended:
        raise CodeInvalid("任务已完成或已关闭，不能再申请检查码。", tasks=ended)
    return tasks


def _refuse_days(new: NewCode, at: datetime) -> None:
    longest = timedelta(days=int(catalogue.setting(LONGEST, local_date(at))))
    if not new.valid_from < new.valid_until <= new.valid_from + longest:
        raise CodeInvalid(f"检查码有效期须先后有序，且不超过 {longest.days} 天。")
    if new.valid_until <= at:
        raise CodeInvalid("检查码的有效期已经过去。")


def _refuse_officers(new: NewCode, unit: Unit) -> None:
    """Two officers at least, each with a valid certificate, none with a reason to stay away."""
    on = local_date(new.valid_from)
    wanted = set(new.officer_ids)
    officers = [people.get_officer(one, unit.agency_id) for one in sorted(wanted)]
    fewest = int(catalogue.setting(TEAM_SIZE, on))
    if len(wanted) < fewest:
        raise CodeInvalid(f"检查人员不得少于 {fewest} 人。")
    if any(not is_eligible(one.state, one.certificate_valid_until, on) for one in officers):
        raise CodeInvalid("检查人员须持有检查当日有效的执法证。")
    if any(one.unit_id == unit.id for one in people.recusals_of(wanted, on)):
        raise CodeInvalid("检查人员与该单位有应当回避的情形。")


def _ask_caps(new: NewCode, tasks: Sequence[Task], agency_id: UUID) -> list[str]:
    intended = caps.Intended(
        local_date(new.valid_from),
        frozenset(one.origin for one in tasks),
        joint=bool(new.partner_ids),
        officers=frozenset(new.officer_ids),
        specialties=frozenset(one.specialty for one in tasks),
    )
    answers = caps.ask(new.unit_id, intended, agency_id=agency_id).answers
    if tasks:
        barred = [one.cap for one in answers if one.verdict is Verdict.EXCEPTION]
        if barred:
            names = "、".join(f"{one.name}（{one.most} 次）" for one in barred)
            raise CapReached(
                f"超过检查频次上限：{names}。确需检查的，请先申请超频次检查。",
                caps=[one.code for one in barred],
            )
        if new.reason is None and any(one.verdict is Verdict.REASON for one in answers):
            raise CodeInvalid("同一监督员近期多次检查均未发现问题，再次检查须写明理由。")
    return [one.cap.code for one in answers if one.verdict in caps.BEYOND]


def revoke_code(
    code_id: UUID, reason: str, *, agency_id: UUID, by: Actor, at: datetime
) -> VisitCode:
    """Take a code back: who scans it is told so. Raises CodeUnknown and CodeEnded."""
    code = get_code(code_id, agency_id)
    if code.state == CodeState.REVOKED:
        raise CodeEnded("检查码已经撤销。", standing=str(Standing.REVOKED))
    code.state, code.revoked_reason = CodeState.REVOKED, reason
    code.revoked_at, code.revoked_by_kind, code.revoked_by_id = at, by.kind, by.id
    journal.record(Event.VISIT_CODE_REVOKED, code, by=by, at=at)
    return code


def end_unused_code(code_id: UUID, *, by: Actor, at: datetime) -> VisitCode:
    """Let a code that nobody used in its days leave the tablets that it was issued for.

    A start with it that comes in later is judged as ever. Raises CodeUnknown.
    """
    code = queries.find_code(code_id)
    if code is None:
        raise CodeUnknown("没有这个检查码。")
    code.ended_on = local_date(at)
    journal.record(Event.VISIT_CODE_ENDED, code, by=by, at=at, data={"unit_id": str(code.unit_id)})
    return code


def get_code(code_id: UUID, agency_id: UUID | None) -> VisitCode:
    """Return a code of the agency. Raises CodeUnknown, also for another agency's."""
    code = queries.find_code(code_id)
    if code is None or code.agency_id != agency_id:
        raise CodeUnknown("没有这个检查码，或它不属于本机构。")
    return code


def text_of(code: VisitCode, key: Ed25519PrivateKey) -> str:
    """Return what the code's picture holds."""
    claim = Claim(Scanned.VISIT, code.id, code.unit_id, code.valid_from, code.valid_until)
    return rules.write(claim, key.sign)


def unit_text(unit: Unit, key: Ed25519PrivateKey) -> str:
    """Return what the picture at a unit's door holds; it has no end."""
    first = datetime.fromtimestamp(0).astimezone()
    last = datetime.fromtimestamp(2**32 - 1).astimezone()
    return rules.write(Claim(Scanned.UNIT, unit.id, unit.id, first, last), key.sign)


def standing_of(code: VisitCode, at: datetime) -> Standing:
    """Say what a code stands for now: a planned one is used once all its visits are finished."""
    visits = [one.visit_id for one in code.tasks]
    used = bool(visits) and queries.unfinished(visits) == 0
    return rules.standing(
        CodeState(code.state), code.valid_from, code.valid_until, used=used, at=at
    )


# --- for whoever scans --------------------------------------------------------------------------


def read_claim(text: str, key: Ed25519PrivateKey) -> Claim:
    """Return what a scanned text says.

    Raises CodeUnknown (no code at all), and where it is not signed here UnitCodeForged or
    CodeForged, by what it claims to be.
    """

    def verify(signature: bytes, body: bytes) -> bool:
        try:
            key.public_key().verify(signature, body)
        except InvalidSignature:
            return False
        return True

    try:
        return rules.read(text, verify)
    except rules.NotACode as error:
        raise CodeUnknown("这不是检查码，或扫描不完整，请重新扫描。") from error
    except rules.NotSigned as error:
        if error.claimed is Scanned.UNIT:
            raise UnitCodeForged(
                "门口的单位码不是本系统签发，或内容被改动过。请当面核对单位名称和地址，并报告机关更换。"
            ) from error
        raise CodeForged(
            "这个检查码不是本系统签发，或内容被改动过。请不要接受检查，"
            "记下来人的姓名和执法证号，向检查机关或者 12345 热线核实。"
        ) from error


def scan(text: str, key: Ed25519PrivateKey, *, at: datetime) -> Seen:
    """Return what stands behind a scanned code, or one whose short form somebody typed.

    Raises CodeUnknown and CodeForged.
    """
    if len(text) <= rules.SHORT * 2:
        code = queries.find_short(rules.normal_short(text))
    else:
        claim = read_claim(text, key)
        code = queries.find_code(claim.code_id) if claim.scanned is Scanned.VISIT else None
    if code is None:
        raise CodeUnknown("没有这个检查码，请核对后重新输入或扫描。")
    unit = units.get_unit(code.unit_id, code.agency_id)
    tasks = queries.tasks_by_id([one.task_id for one in code.tasks])
    officers = [people.get_officer(one.officer_id, code.agency_id) for one in code.officers]
    along = [partners.get_partner(one.partner_id, code.agency_id) for one in code.partners]
    objections = queries.objections_to(code.id)
    return Seen(code, unit, tasks, officers, along, standing_of(code, at), objections)


def rate(code: VisitCode, score: int, comment: str | None, *, at: datetime) -> VisitRating:
    """Keep what a unit thinks of a visit, once a visit; the journal names neither unit nor visit.

    A code that was issued anew for the same visit rates it no second time.

    Nobody is shown it before it and those that wait are five (setting `visit-ratings-shown-from`);
    then all of them are shown together, so that no two looks differ by one. Raises CodeEnded
    (revoked, not begun, or too late by the catalogue's days) and AlreadyRated.
    """
    _refuse_late(code, at)
    _refuse_unvisited(code, at)
    beside = queries.codes_beside(code.id)
    for code_id in beside:
        queries.lock_code(code_id, code.agency_id)  # of two at once the second hears of the first
    if queries.is_rated(beside):
        raise AlreadyRated("这次检查已经评价过，谢谢。")
    rating = VisitRating(
        code_id=code.id,
        agency_id=code.agency_id,
        score=score,
        comment=comment,
        nonce=secrets.token_bytes(32),
    )
    db.session.add(rating)
    db.session.flush()  # it is one of those that wait
    on = local_date(at)
    waiting = queries.lock_unshown(code.agency_id)
    if len(waiting) >= int(catalogue.setting(ENOUGH_RATINGS, on)):
        for one in waiting:
            one.shown_on = on
    journal.record(
        Event.VISIT_RATED,
        None,
        by=PUBLIC,
        at=at,
        stream=code.district,
        data={
            "agency_id": str(code.agency_id),
            "commitment": rules.commitment(rating.nonce, code.id, score, comment),
        },
    )
    return rating


def object_to(code: VisitCode, text: str, contact: str | None, *, at: datetime) -> VisitObjection:
    """Take in what a unit objects to, of a revoked code too: somebody may have come with it.

    Raises CodeEnded where it is too late.
    """
    _refuse_late(code, at)
    objection = VisitObjection(
        agency_id=code.agency_id,
        district=code.district,
        code_id=code.id,
        unit_id=code.unit_id,
        state=ObjectionState.OPEN,
        text=text,
        contact=contact,
        received_at=at,
    )
    db.session.add(objection)
    db.session.flush()
    journal.record(
        Event.VISIT_OBJECTION_RECEIVED, objection, by=PUBLIC, at=at, data={"code_id": str(code.id)}
    )
    return objection


def answer_objection(
    objection_id: UUID, answer: str, *, agency_id: UUID, by: Actor, at: datetime
) -> VisitObjection:
    """Answer an objection, once. Raises ObjectionUnknown and ObjectionAnswered."""
    objection = get_objection(objection_id, agency_id)
    if objection.state == ObjectionState.ANSWERED:
        raise ObjectionAnswered("这项异议已经答复。")
    objection.state, objection.answer = ObjectionState.ANSWERED, answer
    objection.answered_at, objection.answered_by_kind = at, by.kind
    objection.answered_by_id = by.id
    journal.record(Event.VISIT_OBJECTION_ANSWERED, objection, by=by, at=at)
    return objection


def get_objection(objection_id: UUID, agency_id: UUID | None) -> VisitObjection:
    """Return an objection of the agency. Raises ObjectionUnknown, also for another agency's."""
    objection = db.session.get(VisitObjection, objection_id)
    if objection is None or objection.agency_id != agency_id:
        raise ObjectionUnknown("没有这项异议，或它不属于本机构。")
    return objection


def average(agency_id: UUID, first: date, last: date) -> tuple[int, int | None]:
    """Return how many ratings were shown on these days, and their average in hundredths.

    They come to be shown by five and more, as `rate` has it: days between which less came hold
    none, and nobody can tell whose any of them is.
    """
    scores = queries.scores_of(agency_id, first, last)
    return len(scores), rules.average(scores)


def is_late(code: VisitCode, at: datetime) -> bool:
    """Tell whether the days are over in which a unit may rate or object."""
    days = timedelta(days=int(catalogue.setting(RATE_WITHIN, local_date(at))))
    return at >= code.valid_until + days


def _refuse_late(code: VisitCode, at: datetime) -> None:
    if is_late(code, at):
        standing = str(standing_of(code, at))
        raise CodeEnded("评价和提出异议的期限已过。", standing=standing)


def _refuse_unvisited(code: VisitCode, at: datetime) -> None:
    """Refuse to rate where no visit by this code can have been."""
    found = standing_of(code, at)
    if found in UNVISITED:
        raise CodeEnded("检查码已撤销或尚未生效，不能评价；可以提出异议。", standing=str(found))
