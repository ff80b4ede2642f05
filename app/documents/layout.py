"""What stands where on the paper: a document as blocks, runs and slots, without any markup.

The typesetter gets this as data; nothing in it is ever read as an instruction.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from app.documents.amending import Change, Mark, Piece, amended
from app.documents.rules import SLOT_ROLES, Line, PaperMethod, PaperRole, Slot, Template
from app.documents.wording import NOTHING, Field, FieldKind, day_text, instant_text, is_empty, say

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_CELL_MAX = 14  # a column's share of the width counts its characters up to this

SLOT_NAMES: Mapping[Slot, str] = {
    Slot.PARTY: "当事人签名",
    Slot.RECEIVER: "收件人签名",
    Slot.OFFICERS: "执法人员签名",
    Slot.OFFICER: "执法人员签名",
    Slot.WITNESS: "见证人签名",
    Slot.APPROVER: "负责人签批",
    Slot.REVIEWER: "法制审核人签名",
    Slot.CHAIR: "主持人签名",
    Slot.MEMBERS: "参加人员签名",
    Slot.RECORDER: "记录人签名",
}
_METHODS: Mapping[str, str] = {
    PaperMethod.DEVICE_KEY: "终端密钥签名",
    PaperMethod.PIN: "PIN 确认",
    PaperMethod.HAND: "手写签名",
    PaperMethod.ACCOUNT: "账号签名",
    PaperMethod.SEAL: "用印",
}


@dataclass(frozen=True)
class Signed:
    """A signature given or refused: by whom, how, when; `taken_by` is who took another's.

    `picture` shows it, as `pictures.drawing_of` writes it.
    """

    role: str
    method: str
    at: datetime
    name: str | None = None
    certificate_no: str | None = None
    reason: str | None = None
    taken_by: str | None = None
    picture: str | None = None


@dataclass(frozen=True)
class Corrected:
    """A correction of a field (or of `table/row/column`), and how it was confirmed."""

    field: str
    change: Change
    at: datetime
    by_name: str
    reason: str
    confirmed: str


@dataclass(frozen=True)
class Paper:
    """A document as it is to be printed."""

    template: Template
    number: str
    issued_on: date
    draft: bool
    content_hash: str
    fields: Mapping[str, Any]
    names: Mapping[str, Any]
    signatures: Sequence[Signed] = ()
    corrections: Sequence[Corrected] = field(default_factory=tuple)


def sheet_of(paper: Paper) -> dict[str, Any]:
    """Return a document as data for the typesetter."""
    template = paper.template
    return {
        "organ": _name(paper.names, "organ"),
        "title": template.name,
        "number": numbered(paper.number),
        "draft": paper.draft,
        "hash": paper.content_hash,
        "day": [paper.issued_on.year, paper.issued_on.month, paper.issued_on.day],
        "dated": day_text(paper.issued_on),
        "each-page": Slot.PARTY in template.slots,
        "body": [block for line in template.body if (block := _block(line, paper)) is not None],
        "slots": [
            {
                "label": SLOT_NAMES[slot],
                "lines": [_signature(one) for one in signed],
                "places": _places(slot, paper),
            }
            for slot, signed in _slots(paper)
        ],
        "seal": _seal(paper) if Slot.SEAL in template.slots else None,
        "corrections": [_record(one, paper) for one in paper.corrections],
        "remarks": [],
    }


@dataclass(frozen=True)
class Statement:
    """A paper without a template: facts by label, what it says, one table, what is to be known."""

    organ: str
    title: str
    number: str
    issued_on: date
    content_hash: str
    facts: Sequence[tuple[str, str]]
    words: str
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    remarks: Sequence[str] = ()


def sheet_of_statement(one: Statement) -> dict[str, Any]:
    """Return a statement as data for the typesetter, with the place of the organ's seal."""
    body = [
        _said("line", _run(f"{label}：", "plain"), _run(text, "value")) for label, text in one.facts
    ]
    body.append(_said("para", _run(one.words, "plain")))
    if one.rows:
        columns = list(zip(one.head, *one.rows, strict=True))
        body.append(
            {
                "style": "table",
                "head": list(one.head),
                "widths": [min(_CELL_MAX, max(map(len, column)) + 2) for column in columns],
                "rows": [[[_run(text, "plain")] for text in row] for row in one.rows],
            }
        )
    return {
        "organ": one.organ,
        "title": one.title,
        "number": one.number,
        "draft": False,
        "hash": one.content_hash,
        "day": [one.issued_on.year, one.issued_on.month, one.issued_on.day],
        "dated": day_text(one.issued_on),
        "each-page": False,
        "body": body,
        "slots": [],
        "seal": _place_of_seal(one.organ, one.issued_on),
        "corrections": [],
        "remarks": list(one.remarks),
    }


