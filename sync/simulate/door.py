"""The door, as a simulated tablet stands at it: it reads its codes without a network.

A planned visit starts with a code that holds; without one it starts for a reason, as a person would
decide at a real door.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.codes import judging
from app.codes.at_door import verifier
from app.codes.judging import Entry
from app.visits.marks import Shown, code_mark
from sync.simulate.tablet import Tablet

REASON = "没有有效的检查码，现场确有检查必要"


def said(tablet: Tablet, task: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Return what a start says of the door: the code, the certificate, recusal."""
    verify = verifier(Ed25519PublicKey.from_public_bytes(tablet.server_key))
    entry = Entry(UUID(task["visit_id"]), UUID(task["unit_id"]), UUID(tablet.officer_id), at)
    held = [
        judging.read_held(body)
        for body in tablet.bodies("visit_code")
        if task["visit_id"] in {one["visit_id"] for one in body["tasks"]}
    ]
    advice = judging.advise(held, entry, verify)
    common = {"certificate_shown": True, "recusal_asked": True, "recusal_requested": False}
    if advice.may_start and advice.held is not None:
        return {"code_shown": str(Shown.UNIT_SCANNED), "code_text": advice.held.text, **common}
    mark = code_mark(advice.marks)
    return {
        "code_shown": str(Shown.TRIGGERED),
        "code_mark": None if mark is None else str(mark),
        "reason": REASON,
        "officer_ids": sorted(task["officer_ids"]),
        **common,
    }


def colleague(tablet: Tablet, task: dict[str, Any]) -> str | None:
    """Return who came along and confirms on this tablet."""
    others = sorted(set(task["officer_ids"]) - {tablet.officer_id})
    return str(others[0]) if others else None
