"""Whence the chance of a draw comes: deposits that people seal, dice or beacon that two type.

What is sealed here opens in `unseal_chance` only, and that is called by what the timetable does.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.exc import IntegrityError

from app.access import Actor, Role
from app.db import db, new_id, savepoint, touch
from app.draws import checks, queries, reading, rules, stages
from app.draws.models import Draw, DrawDeposit, DrawEntropy
from app.draws.stages import Depositor, DrawState, EntropyState, Level
from app.draws.steps import (
    DrawStateWrong,
    NotYet,
    aad,
    by_timetable,
    draw_key,
    follow,
    lock,
    refuse_held,
    stamp,
)
from app.errors import Conflict, Forbidden, Invalid
from app.journal import service as journal
from app.journal.rules import Event
from app.keys import SealBroken, seal, unseal
from app.people.models import Agency

DEPOSIT_ROLES = (Role.AUDITOR, Role.LEGAL_REVIEWER, Role.CLERK, Role.SUPERVISOR)


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


class BeaconMalformed(Invalid):
    """`source`: the one whose value is not of its form."""

    code, title = "beacon-malformed", "信标数字不符合要求"


class BeaconPassed(Conflict):
    """`source`, `known_at`: who freezes or announces after that could know the chance."""

    code, title = "beacon-passed", "信标轮次已经公布"


class DiceByOnePerson(Forbidden):
    code, title = "dice-by-one-person", "须由另一人录入"


class DiceMismatch(Conflict):
    """Both entries are struck out; the dice have to be read and typed again by both."""

    code, title = "dice-mismatch", "两人录入的数字不一致"


# ---- deposits ------------------------------------------------------------------------------------


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
        lock(draw)
        refuse_held(draw.agency_id, draw.period)
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
        value_sealed=seal(draw_key(), value, aad=aad("deposit", deposit_id)),
    )
    stamp(made, "deposited", by=by, at=at)
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
        raise DrawStateWrong("只有封存式抽取才需要封存随机数。", state=draw.state)
    if draw.state not in (DrawState.PLANNED, DrawState.FROZEN):
        raise DepositTooLate(
            "公告已经发布，不再接受封存；可以为以后的抽取预先封存。", state=draw.state
        )
    if any(one.account_id == by.id for one in queries.deposits_of(draw.id)):
        raise DepositTwice("您已经为这次抽取封存过随机数。")


def close_deposits(draw: Draw, *, by: Actor, at: datetime) -> list[DrawDeposit]:
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
        data = {"draw_no": draw.draw_no, "number": number, "commitment": one.commitment}
        journal.record(Event.DRAW_DEPOSIT_COUNTED, one, by=by, at=at, data=data)
    draw.opens_at = stages.opening_at(closes, opens, announced_at=at)
    return found


def open_deposits(draw: Draw, *, by: Actor, at: datetime) -> Draw:
    """Seed a sealed draw at its announced opening.

    Raises NotYet, DrawStateWrong and NotByPeople.
    """
    by_timetable(by)
    if draw.level != Level.SEALED:
        raise DrawStateWrong("只有封存式抽取才有开启时刻。", state=draw.state)
    if draw.opens_at is None or at < draw.opens_at:
        raise NotYet("尚未到公告的开启时刻。", due_at=draw.opens_at)
    _seed(draw, by=by, at=at)
    return draw


# ---- dice and beacons ----------------------------------------------------------------------------


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
    _lock_announced(draw, Level.ATTENDED)
    if not stages.are_dice(digits):
        raise DiceMalformed(f"应为 {stages.DICE_DIGITS} 个数字（每枚十面骰子一个），中间不留空格。")
    return _enter(draw, [digits], by=by, at=at)


def enter_beacon(draw: Draw, values: Sequence[str], *, by: Actor, at: datetime) -> DiceEntered:
    """Type what the announced sources of a beacon draw show, in their order; else as `enter_dice`.

    Nothing is fetched: two people of different roles read it where everybody can. Raises
    BeaconMalformed, DiceByOnePerson, RoleNotSuited, DrawStateWrong.
    """
    _lock_announced(draw, Level.BEACON)
    sources = draw.plan.beacon
    if len(values) != len(sources):
        raise BeaconMalformed(f"公告的来源有 {len(sources)} 个，收到 {len(values)} 个数值。")
    for source, text in zip(sources, values, strict=True):
        if not stages.gives(source, text):
            raise BeaconMalformed(f"“{text}”不是来源“{source}”公布的形式。", source=source)
        _refuse_unknown(source, at)
    return _enter(draw, values, by=by, at=at)


def refuse_passed(sources: Sequence[str], at: datetime) -> None:
    """Refuse to fix a list whose chance can be known already. Raises BeaconPassed.

    Of a lottery nobody here knows the hour: the plan's author answers for the issue.
    """
    for source in sources:
        known_at = stages.round_at(source)
        if known_at is not None and known_at <= at:
            raise BeaconPassed(
                f"来源“{source}”的轮次已经公布，请在计划中改用以后的轮次。",
                source=source,
                known_at=known_at,
            )


def _refuse_unknown(source: str, at: datetime) -> None:
    known_at = stages.round_at(source)
    if known_at is not None and at < known_at:
        raise NotYet("公告的信标轮次尚未公布。", due_at=known_at)


def _lock_announced(draw: Draw, level: Level) -> None:
    lock(draw)
    refuse_held(draw.agency_id, draw.period)
    if draw.level != level or draw.state != DrawState.ANNOUNCED:
        name = stages.LEVEL_NAMES[level]
        raise DrawStateWrong(f"只有已公告的{name}抽取才能这样录入。", state=draw.state)


def _enter(draw: Draw, values: Sequence[str], *, by: Actor, at: datetime) -> DiceEntered:
    digits = "\n".join(values)
    entries = queries.entries_of(draw.id)
    first = next((one for one in entries if one.state == EntropyState.FIRST), None)
    if first is not None and first.account_id == by.id:
        raise DiceByOnePerson("同一组数字须由另一名不同角色的人员再录入一次。")
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
    stamp(made, "entered", by=by, at=at)
    db.session.add(made)
    touch(draw)
    data = {"draw_no": draw.draw_no, "attempt": attempt, "role": str(role), "state": str(state)}
    journal.record(Event.DRAW_ENTROPY_ENTERED, draw, by=by, at=at, data=data)
    if state is EntropyState.SEALED:
        _seed(draw, by=by, at=at, entropy=values)
    return DiceEntered(state, draw)


def dice_mismatch() -> DiceMismatch:
    """Return what is answered when two entries differ, once they are struck out."""
    return DiceMismatch("两人录入的数字不一致，两次录入都已作废，请重新读取并分别录入。")


# ---- both ----------------------------------------------------------------------------------------


def _seed(draw: Draw, *, by: Actor, at: datetime, entropy: Sequence[str] | None = None) -> None:
    """Seal the chance; of public chance (`entropy`) the journal keeps the digest.

    Deposits need none: their commitments stand in the manifest.
    """
    follow(draw, DrawState.SEEDED)
    draw.state = DrawState.SEEDED
    stamp(draw, "seeded", by=by, at=at)
    data = {"draw_no": draw.draw_no}
    if entropy is not None:
        data["entropy_sha256"] = checks.entropy_digest(entropy)
    journal.record(Event.DRAW_SEEDED, draw, by=by, at=at, data=data)


def unseal_chance(draw: Draw) -> tuple[bytes, list[str]]:
    """Return the secret and the entropy strings, in the order of the announced sources."""
    if draw.secret_sealed is None:
        raise DrawStateWrong("抽取还没有公告。", state=draw.state)
    secret = unseal(draw_key(), draw.secret_sealed, aad=aad("secret", draw.id))
    if draw.level != Level.SEALED:
        entropy = queries.sealed_values(draw.id)
        if entropy:
            checks.check_entropy(draw, entropy)
        return secret, entropy
    return secret, [
        unseal(draw_key(), one.value_sealed, aad=aad("deposit", one.id)).hex()
        for one in queries.deposits_of(draw.id)
    ]


def unopened() -> list[str]:
    """Return what this process's draw key does not open of all that is sealed: its names only.

    For an operator, before a draw is due: another key was put in place, or a value was altered.
    """
    sealed = [
        (f"the secret of {draw.draw_no}", draw.secret_sealed, aad("secret", draw.id))
        for draw in queries.draws_with_secret()
    ]
    sealed += [
        (f"deposit {one.id}", one.value_sealed, aad("deposit", one.id))
        for one in queries.every_deposit()
    ]
    return [name for name, value, bound in sealed if value and not _opens(value, bound)]


def _opens(value: bytes, bound: bytes) -> bool:
    try:
        unseal(draw_key(), value, aad=bound)
    except SealBroken:
        return False
    return True
