"""What every step of a draw does: lock, look, stamp, store, and end a draw that may not go on."""

from datetime import datetime
from typing import Any
from uuid import UUID

from app import entry
from app.access import Actor, ActorKind
from app.db import db
from app.draws import bundle, queries, stages
from app.draws.files import sha256_of
from app.draws.models import Draw, DrawFile
from app.draws.stages import AUDIENCES, Audience, DrawState
from app.errors import Conflict, Forbidden
from app.journal import service as journal
from app.journal.rules import Event


class DrawStateWrong(Conflict):
    """`state`: where the draw stands."""

    code, title = "draw-state-wrong", "抽取状态不允许此操作"


class NotYet(Conflict):
    """`due_at`: from when on it may be done."""

    code, title = "draw-not-yet", "时间未到"


class NotByPeople(Forbidden):
    code, title = "draw-by-timetable-only", "只能由定时任务办理"


def by_timetable(by: Actor) -> None:
    """Refuse a step in which a person could steer or learn the chance. Raises NotByPeople."""
    if by.kind is not ActorKind.TIMETABLE:
        raise NotByPeople("公告、开启封存、抽取和公开只由定时任务办理，任何人员都不能代办。")


class PeriodHeld(Conflict):
    """After a restore: an administrator has to make sure that nothing is drawn a second time."""

    code, title = "draw-period-held", "恢复后待管理员确认"


def refuse_held(agency_id: UUID, period: str) -> None:
    """Raises PeriodHeld while a period waits for an administrator."""
    if queries.is_held(agency_id, period):
        raise PeriodHeld(
            f"数据库曾从备份恢复，{period} 的抽取可能已经进行过；"
            "请管理员核对公告和抽取结果后解除暂停，或将抽取作废。"
        )


def lock(draw: Draw) -> None:
    """Read a draw anew and lock its row: who comes second sees what the first one did."""
    db.session.refresh(draw, with_for_update={"of": Draw})


def follow(draw: Draw, to: DrawState) -> None:
    """Lock a draw that is about to go on. Raises DrawStateWrong and, except to end it or to publish
    what is decided already, PeriodHeld."""
    lock(draw)
    if to not in (DrawState.VOID, DrawState.PUBLISHED):
        refuse_held(draw.agency_id, draw.period)
    if not stages.may_follow(draw.state, to):
        raise DrawStateWrong(
            f"抽取处于“{stages.STATE_NAMES[draw.state]}”，不能进行这项操作。", state=draw.state
        )


def stamp(row: Any, prefix: str, *, by: Actor, at: datetime) -> None:
    setattr(row, f"{prefix}_at", at)
    setattr(row, f"{prefix}_by_kind", str(by.kind))
    setattr(row, f"{prefix}_by_id", by.id)


def void(draw: Draw, reason: str, *, by: Actor, at: datetime) -> Draw:
    follow(draw, DrawState.VOID)
    before = draw.state
    draw.state, draw.void_reason = DrawState.VOID, reason
    release(draw)
    stamp(draw, "voided", by=by, at=at)
    data = {"draw_no": draw.draw_no, "state_before": str(before)}
    journal.record(Event.DRAW_VOIDED, draw, by=by, at=at, data=data)
    return draw


def release(draw: Draw) -> None:
    """Forget why a draw could not go on: it goes on."""
    draw.held_code = draw.held_detail = draw.held_extras = None


def store_file(draw: Draw, name: str, content: bytes) -> None:
    audience = AUDIENCES[name]
    if name == "population.tsv" and draw.plan.given_list_id is not None:
        audience = Audience.REVEALED  # everybody on a given list will be inspected: no warning
    elif name == "population.tsv" and not draw.list_public:
        audience = Audience.INSIDE
    db.session.add(
        DrawFile(
            draw_id=draw.id,
            name=name,
            content=content,
            sha256=sha256_of(content),
            size_bytes=len(content),
            audience=audience,
        )
    )


def make_public(draw: Draw, audience: Audience, *, at: datetime) -> None:
    db.session.flush()  # the files just stored become public with the others
    for file in queries.files_of(draw.id):
        if file.audience == audience:
            file.public_from = at


def list_public(draw: Draw, *, at: datetime) -> str:
    """List every public file with its digest in SHA256SUMS, public too; return that one's digest.

    It goes into the journal, so that the published head covers all that strangers verify.
    """
    files = queries.files_of(draw.id)
    content = bundle.write_sums(
        {file.name: file.sha256 for file in files if file.public_from is not None}
    )
    store_file(draw, "SHA256SUMS", content)
    db.session.flush()  # the file just stored becomes public with the others
    for file in queries.files_of(draw.id):
        if file.name == "SHA256SUMS":
            file.public_from = at
    return sha256_of(content)


def draw_key() -> bytes:
    return entry.keys().draw_key


def aad(what: str, row_id: UUID) -> bytes:
    """Bind a sealed value to its place: moved to another row it does not open."""
    return f"suicha {what} {row_id}".encode()
