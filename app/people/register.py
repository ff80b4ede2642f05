"""The register of officers as a table: its columns, what a row means, what is to become of it.

A column that the file does not have stays as it is in the register; an empty cell empties it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

from app.people import rules
from app.people.rules import OfficerState
from app.registers import (
    SEPARATOR,
    Planned,
    Reason,
    Severity,
    TableRow,
    Unreadable,
    Verdict,
    doubled,
    is_refused,
    names,
    read_day,
    refused,
    split,
)

CERTIFICATE_NO, NAME, VALID_UNTIL = "执法证号", "姓名", "执法证有效期至"
TEAM, TAKES_PART, LEADS, STATE = "科室", "参与专业", "主办专业", "状态"
COLUMNS = (CERTIFICATE_NO, NAME, VALID_UNTIL, TEAM, TAKES_PART, LEADS, STATE)
REQUIRED = (CERTIFICATE_NO, NAME, VALID_UNTIL)
STATE_NAMES = {OfficerState.ACTIVE: "在岗", OfficerState.LEFT: "离岗"}
MAX_CERTIFICATE, MAX_NAME, MAX_TEAM = 40, 60, 60


@dataclass(frozen=True, slots=True)
class OfficerData:
    """Everything the register holds of an officer."""

    certificate_no: str
    name: str
    certificate_valid_until: date
    team: str = ""
    specialties: tuple[str, ...] = ()
    lead_specialties: tuple[str, ...] = ()
    state: OfficerState = OfficerState.ACTIVE


@dataclass(frozen=True, slots=True)
class Present:
    """What the register and the day say.

    `officers` are the agency's by certificate number, `elsewhere` the numbers that other agencies
    have, `specialties` names by code.
    """

    officers: Mapping[str, OfficerData]
    elsewhere: frozenset[str]
    specialties: Mapping[str, str]
    on: date


def plan_officers(rows: Sequence[TableRow], present: Present) -> list[Planned[OfficerData]]:
    """Judge every row: what it would create or change, or why it is kept out.

    A row that says what the register says is `unchanged` and not judged: it was, when it came in.
    """
    same_number = doubled((row.row_no, _key(row)) for row in rows)
    codes = {word: code for code, name in present.specialties.items() for word in (code, name)}
    return [_plan(row, present, codes, same_number.get(row.row_no)) for row in rows]


def _key(row: TableRow) -> str:
    return row.values.get(CERTIFICATE_NO, "").strip()


def _plan(
    row: TableRow, present: Present, codes: Mapping[str, str], same: Sequence[int] | None
) -> Planned[OfficerData]:
    key = _key(row)
    reasons = list(row.faults)
    if same:
        detail = f"执法证号“{key}”在文件中重复（另见第 {names(same)} 行），请核对后只留一行。"
        reasons.append(Reason("certificate-doubled", detail, CERTIFICATE_NO))
    values, unread = _read(row.values, codes)
    reasons += unread
    if is_refused(reasons):
        return refused(row.row_no, key, reasons)
    before = present.officers.get(key)
    start = before or OfficerData(key, "", present.on)
    after = replace(start, **values)
    changed: tuple[str, ...] = ()
    if before is not None:
        changed = changed_fields(before, after)
        if not changed:
            return Planned(row.row_no, key, Verdict.UNCHANGED, tuple(reasons))
    reasons += _judge(before, after, present)
    if is_refused(reasons):
        return refused(row.row_no, key, reasons)
    verdict = Verdict.CREATE if before is None else Verdict.CHANGE
    return Planned(row.row_no, key, verdict, tuple(reasons), changed, after)


def changed_fields(before: OfficerData, after: OfficerData) -> tuple[str, ...]:
    """Return the names of the fields in which two officers differ."""
    return tuple(
        one.name
        for one in fields(OfficerData)
        if getattr(before, one.name) != getattr(after, one.name)
    )


def _judge(before: OfficerData | None, after: OfficerData, present: Present) -> list[Reason]:
    found = _text_reasons(after)
    if after.certificate_no in present.elsewhere:
        detail = f"执法证号“{after.certificate_no}”已由其他机构登记，请核对。"
        found.append(Reason("certificate-taken", detail, CERTIFICATE_NO))
    found += _certificate_reasons(before, after, present.on)
    for code in {*after.specialties, *after.lead_specialties} - set(present.specialties):
        column = TAKES_PART if code in after.specialties else LEADS
        detail = f"没有“{code}”这个专业，请按专业目录填写。"
        found.append(Reason("specialty-unknown", detail, column))
    if alone := rules.not_taking_part(after.specialties, after.lead_specialties):
        listed = "、".join(present.specialties.get(code, code) for code in alone)
        detail = f"主办专业“{listed}”没有列入参与专业。"
        found.append(Reason("lead-not-taking-part", detail, LEADS))
    return found


def _text_reasons(officer: OfficerData) -> list[Reason]:
    found = []
    for column, value, most in (
        (CERTIFICATE_NO, officer.certificate_no, MAX_CERTIFICATE),
        (NAME, officer.name, MAX_NAME),
        (TEAM, officer.team, MAX_TEAM),
    ):
        if not value and column != TEAM:
            found.append(Reason("missing", f"请填写{column}。", column))
        if len(value) > most:
            found.append(Reason("too-long", f"{column}最长{most}个字。", column))
    if not rules.is_certificate_no(officer.certificate_no):
        detail = "执法证号只能含汉字、字母、数字和半角符号，不能含空格和逗号。"
        found.append(Reason("certificate-characters", detail, CERTIFICATE_NO))
    return found


def _certificate_reasons(before: OfficerData | None, after: OfficerData, on: date) -> list[Reason]:
    """Refuse a certificate that has expired; of an officer who is there already, only say so."""
    until = after.certificate_valid_until
    if until >= on or after.state is OfficerState.LEFT:
        return []
    known = before is not None and before.certificate_valid_until == until
    detail = f"执法证已于 {until} 到期，请换证后再登记。"
    severity = Severity.WARNING if known else Severity.ERROR
    return [Reason("certificate-expired", detail, VALID_UNTIL, severity)]


def _read(
    values: Mapping[str, str], codes: Mapping[str, str]
) -> tuple[dict[str, Any], list[Reason]]:
    """Return the fields of a row by name, and why some could not be read."""
    found: dict[str, Any] = {"certificate_no": values[CERTIFICATE_NO].strip()}
    reasons = []
    for column, (field, reader) in _READERS.items():
        if column not in values:
            continue
        try:
            value = reader(values[column].strip(), codes)
        except Unreadable as unreadable:
            reasons.append(Reason("cell-unreadable", str(unreadable), column))
        else:
            if value is not None:
                found[field] = value
    return found, reasons


def _text(text: str, _codes: Mapping[str, str]) -> str:
    return text


def _valid_until(text: str, _codes: Mapping[str, str]) -> date:
    day = read_day(text)
    if day is None:
        raise Unreadable(f"请填写{VALID_UNTIL}。")
    return day


def _specialties(text: str, codes: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted({codes.get(part, part) for part in split(text) if part}))


def _state(text: str, _codes: Mapping[str, str]) -> OfficerState | None:
    if not text:
        return None
    for state, name in STATE_NAMES.items():
        if text in {name, str(state)}:
            return state
    raise Unreadable(f"没有“{text[:20]}”这个状态，应为：{'、'.join(STATE_NAMES.values())}。")


_Reader = Callable[[str, Mapping[str, str]], Any]
_READERS: Mapping[str, tuple[str, _Reader]] = {
    NAME: ("name", _text),
    VALID_UNTIL: ("certificate_valid_until", _valid_until),
    TEAM: ("team", _text),
    TAKES_PART: ("specialties", _specialties),
    LEADS: ("lead_specialties", _specialties),
    STATE: ("state", _state),
}


def export_row(officer: OfficerData, specialties: Mapping[str, str]) -> list[str]:
    """Return an officer's cells in the order of COLUMNS; taken in again they change nothing."""
    return [
        officer.certificate_no,
        officer.name,
        str(officer.certificate_valid_until),
        officer.team,
        SEPARATOR.join(specialties.get(code, code) for code in officer.specialties),
        SEPARATOR.join(specialties.get(code, code) for code in officer.lead_specialties),
        STATE_NAMES[officer.state],
    ]
