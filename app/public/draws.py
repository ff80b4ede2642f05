"""The public pages of draws: what was announced, what came of it, and how to check it oneself."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

import flask
from flask import Blueprint

from app import clock
from app.access import PUBLIC, anyone
from app.days import local_date
from app.draws import (
    annual_queries,
    bundle,
    change_queries,
    changes,
    leftovers,
    queries,
    reading,
    service,
    stages,
)
from app.draws.changelog import KIND_NAMES
from app.draws.files import sha256_of
from app.draws.models import AnnualPlan, Draw, DrawFile
from app.draws.stages import DrawState, Level, SelectionKind
from app.errors import DomainError
from app.journal.rules import Event
from app.people import service as people
from app.problems import page
from app.public.pages import show_failure

blp = Blueprint("public_draws", __name__, template_folder="templates", url_prefix="/public/draws")
blp.register_error_handler(DomainError, show_failure)

KINDS = tuple(KIND_NAMES.items())
ROWS_SHOWN = 100
DRAWS_SHOWN = 50
_TYPES = {
    "json": "application/json",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "py": "text/x-python; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}
UNIT_LETTERS = 23
VERDICT_NAMES = {
    reading.Verdict.SELECTED: "抽中",
    reading.Verdict.RESERVE: "备选",
    reading.Verdict.NOT_DRAWN: "没有抽中",
    reading.Verdict.EXCLUDED: "权重为 0，本次不抽",
}
_STEPS = (
    ("planned_at", "计划", "已编号"),
    ("frozen_at", "冻结名单", "单位、监督员、权重固定"),
    ("announced_at", "公告", "摘要和承诺值公开"),
    ("seeded_at", "随机数", "封定，不能再改"),
    ("drawn_at", "抽取", "结果产生，尚不公开"),
    ("published_at", "公开", "任何人可以重算"),
)


class Limit(NamedTuple):
    """Whence the chance of a level comes, what that protects against, and what it does not."""

    how: str
    protects: str
    fails: str


LIMITS: Mapping[str, Limit] = {
    Level.SEALED: Limit(
        "至少两名不同角色的人员在公告前各自封存 32 字节随机数，"
        "到公告的时刻由定时任务一起开启，与服务器秘密数合成种子。",
        "任何一名封存人，单独都不能影响结果，也不能事先知道结果。",
        "服务器的管理员：能读到秘密数和全部封存数的人，可以先算出结果，再决定何时冻结名单。"
        "请用日志末端核对名单冻结的时间；需要更高的保证时，应采用现场式。",
    ),
    Level.ATTENDED: Limit(
        "公告之后当众掷 20 枚十面骰子，由不同角色的两人分别录入，一致才封定，"
        "再与服务器秘密数合成种子。",
        "掷骰的人不知道秘密数，服务器在掷骰前已经固定秘密数和名单，双方都不能单独左右结果。",
        "服务器一方与全部掷骰的人串通。服务器会比公众先知道结果。",
    ),
    Level.BEACON: Limit(
        "公告之前写明以后某一轮公共信标或某一期彩票，公布后由不同角色的两人分别录入，"
        "一致才封定，再与服务器秘密数合成种子。",
        "公告时谁也不知道信标的数字，服务器和录入的人都不能选择；任何人可以到信标原处核对。",
        "信标的运营者与服务器一方串通，或者公告晚于信标公布。请核对公告时间早于该轮次，"
        "并到原处核对录入的数字。服务器会比公众先知道结果。",
    ),
}
ABORT_RULE = (
    "知道秘密数的一方会先算出结果，因此开始了的抽取不能撤销：作废的编号保留在公告链中，"
    "秘密数和本来会产生的结果照样公开；秘密数遗失的，抽取作废，重新编号、公告、取随机数。"
    "名单和权重本身是否正确，要看冻结的摘要和审计，随机数不能证明。"
)
ROLE_NAMES = {
    "auditor": "纪检稽查",
    "legal-reviewer": "法制审核",
    "clerk": "信用公示",
    "supervisor": "监督科长",
}


@blp.route("")
@anyone
def list_draws() -> str:
    """List the draws of every agency, newest first."""
    cursor = flask.request.args.get("cursor")
    found = page(queries.draws_in(), Draw.id, limit=DRAWS_SHOWN, cursor=cursor, newest_first=True)
    return flask.render_template(
        "public/draws.html",
        draws=[_headline(draw) for draw in found.items],
        next_cursor=found.next_cursor,
    )


@blp.route("/<draw_no>")
@anyone
def show_draw(draw_no: str) -> str:
    """Show what is public of a draw by now, and how to check it."""
    at = clock.now()
    draw = service.get_public_draw(draw_no)
    files = reading.public_files(draw, at)
    names = {file.name for file in files}
    return flask.render_template(
        "public/draw.html",
        **_headline(draw),
        role_name=stages.ROLE_NAMES.get(draw.plan.role or ""),
        annual=_annual(draw),
        steps=_steps(draw),
        frozen=queries.entry_of(draw.id, Event.DRAW_FROZEN),
        published=_published(draw, files),
        strata=_strata(draw),
        announcement=_announcement(draw, at),
        waiting=_waiting(draw, at),
        result=_result(draw) if "result.tsv" in names else None,
        changed=_changed(draw, at),
        top_ups=_top_ups(draw),
        files=files,
        complete={"reveal.json", "population.tsv"} <= names,
        own=_own(draw, at) if {"reveal.json", "result.tsv"} <= names else None,
        programs=_programs(),
    )


@blp.route("/<draw_no>/files/<name>")
@anyone
def send_file(draw_no: str, name: str) -> flask.Response:
    """Send a public file of a draw, byte for byte as hashed, or the verifier."""
    at = clock.now()
    draw = service.get_public_draw(draw_no)
    if name == "bundle.zip":
        return _attached(_zipped(reading.public_bundle(draw, at)), f"{draw_no}.zip", "zip")
    if name in {*reading.VERIFIERS, "说明.txt"}:
        return _attached(reading.public_bundle(draw, at)[name], name, name.rpartition(".")[2])
    file = reading.get_file(draw, name, PUBLIC, at)
    response = _attached(file.content, file.name, file.name.rpartition(".")[2])
    response.set_etag(file.sha256)
    response.make_conditional(flask.request)
    return response


def _published(draw: Draw, files: Sequence[DrawFile]) -> dict[str, Any] | None:
    """Return the digest of all public files, and the journal entry that holds it."""
    sums = next((file for file in files if file.name == "SHA256SUMS"), None)
    entry = queries.entry_of(draw.id, Event.DRAW_PUBLISHED)
    return None if sums is None or entry is None else {"sha256": sums.sha256, "entry": entry}


def _own(draw: Draw, at: datetime) -> dict[str, Any]:
    """Return what the form for one unit shows: what was typed, and the lots found for it."""
    unit = flask.request.args.get("unit", "").strip()[:UNIT_LETTERS]
    return {
        "unit": unit,
        "lots": reading.lots_of(draw, unit, at) if unit else [],
        "verdicts": VERDICT_NAMES,
    }


def _programs() -> list[dict[str, Any]]:
    return [
        {"name": name, "size": len(content), "sha256": sha256_of(content)}
        for name, content in ((name, path.read_bytes()) for name, path in reading.VERIFIERS.items())
    ]


def _attached(content: bytes, name: str, kind: str) -> flask.Response:
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    return flask.Response(
        content,
        content_type=_TYPES.get(kind, "application/octet-stream"),
        headers={"Content-Disposition": disposition, "Cache-Control": "public, max-age=60"},
    )


def _zipped(files: dict[str, bytes]) -> bytes:
    """Return a ZIP archive that is the same for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _headline(draw: Draw) -> dict[str, Any]:
    return {
        "draw": draw,
        "plan": draw.plan,
        "agency": people.get_agency(draw.agency_id).name,
        "state_name": stages.STATE_NAMES[draw.state],
        "kind_name": stages.KIND_NAMES[draw.plan.kind],
        "level_name": stages.LEVEL_NAMES[draw.level],
        "sealed": draw.level == Level.SEALED,
        "limit": LIMITS[draw.level],
        "abort_rule": ABORT_RULE,
        "reveal": _reveal(draw.reveal),
        "selected": sum(row["drawn"] for row in draw.summary),
        "void": draw.state == DrawState.VOID,
    }


