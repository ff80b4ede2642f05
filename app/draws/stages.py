"""How a draw goes from plan to publication: its states, its dates, who has to do what.

Pure decisions over values. The chance itself is in `rules`, the teams in `assignment`.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from app.days import day_begins, local_date
from app.draws.rules import LOTTERIES
from app.tasks.rules import KIND_NAMES as KIND_NAMES
from app.tasks.rules import ROLE_NAMES as ROLE_NAMES
from app.tasks.rules import DrawKind as DrawKind
from app.tasks.rules import JointRole as JointRole

DICE_DIGITS = 20  # 66 bits; below 40 an operator could choose among secrets
DICE_SOURCE = f"dice:{DICE_DIGITS}d10"
# by the hash of the chain: when its first round was, and the seconds between rounds
DRAND_CHAINS = {
    "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971": (
        datetime(2023, 8, 23, 15, 9, 27, tzinfo=UTC),
        3,
    )
}
_DRAND = re.compile(r"beacon:drand:(?P<chain>[0-9a-f]{64}):(?P<round>[1-9][0-9]{0,11})")
_LOTTERY = re.compile(r"lottery:(?P<game>[0-9a-z]{2,4}):20[0-9]{5}")
TEAM_SIZES = (2, 6)
AT_DRAW, AFTER_LAST_VISIT, AFTER_DUE = "at-draw", "after-last-visit", "after-due"
DRAW_NO = re.compile(r"[0-9]{6}-20[0-9]{2}-[0-9]{4,6}")
PERIOD = r"^20[0-9]{2}(-(Q[1-4]|H[12]|0[1-9]|1[0-2]))?$"
GRADE = re.compile(r"[A-Z][A-Z0-9]{0,9}")
_ISO_DAY = re.compile(r"2[01]\d\d-\d\d-\d\d")


class AnnualState(StrEnum):
    """States of a year's plan; a published one is changed by a new revision only."""

    DRAFT = "draft"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"


class PlanState(StrEnum):
    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


class DrawState(StrEnum):
    """`drawn` is known inside, `published` verifiable by strangers; `void` keeps its number."""

    PLANNED = "planned"
    FROZEN = "frozen"
    ANNOUNCED = "announced"
    SEEDED = "seeded"
    DRAWN = "drawn"
    PUBLISHED = "published"
    VOID = "void"


STATE_NAMES: Mapping[str, str] = {
    DrawState.PLANNED: "已计划",
    DrawState.FROZEN: "名单已冻结",
    DrawState.ANNOUNCED: "已公告",
    DrawState.SEEDED: "随机数已封定",
    DrawState.DRAWN: "已抽取",
    DrawState.PUBLISHED: "结果已公开",
    DrawState.VOID: "作废",
}
_NEXT: Mapping[DrawState, frozenset[DrawState]] = {
    DrawState.PLANNED: frozenset({DrawState.FROZEN, DrawState.VOID}),
    DrawState.FROZEN: frozenset({DrawState.ANNOUNCED, DrawState.VOID}),
    DrawState.ANNOUNCED: frozenset({DrawState.SEEDED, DrawState.VOID}),
    DrawState.SEEDED: frozenset({DrawState.DRAWN, DrawState.VOID}),
    DrawState.DRAWN: frozenset({DrawState.PUBLISHED}),
    DrawState.PUBLISHED: frozenset(),
    DrawState.VOID: frozenset(),
}


class Level(StrEnum):
    """Where the public part of the chance comes from."""

    SEALED = "sealed"
    ATTENDED = "attended"
    BEACON = "beacon"


LEVEL_NAMES: Mapping[str, str] = {
    Level.SEALED: "封存式",
    Level.ATTENDED: "现场式",
    Level.BEACON: "信标式",
}


class Fallback(StrEnum):
    """What happens when nobody has entered dice or beacon by the announced deadline."""

    NONE = "none"
    SEALED = "sealed"


class Coordination(StrEnum):
    """Whether a unit has one ticket for all strata or one for each."""

    SHARED = "shared"
    INDEPENDENT = "independent"


class HashName(StrEnum):
    SHA256 = "sha256"
    SM3 = "sm3"


class Audience(StrEnum):
    """Who may see a file of a draw, and from when."""

    ANNOUNCED = "announced"  # everybody, with the manifest
    REVEALED = "revealed"  # everybody, when the result is published; supervisors before
    INSIDE = "inside"  # supervisors and auditors, for ever
    AUDITORS = "auditors"


