"""What everybody may have of a lot over teams, and whether it is as the journal has it.

The digest of what goes in, with the promise of the secret, is public with the asking, before
anybody knows a team. The texts name units and days, so they are public once all these days are
over; whatever became of the plan, also that of one that was withdrawn.
"""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from app.days import local_date
from app.db import db
from app.draws import queries as draw_queries
from app.draws import redraws
from app.errors import Conflict, DomainError, NotFound
from app.jointvisits import lots, promises, team_queries, teaming
from app.jointvisits.rules import LotState
from app.jointvisits.team_models import JointTeamLot
from app.journal.models import JournalEntry
from app.journal.rules import Event

_ROOT = Path(__file__).resolve().parent.parent
PROGRAM = "verify_teams.py"
# what the program stands on: no other module, and nothing beside Python
PARTS = (
    *("errors.py", "draws/rules.py", "draws/files.py"),
    *("jointvisits/filling.py", "jointvisits/teaming.py"),
)


class LotUnknown(NotFound):
    code, title = "joint-lot-unknown", "未找到组队抽取"


class LotNotPublic(Conflict):
    """Extras: `public_on`."""

    code, title = "joint-lot-not-public", "组队抽取的内容尚未公开"


def find_lots() -> sa.Select[JointTeamLot]:
    """Return the query for the lots of every agency."""
    return sa.select(JointTeamLot)


def get_lot(lot_id: UUID) -> JointTeamLot:
    """Return a lot, of whatever agency. Raises LotUnknown."""
    found = db.session.get(JointTeamLot, lot_id)
    if found is None:
        raise LotUnknown("没有这次组队抽取。")
    return found


def public_on(lot: JointTeamLot) -> date:
    """Return the day from which the texts of a lot are public: after the last of its visits."""
    return max(line.planned_on for line in lot.visits) + timedelta(days=1)


def is_public(lot: JointTeamLot, at: datetime) -> bool:
    """Tell whether the texts of a lot are public."""
    return lot.state == LotState.DRAWN and local_date(at) >= public_on(lot)


def asked_entry(lot: JointTeamLot) -> JournalEntry | None:
    """Return the journal entry that holds the digest of what goes in."""
    return draw_queries.entry_of(lot.id, Event.JOINT_TEAMS_ASKED)


def promised_entry(lot: JointTeamLot) -> JournalEntry | None:
    """Return the journal entry that promised the secret, before what goes in was fixed."""
    return promises.promised_entry(lot.plan_id, commit_of(lot))


def _promised_before(lot: JointTeamLot) -> bool:
    promised, asked = promised_entry(lot), asked_entry(lot)
    return promised is not None and asked is not None and promised.seq < asked.seq


def commit_of(lot: JointTeamLot) -> str:
    """Return the promise of the secret, public with the asking."""
    return teaming.read_manifest(lot.manifest.encode()).commit


def files_of(lot: JointTeamLot) -> dict[str, bytes]:
    """Return the texts of a drawn lot by which anybody draws it again."""
    reveal = {"entropy": lot.entropy, "secret": lot.secret}
    return {
        "manifest.json": lot.manifest.encode(),
        "reveal.json": json.dumps(reveal, separators=(",", ":")).encode(),
        "teams.json": (lot.teams or "").encode(),
    }


def bundle_of(lot: JointTeamLot, at: datetime) -> dict[str, bytes]:
    """Return what everybody may have of a lot: its texts and the program that checks them.

    Raises LotNotPublic.
    """
    if not is_public(lot, at):
        day = public_on(lot).isoformat()
        raise LotNotPublic(f"写明单位和日期的内容在 {day} 公开。", public_on=day)
    parts = {f"app/{name}": (_ROOT / name).read_bytes() for name in PARTS}
    for folder in ("app", "app/draws", "app/jointvisits"):
        parts[f"{folder}/__init__.py"] = b""
    program = (Path(__file__).parent / PROGRAM).read_bytes()
    return {**files_of(lot), PROGRAM: program, **parts}


def faults_of(lot: JointTeamLot) -> list[str]:
    """Say what of a drawn lot is not as it was promised, or as the journal has it; none: all is.

    Looked at are both digests, the chain of the agency's lots, what the draws of its tasks gave,
    and the lot itself, drawn again.
    """
    found = []
    if lot.manifest_sha256 != teaming.digest_of(lot.manifest.encode()):
        found.append("manifest-changed")
    if _told(lot, Event.JOINT_TEAMS_ASKED, "manifest_sha256") != lot.manifest_sha256:
        found.append("manifest-not-in-journal")
    if lot.promise_id is not None and not _promised_before(lot):
        found.append("promise-not-in-journal")
    if _told(lot, Event.JOINT_TEAMS_DRAWN, "teams_sha256") != teaming.digest_of(
        (lot.teams or "").encode()
    ):
        found.append("teams-not-in-journal")
    return found + (_redrawn(lot) if not found else [])


def _redrawn(lot: JointTeamLot) -> list[str]:
    data = lot.manifest.encode()
    manifest = teaming.read_manifest(data)
    before = team_queries.lot_before(lot)
    found = []
    if manifest.prev != (lots.FIRST if before is None else before.manifest_sha256):
        found.append("chain-broken")
    for source, text in zip(manifest.sources, lot.entropy, strict=False):
        draw = team_queries.find_draw(source.removeprefix("draw:"))
        if lots.share_of(redraws.seed_of(draw)) != text:
            found.append(f"entropy-changed: {source}")
    try:
        secret = bytes.fromhex(lot.secret or "")
        wrong = teaming.verify(data, secret, lot.entropy, (lot.teams or "").encode())
    except DomainError as error:
        return [*found, error.code]
    return [*found, *(f"team-changed: {one}" for one in wrong)]


def _told(lot: JointTeamLot, event: Event, name: str) -> str | None:
    entry = draw_queries.entry_of(lot.id, event)
    return None if entry is None else json.loads(entry.text)["data"].get(name)