def _said(style: str, *runs: dict[str, str]) -> dict[str, Any]:
    return {"style": style, "paragraphs": [list(runs)]}


def numbered(number: str) -> str:
    """Return a number as it is headed: a 文号 says so itself, a plain 编号 does not."""
    return number if "号" in number else f"编号：{number}"


# --- what it says ------------------------------------------------------------------------------


def text_of(paper_field: Field, value: Any) -> str:
    """Return what a field reads, before corrections."""
    return say(paper_field, value)


def _run(text: str, mark: str) -> dict[str, str]:
    return {"text": text, "mark": mark}


def _block(line: Line, paper: Paper) -> dict[str, Any] | None:
    """Return a line of the template with its values.

    A table without rows is left out, and a paragraph that is one value which says nothing.
    """
    known = {one.name: one for one in paper.template.fields}
    if line.style == "table":
        named = _PLACEHOLDER.search(line.text)
        table = None if named is None else known.get(named[1])
        return None if table is None else _table(table, paper)
    alone = _PLACEHOLDER.fullmatch(line.text)
    if (
        alone
        and line.style == "para"
        and alone[1] in known
        and is_empty(paper.fields.get(alone[1]))
    ):
        return None
    plain = "value" if line.style == "line" else "plain"
    paragraphs: list[list[dict[str, str]]] = [[]]
    for place, part in enumerate(_PLACEHOLDER.split(line.text)):
        if place % 2 == 0:
            paragraphs[-1].append(_run(part, "plain"))
        else:
            _extend(paragraphs, _value(part, known.get(part), paper, plain))
    kept = [[run for run in runs if run["text"]] for runs in paragraphs]
    return {"style": line.style, "paragraphs": [runs for runs in kept if runs]}


def _extend(paragraphs: list[list[dict[str, str]]], runs: Iterable[dict[str, str]]) -> None:
    """Add runs to the last paragraph; each line of a value begins a new one."""
    for run in runs:
        first, *more = run["text"].split("\n")
        paragraphs[-1].append({**run, "text": first})
        paragraphs += [[{**run, "text": text}] for text in more]


def _value(name: str, known: Field | None, paper: Paper, plain: str) -> list[dict[str, str]]:
    if known is None:
        return [_run(_fixed(name, paper), plain)]
    changes = [one.change for one in paper.corrections if one.field == name]
    return _runs(say(known, paper.fields.get(name)), changes, plain)


def _runs(text: str, changes: Sequence[Change], plain: str) -> list[dict[str, str]]:
    found = []
    for piece in amended(text.replace("\t", "    "), changes):
        found.append(_run(piece.text, plain if piece.mark is Mark.PLAIN else str(piece.mark)))
        if _ends(piece):
            found.append(_run(f"〔更正{piece.number}〕", "note"))
    return found


def _ends(piece: Piece) -> bool:
    return piece.mark is Mark.RIGHT


def _fixed(name: str, paper: Paper) -> str:
    """Return what organ, party and officers were called, for a line that names them."""
    if name == "officers":
        officers = paper.names.get("officers") or []
        return "、".join(_officer(one) for one in officers) or NOTHING
    stated = {"party": "party_name", "address": "party_address"}.get(name)
    if stated is not None and not is_empty(paper.fields.get(stated)):
        return str(paper.fields[stated])
    return _name(paper.names, {"party": "unit"}.get(name, name))


def _officer(one: Mapping[str, Any]) -> str:
    number = one.get("certificate_no")
    return f"{one.get('name')}（执法证号 {number}）" if number else str(one.get("name"))


def _name(names: Mapping[str, Any], key: str) -> str:
    value = names.get(key)
    return NOTHING if is_empty(value) else str(value)