def _annual(draw: Draw) -> AnnualPlan | None:
    """Return the public plan of the year that a draw carries out, if it named one."""
    if draw.plan.annual_plan_id is None:
        return None
    return annual_queries.annual_plan_in_force(draw.agency_id, draw.plan.year)


def _reveal(reveal: str) -> str:
    day = stages.reveal_day(reveal)
    return stages.describe_reveal(reveal) if day is None else f"{day:%Y年%m月%d日}"


def _steps(draw: Draw) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, title, meaning in _STEPS:
        at: datetime | None = getattr(draw, name)
        before = not found or found[-1]["at"] is not None
        now = at is None and before and draw.state != DrawState.VOID
        found.append({"title": title, "meaning": meaning, "at": at, "now": now})
    return found


def _strata(draw: Draw) -> list[dict[str, Any]]:
    return [
        {**row, "rule": _rule(draw.plan.strata[row["name"]], row)}
        for row in draw.summary
        if row["name"] in draw.plan.strata
    ]


def _rule(rule: Any, row: dict[str, Any]) -> str:
    """Return how many a plan wants; of a ratio by grade also what the manifest says by weight."""
    if not stages.is_graded(rule):
        return stages.describe_rule(rule)
    return f"{stages.describe_rule(rule)}（公告中：{stages.describe_rule(row['rule'])}）"


