"""Draws from number to publication: who is inspected and by whom, so that anybody can check it.

The secret leaves its seal in `outcome.compute_result`, `publish_draw` and `reveal_void` only, and
these are called by the timetable; no view calls them. A step that the state does not allow raises
DrawStateWrong and changes nothing, so every job may come late, twice or on two machines.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, savepoint, touch
from app.draws import bundle, checks, freezing, population, queries, rules, stages
from app.draws.files import sha256_of
from app.draws.models import Draw, DrawDeposit, DrawPlan
from app.draws.seeding import close_deposits, refuse_passed, unseal_chance
from app.draws.stages import Audience, DrawState, Fallback, Level
from app.draws.steps import (
    DrawStateWrong,
    NotYet,
    aad,
    by_timetable,
    draw_key,
    follow,
    list_public,
    lock,
    make_public,
    refuse_held,
    release,
    stamp,
    store_file,
    void,
)
from app.errors import Conflict, DomainError, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.keys import seal


class DrawNotFound(NotFound):
    code, title = "draw-not-found", "未找到抽取"


class PlanNotFeasible(Invalid):
    """`shortfalls`: what the plan cannot have, each with the units and officers that make it so."""

    code, title = "draw-plan-not-feasible", "计划无法执行"


class DrawExists(Conflict):
    code, title = "draw-exists", "本周期已经抽取"


class DrawNumberTaken(Conflict):
    """`draw_no`: the number that another draw has."""

    code, title = "draw-number-taken", "抽取编号已被使用"


# ---- freeze --------------------------------------------------------------------------------------


def start_draw(plan: DrawPlan, *, by: Actor, at: datetime, level: Level | None = None) -> Draw:
    """Give a due plan its number; nothing is frozen yet.

    Raises DrawExists when the plan's period has a draw that is not void: of two timetables that
    start at once, one gets it. Raises DrawNumberTaken when another draw has the number that would
    be next.
    """
    agency = queries.lock_agency(plan.agency_id)
    refuse_held(plan.agency_id, plan.period)
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
    stamp(draw, "planned", by=by, at=at)
    _copy_plan(draw, plan, at=at)
    try:
        with savepoint():
            db.session.add(draw)
    except IntegrityError as error:
        if any(one.state != DrawState.VOID for one in queries.draws_of_plan(plan.id)):
            raise DrawExists("本计划在这个周期已经抽取过，不能再次抽取。") from error
        draw_no = stages.make_draw_no(plan.district, plan.year, serial)
        raise DrawNumberTaken(
            f"编号 {draw_no} 已经属于另一次抽取，一个编号只能抽取一次。", draw_no=draw_no
        ) from error
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
    PlanNotFeasible (`shortfalls`, with the officers there are), BeaconPassed and DrawStateWrong.
    """
    follow(draw, DrawState.FROZEN)
    if draw.level == Level.BEACON:
        refuse_passed(draw.plan.beacon, at)
    _refuse_infeasible(prepared.frozen)
    _copy_plan(draw, draw.plan, at=at)
    for name, content in prepared.files.items():
        store_file(draw, name, content)
    draw.summary = [
        {
            "name": row.name,
            "specialty": row.specialty,
            "object_class": row.object_class,
            "listed": row.listed,
            "eligible": row.eligible,
            "drawn": row.drawn,
            "rule": row.rule,
        }
        for row in prepared.frozen.strata
    ]
    draw.state = DrawState.FROZEN
    release(draw)
    stamp(draw, "frozen", by=by, at=at)
    journal.record(
        Event.DRAW_FROZEN,
        draw,
        by=by,
        at=at,
        data={
            "draw_no": draw.draw_no,
            "units": len(prepared.frozen.listed),
            "exclusions": list(draw.plan.exclusions),
            "cutoff_on": None if draw.plan.cutoff_on is None else draw.plan.cutoff_on.isoformat(),
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
            shortfalls=[one._asdict() for one in blocking],
        )


def hold_draw(draw: Draw, error: DomainError, *, by: Actor, at: datetime) -> bool:
    """Note on a draw why the timetable could not go on; supervisors see it until it is solved.

    Of a plan that cannot be met they see the units and officers too. Returns whether that is news.
    """
    code, detail = error.code, error.detail
    shortfalls = error.extras.get("shortfalls")
    extras = None if shortfalls is None else {"shortfalls": shortfalls}
    if (draw.held_code, draw.held_detail, draw.held_extras) == (code, detail, extras):
        return False
    draw.held_code, draw.held_detail, draw.held_extras = code, detail, extras
    data = {"draw_no": draw.draw_no, "code": code}
    journal.record(Event.DRAW_HELD, draw, by=by, at=at, data=data)
    return True


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


# ---- announcement --------------------------------------------------------------------------------


def announce_draw(draw: Draw, *, secret: bytes, by: Actor, at: datetime) -> Draw:
    """Publish the manifest: list, rules, deposits and the commitment to `secret` are now fixed.

    `secret` are 32 bytes of `secrets.token_bytes`, used for nothing else; they are stored sealed.
    Standing deposits join those made for it where these do not suffice. Raises NotYet before the
    deposits close, DepositsMissing without two people of different roles, DrawStateWrong,
    NotByPeople, BeaconPassed, and a kind of DrawFileChanged where a file is not as it was frozen.
    """
    by_timetable(by)
    follow(draw, DrawState.ANNOUNCED)
    queries.lock_agency(draw.agency_id)
    deposits: list[DrawDeposit] = []
    if draw.level == Level.SEALED:
        deposits = close_deposits(draw, by=by, at=at)
    if draw.level == Level.BEACON:
        refuse_passed(draw.plan.beacon, at)
    previous = queries.last_announcement(draw.agency_id)
    contents = queries.contents_of(draw.id)
    checks.check_files(draw, contents)
    manifest = bundle.make_manifest(
        {
            "draw_no": draw.draw_no,
            "prev": previous.manifest_sha256 or "0" * 64,
            "plan": {**draw.plan.strata, **{row["name"]: row["rule"] for row in draw.summary}},
            "entropy_sources": stages.sources_of(
                draw.level, len(deposits), draw.plan.fallback, draw.plan.beacon
            ),
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
    draw.announce_serial = previous.serial + 1
    draw.manifest_sha256 = manifest.sha256
    draw.secret_sealed = seal(draw_key(), secret, aad=aad("secret", draw.id))
    draw.state = DrawState.ANNOUNCED
    release(draw)
    stamp(draw, "announced", by=by, at=at)
    store_file(draw, "manifest.json", manifest.data)
    make_public(draw, Audience.ANNOUNCED, at=at)
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


# ---- publication ---------------------------------------------------------------------------------


def publish_draw(draw: Draw, *, by: Actor, at: datetime) -> Draw:
    """Publish secret, result and teams on the day the plan named; only by the timetable.

    Raises NotYet (`reveal`), DrawStateWrong, NotByPeople, and a kind of DrawFileChanged: what was
    changed since is not published.
    """
    by_timetable(by)
    follow(draw, DrawState.PUBLISHED)
    if not stages.is_revealed(draw.reveal, open_tasks=queries.open_tasks_of(draw.id), at=at):
        raise NotYet("尚未到结果公开日。", reveal=draw.reveal)
    checks.check_files(draw, queries.contents_of(draw.id))
    secret, entropy = unseal_chance(draw)
    store_file(draw, "reveal.json", bundle.write_reveal(secret, entropy))
    make_public(draw, Audience.REVEALED, at=at)
    draw.state = DrawState.PUBLISHED
    stamp(draw, "published", by=by, at=at)
    _record_published(draw, by=by, at=at)
    return draw


def _record_published(draw: Draw, *, by: Actor, at: datetime) -> None:
    data = {
        "draw_no": draw.draw_no,
        "result_sha256": draw.result_sha256,
        "bundle_sha256": list_public(draw, at=at),
    }
    journal.record(Event.DRAW_PUBLISHED, draw, by=by, at=at, data=data)


def void_draw(draw: Draw, reason: str, *, by: Actor, at: datetime) -> Draw:
    """End a draw that has no tasks yet; number, secret and would-be result stay for all to see.

    The timetable then publishes the secret (`reveal_void`): nobody can try draws in secret and
    keep the one they like. Raises DrawStateWrong once tasks were made.
    """
    return void(draw, reason, by=by, at=at)


def reveal_void(draw: Draw, *, by: Actor, at: datetime) -> Draw:
    """Publish the secret of a void draw, and what it would have drawn where its chance is whole.

    Raises DrawStateWrong for a draw that is not void or was not announced, NotByPeople, and a kind
    of DrawFileChanged.
    """
    by_timetable(by)
    lock(draw)
    if draw.state != DrawState.VOID or queries.find_file(draw.id, "reveal.json") is not None:
        raise DrawStateWrong("只有作废的抽取才能这样公开。", state=draw.state)
    secret, entropy = unseal_chance(draw)
    if entropy:
        contents = queries.contents_of(draw.id)
        checks.check_files(draw, contents)
        manifest = bundle.parse_manifest(contents["manifest.json"])
        drawn = bundle.draw(manifest, contents["population.tsv"], secret, entropy)
        store_file(draw, "result.tsv", drawn.result_tsv)
        draw.result_sha256 = drawn.sha256
    store_file(draw, "reveal.json", bundle.write_reveal(secret, entropy))
    db.session.flush()  # the files just stored become public with the others
    # the result of a given list is the list itself, and those on it are still to be inspected
    given = draw.plan.given_list_id is not None
    for name in ("reveal.json",) if given else ("reveal.json", "result.tsv"):
        file = queries.find_file(draw.id, name)
        if file is not None:
            file.public_from = at
    touch(draw)
    _record_published(draw, by=by, at=at)
    return draw


def fall_back(draw: Draw, *, by: Actor, at: datetime) -> Draw:
    """Replace a draw that nobody entered public chance for by a sealed one, as its plan said.

    The first one is void and its secret becomes public. Returns the new draw. Raises NotYet
    before the deadline and DrawStateWrong without a fallback.
    """
    if draw.level == Level.SEALED or draw.plan.fallback != Fallback.SEALED:
        raise DrawStateWrong("计划没有规定后备方式。", state=draw.state)
    if draw.dice_until_at is None or at < draw.dice_until_at:
        raise NotYet("尚未到录入随机数的截止时刻。", due_at=draw.dice_until_at)
    void(draw, "逾期未录入随机数，按公告改为封存式另行抽取。", by=by, at=at)
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
