"""The public pages of lots over teams of joint visits: what was promised, what came, the check."""

import io
import zipfile
from typing import Any
from uuid import UUID

import flask
from flask import Blueprint

from app import canonical, clock
from app.access import anyone
from app.errors import DomainError
from app.jointvisits import public_lots, queries
from app.jointvisits.rules import PlanState
from app.jointvisits.team_models import JointTeamLot
from app.people import service as people
from app.problems import page
from app.public.pages import show_failure

blp = Blueprint(
    "public_lots", __name__, template_folder="templates", url_prefix="/public/team-lots"
)
blp.register_error_handler(DomainError, show_failure)

LOTS_SHOWN = 50


@blp.route("")
@anyone
def list_lots() -> str:
    """List the lots of every agency, newest first."""
    cursor = flask.request.args.get("cursor")
    query = public_lots.find_lots()
    found = page(query, JointTeamLot.id, limit=LOTS_SHOWN, cursor=cursor, newest_first=True)
    return flask.render_template(
        "public/team_lots.html",
        lots=[_told(lot) for lot in found.items],
        next_cursor=found.next_cursor,
    )


@blp.route("/<uuid:lot_id>")
@anyone
def show_lot(lot_id: UUID) -> str:
    """Show what is public of a lot by now, and how to check it."""
    lot = public_lots.get_lot(lot_id)
    files = public_lots.bundle_of(lot, clock.now()) if _told(lot)["open"] else {}
    return flask.render_template(
        "public/team_lot.html",
        **_told(lot),
        entry=public_lots.asked_entry(lot),
        promised=public_lots.promised_entry(lot),
        files={name: content for name, content in files.items() if name.endswith(".json")},
    )


@blp.route("/<uuid:lot_id>.json")
@anyone
def send_lot(lot_id: UUID) -> flask.Response:
    """Send the same for programs; the texts are null until they are public."""
    lot = public_lots.get_lot(lot_id)
    told = _told(lot)
    entry, promised = public_lots.asked_entry(lot), public_lots.promised_entry(lot)
    body = {
        "lot": told["name"],
        "agency": told["agency"],
        "state": lot.state,
        "visits": len(lot.visits),
        "commit": told["commit"],
        "manifest_sha256": lot.manifest_sha256,
        "teams_sha256": lot.teams_sha256,
        "asked_at": canonical.instant(lot.asked_at),
        "drawn_at": None if lot.drawn_at is None else canonical.instant(lot.drawn_at),
        "public_on": told["public_on"].isoformat(),
        "plan_withdrawn": told["withdrawn"],
        "journal": None if entry is None else {"stream": entry.stream, "seq": entry.seq},
        "promised": None if promised is None else {"stream": promised.stream, "seq": promised.seq},
        "manifest": lot.manifest if told["open"] else None,
        "secret": lot.secret if told["open"] else None,
        "entropy": lot.entropy if told["open"] else None,
        "teams": lot.teams if told["open"] else None,
    }
    return flask.Response(flask.json.dumps(body), content_type="application/json")


@blp.route("/<uuid:lot_id>/bundle.zip")
@anyone
def send_bundle(lot_id: UUID) -> flask.Response:
    """Send the texts of a lot and the program that draws it again."""
    lot = public_lots.get_lot(lot_id)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(public_lots.bundle_of(lot, clock.now()).items()):
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    name = f"attachment; filename={_told(lot)['name']}.zip"
    return flask.Response(
        out.getvalue(), content_type="application/zip", headers={"Content-Disposition": name}
    )


def _told(lot: JointTeamLot) -> dict[str, Any]:
    plan = queries.find_plan(lot.plan_id)
    return {
        "lot": lot,
        "name": f"{lot.district}-{lot.number}",
        "agency": people.get_agency(lot.agency_id).name,
        "commit": public_lots.commit_of(lot),
        "public_on": public_lots.public_on(lot),
        "open": public_lots.is_public(lot, clock.now()),
        "drawn": lot.drawn_at is not None,
        "withdrawn": plan is not None and plan.state == PlanState.WITHDRAWN,
    }
