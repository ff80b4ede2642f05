"""What partner departments found, taken from a table: every line of it or none."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from app.access import Actor
from app.errors import Invalid
from app.lists import queries, service
from app.lists.models import GivenList, GivenListRow
from app.lists.register import PartnerRow
from app.lists.rows import is_only_reported
from app.lists.rules import Change, normalise_code, normalise_name
from app.lists.service import NewPartnerResult
from app.registers import Reason

_TOLD = 50  # lines that an error tells of


class PartnerResultsInvalid(Invalid):
    """`errors`: line by line what is wrong; nothing of the file was taken."""

    code, title = "partner-results-invalid", "部门检查结果表有误"


@dataclass(frozen=True)
class PartnerLine:
    """What became of one line of a table of results."""

    row_no: int
    change: Change
    department: str
    reasons: tuple[Reason, ...]


def take_partner_results(
    found: GivenList, rows: Sequence[PartnerRow], *, preview: bool, by: Actor, at: datetime
) -> list[PartnerLine]:
    """Write down what partners found, every line of a table or none.

    A preview tells the same and writes nothing. A line that was taken before changes nothing.
    Raises PartnerResultsInvalid (`errors` by line) and what `record_partner_result` raises.
    """
    service.open_list(found)
    finder = _RowFinder(queries.told_rows(found.id))
    located = [(one, *finder.find(one)) for one in rows]
    wrong = [(one, reasons) for one, row, reasons in located if row is None]
    if wrong and not preview:
        raise PartnerResultsInvalid(
            f"有 {len(wrong)} 行不能采用，全部没有写入，请更正后重新上传。",
            errors=[
                {"pointer": f"#/{one.row_no}", "detail": "".join(r.detail for r in reasons)}
                for one, reasons in wrong[:_TOLD]
            ],
        )
    return [
        PartnerLine(
            one.row_no,
            Change.REFUSED if row is None else _taken_result(found, row, one, preview, by, at),
            one.department,
            reasons,
        )
        for one, row, reasons in located
    ]


def _taken_result(
    found: GivenList,
    row: GivenListRow,
    one: PartnerRow,
    preview: bool,
    by: Actor,
    at: datetime,
) -> Change:
    data = NewPartnerResult(
        one.department, one.result, found_on=one.found_on, reference=one.reference or None
    )
    known = next((own for own in row.partner_results if own.department == data.department), None)
    if known is not None and known.outcome_code is not None:
        data = NewPartnerResult(**{**asdict(data), "outcome_code": known.outcome_code})
    if known is not None and all(getattr(known, k) == v for k, v in asdict(data).items()):
        return Change.SAME
    if not preview:
        service.record_partner_result(found, row, data, by=by, at=at)
    return Change.NEW if known is None else Change.CHANGED


class _RowFinder:
    """Finds the row of a list that a line of another table means, or says why it cannot."""

    def __init__(self, rows: Iterable[GivenListRow]) -> None:
        self.found: dict[tuple[str, str], list[GivenListRow]] = {}
        for row in rows:
            if is_only_reported(row):
                continue
            signs = {*_signs(row.superior_no, row.archive_no, row.uscc, row.name)}
            if (unit := row.unit) is not None:
                signs |= {*_signs("", unit.archive_no, unit.uscc or "", unit.name)}
            for sign in signs:
                self.found.setdefault(sign, []).append(row)

    def find(self, one: PartnerRow) -> tuple[GivenListRow | None, tuple[Reason, ...]]:
        if any(reason.severity == "error" for reason in one.reasons):
            return None, one.reasons
        line = one.line
        for sign in _signs(line.superior_no, line.archive_no, line.uscc, line.name):
            rows = self.found.get(sign, [])
            if len(rows) > 1 and line.specialties:
                rows = [row for row in rows if row.specialty in line.specialties]
            if len(rows) == 1:
                return rows[0], one.reasons
            if len(rows) > 1:
                detail = f"名单中有 {len(rows)} 行与此相符，请填写任务编号。"
                return None, (*one.reasons, Reason("row-of-several", detail))
        detail = "名单中没有这家单位。"
        return None, (*one.reasons, Reason("row-unknown", detail))


def _signs(superior_no: str, archive_no: str, uscc: str, name: str) -> Iterator[tuple[str, str]]:
    """Return what a row can be found by, the surest first."""
    signs = (
        ("no", normalise_code(superior_no)),
        ("archive", normalise_code(archive_no)),
        ("uscc", uscc),
        ("name", normalise_name(name)),
    )
    return (sign for sign in signs if sign[1])