AUDIENCES: Mapping[str, Audience] = {
    "manifest.json": Audience.ANNOUNCED,
    "population.tsv": Audience.ANNOUNCED,
    "rules.json": Audience.ANNOUNCED,
    "officers.tsv": Audience.REVEALED,
    "result.tsv": Audience.REVEALED,
    "eligible.tsv": Audience.REVEALED,
    "assignment.tsv": Audience.REVEALED,
    "reveal.json": Audience.REVEALED,
    "SHA256SUMS": Audience.REVEALED,
    "salts.tsv": Audience.INSIDE,
    "exclusions.tsv": Audience.AUDITORS,
    "barred.tsv": Audience.AUDITORS,
}


class EntropyState(StrEnum):
    """A first entry waits for the second; two that agree are sealed, others rejected."""

    FIRST = "first"
    SEALED = "sealed"
    REJECTED = "rejected"


class SelectionKind(StrEnum):
    SELECTED = "selected"
    RESERVE = "reserve"


def may_follow(state: str, to: DrawState) -> bool:
    """Tell whether a draw may go from one state to another."""
    return to in _NEXT[DrawState(state)]


def make_draw_no(district: str, year: int, serial: int) -> str:
    """Return the number under which a draw is known for ever: `310105-2026-0004`."""
    return f"{district}-{year}-{serial:04d}"


# ---- plan ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NewPlan:
    """What a supervisor plans. Instants that are None take their default from `draw_on`.

    `beacon` names the sources of a beacon draw, in order, before anybody can know them.
    `exclusions` are codes of the catalogue (None: those that are on by default); `exclude_drawn`
    adds or takes away the one of units drawn this year.
    """

    name: str
    year: int
    period: str
    kind: DrawKind
    strata: Mapping[str, Any]
    level: Level
    draw_on: date
    due_on: date
    beacon: tuple[str, ...] = ()
    weight_factors: tuple[str, ...] = ("risk", "credit")
    coordination: Coordination = Coordination.SHARED
    hash: HashName = HashName.SHA256
    list_public: bool = True
    exclusions: tuple[str, ...] | None = None
    exclude_drawn: bool | None = None
    cutoff_on: date | None = None
    annual_plan_id: UUID | None = None
    role: JointRole | None = None
    lead_department: str | None = None
    partner_departments: tuple[str, ...] = ()
    area: str | None = None
    deposits_close_at: datetime | None = None
    opens_at: datetime | None = None
    dice_until_at: datetime | None = None
    reveal: str | None = None
    team_size: int = 2
    officer_limit: int | None = None
    fallback: Fallback = Fallback.NONE
    given_list_id: UUID | None = None


class Fault(NamedTuple):
    """One thing wrong with a plan: the field, and a sentence for the reader."""

    field: str
    detail: str


def faults(plan: NewPlan) -> list[Fault]:
    """Return what keeps a plan from being saved, in the order of its fields."""
    found = [
        Fault("period", "周期应当属于计划年度，例如 2026、2026-Q4 或 2026-11。")
        for _ in range(not re.match(PERIOD, plan.period) or plan.period[:4] != str(plan.year))
    ]
    if not plan.strata:
        found.append(Fault("strata", "至少要规定一个专业或对象类别的抽查数量。"))
    found += [
        Fault(f"strata/{name}", "应为数量、比例，或按权重、按等级规定的比例；比例不超过 1。")
        for name, rule in plan.strata.items()
        if not is_rule(rule)
    ]
    if any(map(is_graded, plan.strata.values())) and len(set(plan.weight_factors)) != 1:
        found.append(Fault("weight_factors", "按等级规定比例的计划，应当只用一种等级作权重因素。"))
    if plan.cutoff_on is not None and plan.cutoff_on > plan.draw_on:
        found.append(Fault("cutoff_on", "检查频次的统计截止日不能晚于抽取日。"))
    if abs(plan.draw_on.year - plan.year) > 1 or plan.due_on.year - plan.year > 2:
        found.append(Fault("draw_on", "抽取日和任务期限应在计划年度前后。"))
    if plan.due_on < plan.draw_on:
        found.append(Fault("due_on", "任务期限不能早于抽取日。"))
    if not TEAM_SIZES[0] <= plan.team_size <= TEAM_SIZES[1]:
        found.append(Fault("team_size", "每组应为 2 至 6 人。"))
    found += joint_faults(plan, plan.kind)
    found += _beacon_faults(plan)
    found += _reveal_faults(plan)
    found += _instant_faults(plan)
    return found


