"""What documents there are, how they are numbered, and what each has to say.

Numbers count by agency, kind and year. A tablet issues them from blocks that were allotted to it
and its officer, so that two tablets never write the same number.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from app import canonical
from app.documents.wording import Field, is_empty, read_field, wrong


class DocumentKind(StrEnum):
    """The law-enforcement documents 执法文书 that the product issues."""

    OPINION = "opinion"  # 卫生监督意见书
    CORRECTIVE_ORDER = "corrective-order"  # 责令改正通知书
    ON_SITE_DECISION = "on-site-decision"  # 当场行政处罚决定书
    VISIT_RECORD = "visit-record"  # 现场笔录
    SAMPLING_RECORD = "sampling-record"  # 采样记录
    INSPECTION_NOTICE = "inspection-notice"  # 行政检查通知书
    INQUIRY_RECORD = "inquiry-record"  # 询问笔录
    ASSISTANT_OPINION = "assistant-opinion"  # 卫生监督协管意见书
    PRESERVATION_DECISION = "preservation-decision"  # 证据先行登记保存决定书
    PRESERVATION_OUTCOME = "preservation-outcome"  # 证据先行登记保存处理决定书
    PRODUCT_SAMPLING_RECORD = "product-sampling-record"  # 产品样品采样记录
    NON_PRODUCT_SAMPLING_RECORD = "non-product-sampling-record"  # 非产品样品采样记录
    GOODS_LIST = "goods-list"  # 物品清单
    SEAL_STRIP = "seal-strip"  # 封条
    ANNOUNCEMENT = "announcement"  # 公告
    SEIZURE_DECISION = "seizure-decision"  # 查封（扣押）决定书
    SEIZURE_LIFTING_DECISION = "seizure-lifting-decision"  # 解除查封（扣押）决定书
    CASE_INTAKE_RECORD = "case-intake-record"  # 案件受理记录
    CASE_FILING_REPORT = "case-filing-report"  # 立案报告
    INVESTIGATION_REPORT = "investigation-report"  # 案件调查终结报告
    PANEL_RECORD = "panel-record"  # 合议记录
    COLLECTIVE_DISCUSSION_RECORD = "collective-discussion-record"  # 重大案件集体讨论记录
    LEGAL_REVIEW_OPINION = "legal-review-opinion"  # 法制审核意见书
    PENALTY_NOTICE = "penalty-notice"  # 行政处罚事先告知书
    HEARING_RIGHTS_NOTICE = "hearing-rights-notice"  # 行政处罚听证告知书
    HEARING_NOTICE = "hearing-notice"  # 行政处罚听证通知书
    HEARING_RECORD = "hearing-record"  # 听证笔录
    DEFENCE_RECORD = "defence-record"  # 陈述和申辩笔录
    DEFENCE_REVIEW = "defence-review"  # 陈述和申辩复核意见书
    PENALTY_DECISION = "penalty-decision"  # 行政处罚决定书
    NO_PENALTY_DECISION = "no-penalty-decision"  # 不予行政处罚决定书
    SERVICE_RECEIPT = "service-receipt"  # 送达回执
    PAYMENT_REMINDER = "payment-reminder"  # 催告书
    INSTALMENT_APPROVAL = "instalment-approval"  # 延期（分期）缴纳罚款通知书
    SURCHARGE_DECISION = "surcharge-decision"  # 加处罚款决定书
    ENFORCEMENT_APPLICATION = "enforcement-application"  # 强制执行申请书
    TRANSFER_LETTER = "transfer-letter"  # 案件移送书
    CASE_WITHDRAWAL_REPORT = "case-withdrawal-report"  # 撤销立案报告
    CLOSING_REPORT = "closing-report"  # 结案报告
    COMPLAINT_REPLY = "complaint-reply"  # 投诉举报答复书
    SERVICE_ADDRESS = "service-address"  # 送达地址确认书


class DocumentState(StrEnum):
    """How far a document is. `signed` locks it: what comes later is a document of its own."""

    ISSUED = "issued"
    SIGNED = "signed"


class BlockState(StrEnum):
    """`ended`: no tablet takes a further number from it; what was written before still counts."""

    OPEN = "open"
    ENDED = "ended"


class EndReason(StrEnum):
    """Why no further number is taken from a block.

    `restored`: a restored database does not know whether its numbers were given out.
    """

    USED_UP = "used-up"
    DEVICE_CLOSED = "device-closed"
    YEAR_OVER = "year-over"
    RESTORED = "restored"


class SignRole(StrEnum):
    """Whose signature it is: an officer's, the supervised party's 当事人, a witness's 见证人."""

    OFFICER = "officer"
    PARTY = "party"
    WITNESS = "witness"


