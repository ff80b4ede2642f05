"""Draws from plan to publication: who is inspected and by whom, so that anybody can check it.

The secret leaves its seal in `compute_result`, `publish_draw` and `reveal_void` only, and these are
called by the timetable; no view calls them. A step that the state does not allow raises
DrawStateWrong and changes nothing, so every job may come late, twice or on two machines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app import entry
from app.access import Actor, Role
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, new_id, savepoint, touch
from app.draws import (
    assignment,
    bundle,
    eligibility,
    freezing,
    population,
    queries,
    reading,
    rules,
    stages,
)
from app.draws.files import sha256_of
from app.draws.models import Draw, DrawDeposit, DrawEntropy, DrawFile, DrawPlan, DrawSelection
from app.draws.stages import (
    AUDIENCES,
    Audience,
    Depositor,
    DrawKind,
    DrawState,
    EntropyState,
    Fallback,
    Level,
    NewPlan,
    PlanState,
    SelectionKind,
)
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.keys import seal, unseal
from app.people import service as people
from app.people.models import Agency
from app.tasks import service as tasks
from app.tasks.rules import NewTask

DEPOSIT_ROLES = (Role.AUDITOR, Role.LEGAL_REVIEWER, Role.CLERK, Role.SUPERVISOR)


class PlanNotFound(NotFound):
    code, title = "draw-plan-not-found", "未找到抽查计划"


class DrawNotFound(NotFound):
    code, title = "draw-not-found", "未找到抽取"


class PlanInvalid(Invalid):
    """`errors`: pointer and detail of each thing wrong."""

    code, title = "draw-plan-invalid", "抽查计划有误"


class PlanTaken(Conflict):
    code, title = "draw-plan-taken", "同周期已有同名计划"


class PlanInUse(Conflict):
    """`draw_no`, `state`: the draw that was made from the plan."""

    code, title = "draw-plan-in-use", "计划已经用于抽取"


class PlanNotFeasible(Invalid):
    """`shortfalls`: what the plan cannot have, each with stratum and the officers there are."""

    code, title = "draw-plan-not-feasible", "计划无法执行"


class DrawStateWrong(Conflict):
    """`state`: where the draw stands."""

    code, title = "draw-state-wrong", "抽取状态不允许此操作"


class DrawExists(Conflict):
    code, title = "draw-exists", "本周期已经抽取"


class DepositTooLate(Conflict):
    code, title = "deposit-too-late", "公告之后不再接受封存"


class DepositTwice(Conflict):
    code, title = "deposit-twice", "已经封存过"


class DepositsMissing(Conflict):
    code, title = "deposits-missing", "封存的随机数不够"


class RoleNotSuited(Forbidden):
    code, title = "draw-role-not-suited", "须由不同角色的两人办理"


class DiceMalformed(Invalid):
    code, title = "dice-malformed", "骰子数字不符合要求"


class DiceByOnePerson(Forbidden):
    code, title = "dice-by-one-person", "须由另一人录入"


class DiceMismatch(Conflict):
    """Both entries are struck out; the dice have to be read and typed again by both."""

    code, title = "dice-mismatch", "两人录入的数字不一致"


class NotYet(Conflict):
    """`due_at`: from when on it may be done."""

    code, title = "draw-not-yet", "时间未到"


# ---- plans ---------------------------------------------------------------------------------------


def get_plan(plan_id: UUID, agency_id: UUID | None) -> DrawPlan:
    """Return a plan of an agency. Raises PlanNotFound, also for a foreign one."""
    plan = queries.find_plan(plan_id)
    if plan is None or plan.agency_id != agency_id:
        raise PlanNotFound("没有这个抽查计划，或它不属于本机构。")
    return plan


def save_plan(data: NewPlan, *, agency: Agency, by: Actor, at: datetime) -> DrawPlan:
    """Plan a draw; what the plan leaves open takes its default from the day of the draw.

    Raises PlanInvalid (`errors`) and PlanTaken.
    """
    plan = DrawPlan(agency_id=agency.id, district=agency.district, state=PlanState.ACTIVE)
    _write_plan(plan, data, by=by, at=at)
    try:
        with savepoint():
            db.session.add(plan)
    except IntegrityError as error:
        raise PlanTaken("同一周期已有同名的抽查计划，请换一个名称。") from error
    _record_plan(plan, by=by, at=at)
    return plan


def change_plan(plan: DrawPlan, data: NewPlan, *, by: Actor, at: datetime) -> DrawPlan:
    """Replace a plan that nothing was frozen from. Raises PlanInUse, PlanInvalid, PlanTaken."""
    _refuse_used(plan)
    try:
        with savepoint():
            _write_plan(plan, data, by=by, at=at)
    except IntegrityError as error:
        raise PlanTaken("同一周期已有同名的抽查计划，请换一个名称。") from error
    _record_plan(plan, by=by, at=at)
    return plan


def withdraw_plan(plan: DrawPlan, reason: str, *, by: Actor, at: datetime) -> DrawPlan:
    """Take a plan back before anything is frozen from it. Raises PlanInUse."""
    _refuse_used(plan)
    plan.state = PlanState.WITHDRAWN
    for draw in queries.draws_of_plan(plan.id):
        if draw.state == DrawState.PLANNED:
            _void(draw, f"计划撤回：{reason}", by=by, at=at)
    _record_plan(plan, by=by, at=at)
    return plan


def order_redraw(plan: DrawPlan, reason: str, *, by: Actor, at: datetime) -> DrawPlan:
    """Let a plan whose draw is void be drawn again: new number, new manifest, new chance.

    Nothing draws again by itself: a person says so and why. Raises PlanInUse.
    """
    drawn = queries.draws_of_plan(plan.id)
    if not drawn or drawn[-1].state != DrawState.VOID or plan.state != PlanState.ACTIVE:
        raise PlanInUse("只有抽取作废的计划才能重新抽取。")
    plan.redraw_ordered_at, plan.redraw_ordered_by_kind = at, str(by.kind)
    plan.redraw_ordered_by_id, plan.redraw_reason = by.id, reason
    _record_plan(plan, by=by, at=at)
    return plan


def is_due(plan: DrawPlan, on: date) -> bool:
    """Tell whether a plan has to be drawn now: its day has come and nothing was drawn from it.

    After a void draw it is due only when somebody ordered it anew since.
    """
    if plan.state != PlanState.ACTIVE or plan.draw_on > on:
        return False
    drawn = queries.draws_of_plan(plan.id)
    if not drawn:
        return True
    last = drawn[-1]
    ordered = plan.redraw_ordered_at
    return (
        last.state == DrawState.VOID
        and last.voided_at is not None
        and ordered is not None
        and ordered >= last.voided_at
    )


def _write_plan(plan: DrawPlan, data: NewPlan, *, by: Actor, at: datetime) -> None:
    faults = stages.faults(data)
    codes = freezing.stratum_codes(data.strata, data.draw_on)
    faults += [
        stages.Fault(f"strata/{name}", "目录中没有这个专业或对象类别。")
        for name in data.strata
        if name not in codes
    ]
    known = {factor.field for factor in freezing.factors_on(None, data.draw_on)}
    faults += [
        stages.Fault("weight_factors", f"目录中没有“{name}”的权重。")
        for name in data.weight_factors
        if name not in known
    ]
    if faults:
        raise PlanInvalid(
            "抽查计划有误，没有保存：" + "".join(dict.fromkeys(one.detail for one in faults)),
            errors=[{"pointer": f"#/{one.field}", "detail": one.detail} for one in faults],
        )
    for name, value in vars(stages.with_defaults(data)).items():
        setattr(plan, name, value)
    plan.strata = {
        name: list(rule) if isinstance(rule, tuple) else rule for name, rule in data.strata.items()
    }
    plan.weight_factors = list(data.weight_factors)
    plan.saved_at, plan.saved_by_kind, plan.saved_by_id = at, str(by.kind), by.id


def _record_plan(plan: DrawPlan, *, by: Actor, at: datetime) -> None:
    data = {
        "period": plan.period,
        "kind": plan.kind,
        "level": plan.level,
        "draw_on": plan.draw_on.isoformat(),
        "state": plan.state,
        "redraw": plan.redraw_ordered_at is not None,
    }
    journal.record(Event.DRAW_PLAN_SAVED, plan, by=by, at=at, data=data)


def _refuse_used(plan: DrawPlan) -> None:
    for draw in queries.draws_of_plan(plan.id):
        if draw.state != DrawState.PLANNED:
            raise PlanInUse(
                f"计划已经用于抽取 {draw.draw_no}，不能再修改；如需重抽，请先作废该次抽取。",
                draw_no=draw.draw_no,
                state=draw.state,
            )


# ---- freeze --------------------------------------------------------------------------------------


def start_draw(plan: DrawPlan, *, by: Actor, at: datetime, level: Level | None = None) -> Draw:
    """Give a due plan its number; nothing is frozen yet.

    Raises DrawExists when the plan's period has a draw that is not void: of two timetables that
    start at once, one gets it.
    """
    agency = queries.lock_agency(plan.agency_id)
    serial = queries.next_serial(plan.district, plan.year)
    draw = Draw(
        agency_id=agency.id,
        district=plan.district,
        plan_id=plan.id,
        period=plan.period,
        year=plan.year,
        serial=serial,
        draw_no=stages.make_draw_no(plan.district, plan.year, serial),
        state=DrawState.PLANNED,
        level=str(level or plan.level),
        reminders=0,
        summary=[],
    )
    _stamp(draw, "planned", by=by, at=at)
    _copy_plan(draw, plan, at=at)
    try:
        with savepoint():
            db.session.add(draw)
    except IntegrityError as error:
        raise DrawExists("本计划在这个周期已经抽取过，不能再次抽取。") from error
    journal.record(
        Event.DRAW_PLANNED,
        draw,
        by=by,
        at=at,
        data={"draw_no": draw.draw_no, "plan_id": str(plan.id), "level": draw.level},
    )
    return draw


def _copy_plan(draw: Draw, plan: DrawPlan, *, at: datetime) -> None:
    """Take over from the plan what the draw goes by; a plan cannot change after the freeze.

    A draw of another level than planned (the fallback) opens its deposits as a plan made on its
    day would.
    """
    for name in ("hash", "draw_on", "due_on", "reveal", "team_size", "list_public"):
        setattr(draw, name, getattr(plan, name))
    if draw.level == plan.level:
        for name in ("deposits_close_at", "opens_at", "dice_until_at"):
            setattr(draw, name, getattr(plan, name))
    elif draw.deposits_close_at is None:
        draw.deposits_close_at = at + timedelta(hours=12)
        draw.opens_at = at + timedelta(hours=15)


def freeze_draw(draw: Draw, prepared: freezing.Prepared, *, by: Actor, at: datetime) -> Draw:
    """Store the prepared files: from here on nobody enters or leaves the list.

    Their hashes go into the journal, whose published head proves the time. Raises
    PlanNotFeasible (`shortfalls`, with the officers there are) and DrawStateWrong.
    """
    _follow(draw, DrawState.FROZEN)
    _refuse_infeasible(prepared.frozen)
    _copy_plan(draw, draw.plan, at=at)
    for name, content in prepared.files.items():
        _store_file(draw, name, content)
    draw.summary = [
        {
            "name": row.name,
            "specialty": row.specialty,
            "object_class": row.object_class,
            "listed": row.listed,
            "eligible": row.eligible,
            "drawn": row.drawn,
        }
        for row in prepared.frozen.strata
    ]
    draw.state, draw.held_code, draw.held_detail = DrawState.FROZEN, None, None
    _stamp(draw, "frozen", by=by, at=at)
    journal.record(
        Event.DRAW_FROZEN,
        draw,
        by=by,
        at=at,
        data={
            "draw_no": draw.draw_no,
            "units": len(prepared.frozen.listed),
            **{
                f"{name.partition('.')[0]}_sha256": sha256_of(content)
                for name, content in prepared.files.items()
            },
        },
    )
    return draw


def _refuse_infeasible(frozen: population.Frozen) -> None:
    if blocking := frozen.blocking:
        raise PlanNotFeasible(
            "计划无法执行，名单没有冻结：" + "".join(one.detail for one in blocking[:3]),
            shortfalls=[
                {"code": one.code, "stratum": one.stratum, "detail": one.detail} for one in blocking
            ],
        )


def hold_draw(draw: Draw, code: str, detail: str, *, by: Actor, at: datetime) -> bool:
    """Note on a draw why the timetable could not go on; supervisors see it until it is solved.

    Returns whether that is news.
    """
    if (draw.held_code, draw.held_detail) == (code, detail):
        return False
    draw.held_code, draw.held_detail = code, detail
    data = {"draw_no": draw.draw_no, "code": code}
    journal.record(Event.DRAW_HELD, draw, by=by, at=at, data=data)
    return True


# ---- announcement --------------------------------------------------------------------------------


def announce_draw(draw: Draw, *, secret: bytes, by: Actor, at: datetime) -> Draw:
    """Publish the manifest: list, rules, deposits and the commitment to `secret` are now fixed.

    `secret` are 32 bytes of `secrets.token_bytes`, used for nothing else; they are stored sealed.
    Standing deposits join those made for it where these do not suffice. Raises NotYet before the
    deposits close, DepositsMissing without two people of different roles, DrawStateWrong.
    """
    _follow(draw, DrawState.ANNOUNCED)
    queries.lock_agency(draw.agency_id)
    deposits: list[DrawDeposit] = []
    if draw.level == Level.SEALED:
        deposits = _close_deposits(draw, at=at)
    previous = queries.last_announced(draw.agency_id)
    contents = queries.contents_of(draw.id)
    manifest = bundle.make_manifest(
        {
            "draw_no": draw.draw_no,
            "prev": "0" * 64 if previous is None else previous.manifest_sha256,
            "plan": draw.plan.strata,
            "entropy_sources": stages.sources_of(draw.level, len(deposits), draw.plan.fallback),
            "commit": rules.commit_of(secret, draw.hash),
            "coordination": draw.plan.coordination,
            "hash": draw.hash,
            "deposits": [one.commitment for one in deposits],
            "deadline": _deadline(draw),
            "reveal_on": draw.reveal,
            **{
                f"{name.partition('.')[0]}_sha256": sha256_of(contents[name])
                for name in (
                    "population.tsv",
                    "rules.json",
                    "officers.tsv",
                    "exclusions.tsv",
                    "barred.tsv",
                )
            },
            **_private_list(draw, contents),
        }
    )
    draw.announce_serial = 1 if previous is None else (previous.announce_serial or 0) + 1
    draw.manifest_sha256 = manifest.sha256
    draw.secret_sealed = seal(_draw_key(), secret, aad=_aad("secret", draw.id))
    draw.state, draw.held_code, draw.held_detail = DrawState.ANNOUNCED, None, None
    _stamp(draw, "announced", by=by, at=at)
    _store_file(draw, "manifest.json", manifest.data)
    _make_public(draw, Audience.ANNOUNCED, at=at)
    journal.record(
        Event.DRAW_ANNOUNCED,
        draw,
        by=by,
        at=at,
        data={
            "draw_no": draw.draw_no,
            "manifest_sha256": manifest.sha256,
            "prev": manifest.prev,
            "commit": manifest.commit,
            "deposits": len(deposits),
        },
    )
    return draw


def _close_deposits(draw: Draw, *, at: datetime) -> list[DrawDeposit]:
    """Number the deposits that count and set when they are opened."""
    closes, opens = draw.deposits_close_at, draw.opens_at
    if closes is None or opens is None:
        raise DrawStateWrong("抽取没有封存截止时刻。", state=draw.state)
    if at < closes:
        raise NotYet("封存尚未截止，不能公告。", due_at=closes)
    found = reading.counting_deposits(draw)
    if not stages.are_enough(Depositor(one.account_id, one.role) for one in found):
        raise DepositsMissing(
            "至少需要两名不同角色的人员封存随机数，收齐之前不会公告。", deposits=len(found)
        )
    for number, one in enumerate(found, 1):
        one.draw_id, one.number = draw.id, number
    draw.opens_at = stages.opening_at(closes, opens, announced_at=at)
    return found


def _deadline(draw: Draw) -> str:
    due_at = draw.opens_at if draw.level == Level.SEALED else draw.dice_until_at
    return f"{(due_at or draw.planned_at).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _private_list(draw: Draw, contents: Mapping[str, bytes]) -> dict[str, str]:
    """Return the Merkle root by which each unit can be shown its own line of a private list."""
    if draw.list_public:
        return {}
    lines = contents["population.tsv"].decode().splitlines()
    if not lines:
        return {}
    salts = [line.split("\t")[2] for line in contents["salts.tsv"].decode().splitlines()]
    leaves = [
        bundle.merkle_leaf(bytes.fromhex(salt), line, draw.hash)
        for salt, line in zip(salts, lines, strict=True)
    ]
    return {"merkle_root": bundle.merkle_root(leaves, draw.hash).hex()}


# ---- chance from people --------------------------------------------------------------------------


def deposit(
    draw: Draw | None,
    value: bytes,
    *,
    agency: Agency,
    by: Actor,
    at: datetime,
    hash_name: str = "sha256",
) -> DrawDeposit:
    """Seal 32 random bytes for a draw, or (None) for the next sealed one; it serves one draw.

    Only the commitment is ever shown. Raises DepositTooLate after the manifest, DepositTwice,
    DrawStateWrong for an attended draw, RoleNotSuited.
    """
    role = stages.role_for(by.roles, DEPOSIT_ROLES, taken=None)
    if role is None or by.id is None:
        raise RoleNotSuited("封存须由监督科长、法制审核、信用公示或纪检稽查人员办理。")
    if draw is not None:
        _lock(draw)
        _refuse_deposit(draw, by)
        hash_name = draw.hash
    deposit_id = new_id()
    made = DrawDeposit(
        id=deposit_id,
        agency_id=agency.id,
        district=agency.district,
        draw_id=None if draw is None else draw.id,
        account_id=by.id,
        role=str(role),
        hash=hash_name,
        commitment=rules.deposit_commitment(value, hash_name),
        value_sealed=seal(_draw_key(), value, aad=_aad("deposit", deposit_id)),
    )
    _stamp(made, "deposited", by=by, at=at)
    try:
        with savepoint():
            db.session.add(made)
    except IntegrityError as error:
        raise DepositTwice("您已经封存过，或者这个随机数已被使用，请换一个新的。") from error
    if draw is not None:
        touch(draw)
    journal.record(
        Event.DRAW_DEPOSITED,
        made,
        by=by,
        at=at,
        data={
            "draw_no": None if draw is None else draw.draw_no,
            "role": made.role,
            "commitment": made.commitment,
        },
    )
    return made


def _refuse_deposit(draw: Draw, by: Actor) -> None:
    if draw.level != Level.SEALED:
        raise DrawStateWrong("现场式抽取以骰子为随机数，不需要封存。", state=draw.state)
    if draw.state not in (DrawState.PLANNED, DrawState.FROZEN):
        raise DepositTooLate(
            "公告已经发布，不再接受封存；可以为以后的抽取预先封存。", state=draw.state
        )
    if any(one.account_id == by.id for one in queries.deposits_of(draw.id)):
        raise DepositTwice("您已经为这次抽取封存过随机数。")


class DiceEntered(NamedTuple):
    """What became of the digits: the first of two, sealed, or struck out with the first."""

    state: EntropyState
    draw: Draw


def enter_dice(draw: Draw, digits: str, *, by: Actor, at: datetime) -> DiceEntered:
    """Type what the dice show; the second person of another role types the same independently.

    Two that agree are sealed and the draw is `seeded`. Two that differ are both struck out and
    kept: the caller commits that and then refuses with `dice_mismatch`. Nobody can read a first
    entry. Raises DiceMalformed, DiceByOnePerson, RoleNotSuited, DrawStateWrong.
    """
    _lock(draw)
    if draw.level != Level.ATTENDED or draw.state != DrawState.ANNOUNCED:
        raise DrawStateWrong("只有已公告的现场式抽取才能录入骰子数字。", state=draw.state)
    if not stages.are_dice(digits):
        raise DiceMalformed(f"应为 {stages.DICE_DIGITS} 个数字（每枚十面骰子一个），中间不留空格。")
    entries = queries.entries_of(draw.id)
    first = next((one for one in entries if one.state == EntropyState.FIRST), None)
    if first is not None and first.account_id == by.id:
        raise DiceByOnePerson("同一组骰子须由另一名不同角色的人员再录入一次。")
    role = stages.role_for(by.roles, DEPOSIT_ROLES, taken=None if first is None else first.role)
    if role is None or by.id is None:
        raise RoleNotSuited("两次录入须由不同角色的两人办理。")
    state = EntropyState.FIRST
    if first is not None:
        same = first.digits == digits
        first.state = state = EntropyState.SEALED if same else EntropyState.REJECTED
    attempt = first.attempt if first else 1 + max((one.attempt for one in entries), default=0)
    made = DrawEntropy(
        draw_id=draw.id,
        attempt=attempt,
        digits=digits,
        account_id=by.id,
        role=str(role),
        state=state,
    )
    _stamp(made, "entered", by=by, at=at)
    db.session.add(made)
    touch(draw)
    data = {"draw_no": draw.draw_no, "attempt": attempt, "role": str(role), "state": str(state)}
    journal.record(Event.DRAW_ENTROPY_ENTERED, draw, by=by, at=at, data=data)
    if state is EntropyState.SEALED:
        _seed(draw, by=by, at=at)
    return DiceEntered(state, draw)


def dice_mismatch() -> DiceMismatch:
    """Return what is answered when two entries differ, once they are struck out."""
    return DiceMismatch("两人录入的数字不一致，两次录入都已作废，请重新读取骰子并分别录入。")


def open_deposits(draw: Draw, *, by: Actor, at: datetime) -> Draw:
    """Seed a sealed draw at its announced opening. Raises NotYet and DrawStateWrong."""
    if draw.level != Level.SEALED:
        raise DrawStateWrong("现场式抽取由骰子产生随机数。", state=draw.state)
    if draw.opens_at is None or at < draw.opens_at:
        raise NotYet("尚未到公告的开启时刻。", due_at=draw.opens_at)
    _seed(draw, by=by, at=at)
    return draw


def _seed(draw: Draw, *, by: Actor, at: datetime) -> None:
    _follow(draw, DrawState.SEEDED)
    draw.state = DrawState.SEEDED
    _stamp(draw, "seeded", by=by, at=at)
    journal.record(Event.DRAW_SEEDED, draw, by=by, at=at, data={"draw_no": draw.draw_no})


def remind(draw: Draw, *, by: Actor, at: datetime) -> bool:
    """Count a working day on which a draw waits for people; once a day. Returns whether it was.

    In a year without calendar every day counts: nothing is forgotten for want of it.
    """
    today = local_date(at)
    if draw.reminded_on == today or catalogue.calendar().is_working_day(today) is False:
        return False
    draw.reminded_on, draw.reminders = today, draw.reminders + 1
    data = {"draw_no": draw.draw_no, "reminders": draw.reminders}
    journal.record(Event.DRAW_REMINDED, draw, by=by, at=at, data=data)
    return True


# ---- result --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Computed:
    """A result, computed from the frozen bytes of one version of a draw; not stored yet."""

    draw_id: UUID
    version: int
    drawn: bundle.Drawn
    assigned: assignment.Assignment | None


def compute_result(draw: Draw) -> Computed:
    """Return the result of a seeded draw; outside any transaction, and only by the timetable.

    Opens the seal of secret and deposits. Raises DrawStateWrong and what the engine refuses
    (DrawFileChanged, SecretMismatch …): then somebody changed what had been frozen.
    """
    if draw.state != DrawState.SEEDED:
        raise DrawStateWrong("随机数尚未封定，不能抽取。", state=draw.state)
    contents = queries.contents_of(draw.id)
    manifest = bundle.parse_manifest(contents["manifest.json"])
    secret, entropy = _unseal_chance(draw)
    drawn = bundle.draw(manifest, contents["population.tsv"], secret, entropy)
    for name in ("officers.tsv", "barred.tsv"):
        digest = getattr(manifest, f"{name.partition('.')[0]}_sha256")
        if sha256_of(contents[name]) != digest:
            raise rules.DrawFileChanged(f"{name} 与公告的摘要不符，文件被改动过。")
    assigned = assignment.assign(
        drawn.x,
        eligibility.parse_officers(contents["officers.tsv"]),
        eligibility.needs_of(drawn.results, draw.team_size),
        eligibility.parse_barred(contents["barred.tsv"]),
        draw.hash,
    )
    return Computed(draw.id, draw.version, drawn, assigned)


def store_result(draw: Draw, computed: Computed, *, by: Actor, at: datetime) -> Draw:
    """Store a computed result with its tasks, all or nothing; a second time is refused.

    A team that may not go any more (a recusal declared after the freeze) leaves its task pending:
    the result stands, the slot is drawn anew by a person. Raises DrawStateWrong when the draw has
    moved since it was computed.
    """
    _follow(draw, DrawState.DRAWN)
    if draw.version != computed.version or computed.assigned is None:
        raise DrawStateWrong("抽取在计算之后发生了变化，结果没有写入。", state=draw.state)
    files = {
        "result.tsv": computed.drawn.result_tsv,
        "eligible.tsv": eligibility.write_eligible(computed.assigned.rows),
        "assignment.tsv": assignment.write_assignment(computed.assigned.teams),
    }
    for name, content in files.items():
        _store_file(draw, name, content)
    draw.state, draw.held_code, draw.held_detail = DrawState.DRAWN, None, None
    draw.result_sha256 = computed.drawn.sha256
    _stamp(draw, "drawn", by=by, at=at)
    selection = _store_selection(draw, computed.drawn)
    pending = _create_tasks(draw, selection, computed.assigned.teams, by=by, at=at)
    journal.record(
        Event.DRAW_DRAWN,
        draw,
        by=by,
        at=at,
        data={
            "draw_no": draw.draw_no,
            "result_sha256": draw.result_sha256,
            "assignment_sha256": sha256_of(files["assignment.tsv"]),
            "selected": sum(one.kind == SelectionKind.SELECTED for one in selection),
            "without_team": pending,
        },
    )
    return draw


def _store_selection(draw: Draw, drawn: bundle.Drawn) -> list[DrawSelection]:
    lots = [
        (stratum.stratum, one, lot)
        for stratum in drawn.results
        for one in stratum.classes
        for lot in one.lots()
    ]
    ids = queries.unit_ids(draw.agency_id, [lot.id for _, _, lot in lots])
    selection = [
        DrawSelection(
            draw_id=draw.id,
            stratum=stratum,
            weight=one.weight,
            rank=lot.rank,
            kind=SelectionKind.SELECTED if lot.rank <= one.quota.drawn else SelectionKind.RESERVE,
            archive_no=lot.id,
            ticket=lot.ticket,
            unit_id=ids[lot.id],
        )
        for stratum, one, lot in lots
    ]
    db.session.add_all(selection)
    return selection


def _create_tasks(
    draw: Draw,
    selection: Sequence[DrawSelection],
    teams: Sequence[assignment.Team],
    *,
    by: Actor,
    at: datetime,
) -> int:
    """Create and assign one task for each drawn unit; return how many stay without a team."""
    by = replace(by, agency_id=draw.agency_id, district=draw.district)
    chosen = [one for one in selection if one.kind == SelectionKind.SELECTED]
    strata = {row["name"]: row for row in draw.summary}
    registrations = queries.registrations_of(draw.agency_id)
    checklists = catalogue.in_force("checklist", local_date(at))
    made = tasks.create_tasks(
        [
            _new_task(draw, strata[one.stratum], one.unit_id, registrations, checklists)
            for one in chosen
        ],
        agency=people.get_agency(draw.agency_id),
        by=by,
        at=at,
    )
    officers = queries.officer_ids(draw.agency_id)
    by_unit = {(team.stratum, team.id): team for team in teams}
    pending = 0
    for one, task in zip(chosen, made, strict=True):
        one.task_id = task.id
        team = by_unit[one.stratum, one.archive_no]
        members = [officers[certificate] for certificate in (team.lead, *team.others)]
        try:
            tasks.assign_task(task.id, members, members[0], by=by, at=at)
        except tasks.TeamInvalid:  # it is refused before anything is changed
            pending += 1
    return pending


def _new_task(
    draw: Draw,
    stratum: Mapping[str, Any],
    unit_id: UUID,
    registrations: Mapping[UUID, Sequence[tuple[str, str]]],
    checklists: Sequence[Any],
) -> NewTask:
    classes = sorted(
        object_class
        for specialty, object_class in registrations.get(unit_id, ())
        if specialty == stratum["specialty"]
    )
    object_class = stratum["object_class"] or next(iter(classes), None)
    checklist = next(
        (
            row.code
            for row in checklists
            if row.body["specialty"] == stratum["specialty"]
            and object_class in row.body["object_classes"]
        ),
        None,
    )
    joint = draw.plan.kind == DrawKind.CROSS_DEPARTMENT
    return NewTask(
        unit_id=unit_id,
        specialty=stratum["specialty"],
        origin="joint-drawn" if joint else "drawn",
        object_class=object_class,
        origin_reference=draw.draw_no,
        level=draw.plan.kind,
        checklist_code=checklist,
        due_on=draw.due_on,
    )


def _unseal_chance(draw: Draw) -> tuple[bytes, list[str]]:
    """Return the secret and the entropy strings, in the order of the announced sources."""
    if draw.secret_sealed is None:
        raise DrawStateWrong("抽取还没有公告。", state=draw.state)
    secret = unseal(_draw_key(), draw.secret_sealed, aad=_aad("secret", draw.id))
    if draw.level == Level.ATTENDED:
        digits = queries.sealed_dice(draw.id)
        return secret, [] if digits is None else [digits]
    return secret, [
        unseal(_draw_key(), one.value_sealed, aad=_aad("deposit", one.id)).hex()
        for one in queries.deposits_of(draw.id)
    ]


# ---- publication ---------------------------------------------------------------------------------


def publish_draw(draw: Draw, *, by: Actor, at: datetime) -> Draw:
    """Publish secret, result and teams on the day the plan named; only by the timetable.

    Raises NotYet (`reveal`) and DrawStateWrong.
    """
    _follow(draw, DrawState.PUBLISHED)
    if not stages.is_revealed(draw.reveal, open_tasks=queries.open_tasks_of(draw.id), at=at):
        raise NotYet("尚未到结果公开日。", reveal=draw.reveal)
    secret, entropy = _unseal_chance(draw)
    _store_file(draw, "reveal.json", bundle.write_reveal(secret, entropy))
    _make_public(draw, Audience.REVEALED, at=at)
    draw.state = DrawState.PUBLISHED
    _stamp(draw, "published", by=by, at=at)
    data = {"draw_no": draw.draw_no, "result_sha256": draw.result_sha256}
    journal.record(Event.DRAW_PUBLISHED, draw, by=by, at=at, data=data)
    return draw


def void_draw(draw: Draw, reason: str, *, by: Actor, at: datetime) -> Draw:
    """End a draw that has no tasks yet; number, secret and would-be result stay for all to see.

    The timetable then publishes the secret (`reveal_void`): nobody can try draws in secret and
    keep the one they like. Raises DrawStateWrong once tasks were made.
    """
    return _void(draw, reason, by=by, at=at)


def _void(draw: Draw, reason: str, *, by: Actor, at: datetime) -> Draw:
    _follow(draw, DrawState.VOID)
    before = draw.state
    draw.state, draw.void_reason = DrawState.VOID, reason
    draw.held_code, draw.held_detail = None, None
    _stamp(draw, "voided", by=by, at=at)
    data = {"draw_no": draw.draw_no, "state_before": str(before)}
    journal.record(Event.DRAW_VOIDED, draw, by=by, at=at, data=data)
    return draw


def reveal_void(draw: Draw, *, by: Actor, at: datetime) -> Draw:
    """Publish the secret of a void draw, and what it would have drawn where its chance is whole.

    Only by the timetable. Raises DrawStateWrong for a draw that is not void or was not announced.
    """
    _lock(draw)
    if draw.state != DrawState.VOID or queries.find_file(draw.id, "reveal.json") is not None:
        raise DrawStateWrong("只有作废的抽取才能这样公开。", state=draw.state)
    secret, entropy = _unseal_chance(draw)
    if entropy:
        contents = queries.contents_of(draw.id)
        manifest = bundle.parse_manifest(contents["manifest.json"])
        drawn = bundle.draw(manifest, contents["population.tsv"], secret, entropy)
        _store_file(draw, "result.tsv", drawn.result_tsv)
        draw.result_sha256 = drawn.sha256
    _store_file(draw, "reveal.json", bundle.write_reveal(secret, entropy))
    db.session.flush()  # the files just stored become public with the others
    for name in ("reveal.json", "result.tsv"):
        file = queries.find_file(draw.id, name)
        if file is not None:
            file.public_from = at
    touch(draw)
    data = {"draw_no": draw.draw_no, "result_sha256": draw.result_sha256}
    journal.record(Event.DRAW_PUBLISHED, draw, by=by, at=at, data=data)
    return draw


def fall_back(draw: Draw, *, by: Actor, at: datetime) -> Draw:
    """Replace an attended draw that nobody rolled dice for by a sealed one, as its plan said.

    The attended one is void and its secret becomes public. Returns the new draw. Raises NotYet
    before the deadline and DrawStateWrong without a fallback.
    """
    if draw.level != Level.ATTENDED or draw.plan.fallback != Fallback.SEALED:
        raise DrawStateWrong("计划没有规定后备方式。", state=draw.state)
    if draw.dice_until_at is None or at < draw.dice_until_at:
        raise NotYet("尚未到掷骰截止时刻。", due_at=draw.dice_until_at)
    _void(draw, "逾期未掷骰，按公告改为封存式另行抽取。", by=by, at=at)
    db.session.flush()  # the period is free for the new draw only when this one is void
    return start_draw(draw.plan, by=by, at=at, level=Level.SEALED)


# ---- reading -------------------------------------------------------------------------------------


def get_draw(draw_no: str, agency_id: UUID | None) -> Draw:
    """Return a draw of an agency. Raises DrawNotFound, also for a foreign one."""
    draw = queries.find_draw(draw_no) if stages.DRAW_NO.fullmatch(draw_no) else None
    if draw is None or draw.agency_id != agency_id:
        raise DrawNotFound("没有这个编号的抽取，或它不属于本机构。")
    return draw


def get_public_draw(draw_no: str) -> Draw:
    """Return a draw of any agency, for what is public of it. Raises DrawNotFound."""
    draw = queries.find_draw(draw_no) if stages.DRAW_NO.fullmatch(draw_no) else None
    if draw is None:
        raise DrawNotFound("没有这个编号的抽取，请核对编号。")
    return draw


# ---- small things --------------------------------------------------------------------------------


def _lock(draw: Draw) -> None:
    """Read a draw anew and lock its row: who comes second sees what the first one did."""
    db.session.refresh(draw, with_for_update={"of": Draw})


def _follow(draw: Draw, to: DrawState) -> None:
    _lock(draw)
    if not stages.may_follow(draw.state, to):
        raise DrawStateWrong(
            f"抽取处于“{stages.STATE_NAMES[draw.state]}”，不能进行这项操作。", state=draw.state
        )


def _stamp(row: Any, prefix: str, *, by: Actor, at: datetime) -> None:
    setattr(row, f"{prefix}_at", at)
    setattr(row, f"{prefix}_by_kind", str(by.kind))
    setattr(row, f"{prefix}_by_id", by.id)


def _store_file(draw: Draw, name: str, content: bytes) -> None:
    audience = AUDIENCES[name]
    if name == "population.tsv" and not draw.list_public:
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


def _make_public(draw: Draw, audience: Audience, *, at: datetime) -> None:
    db.session.flush()  # the files just stored become public with the others
    for file in queries.files_of(draw.id):
        if file.audience == audience:
            file.public_from = at


def _draw_key() -> bytes:
    return entry.keys().draw_key


def _aad(what: str, row_id: UUID) -> bytes:
    """Bind a sealed value to its place: moved to another row it does not open."""
    return f"suicha {what} {row_id}".encode()