class Joint(Protocol):
    """What says who leads and who joins."""

    @property
    def role(self) -> JointRole | None: ...
    @property
    def lead_department(self) -> str | None: ...
    @property
    def partner_departments(self) -> Sequence[str]: ...
    @property
    def area(self) -> str | None: ...


def joint_faults(joint: Joint, kind: DrawKind) -> Iterable[Fault]:
    """A cross-department plan says who leads, who joins, and in which field; another may not."""
    given = (joint.role, joint.lead_department, joint.area)
    if kind is not DrawKind.CROSS_DEPARTMENT:
        if any(given) or joint.partner_departments:
            yield Fault("role", "只有跨部门抽查才写明牵头、参与部门和抽查领域。")
        return
    if not all(given):
        yield Fault("role", "跨部门抽查应写明牵头还是参与、牵头部门和抽查领域。")
    if joint.role is JointRole.LEAD and not joint.partner_departments:
        yield Fault("partner_departments", "牵头的跨部门抽查应写明参与部门。")
    if joint.lead_department in joint.partner_departments:
        yield Fault("partner_departments", "牵头部门不能同时是参与部门。")


def _beacon_faults(plan: NewPlan) -> Iterable[Fault]:
    if plan.level is not Level.BEACON:
        if plan.beacon:
            yield Fault("beacon", "只有信标式抽取才写明信标来源。")
        return
    if not plan.beacon or len(set(plan.beacon)) != len(plan.beacon):
        yield Fault("beacon", "信标式抽取应事先写明信标来源，每个来源只写一次。")
    for source in plan.beacon:
        if not is_beacon(source):
            yield Fault(
                "beacon",
                f"来源“{source}”应为 beacon:drand:链的杂凑值:轮次、lottery:彩种:期号"
                f"或 {DICE_SOURCE}。",
            )


def _reveal_faults(plan: NewPlan) -> Iterable[Fault]:
    reveal = plan.reveal
    if reveal is None or reveal in (AT_DRAW, AFTER_LAST_VISIT, AFTER_DUE):
        return
    if reveal_day(reveal) is None:
        yield Fault("reveal", "应为 at-draw、after-last-visit、after-due 或日期，例如 2026-12-01。")
    elif reveal < plan.draw_on.isoformat():
        yield Fault("reveal", "公开日不能早于抽取日。")


def _instant_faults(plan: NewPlan) -> Iterable[Fault]:
    """Instants belong to one level each, and stand in the order in which things happen."""
    begins = day_begins(plan.draw_on)
    whole = with_defaults(plan)
    if plan.level is Level.SEALED:
        if plan.fallback is not Fallback.NONE:
            yield Fault("fallback", "封存式抽取没有后备方式。")
        if plan.dice_until_at is not None:
            yield Fault("dice_until_at", "封存式抽取没有录入随机数的截止时刻。")
        closes, opens = whole.deposits_close_at, whole.opens_at
        if closes is None or opens is None or not begins <= closes < opens:
            yield Fault("opens_at", "应先截止封存、后公开开启，且都不早于抽取日。")
        return
    if plan.deposits_close_at is not None or plan.opens_at is not None:
        yield Fault("opens_at", "只有封存式抽取才有封存截止和开启时刻。")
    if whole.dice_until_at is None or whole.dice_until_at <= begins:
        yield Fault("dice_until_at", "录入随机数的截止时刻应在抽取日之后。")


def is_rule(rule: Any) -> bool:
    """A number, a ratio, a ratio for each weight as the manifest writes them, or for each grade."""
    if isinstance(rule, Mapping):
        weights = all(re.fullmatch("[1-9][0-9]{0,17}", str(weight)) for weight in rule)
        return bool(rule) and (weights or is_graded(rule)) and all(map(_is_ratio, rule.values()))
    if isinstance(rule, int) and not isinstance(rule, bool):
        return 0 <= rule <= 10**7
    return _is_ratio(rule)


def is_graded(rule: Any) -> bool:
    """Tell whether a rule gives a ratio for each grade: `{"A": [5, 100], "B": [10, 100]}`."""
    if not isinstance(rule, Mapping):
        return False
    return bool(rule) and all(GRADE.fullmatch(str(grade)) for grade in rule)


def _is_ratio(rule: Any) -> bool:
    if not isinstance(rule, (list, tuple)) or len(rule) != 2:
        return False
    if not all(isinstance(part, int) and not isinstance(part, bool) for part in rule):
        return False
    num, den = int(rule[0]), int(rule[1])
    return 0 <= num <= den <= 10**7 and den > 0