class SignMethod(StrEnum):
    """How it was signed: the tablet's key, a PIN on a colleague's tablet, by hand, or refused."""

    DEVICE_KEY = "device-key"
    PIN = "pin"
    HAND = "hand"
    REFUSED = "refused"


class PaperRole(StrEnum):
    """Whose signature stands under a document: those of a tablet, and those of the office.

    The head who approves 负责人, who reviewed, who held the chair, took part, wrote the record, and
    the organ's seal 印章.
    """

    OFFICER = "officer"
    PARTY = "party"
    WITNESS = "witness"
    APPROVER = "approver"
    REVIEWER = "reviewer"
    CHAIR = "chair"
    MEMBER = "member"
    RECORDER = "recorder"
    SEAL = "seal"


class PaperMethod(StrEnum):
    """How it was signed: as on a tablet, at the desk by an account, or by the seal."""

    DEVICE_KEY = "device-key"
    PIN = "pin"
    HAND = "hand"
    REFUSED = "refused"
    ACCOUNT = "account"
    SEAL = "seal"


class Confirmation(StrEnum):
    """Who stands for a correction: the organ's proof seal 校对章, the party, or the officer."""

    PROOF_SEAL = "proof-seal"
    PARTY = "party"
    OFFICER = "officer"


class ServiceMode(StrEnum):
    """How a document is served 送达: what each needs stands in the catalogue (`service_mode`)."""

    DIRECT = "direct"  # 直接送达
    LEFT = "left"  # 留置送达
    POST = "post"  # 邮寄送达
    ELECTRONIC = "electronic"  # 电子送达
    AGENT = "agent"  # 委托送达
    NOTICE = "notice"  # 公告送达


@dataclass(frozen=True)
class Signature:
    """A signature on a tablet; `confirmed_by` is the colleague who gave their PIN on it.

    `content_hash` is of what was shown when it was signed; `refusal` says why the party did not;
    `picture_sha256` names the original that shows it.
    """

    role: SignRole = SignRole.OFFICER
    content_hash: str | None = None
    refusal: str | None = None
    confirmed_by: UUID | None = None
    picture_sha256: str | None = None


def signatories(signature: Signature, officer_id: UUID) -> list[tuple[SignRole, UUID, SignMethod]]:
    """Return who signs, as what and how, when an officer's tablet sends a signature.

    The tablet's officer signs with it, and a colleague who confirmed by PIN; the party or a witness
    by hand, or not.
    """
    found = [(SignRole.OFFICER, officer_id, SignMethod.DEVICE_KEY)]
    if signature.confirmed_by is not None and signature.confirmed_by != officer_id:
        found.append((SignRole.OFFICER, signature.confirmed_by, SignMethod.PIN))
    if signature.role is not SignRole.OFFICER:
        method = SignMethod.HAND if signature.refusal is None else SignMethod.REFUSED
        found.append((signature.role, officer_id, method))
    return found


# --- numbers -----------------------------------------------------------------------------------

HEAD_PREFIX = "document."
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
_SERIES = re.compile(r"([a-z]+(?:-[a-z]+)*):([0-9]{4})\Z")


def series_of(kind: DocumentKind, year: int) -> str:
    """Return the name of the series in which an agency numbers a kind of document in a year."""
    return f"{kind}:{year:04d}"


def read_series(series: str) -> tuple[DocumentKind, int]:
    """Return the kind and the year of a series. Raises ValueError for what is none."""
    found = _SERIES.match(series)
    if found is None:
        raise ValueError(f"not a series: {series!r}")
    return DocumentKind(found[1]), int(found[2])


def head_series(agency_id: object, series: str) -> str:
    """Return the name that a series has among all agencies', `<prefix><kind>:<agency>:<year>`."""
    kind, year = series.split(":")
    return f"{HEAD_PREFIX}{kind}:{agency_id}:{year}"


def format_number(form: str, digits: int, year: int, serial: int) -> str:
    """Return a printed number 编号: the form with its `{year}` and `{serial}` filled in.

    The serial has at least `digits` digits; a longer one is never cut.
    """
    return form.replace("{year}", f"{year:04d}").replace("{serial}", f"{serial:0{digits}d}")