def _announcement(draw: Draw, at: datetime) -> dict[str, Any] | None:
    """Return what the manifest says, or None before it is public."""
    if draw.announced_at is None:
        return None
    file = reading.get_file(draw, "manifest.json", PUBLIC, at)
    manifest = bundle.parse_manifest(file.content)
    previous = queries.announced_before(draw)
    return {
        "manifest": manifest,
        "sha256": file.sha256,
        "previous": None if previous is None else previous.draw_no,
        "deposits": [
            {"number": one.number, "role": ROLE_NAMES.get(one.role, one.role), "row": one}
            for one in queries.deposits_of(draw.id)
        ],
        "values": list(zip(manifest.entropy_sources, queries.sealed_values(draw.id), strict=False)),
        "due_at": draw.opens_at if draw.level == Level.SEALED else draw.dice_until_at,
    }


def _waiting(draw: Draw, at: datetime) -> stages.Waiting | None:
    """Return what a draw waits for; why the timetable is held up is for the agency alone."""
    waiting = reading.waiting_for(draw, at)
    return None if waiting is None or waiting.code == "held" else waiting


def _changed(draw: Draw, at: datetime) -> dict[str, Any] | None:
    """Return what was changed of a result: before it is public numbers only, then every change."""
    if draw.state not in (DrawState.DRAWN, DrawState.PUBLISHED):
        return None
    records = change_queries.records_of(draw.id)
    figure = changes.figure_of(draw, local_date(at))
    found = {
        "public": draw.state == DrawState.PUBLISHED,
        "figure": figure,
        "cap": f"{figure.cap[0] * 100 // figure.cap[1]}%",
        "waiting": len(change_queries.open_redraws_of(draw.id)),
        "count": len(records),
        "kinds": [(name, sum(one["kind"] == kind for one in records)) for kind, name in KINDS],
        "rows": [],
    }
    if draw.state == DrawState.PUBLISHED:
        names = {one.row.archive_no: one.unit_name for one in queries.chosen_of(draw.id)}
        found["rows"] = [
            {**one, "unit": names.get(one["id"]), "follows": names.get(one.get("reserve", ""))}
            for one in records[:ROWS_SHOWN]
        ]
        found["more"] = max(0, len(records) - ROWS_SHOWN)
        found["carried_over"] = leftovers.count_carried_over(draw, local_date(at))
    return found


def _top_ups(draw: Draw) -> list[str]:
    """Return the numbers of the draws that complete this one."""
    return [
        one.draw_no
        for plan in change_queries.top_ups_of(draw.draw_no)
        for one in queries.draws_of_plan(plan.id)
    ]


def _result(draw: Draw) -> dict[str, Any]:
    chosen = queries.chosen_of(draw.id)
    if not chosen:  # a void draw: what it would have drawn stands in its file only
        return {"selected": [], "reserves": [], "more": 0, "more_reserves": 0}
    selected = [one for one in chosen if one.row.kind == SelectionKind.SELECTED]
    reserves = [one for one in chosen if one.row.kind == SelectionKind.RESERVE]
    return {
        "selected": selected[:ROWS_SHOWN],
        "reserves": reserves[:ROWS_SHOWN],
        "more": max(0, len(selected) - ROWS_SHOWN),
        "more_reserves": max(0, len(reserves) - ROWS_SHOWN),
    }
