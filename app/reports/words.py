"""What the lines of a list are called in a file that people read."""

from collections.abc import Mapping
from datetime import date

from app.cases.rules import RemedyResult
from app.catalogue import service as catalogue
from app.catalogue.service import Kind
from app.reports.listing import Entry

TYPE_NAMES: Mapping[str, str] = {
    "ban": "取缔",
    "campaign_event": "专项行动",
    "case_cause": "案由",
    "case_remedy": "复议诉讼",
    "case_transfer": "移送协查磋商",
    "complaint": "投诉举报",
    "corrective_order": "责令改正",
    "credit_repair": "信用修复",
    "document": "文书",
    "evidence": "音像记录",
    "finding": "检查发现",
    "patrol": "协管巡查",
    "patrol_hint": "协管线索",
    "penalty_case": "案件",
    "permit_record": "许可办件",
    "publication": "公示",
    "sample": "样品",
    "seizure": "查封扣押没收",
    "task": "任务",
    "unit": "单位",
    "visit": "检查",
}
RESULT_NAMES: Mapping[str, str] = {
    RemedyResult.DISMISSED: "驳回",
    RemedyResult.UPHELD: "维持",
    RemedyResult.CHANGED: "变更",
    RemedyResult.REVOKED: "撤销",
    RemedyResult.ILLEGAL: "确认违法",
    RemedyResult.ORDERED: "责令履行",
    RemedyResult.WITHDRAWN: "撤回",
    RemedyResult.MEDIATED: "调解",
}


def type_name(one: Entry) -> str:
    """Return what kind of thing a line is."""
    return TYPE_NAMES[one.type]


def label_of(one: Entry, on: date) -> str | None:
    """Return what a line says of its thing; a code by the name that it has on a day."""
    if one.label is None:
        return None
    if one.type in {"visit", "task"}:
        rows = catalogue.in_force(Kind.OUTCOME_CODE, on)
        return {row.code: str(row.body["name"]) for row in rows}.get(one.label, one.label)
    return RESULT_NAMES.get(one.label, one.label) if one.type == "case_remedy" else one.label