# --- what a document says ------------------------------------------------------------------------


class Slot(StrEnum):
    """What a template asks to be signed; most are one signature, some several."""

    PARTY = "party"
    RECEIVER = "receiver"
    OFFICERS = "officers"
    OFFICER = "officer"
    WITNESS = "witness"
    APPROVER = "approver"
    REVIEWER = "reviewer"
    CHAIR = "chair"
    MEMBERS = "members"
    RECORDER = "recorder"
    SEAL = "seal"


SLOT_ROLES: Mapping[Slot, PaperRole] = {
    Slot.PARTY: PaperRole.PARTY,
    Slot.RECEIVER: PaperRole.PARTY,
    Slot.OFFICERS: PaperRole.OFFICER,
    Slot.OFFICER: PaperRole.OFFICER,
    Slot.WITNESS: PaperRole.WITNESS,
    Slot.APPROVER: PaperRole.APPROVER,
    Slot.REVIEWER: PaperRole.REVIEWER,
    Slot.CHAIR: PaperRole.CHAIR,
    Slot.MEMBERS: PaperRole.MEMBER,
    Slot.RECORDER: PaperRole.RECORDER,
    Slot.SEAL: PaperRole.SEAL,
}


def open_slots(slots: Iterable[Slot], roles: Collection[str], *, team: int) -> list[Slot]:
    """Return what is still to be signed, given the roles of the signatures that are there.

    Officers sign together, as many as a `team` has at least (行政处罚法 第四十二条). A witness
    signs where somebody refuses, and is never waited for.
    """
    given = list(roles)
    return [
        slot
        for slot in slots
        if slot is not Slot.WITNESS
        and given.count(SLOT_ROLES[slot]) < (team if slot is Slot.OFFICERS else 1)
    ]


class ServiceNeed(StrEnum):
    """How a document comes to its receiver: not at all, at once on the spot, or by service 送达."""

    NONE = "none"
    HANDED_OVER = "handed-over"
    SERVED = "served"


class ServiceTurn(StrEnum):
    """What the timetable notices about a service: its day is known, it is near, it has passed."""

    COMPUTED = "computed"
    WARNED = "warned"
    LATE = "late"


def service_turns(
    kept: date | None,
    due_on: date | None,
    *,
    warned: bool,
    flagged: bool,
    warn_days: int,
    today: date,
) -> list[ServiceTurn]:
    """Return what is to be done about a document that is not served yet.

    `kept` is the last day as it was noted, `due_on` as it is computed today; what was noted stays.
    The warning comes from so many days before the last one on, the flag on the day after it.
    """
    last = kept or due_on
    if last is None:
        return []
    found = [] if kept is not None else [ServiceTurn.COMPUTED]
    if not warned and not flagged and last - timedelta(days=warn_days) <= today <= last:
        found.append(ServiceTurn.WARNED)
    if not flagged and today > last:
        found.append(ServiceTurn.LATE)
    return found


@dataclass(frozen=True)
class Line:
    """A line of a template's text: `style` is line, para, note, table or big; `text` has `{names}`
    of fields in it."""

    style: str
    text: str


@dataclass(frozen=True)
class Template:
    """What the catalogue says of a kind of document on a day.

    `required` are the names of the fields without which it is not complete; `on_tablet` says that
    tablets issue it and carry blocks of its numbers; `outward`, that it leaves the organ.
    """

    kind: DocumentKind
    name: str
    required: tuple[str, ...]
    number_form: str
    serial_digits: int
    on_tablet: bool
    fields: tuple[Field, ...] = ()
    body: tuple[Line, ...] = ()
    slots: tuple[Slot, ...] = ()
    outward: bool = True
    service: ServiceNeed = ServiceNeed.HANDED_OVER


NUMBER_FORM = "{year}—{serial}"
MAX_DIGITS = 9


