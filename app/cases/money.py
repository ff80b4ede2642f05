"""The money of a decision: by when it is paid, what lateness adds, what may be taken on the spot.

Whole fen, never float. Rates, days and limits are rows of the catalogue; days are local.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.cases.rules import Problem, yuan

_DAY = timedelta(days=1)


class PaymentMethod(StrEnum):
    """How money came in: bank 银行, electronic payment, on the spot 当场收缴, through the court."""

    BANK = "bank"
    ELECTRONIC = "electronic"
    ON_THE_SPOT = "on-the-spot"
    COURT = "court"


class SpotGround(StrEnum):
    """Why officers may take a fine themselves (行政处罚法 第六十八条、第六十九条)."""

    SMALL = "small"
    HARD_LATER = "hard-later"
    REMOTE = "remote"


@dataclass(frozen=True)
class Part:
    """A part of the fine and the last day for it."""

    due_on: date
    amount_fen: int


@dataclass(frozen=True)
class Plan:
    """In which parts the fine is due, as it holds from the beginning of a day on."""

    parts: Sequence[Part]
    from_on: date = date.min


@dataclass(frozen=True)
class Paid:
    """What was paid on the fine on a day."""

    paid_on: date
    amount_fen: int


@dataclass(frozen=True)
class Pause:
    """Days, both included, on which no surcharge runs; None: to this day."""

    from_on: date
    until_on: date | None = None

    def holds(self, day: date) -> bool:
        """Tell whether a day is among them."""
        return self.from_on <= day and (self.until_on is None or day <= self.until_on)


@dataclass(frozen=True)
class Surcharge:
    """What lateness adds 加处罚款: apart from the fine, and never more than it."""

    amount_fen: int
    capped: bool
    late_days: int


def surcharge(fine_fen: int, late_days: int, percent: int) -> Surcharge:
    """Return what so many days add to a fine that is wholly unpaid (行政处罚法 第七十二条)."""
    plain = fine_fen * percent * late_days // 100
    return Surcharge(min(plain, fine_fen), plain >= fine_fen > 0, late_days)


def surcharge_until(
    fine_fen: int,
    plans: Sequence[Plan],
    paid: Sequence[Paid],
    until: date,
    *,
    percent: int,
    pauses: Sequence[Pause] = (),
) -> Surcharge:
    """Return what lateness has added by the end of a day.

    Each day after the end of a term counts, the day of payment too, but none within review
    or suit (第七十三条). The base of a day is what is due and unpaid as it begins, by the newest of
    `plans` that holds by then: what was granted changes nothing before. Hundredths of a fen are
    dropped.
    """
    ordered = sorted(plans, key=lambda plan: plan.from_on)
    days = [part.due_on for plan in ordered for part in plan.parts]
    hundredths = late = 0
    day = min(days, default=until) + _DAY
    while day <= until and hundredths < fine_fen * 100:
        before = sum(one.amount_fen for one in paid if one.paid_on < day)
        if before >= fine_fen:
            break
        due = sum(part.amount_fen for part in _holding(ordered, day).parts if part.due_on < day)
        if due > before and not any(pause.holds(day) for pause in pauses):
            hundredths += (due - before) * percent
            late += 1
        day += _DAY
    return Surcharge(min(hundredths // 100, fine_fen), hundredths >= fine_fen * 100, late)


def _holding(plans: Sequence[Plan], day: date) -> Plan:
    return [plan for plan in plans if plan.from_on <= day][-1]


def cut(parts: Sequence[Part], most_fen: int) -> list[Part]:
    """Return parts of no more than an amount; the last ones shrink or fall away."""
    found, left = [], most_fen
    for part in parts:
        amount = min(part.amount_fen, left)
        if amount > 0:
            found.append(Part(part.due_on, amount))
        left -= amount
    return found


def instalment_problems(parts: Sequence[Part], unpaid_fen: int, after: date) -> list[Problem]:
    """Compare a plan of parts with what is unpaid: it adds up, day by day, after a day."""
    found = []
    days = [part.due_on for part in parts]
    if not parts or any(part.amount_fen < 1 for part in parts):
        found.append(Problem("parts", "每一期应有金额。"))
    if days != sorted(set(days)):
        found.append(Problem("parts", "各期的日期应依次递增。"))
    if any(day <= after for day in days):
        found.append(Problem("parts", "每一期的日期应晚于申请之日。"))
    if sum(part.amount_fen for part in parts) != unpaid_fen:
        found.append(Problem("parts", f"各期金额之和应等于未缴罚款 {yuan(unpaid_fen)} 元。"))
    return found


def spot_ground_holds(
    fine_fen: int, ground: SpotGround, *, max_fen: int, simple: bool, by_request: bool
) -> bool:
    """Tell whether officers may take a fine themselves.

    A small one, or one that could hardly be enforced later, after a decision on the spot (第六十八
    条); in remote places, at the party's request, after any decision (第六十九条).
    """
    if ground == SpotGround.REMOTE:
        return by_request
    return simple and (ground == SpotGround.HARD_LATER or fine_fen <= max_fen)


def add_months(day: date, months: int) -> date:
    """Return the same day so many months later; a month without that day has its last one."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last = (following - _DAY).day
    return date(year, month + 1, min(day.day, last))


@dataclass(frozen=True)
class Window:
    """The days, both included, on which the court can be asked to enforce."""

    opens_on: date
    closes_on: date


def court_window(
    served_on: date, remedies_ended_on: Sequence[date], *, suit_months: int, months: int
) -> Window:
    """Return when the court can be asked to enforce (行政强制法 第五十三条).

    From the end of the term for a suit on, or of a review or suit that ended later, for so many
    months.
    """
    ended = max([add_months(served_on, suit_months), *remedies_ended_on])
    return Window(ended + _DAY, add_months(ended, months))