def _table(table: Field, paper: Paper) -> dict[str, Any] | None:
    value = paper.fields.get(table.name)
    rows = [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
    if not rows:
        return None
    said = [[say(column, row.get(column.name)) for column in table.columns] for row in rows]
    return {
        "style": "table",
        "head": [one.label for one in table.columns],
        "widths": [
            min(_CELL_MAX, max(len(column.label), *(len(row[place]) for row in said)) + 2)
            for place, column in enumerate(table.columns)
        ],
        "rows": [
            [
                _runs(
                    text.replace("\n", " "),
                    _changes_of(f"{table.name}/{number}/{column.name}", paper),
                    "plain",
                )
                for text, column in zip(row, table.columns, strict=True)
            ]
            for number, row in enumerate(said, start=1)
        ],
    }


def _changes_of(path: str, paper: Paper) -> list[Change]:
    return [one.change for one in paper.corrections if one.field == path]


def read_path(template: Template, fields: Mapping[str, Any], path: str) -> str | None:
    """Return what a field, or the cell `table/row/column`, reads; None where there is none."""
    name, *cell = path.split("/")
    known = {one.name: one for one in template.fields}.get(name)
    if known is None or (known.kind is FieldKind.TABLE) != (len(cell) == 2):
        return None
    if not cell:
        return None if is_empty(fields.get(name)) else say(known, fields[name])
    return _read_cell(known, fields.get(name), cell[0], cell[1])


def _read_cell(table: Field, rows: Any, number: str, name: str) -> str | None:
    column = {one.name: one for one in table.columns}.get(name)
    if column is None or not isinstance(rows, list) or not re.fullmatch("[1-9][0-9]{0,3}", number):
        return None
    row = rows[int(number) - 1] if int(number) <= len(rows) else None
    if not isinstance(row, Mapping) or is_empty(row.get(name)):
        return None
    return say(column, row[name]).replace("\n", " ")


# --- who signed it -----------------------------------------------------------------------------


def _slots(paper: Paper) -> list[tuple[Slot, list[Signed]]]:
    """Return what is signed by whom; a witness has a place as soon as one signed."""
    slots: list[Slot] = [slot for slot in paper.template.slots if slot is not Slot.SEAL]
    wanted = {SLOT_ROLES[slot] for slot in slots}
    for slot, role in ((Slot.PARTY, PaperRole.PARTY), (Slot.OFFICERS, PaperRole.OFFICER)):
        if role not in wanted and any(one.role == role for one in paper.signatures):
            slots.append(slot)
    if Slot.WITNESS not in slots and any(o.role == PaperRole.WITNESS for o in paper.signatures):
        slots.append(Slot.WITNESS)
    return [(slot, [o for o in paper.signatures if o.role == SLOT_ROLES[slot]]) for slot in slots]


def _places(slot: Slot, paper: Paper) -> int:
    """Return how many sign in a place: of the officers each of those who were there."""
    officers = paper.names.get("officers") or []
    return max(1, len(officers)) if slot is Slot.OFFICERS else 1


def _signature(one: Signed) -> list[dict[str, str]]:
    taken = f"，由{one.taken_by}记录" if one.taken_by else ""
    when = instant_text(one.at)
    if one.method == PaperMethod.REFUSED:
        return [_run(f"拒绝签名，理由：{one.reason}（{when}{taken}）", "plain")]
    number = f"（执法证号 {one.certificate_no}）" if one.certificate_no else ""
    how = _METHODS.get(one.method, one.method)
    drawn = [] if one.picture is None else [_run(one.picture, "picture")]
    nameless = "" if drawn else "（手写）"
    return [
        *drawn,
        _run(f"{one.name or nameless}{number}", "value"),
        _run(f"　{how}，{when}{taken}", "plain"),
    ]


def _seal(paper: Paper) -> dict[str, Any]:
    sealed = [one for one in paper.signatures if one.role == PaperRole.SEAL]
    place = _place_of_seal(_name(paper.names, "organ"), paper.issued_on)
    if sealed:
        place |= {"sealed": True, "note": f"已用印 {sealed[0].name or ''}".strip()}
    return place


def _place_of_seal(organ: str, on: date) -> dict[str, Any]:
    return {"organ": organ, "date": day_text(on), "sealed": False, "note": "（盖章处）"}


def _record(one: Corrected, paper: Paper) -> list[dict[str, str]]:
    """Return the line that says who corrected what, when and why."""
    labels = {known.name: known.label for known in paper.template.fields}
    label = labels.get(one.field.split("/", maxsplit=1)[0], one.field)
    right = one.change.right or "（删去）"
    return [
        _run(f"更正{one.change.number}　{label}：", "plain"),
        _run(one.change.struck, "struck"),
        _run(" ", "plain"),
        _run(right, "right"),
        _run(
            f"　{instant_text(one.at)}，{one.by_name}，理由：{one.reason}；{one.confirmed}",
            "plain",
        ),
    ]