def read_template(code: str, body: Mapping[str, Any]) -> Template:
    """Return the template in a catalogue row's body; agencies write such rows.

    A form that would print two numbers alike is not used; a row that leaves out how it is printed
    gets one line a field. Raises ValueError for a code that is no kind of document.
    """
    form = body["number_form"]
    required, optional = _rows(body["required"]), _rows(body.get("optional"))
    fields = (
        *(read_field(one, required=True) for one in required),
        *(read_field(one, required=False) for one in optional),
    )
    written = tuple(
        Line(str(one["as"]), str(one["text"]))
        for one in _maps(body.get("body"))
        if "as" in one and "text" in one
    )
    return Template(
        kind=DocumentKind(code),
        name=str(body["name"]),
        required=tuple(one.name for one in fields if one.required),
        number_form=form if "{year}" in form and "{serial}" in form else NUMBER_FORM,
        serial_digits=min(max(int(body["serial_digits"]), 1), MAX_DIGITS),
        on_tablet=bool(body["on_tablet"]),
        fields=fields,
        body=written or tuple(Line("line", f"{one.label}：{{{one.name}}}") for one in fields),
        slots=tuple(Slot(one) for one in body.get("signatures", ()) if one in list(Slot)),
        outward=bool(body.get("outward", True)),
        service=_service_in(body.get("service")),
    )


def _service_in(value: Any) -> ServiceNeed:
    return ServiceNeed(value) if value in list(ServiceNeed) else ServiceNeed.HANDED_OVER


def _maps(rows: Any) -> list[Mapping[str, Any]]:
    return [one for one in rows or () if isinstance(one, Mapping)]


def _rows(rows: Any) -> list[Mapping[str, Any]]:
    return [one for one in _maps(rows) if _NAME.match(str(one.get("field")))]


def wrong_fields(template: Template, fields: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with each field: unknown, missing, or of another kind than it says."""
    known = {one.name: one for one in template.fields}
    found = {name: "这类文书没有这一项。" for name in fields if name not in known}
    for name, field in known.items():
        problem = wrong(field, fields.get(name))
        if problem is not None:
            found[name] = f"“{field.label}”{problem}"
        elif field.required and is_empty(fields.get(name)):
            by_law = f"（{field.article}）" if field.article else ""
            found[name] = f"“{field.label}”必须填写{by_law}。"
    return dict(sorted(found.items()))


def missing_fields(required: Iterable[str], fields: Mapping[str, Any]) -> list[str]:
    """Return the required fields that say nothing, in the order of the template."""
    return [name for name in required if is_empty(fields.get(name))]


def content_text(
    *,
    document_id: object,
    kind: str,
    number: str,
    unit_id: object,
    officer_ids: Iterable[object],
    fields: Mapping[str, Any],
) -> str:
    """Return what a document says as canonical JSON: what is signed is the SHA-256 of this text.

    A tablet computes the same. The document's id makes the hash say nothing of the contents.
    """
    return canonical.dumps(
        {
            "fields": dict(fields),
            "id": str(document_id),
            "kind": str(kind),
            "number": number,
            "officer_ids": sorted(str(one) for one in officer_ids),
            "unit_id": str(unit_id),
        }
    )


# --- blocks ------------------------------------------------------------------------------------


def unused(first: int, last: int, used: Collection[int]) -> list[tuple[int, int]]:
    """Return the runs `(first, last)` of a block's numbers that no document has."""
    runs: list[tuple[int, int]] = []
    start = first
    for serial in [*sorted(one for one in used if first <= one <= last), last + 1]:
        if start < serial:
            runs.append((start, serial - 1))
        start = serial + 1
    return runs


def skipped(first: int, last: int, used: Collection[int]) -> list[tuple[int, int]]:
    """Return the unused runs below the highest number used: left out, or still on the tablet."""
    highest = max((one for one in used if first <= one <= last), default=first - 1)
    return [run for run in unused(first, last, used) if run[1] < highest]


def free_of(blocks: Sequence[tuple[int, int]], used: Collection[int]) -> int:
    """Return how many numbers above the last one used in each block are left."""
    return sum(
        last - max((one for one in used if first <= one <= last), default=first - 1)
        for first, last in blocks
    )


# --- the year's turn ---------------------------------------------------------------------------


def years_to_carry(today: date, ahead_days: int) -> list[int]:
    """Return the years of which a tablet carries numbers: this one, and in time the next."""
    begins = date(today.year + 1, 1, 1)
    return [today.year, *([today.year + 1] if (begins - today).days <= ahead_days else [])]


def is_over(year: int, today: date, close_days: int) -> bool:
    """Tell whether a year's blocks end: it has been over for `close_days`."""
    return (today - date(year + 1, 1, 1)).days >= close_days