def with_defaults(plan: NewPlan, reveal: str = AFTER_DUE) -> NewPlan:
    """Return the plan with every date it needs; `reveal` is the catalogue's `reveal-default`.

    Sealed: deposits close at noon, opened three hours later. Others: dice or beacon until 17:00 on
    the seventh day. `after-due` is the day after the tasks are due. Visits are counted up to the
    day before the draw.
    """
    begins = day_begins(plan.draw_on)
    sealed = plan.level is Level.SEALED
    given = dict(vars(plan))
    if sealed:
        closes = plan.deposits_close_at or begins + timedelta(hours=12)
        given["deposits_close_at"] = closes
        given["opens_at"] = plan.opens_at or closes + timedelta(hours=3)
    else:
        given["dice_until_at"] = plan.dice_until_at or begins + timedelta(days=7, hours=17)
    reveal = plan.reveal or reveal
    day_after = (plan.due_on + timedelta(days=1)).isoformat()
    given["reveal"] = day_after if reveal == AFTER_DUE else reveal
    given["cutoff_on"] = plan.cutoff_on or plan.draw_on - timedelta(days=1)
    return NewPlan(**given)


def reveal_day(reveal: str) -> date | None:
    """Return the day on which the result becomes public, or None where no day was named."""
    if not _ISO_DAY.fullmatch(reveal):
        return None
    try:
        return date.fromisoformat(reveal)
    except ValueError:
        return None


def describe_reveal(reveal: str) -> str:
    """Return when a result becomes public, in words."""
    if reveal == AT_DRAW:
        return "抽取后立即公开"
    if reveal == AFTER_LAST_VISIT:
        return "最后一项任务办结后公开"
    return reveal


def is_revealed(reveal: str, *, open_tasks: int, at: datetime) -> bool:
    """Tell whether the result of a drawn draw is due to be public at `at`."""
    if reveal == AT_DRAW:
        return True
    if reveal == AFTER_LAST_VISIT:
        return open_tasks == 0
    day = reveal_day(reveal)
    return day is not None and local_date(at) >= day


def describe_rule(rule: Any) -> str:
    """Return how many of a stratum a plan wants, in words."""
    if isinstance(rule, Mapping):
        if is_graded(rule):
            grades = sorted(rule.items())
            return "；".join(f"{grade} 级：{describe_rule(ratio)}" for grade, ratio in grades)
        parts = sorted(rule.items(), key=lambda one: int(one[0]))
        return "；".join(f"权重 {weight}：{describe_rule(ratio)}" for weight, ratio in parts)
    if isinstance(rule, int):
        return f"{rule} 家"
    num, den = rule
    return f"{num * 100 // den}%" if num * 100 % den == 0 else f"{num}/{den}"


# ---- chance from people --------------------------------------------------------------------------


class Depositor(NamedTuple):
    account_id: UUID
    role: str


def are_enough(depositors: Iterable[Depositor]) -> bool:
    """Tell whether two different people of two different roles are among the depositors."""
    pairs = set(depositors)
    return any(a.account_id != b.account_id and a.role != b.role for a in pairs for b in pairs)


def fill_up(own: Sequence[Depositor], standing: Sequence[Depositor]) -> list[int]:
    """Return which standing deposits a draw takes, oldest first: no more than it needs.

    Each serves one draw, so those not needed wait for the next.
    """
    found, taken = list(own), list[int]()
    for number, one in enumerate(standing):
        if are_enough(found):
            break
        accounts, roles = {o.account_id for o in found}, {o.role for o in found}
        if one.account_id not in accounts and one.role not in roles:
            found.append(one)
            taken.append(number)
    return taken


def sources_of(
    level: str, deposits: int, fallback: str = Fallback.NONE, beacon: Sequence[str] = ()
) -> list[str]:
    """Return the sources of the public chance as announced, with the rule for failure."""
    if level == Level.SEALED:
        return [f"deposit:{n}；无法开启的，本次抽取作废" for n in range(1, deposits + 1)]
    late = (
        "逾期未录入的作废，改为封存式另行抽取"
        if fallback == Fallback.SEALED
        else "逾期未录入的公示为逾期，录入后才抽取"
    )
    sources = beacon if level == Level.BEACON else [DICE_SOURCE]
    return [f"{source}；两人分别录入，不一致的重新录入；{late}" for source in sources]


def opening_at(
    deposits_close_at: datetime, opens_at: datetime, *, announced_at: datetime
) -> datetime:
    """Return when sealed deposits are opened: never sooner after the manifest than planned.

    A draw that is announced late is opened late, so that everybody has the same time to take the
    manifest down before its chance is known.
    """
    return max(opens_at, announced_at + (opens_at - deposits_close_at))


