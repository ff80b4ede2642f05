"""The door, as a simulated tablet stands at it: it judges codes and places without a network.

A planned visit starts with a code that holds; without one it starts for a reason, as a person would
decide at a real door. What is wrong with a code, the unit's code or the place is said to the
officer and kept, and stops nothing.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.caps import rules as caps
from app.caps.rules import Answer, Cap, Entered, Verdict
from app.codes import judging
from app.codes.at_door import verifier
from app.codes.judging import Entry
from app.codes.rules import Verify
from app.days import local_date
from app.geometry import Crs, convert, from_e7, to_e7
from app.tasks.rules import JOINT_DRAWN
from app.visits import integrity_rules as places
from app.visits.integrity_rules import Doubt, Reason
from app.visits.marks import WORDS, Mark, Shown, code_mark
from sync.simulate.line import instant
from sync.simulate.tablet import Tablet

AGAIN = "期限内的检查任务，本年度尚未检查该专业"
REASON = "没有有效的检查码，现场确有检查必要"
ARRIVES = ("there", "far", "gcj-02", "vague")  # a tablet's visits in turn
LEAVES = ("gcj-02", "there", "far", "there")
FAR_E7 = 150_000  # of latitude: 1.7 km
STICKERS = ("altered", "own", "foreign", "own")  # the code at the unit's door, in turn


def said(tablet: Tablet, task: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Return what a start says of the door: the codes, the certificate, recusal."""
    verify = verifier(Ed25519PublicKey.from_public_bytes(tablet.server_key))
    entry = Entry(UUID(task["visit_id"]), UUID(task["unit_id"]), UUID(tablet.officer_id), at)
    held = [
        judging.read_held(body)
        for body in tablet.bodies("visit_code")
        if task["visit_id"] in {one["visit_id"] for one in body["tasks"]}
    ]
    advice = judging.advise(held, entry, verify)
    _warn_of_marks(tablet, task, advice.marks)
    common: dict[str, Any] = {
        **beyond_caps(tablet, task, at),
        "certificate_shown": True,
        "recusal_asked": True,
        "recusal_requested": False,
    }
    text, wrong = _scanned(tablet, task, verify)
    if text is not None:
        _warn_of_marks(tablet, task, wrong)
        common["unit_code_text"] = text
    if advice.may_start and advice.held is not None:
        both = text is not None and not wrong
        shown = Shown.OFFICER_SCANNED if both else Shown.UNIT_SCANNED
        return {"code_shown": str(shown), "code_text": advice.held.text, **common}
    mark = code_mark(advice.marks)
    return {
        "code_shown": str(Shown.TRIGGERED),
        "code_mark": None if mark is None else str(mark),
        "reason": REASON,
        "officer_ids": sorted(task["officer_ids"]),
        **common,
    }


def beyond_caps(tablet: Tablet, task: dict[str, Any], at: datetime) -> dict[str, str]:
    """Ask the caps by the unit's ledger; the officer is warned and says why he goes in."""
    verdicts = {answer.verdict for answer in ask_caps(tablet, task, at)}
    tablet.entered.append((task["visit_id"], task["unit_id"], local_date(at), task["origin"]))
    if Verdict.EXCEPTION in verdicts:
        _warn_of_marks(tablet, task, {Mark.CAP_EXCEEDED})
    return {"cap_reason": AGAIN} if verdicts & {Verdict.EXCEPTION, Verdict.REASON} else {}


def ask_caps(tablet: Tablet, task: dict[str, Any], at: datetime) -> list[Answer]:
    """Return what each cap says of going in for a task now, by what the tablet knows offline.

    Counted is the ledger of the feed, and what the tablet itself did since.
    """
    ledgers = [one for one in tablet.bodies("unit_ledger") if one["unit_id"] == task["unit_id"]]
    known = [caps.read_entry(entry) for one in ledgers for entry in one["entries"]]
    on, told = local_date(at), {one.id for one in known}
    unit = tablet.rows[("unit", task["unit_id"])]["body"]
    officers = frozenset(UUID(one) for one in task["officer_ids"])
    own = [
        Entered(day, frozenset({origin}), officers=officers, id=UUID(visit_id))
        for visit_id, unit_id, day, origin in tablet.entered
        if unit_id == task["unit_id"] and UUID(visit_id) not in told
    ]
    intended = Entered(
        on,
        frozenset({task["origin"]}),
        joint=task["origin"] == JOINT_DRAWN,
        level=task["level"],
        officers=officers,
        specialties=frozenset({task["specialty"]}),
        object_classes=frozenset(one["object_class"] for one in unit["registrations"]),
    )
    counted = caps.but_same([*known, *own], intended)
    day = on.isoformat()
    excepted = {
        one["cap_code"]
        for ledger in ledgers
        for one in ledger["exceptions"]
        if one["from_on"] <= day <= one["until_on"]
    }
    return [
        caps.ask(cap, intended, counted, excepted=cap.code in excepted)
        for code, body in sorted(tablet.in_force("visit_cap").items())
        for cap in [Cap.from_body(code, body)]
    ]


