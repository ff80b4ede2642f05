"""What an office counts: the counters with their units, and the rates that they make."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from app.cases.rules import Direction, RemedyKind, RemedyResult
from app.cases.sanctions import KIND_NAMES, SanctionKind
from app.complaints.rules import ComplaintResult
from app.documents.rules import DocumentKind
from app.measures.rules import CampaignEventKind, GoodsKind
from app.publication.rules import SubjectType
from app.reports import assistance, publicity, selections
from app.reports.quantities import Unit
from app.reports.selections import Scope
from app.visits.terms import OrderState, SampleResult

Rows = sa.Select[Any]


@dataclass(frozen=True, slots=True)
class Counter:
    """A number of a report: its unit and the one selection behind it.

    `money`: the amounts of the rows are added up instead of counting rows.
    """

    code: str
    name: str
    unit: Unit
    block: str
    rows: Callable[[Scope], Rows]
    money: bool = False
    sums: bool = False  # amounts of things are added up, in their own unit


# --- the list ----------------------------------------------------------------------------------

_INSPECTION, _TASK, _CASE = "监督检查", "任务", "行政处罚"
_REMEDY, _MEASURE, _SYSTEMS = "复议诉讼", "取缔与查封扣押", "三项制度"
_CREDIT, _ASSISTANCE = "信用", "协管"
_TRUE = (ComplaintResult.SUBSTANTIATED, ComplaintResult.PARTLY)
_RESULTS = {
    RemedyResult.DISMISSED: "驳回",
    RemedyResult.UPHELD: "维持",
    RemedyResult.CHANGED: "变更",
    RemedyResult.REVOKED: "撤销",
    RemedyResult.ILLEGAL: "确认违法",
    RemedyResult.ORDERED: "责令履行",
    RemedyResult.WITHDRAWN: "撤回",
    RemedyResult.MEDIATED: "调解",
}
_BY_RESULT = {"pending": "办理中", **{str(code): name for code, name in _RESULTS.items()}}


def _remedy_counters() -> list[Counter]:
    found = []
    for kind, name in ((RemedyKind.REVIEW, "行政复议"), (RemedyKind.SUIT, "行政诉讼")):
        rows = partial(selections.remedies, kind, None)
        found.append(Counter(f"{kind}s", name, Unit.PIECES, _REMEDY, rows))
        found += [
            Counter(
                f"{kind}s-{code}",
                f"{name}（{result}）",
                Unit.PIECES,
                _REMEDY,
                partial(selections.remedies, kind, code),
            )
            for code, result in _BY_RESULT.items()
        ]
    return found


def _publication_counters() -> list[Counter]:
    """公示 of the three systems: what was due on the channels, what came, what came in time."""
    return [
        Counter(f"{subject}s-{code}", f"{name}{what}", Unit.ENTRIES, _SYSTEMS,
                partial(rows, subject))
        for subject, name in ((SubjectType.DECISION, "行政处罚"), (SubjectType.RESULT, "检查结果"))
        for code, what, rows in (
            ("to-publish", "应公示", publicity.to_publish),
            ("published", "已公示", publicity.published),
            ("published-in-time", "按期公示", publicity.published_in_time),
        )
    ]  # fmt: skip


COUNTERS: Mapping[str, Counter] = {
    one.code: one
    for one in (
        Counter("inspections", "监督检查", Unit.VISITS, _INSPECTION, selections.visits),
        Counter("inspected-units", "被检查单位", Unit.UNITS, _INSPECTION, selections.units),
        Counter(
            "officer-visits", "出动监督员", Unit.ATTENDANCES, _INSPECTION, selections.attendances
        ),
        Counter(
            "violation-visits", "发现问题的检查", Unit.VISITS, _INSPECTION, selections.violations
        ),
        Counter("findings", "检查发现", Unit.ENTRIES, _INSPECTION, selections.findings),
        Counter("samples", "采样", Unit.PIECES, _INSPECTION, partial(selections.samples, None)),
        Counter(
            "samples-unqualified",
            "样品不合格",
            Unit.PIECES,
            _INSPECTION,
            partial(selections.samples, SampleResult.UNQUALIFIED),
        ),
        Counter(
            "opinions",
            "卫生监督意见书",
            Unit.COPIES,
            _INSPECTION,
            partial(selections.documents, DocumentKind.OPINION),
        ),
        Counter("corrections", "责令改正", Unit.COPIES, _INSPECTION, selections.orders),
        Counter(
            "corrections-concluded",
            "责令改正已复查",
            Unit.COPIES,
            _INSPECTION,
            partial(selections.orders_concluded, None),
        ),
        Counter(
            "corrections-complied",
            "责令改正已改正",
            Unit.COPIES,
            _INSPECTION,
            partial(selections.orders_concluded, OrderState.COMPLIED),
        ),
        Counter(
            "complaints", "投诉举报", Unit.PIECES, _INSPECTION, partial(selections.complaints, ())
        ),
        Counter(
            "complaints-true",
            "投诉举报查实",
            Unit.PIECES,
            _INSPECTION,
            partial(selections.complaints, _TRUE),
        ),
        Counter(
            "complaints-concluded",
            "投诉举报已核查",
            Unit.PIECES,
            _INSPECTION,
            partial(selections.complaints_with, "concluded"),
        ),
        Counter(
            "complaints-answered",
            "投诉举报已答复",
            Unit.PIECES,
            _INSPECTION,
            partial(selections.complaints_with, "replied"),
        ),
        Counter("tasks", "任务", Unit.PIECES, _TASK, selections.tasks),
        Counter(
            "tasks-completed",
            "任务完成",
            Unit.PIECES,
            _TASK,
            partial(selections.tasks_ended, "completed"),
        ),
        Counter(
            "tasks-closed",
            "任务关闭",
            Unit.PIECES,
            _TASK,
            partial(selections.tasks_ended, "closed"),
        ),
        Counter("tasks-ended", "任务完结", Unit.PIECES, _TASK, selections.tasks_over),
        Counter("completed-tasks", "本期完成的任务", Unit.PIECES, _TASK, selections.completed_in),
        Counter(
            "verified-tasks", "本期完成并查实的任务", Unit.PIECES, _TASK, selections.verified_in
        ),
        Counter("filed-cases", "立案", Unit.PIECES, _CASE, selections.filed),
        Counter("cases", "立案处罚", Unit.PIECES, _CASE, selections.penalised),
        Counter("simple-cases", "简易程序处罚", Unit.PIECES, _CASE, selections.simple),
        *(
            Counter(
                f"cases-{kind}",
                f"立案处罚（{name}）",
                Unit.PIECES,
                _CASE,
                partial(selections.counted_as, kind),
            )
            for kind, name in KIND_NAMES.items()
        ),
        Counter(
            "fines",
            "罚款",
            Unit.WAN,
            _CASE,
            partial(selections.money, SanctionKind.FINE),
            money=True,
        ),
        Counter(
            "confiscated-gains",
            "没收违法所得",
            Unit.WAN,
            _CASE,
            partial(selections.money, SanctionKind.CONFISCATED_GAINS),
            money=True,
        ),
        Counter(
            "transfers-out",
            "移送、协查、磋商（出）",
            Unit.PIECES,
            _CASE,
            partial(selections.transfers, Direction.OUT, None),
        ),
        Counter(
            "transfers-in",
            "移送、协查、磋商（入）",
            Unit.PIECES,
            _CASE,
            partial(selections.transfers, Direction.IN, None),
        ),
        Counter(
            "crime-transfers",
            "行刑衔接",
            Unit.PIECES,
            _CASE,
            partial(selections.transfers, None, True),
        ),
        *_remedy_counters(),
        Counter("bans", "取缔", Unit.UNITS, _MEASURE, selections.bans),
        *(
            Counter(
                f"seized-{kind}-{code}",
                f"查封扣押没收{name}（{unit}）",
                unit,
                _MEASURE,
                partial(selections.goods, kind, unit),
                sums=True,
            )
            for kind, name in (
                (GoodsKind.DRUG, "药品"),
                (GoodsKind.DEVICE, "医疗器械"),
                (GoodsKind.OTHER, "其他物品"),
            )
            for code, unit in (("boxes", Unit.BOXES), ("pieces", Unit.PIECES))
        ),
        Counter(
            "joint-enforcements",
            "部门联合执法",
            Unit.TIMES,
            _MEASURE,
            partial(selections.events, CampaignEventKind.JOINT_ENFORCEMENT),
        ),
        Counter(
            "meetings",
            "专项会议",
            Unit.TIMES,
            _MEASURE,
            partial(selections.events, CampaignEventKind.MEETING),
        ),
        Counter("videos", "执法音像记录", Unit.ENTRIES, _SYSTEMS, selections.videos),
        Counter("legal-reviews", "法制审核", Unit.PIECES, _SYSTEMS, selections.reviews),
        *_publication_counters(),
        Counter("credit-repairs", "信用修复申请", Unit.PIECES, _CREDIT, selections.repairs),
        Counter("to-report", "应上报信用信息", Unit.ENTRIES, _CREDIT, publicity.to_report),
        Counter("reported", "已上报信用信息", Unit.ENTRIES, _CREDIT, publicity.reported),
        Counter("reported-compliant", "上报合规", Unit.ENTRIES, _CREDIT, publicity.compliant),
        Counter("reported-timely", "上报及时", Unit.ENTRIES, _CREDIT, publicity.timely),
        Counter("patrols", "协管巡查", Unit.TIMES, _ASSISTANCE, assistance.patrols),
        Counter(
            "patrol-attendances",
            "协管巡查人次",
            Unit.ATTENDANCES,
            _ASSISTANCE,
            assistance.attendances,
        ),
        Counter(
            "patrolled-premises",
            "协管巡查间次",
            Unit.PREMISES_SEEN,
            _ASSISTANCE,
            assistance.premises,
        ),
        Counter(
            "patrolled-problems",
            "协管巡查发现问题",
            Unit.PREMISES_SEEN,
            _ASSISTANCE,
            assistance.premises_with_problem,
        ),
        Counter(
            "assistant-opinions",
            "卫生监督协管意见书",
            Unit.COPIES,
            _ASSISTANCE,
            partial(selections.documents, DocumentKind.ASSISTANT_OPINION),
        ),
        Counter("patrol-hints", "协管线索", Unit.PIECES, _ASSISTANCE, assistance.hints),
    )
}


@dataclass(frozen=True, slots=True)
class RateOf:
    """A rate of two counters: each of its numbers opens its list."""

    code: str
    name: str
    numerator: str
    denominator: str


RATES = (
    RateOf("completion", "完成率", "tasks-completed", "tasks"),
    RateOf("settlement", "完结率", "tasks-ended", "tasks"),
    RateOf("verified", "查实率", "verified-tasks", "completed-tasks"),
    RateOf("simple-share", "简易程序占比", "simple-cases", "cases"),
    RateOf("corrected", "责令改正改正率", "corrections-complied", "corrections-concluded"),
    RateOf("complaints-true", "投诉举报查实率", "complaints-true", "complaints"),
    RateOf("complaints-answered", "投诉举报答复率", "complaints-answered", "complaints"),
    RateOf("decisions-published", "行政处罚公示率", "decisions-published", "decisions-to-publish"),
    RateOf(
        "decisions-in-time",
        "行政处罚按期公示率",
        "decisions-published-in-time",
        "decisions-published",
    ),
    RateOf("results-published", "检查结果公示率", "results-published", "results-to-publish"),
    RateOf(
        "results-in-time",
        "检查结果按期公示率",
        "results-published-in-time",
        "results-published",
    ),
    RateOf("credit-reporting", "上报率", "reported", "to-report"),
    RateOf("credit-compliance", "合规率", "reported-compliant", "reported"),
    RateOf("credit-timeliness", "及时率", "reported-timely", "reported"),
)