def role_for(roles: Collection[str], allowed: Sequence[str], taken: str | None) -> str | None:
    """Return the first allowed role that a person has and the one before them did not act in."""
    return next((role for role in allowed if role in roles and role != taken), None)


def are_dice(text: str) -> bool:
    """Tell whether a text is what twenty ten-sided dice show: digits, nothing between them."""
    return re.fullmatch(f"[0-9]{{{DICE_DIGITS}}}", text) is not None


def is_beacon(source: str) -> bool:
    """Tell whether a plan may name a source: a drand round, the issue of a lottery, or dice."""
    game = _LOTTERY.fullmatch(source)
    if game is not None:
        return game["game"] in LOTTERIES
    return source == DICE_SOURCE or _DRAND.fullmatch(source) is not None


def gives(source: str, text: str) -> bool:
    """Tell whether a text is of the form that a source of a beacon draw shows."""
    if _DRAND.match(source):
        return re.fullmatch("[0-9a-f]{64}", text) is not None
    if _LOTTERY.match(source):
        return re.fullmatch(r"[0-9]{1,2}([ +][0-9]{1,2}){1,20}|[0-9]{3,7}", text) is not None
    return are_dice(text)


def round_at(source: str) -> datetime | None:
    """Return when a drand round is known to everybody; None for a source without fixed times.

    Chain quicknet: a round every 3 seconds since 2023-08-23T15:09:27Z.
    """
    found = _DRAND.match(source)
    if found is None or found["chain"] not in DRAND_CHAINS:
        return None
    began, seconds = DRAND_CHAINS[found["chain"]]
    return began + timedelta(seconds=seconds * (int(found["round"]) - 1))


# ---- who is waited for ---------------------------------------------------------------------------


class Waiting(NamedTuple):
    """What a draw waits for: a code, a sentence, since when it is due, whether that is past."""

    code: str
    detail: str
    due_at: datetime | None
    late: bool


@dataclass(frozen=True)
class Standing:
    """Where a draw stands, as far as waiting is concerned."""

    state: str
    level: str
    draw_on: date
    deposits_close_at: datetime | None
    opens_at: datetime | None
    dice_until_at: datetime | None
    reveal: str
    deposits: int
    enough: bool
    first_dice: bool
    held: str | None = None


def waiting_for(draw: Standing, at: datetime) -> Waiting | None:
    """Return what a draw waits for at `at`, or None when nobody has to do anything more."""
    if draw.held is not None:
        return Waiting("held", draw.held, day_begins(draw.draw_on), late=True)
    if draw.state == DrawState.PLANNED:
        begins = day_begins(draw.draw_on)
        return Waiting("freeze", "等待定时任务冻结名单。", begins, late=at >= begins)
    if draw.state == DrawState.FROZEN:
        return _waiting_for_deposits(draw, at)
    if draw.state == DrawState.ANNOUNCED:
        return _waiting_for_chance(draw, at)
    if draw.state == DrawState.SEEDED:
        return Waiting("draw", "随机数已封定，等待定时任务抽取。", None, late=False)
    if draw.state == DrawState.DRAWN:
        day = reveal_day(draw.reveal)
        due_at = None if day is None else day_begins(day)
        late = due_at is not None and at >= due_at
        return Waiting("reveal", "结果已产生，等待公开日。", due_at, late)
    return None


def _waiting_for_deposits(draw: Standing, at: datetime) -> Waiting:
    closes = draw.deposits_close_at
    late = closes is not None and at >= closes
    if draw.level == Level.SEALED and not draw.enough:
        return Waiting(
            "deposits",
            f"等待两名不同角色的人员封存随机数，已收到 {draw.deposits} 份。",
            closes,
            late,
        )
    return Waiting("announce", "等待定时任务公告。", closes, late)


def _waiting_for_chance(draw: Standing, at: datetime) -> Waiting:
    if draw.level == Level.SEALED:
        late = draw.opens_at is not None and at >= draw.opens_at
        return Waiting("opening", "等待公告的开启时刻。", draw.opens_at, late)
    late = draw.dice_until_at is not None and at >= draw.dice_until_at
    if draw.level == Level.BEACON:
        second = "等待第二人录入同一组信标数字。"
        who = second if draw.first_dice else "等待公告的信标公布并由两人分别录入。"
        return Waiting("beacon", who, draw.dice_until_at, late)
    who = "等待第二人录入同一组骰子数字。" if draw.first_dice else "等待现场掷骰并由两人分别录入。"
    return Waiting("dice", who, draw.dice_until_at, late)