def _scanned(
    tablet: Tablet, task: dict[str, Any], verify: Verify
) -> tuple[str | None, Collection[Mark]]:
    """Return the code that the officer scans at the unit's door, and what is wrong with it."""
    own = tablet.stickers.get(task["unit_id"])
    if own is None:
        return None, ()
    others = sorted(set(tablet.stickers.values()) - {own})
    text = {
        "own": own,
        "altered": own[:40] + ("A" if own[40] != "A" else "B") + own[41:],
        "foreign": others[0] if others else own,
    }[STICKERS[tablet.visit_number % len(STICKERS)]]
    return text, judging.judge_unit_code(text, verify, UUID(task["unit_id"]))


def _warn_of_marks(tablet: Tablet, task: dict[str, Any], marks: Collection[Mark]) -> None:
    for mark in sorted(marks):
        tablet.warn(task["visit_id"], str(mark), WORDS[mark])


def arrive(tablet: Tablet, task: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Return where the tablet is on arrival, and warn of what the place says."""
    kind = ARRIVES[tablet.visit_number % len(ARRIVES)]
    found = _at(tablet, task, at, kind)
    _warn_of_place(tablet, task, found, at, far=Reason.ARRIVAL_FAR, mock=Reason.ARRIVAL_MOCK)
    return found


def leave(tablet: Tablet, task: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Return where the tablet is on departure, and warn of what the place says."""
    kind = LEAVES[tablet.visit_number % len(LEAVES)]
    found = _at(tablet, task, at, kind)
    _warn_of_place(tablet, task, found, at, far=Reason.DEPARTURE_FAR, mock=Reason.DEPARTURE_MOCK)
    return found


def _at(tablet: Tablet, task: dict[str, Any], at: datetime, kind: str) -> dict[str, Any]:
    unit = tablet.rows[("unit", task["unit_id"])]["body"]
    found = fix(tablet, unit, at)
    if kind in {"far", "vague"}:
        found["lat_e7"] += FAR_E7
    if kind == "vague":  # too inaccurate to be judged
        found["accuracy_cm"] = 50_000
    if kind == "gcj-02":  # as many receivers in China give it
        where = (from_e7(found["lon_e7"]), from_e7(found["lat_e7"]))
        lon, lat = convert(*where, Crs.WGS84, Crs.GCJ02)
        found |= {"lon_e7": to_e7(lon), "lat_e7": to_e7(lat), "datum": str(Crs.GCJ02)}
    return found


def fix(tablet: Tablet, unit: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Return where a tablet is at a unit, by its own word, a few metres off."""
    chance = tablet.chance
    return {
        "accuracy_cm": chance.randrange(300, 3000),
        "datum": "WGS-84",
        "fixed_at": instant(at),
        "lat_e7": unit["lat_e7"] + chance.randrange(-900, 900),
        "lon_e7": unit["lon_e7"] + chance.randrange(-900, 900),
        "mock": False,
        "provider": "gps",
    }


def _warn_of_place(
    tablet: Tablet,
    task: dict[str, Any],
    found: dict[str, Any],
    at: datetime,
    *,
    far: Reason,
    mock: Reason,
) -> None:
    """Judge a place by the settings of the feed, as the server will by the same rule."""
    limits = places.limits_of(tablet.in_force("setting"))
    unit = tablet.rows[("unit", task["unit_id"])]["body"]
    spot = places.spot_of_unit(unit["lon_e7"], unit["lat_e7"], unit["datum"], limits)
    doubt = places.judge_fix(found, at, spot, limits, far=far, mock=mock)
    if isinstance(doubt, Doubt):
        tablet.warn(task["visit_id"], str(doubt.reason), places.words(doubt))


def colleague(tablet: Tablet, task: dict[str, Any]) -> str | None:
    """Return who came along and confirms on this tablet."""
    others = sorted(set(task["officer_ids"]) - {tablet.officer_id})
    return str(others[0]) if others else None
