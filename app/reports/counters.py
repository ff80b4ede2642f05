"""What an office counts: the counters with their units, and the rates that they make."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from app.cases.rules import Direction, RemedyKind
from app.cases.sanctions import KIND_NAMES, SanctionKind
from app.documents.rules import DocumentKind
from app.measures.rules import CampaignEventKind, GoodsKind
from app.publication.rules import SubjectType
from app.reports import assistance, listing, penalties, publicity, selections
from app.reports.quantities import Unit
from app.reports.selections import Number, Rows, Scope, Which
from app.reports.words import RESULT_NAMES


@dataclass(frozen=True, slots=True)
class Counter:
    """A number of a report: its unit, the selection behind it, and which of its rows are meant.

    Counters with one `base` are counted in one reading of it. `which`: all rows, where None.
    `money`: the amounts of the rows are added up instead of counting rows. `each`: what every row
    has so many of is counted, `distinct`: what occurs in them, each once; `listed` lists them.
    """

    code: str
    name: str
    unit: Unit
    block: str
    base: Callable[[Scope], Rows]
    which: Callable[[Scope], Which] | None = None
    money: bool = False
    sums: bool = False  # amounts of things are added up, in their own unit
    units: bool = False  # the units of the rows are counted, each once
    each: Callable[[], Number] | None = None
    distinct: Callable[[], sa.ColumnElement[Any]] | None = None
    listed: Callable[[Scope], Rows] | None = None

    def rows(self, scope: Scope) -> Rows:
        """Return what the number opens: as many rows as it says."""
        found = (self.listed or self.base)(scope)
        if self.which is not None:
            found = found.where(self.which(scope))
        return listing.units_of(found) if self.units else found

    def measured(self, scope: Scope) -> listing.Measure:
        """Return how the rows of its base make the number."""
        how = listing.How.ROWS
        if self.units:
            how = listing.How.UNITS
        elif self.money or self.sums:
            how = listing.How.AMOUNTS
        which = None if self.which is None else self.which(scope)
        each, distinct = (None if one is None else one() for one in (self.each, self.distinct))
        return listing.Measure(how, which, each, distinct)


# --- the list ----------------------------------------------------------------------------------

_INSPECTION, _TASK, _CASE = "监督检查", "任务", "行政处罚"
_REMEDY, _MEASURE, _SYSTEMS = "复议诉讼", "取缔与查封扣押", "三项制度"
_CREDIT, _ASSISTANCE = "信用", "协管"
_BY_RESULT = {"pending": "办理中", **{str(code): name for code, name in RESULT_NAMES.items()}}


def _remedy_counters() -> list[Counter]:
    found = []
    for kind, name in ((RemedyKind.REVIEW, "行政复议"), (RemedyKind.SUIT, "行政诉讼")):
        every = partial(penalties.remedy, kind, None)
        found.append(Counter(f"{kind}s", name, Unit.PIECES, _REMEDY, penalties.remedies, every))
        found += [
            Counter(
                f"{kind}s-{code}",
                f"{name}（{result}）",
                Unit.PIECES,
                _REMEDY,
                penalties.remedies,
                partial(penalties.remedy, kind, code),
            )
            for code, result in _BY_RESULT.items()
        ]
    return found


def _publication_counters() -> list[Counter]:
    """公示 of the three systems: what was due on the channels, what came, what came in time."""
    return [
        Counter(f"{subject}s-{code}", f"{name}{what}", Unit.ENTRIES, _SYSTEMS,
                publicity.publications, partial(which, subject))
        for subject, name in ((SubjectType.DECISION, "行政处罚"), (SubjectType.RESULT, "检查结果"))
        for code, what, which in (
            ("to-publish", "应公示", publicity.to_publish),
            ("published", "已公示", publicity.published),
            ("published-in-time", "按期公示", publicity.published_in_time),
        )
    ]  # fmt: skip


COUNTERS: Mapping[str, Counter] = {
    one.code: one
    for one in (
        Counter("inspections", "监督检查", Unit.VISITS, _INSPECTION, selections.visits),
        Counter(
            "inspected-units", "被检查单位", Unit.UNITS, _INSPECTION, selections.visits, units=True
        ),
        Counter(
            "officer-visits",
            "出动监督员",
            Unit.ATTENDANCES,
            _INSPECTION,
            selections.visits,
            each=selections.officers_there,
            listed=selections.attendances,
        ),
        Counter(
            "violation-visits",
            "发现问题的检查",
            Unit.VISITS,
            _INSPECTION,
            selections.visits,
            selections.violating,
        ),
        Counter(
            "findings",
            "检查发现",
            Unit.ENTRIES,
            _INSPECTION,
            selections.visits,
            each=selections.findings_stated,
            listed=selections.findings,
        ),
        Counter("samples", "采样", Unit.PIECES, _INSPECTION, selections.samples),
        Counter(
            "samples-unqualified",
            "样品不合格",
            Unit.PIECES,
            _INSPECTION,
            selections.samples,
            selections.unqualified,
        ),
        Counter(
            "opinions",
            "卫生监督意见书",
            Unit.COPIES,
            _INSPECTION,
            selections.documents,
            partial(selections.of_kind, DocumentKind.OPINION),
        ),
        Counter("corrections", "责令改正", Unit.COPIES, _INSPECTION, selections.orders),
        Counter(
            "corrections-concluded",
            "责令改正已复查",
            Unit.COPIES,
            _INSPECTION,
            selections.orders,
            selections.orders_concluded,
        ),
        Counter(
            "corrections-complied",
            "责令改正已改正",
            Unit.COPIES,
            _INSPECTION,
            selections.orders,
            selections.orders_complied,
        ),
        Counter("complaints", "投诉举报", Unit.PIECES, _INSPECTION, selections.complaints),
        Counter(
            "complaints-true",
            "投诉举报查实",
            Unit.PIECES,
            _INSPECTION,
            selections.complaints,
            selections.complaints_true,
        ),
        Counter(
            "complaints-concluded",
            "投诉举报已核查",
            Unit.PIECES,
            _INSPECTION,
            selections.complaints,
            selections.complaints_concluded,
        ),
        Counter(
            "complaints-answered",
            "投诉举报已答复",
            Unit.PIECES,
            _INSPECTION,
            selections.complaints,
            selections.complaints_answered,
        ),
        Counter("tasks", "任务", Unit.PIECES, _TASK, selections.tasks),
        Counter(
            "tasks-completed",
            "任务完成",
            Unit.PIECES,
            _TASK,
            selections.tasks,
            partial(selections.ended, "completed"),
        ),
        Counter(
            "tasks-closed",
            "任务关闭",
            Unit.PIECES,
            _TASK,
            selections.tasks,
            partial(selections.ended, "closed"),
        ),
        Counter("tasks-ended", "任务完结", Unit.PIECES, _TASK, selections.tasks, selections.over),
        Counter(
            "completed-tasks", "本期完成的任务", Unit.PIECES, _TASK, selections.completed_tasks
        ),
        Counter(
            "verified-tasks",
            "本期完成并查实的任务",
            Unit.PIECES,
            _TASK,
            selections.completed_tasks,
            selections.verified,
        ),
        Counter("filed-cases", "立案", Unit.PIECES, _CASE, penalties.filed),
        Counter("ordinary-decided", "普通程序作出决定", Unit.PIECES, _CASE, penalties.decided),
        Counter("ordinary-closed", "普通程序结案", Unit.PIECES, _CASE, penalties.closed),
        Counter("cases", "立案处罚", Unit.PIECES, _CASE, penalties.penalised),
        Counter(
            "simple-cases",
            "简易程序处罚",
            Unit.PIECES,
            _CASE,
            penalties.penalised,
            penalties.simple,
        ),
        Counter(
            "case-causes",
            "处罚案由",
            Unit.KINDS,
            _CASE,
            penalties.penalised,
            distinct=penalties.cause,
            listed=penalties.causes,
        ),
        *(
            Counter(
                f"cases-{kind}",
                f"立案处罚（{name}）",
                Unit.PIECES,
                _CASE,
                penalties.penalised,
                partial(penalties.counted_as, kind),
            )
            for kind, name in KIND_NAMES.items()
        ),
        Counter(
            "fines",
            "罚款",
            Unit.WAN,
            _CASE,
            penalties.money,
            partial(penalties.sanctioned, SanctionKind.FINE),
            money=True,
        ),
        Counter(
            "confiscated-gains",
            "没收违法所得",
            Unit.WAN,
            _CASE,
            penalties.money,
            partial(penalties.sanctioned, SanctionKind.CONFISCATED_GAINS),
            money=True,
        ),
        Counter(
            "transfers-out",
            "移送、协查、磋商（出）",
            Unit.PIECES,
            _CASE,
            penalties.transfers,
            partial(penalties.directed, Direction.OUT),
        ),
        Counter(
            "transfers-in",
            "移送、协查、磋商（入）",
            Unit.PIECES,
            _CASE,
            penalties.transfers,
            partial(penalties.directed, Direction.IN),
        ),
        Counter(
            "crime-transfers",
            "行刑衔接",
            Unit.PIECES,
            _CASE,
            penalties.transfers,
            penalties.criminal,
        ),
        *_remedy_counters(),
        Counter("bans", "取缔", Unit.UNITS, _MEASURE, penalties.bans),
        *(
            Counter(
                f"seized-{kind}-{code}",
                f"查封扣押没收{name}（{unit}）",
                unit,
                _MEASURE,
                penalties.goods,
                partial(penalties.goods_of, kind, unit),
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
            penalties.events,
            partial(penalties.event_of, CampaignEventKind.JOINT_ENFORCEMENT),
        ),
        Counter(
            "meetings",
            "专项会议",
            Unit.TIMES,
            _MEASURE,
            penalties.events,
            partial(penalties.event_of, CampaignEventKind.MEETING),
        ),
        Counter("videos", "执法音像记录", Unit.ENTRIES, _SYSTEMS, selections.videos),
        Counter("legal-reviews", "法制审核", Unit.PIECES, _SYSTEMS, penalties.reviews),
        *_publication_counters(),
        Counter("credit-repairs", "信用修复申请", Unit.PIECES, _CREDIT, selections.repairs),
        Counter(
            "to-report",
            "应上报信用信息",
            Unit.ENTRIES,
            _CREDIT,
            publicity.on_credit_site,
            publicity.to_report,
        ),
        Counter(
            "reported",
            "已上报信用信息",
            Unit.ENTRIES,
            _CREDIT,
            publicity.on_credit_site,
            publicity.reported,
        ),
        Counter(
            "reported-compliant",
            "上报合规",
            Unit.ENTRIES,
            _CREDIT,
            publicity.on_credit_site,
            publicity.compliant,
        ),
        Counter(
            "reported-timely",
            "上报及时",
            Unit.ENTRIES,
            _CREDIT,
            publicity.on_credit_site,
            publicity.timely,
        ),
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
            assistance.premises,
            assistance.with_problem,
        ),
        Counter(
            "assistant-opinions",
            "卫生监督协管意见书",
            Unit.COPIES,
            _ASSISTANCE,
            selections.documents,
            partial(selections.of_kind, DocumentKind.ASSISTANT_OPINION),
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
