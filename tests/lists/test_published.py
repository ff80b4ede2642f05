"""Published years, brought in as lists, worked off, and counted as they were printed."""

import csv as csv_files
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest

from app.catalogue import seeds
from app.lists import register, service
from app.lists.matching import Index, Known
from app.lists.rules import Doubles, Outcome
from app.reports.rules import Rounding, TaskCounts, percent
from app.tasks import service as tasks
from app.units import service as units
from app.units.rules import NewUnit, Registration
from tests.lists.desk import CROSS, csv, xlsx

DATA = Path(__file__).parents[1] / "data"
CLASS_OF = {row["specialty"]: row["code"] for row in reversed(seeds.rows("object_classes"))}
WORDS = register.Words.of(
    {row["code"]: row["name"] for row in seeds.rows("specialties")},
    {row["code"]: (row["specialty"], row["name"]) for row in seeds.rows("object_classes")},
)


def table(name):
    with (DATA / name).open(encoding="utf-8", newline="") as lines:
        return {row[next(iter(row))]: row for row in csv_files.DictReader(lines, delimiter="\t")}


RATES, MORE = table("task_rates.tsv"), table("given_lists.tsv")
HUADU = table("huadu_2022_specialties.tsv")


def parts_of(row):
    """What a published number is made of, as printed."""
    return {
        name: int(number)
        for name, number in (part.split("=") for part in row["components"].split(";") if part)
    }


class Year:
    """An agency's year: lists come in, their tasks are worked off, everything is counted."""

    def __init__(self, desk, make):
        self.desk, self.make = desk, make
        every = tuple(row["code"] for row in seeds.rows("specialties"))
        officers = [make.officer(specialties=every, lead_specialties=every) for _ in range(2)]
        self.team = [one.id for one in officers]
        self.chen, self.ding = make.supervisor(), make.supervisor()
        self.evidence = make.stored_evidence()
        self.numbers = count(1)

    def lines(self, printed, number):
        """Units of the register for one printed line, and the lines of the list for them.

        A line of two specialties has units of the one, of the other and of both.
        """
        codes, _ = register.specialties_of(printed, WORDS)
        data, lines = [], []
        for n in range(number):
            own = (codes[:1], codes[1:] or codes, codes)[n % 3]
            serial = next(self.numbers)
            name = f"第{serial}家被抽查单位"
            registrations = tuple(Registration(code, CLASS_OF[code]) for code in own)
            data.append(NewUnit(f"D{serial}", name, f"{name}路", registrations=registrations))
            lines.append(("", "", "", name, "", printed))
        with self.make.writing():
            by = self.make.by(self.make.home())
            units.add_units(data, agency=self.make.home(), by=by, at=self.make.at)
        return lines

    def bring(self, parts, form=csv, **values):
        """A list of these printed lines becomes tasks; return its reference."""
        lines = [line for printed, n in parts.items() for line in self.lines(printed, n)]
        values.setdefault("reference", f"名单〔2026〕{next(self.numbers)}号")
        list_id = self.desk.listed(form(*lines), **values)
        assert self.desk.apply(list_id)["created"] == len(lines)
        assert self.desk.upload(list_id, form(*lines))["unchanged"]
        assert self.desk.show(list_id)["rows"]["applied"] == len(lines)
        return values["reference"]

    def work_off(self, reference, completed, closed=0, outcomes=None):
        """Complete and close tasks of a list, each through the services."""
        found = list(map(UUID, (task["id"] for task in self.desk.tasks(reference))))
        ending = outcomes or ["no-problem"] * completed
        with self.make.writing():
            for task_id, outcome in zip(found, ending, strict=False):
                self._complete(task_id, outcome)
            for task_id in found[len(ending) : len(ending) + closed]:
                who = {"by": self.ding, "at": self.make.at}
                tasks.propose_closing(task_id, "ceased", "", [self.evidence], **who)
                tasks.approve_closing(task_id, by=self.chen, at=self.make.at)

    def _complete(self, task_id, outcome):
        who = {"by": self.chen, "at": self.make.at}
        tasks.assign_task(task_id, self.team, self.team[0], **who)
        tasks.accept_task(task_id, officer_id=self.team[0], **who)
        tasks.start_task(task_id, officer_id=self.team[0], **who)
        tasks.submit_task(task_id, outcome, **who)
        tasks.complete_task(task_id, **who)

    def report(self, **query):
        answer = self.desk.client.get("/api/v1/reports/task-counts", query_string=query)
        assert answer.status_code == 200, answer.json
        return answer.json


@pytest.fixture
def year(desk, make):
    return Year(desk, make)


def numbers(report):
    return TaskCounts(**report["counts"])


def test_huadu_2022_is_298_with_the_cross_department_13_apart(year):
    parts = {row["specialty"]: int(row["tasks"]) for row in HUADU.values()}
    own = {name: n for name, n in parts.items() if HUADU[name]["in_298"] == "yes"}
    assert (sum(own.values()), parts["合计"]) == (298, 298)
    platform = year.bring(own, xlsx)
    apart = year.bring(
        {"医疗机构": parts["跨部门-医疗机构"], "学校": parts["跨部门-学校"]}, **CROSS
    )
    year.work_off(platform, 298)
    report = year.report(level="national")
    assert numbers(report) == TaskCounts(298, 298, 0, 0)
    assert report["completion"]["percent"] == "100.00"
    by_code = {one["code"]: one["counts"]["tasks"] for one in report["by_specialty"]}
    printed = {
        name: sum(by_code[code] for code in register.specialties_of(name, WORDS)[0]) for name in own
    }
    assert printed == own
    assert numbers(year.report(reference=apart)) == TaskCounts(13, 0, 0, 13)
    assert {one["code"]: one["tasks"] for one in year.report()["by_origin"]} == {
        "drawn": 298,
        "joint-drawn": 13,
    }


def test_putuo_2024_shows_both_printed_rates_each_by_its_own_rounding(year):
    guo, qu = RATES["putuo2024-guo"], RATES["putuo2024-qu"]
    references = {}
    for row, level in ((guo, "national"), (qu, "district")):
        references[level] = year.bring({"公共场所": int(row["tasks"])}, level=level)
        year.work_off(references[level], int(row["completed"]), int(row["closed"]))
    national = year.report(level="national", rounding="truncated-1dp")
    assert numbers(national) == TaskCounts(287, 276, 11, 0)
    assert (national["completion"]["percent"], national["settlement"]["percent"]) == (
        guo["published_完成率"].strip("%"),
        "100.0",
    )
    district = year.report(reference=references["district"], rounding="half-up-0dp")
    assert numbers(district) == TaskCounts(397, 381, 16, 0)
    assert district["completion"]["percent"] == qu["published_完成率"].strip("%")
    both = numbers(year.report())
    assert both == TaskCounts(684, 657, 27, 0)


def test_yanan_2023_has_nine_specialties_and_97_91_per_cent(year):
    row = RATES["yanan2023"]
    parts = parts_of(row)
    reference = year.bring(parts, xlsx, level="city")
    year.work_off(reference, 843, 18)
    report = year.report(reference=reference)
    assert numbers(report) == TaskCounts(861, 843, 18, 0)
    assert report["completion"]["percent"] == row["published_完成率"].strip("%")
    assert sorted(one["counts"]["tasks"] for one in report["by_specialty"]) == sorted(
        parts.values()
    )


def test_shenzhen_outcomes_add_up_to_its_tasks(year):
    row = MORE["shenzhen2019"]
    reference = year.bring({"公共场所": 40}, level="city")
    names = {row["name"]: row["code"] for row in seeds.rows("outcome_codes")[:6]}
    parts = {
        name: int(number)
        for name, number in (part.split("=") for part in row["outcomes"].split(";"))
    }
    outcomes = [code for name, code in names.items() for _ in range(parts.get(name, 0))]
    year.work_off(reference, 38, 2, outcomes)
    report = year.report(reference=reference)
    assert {one["name"]: one["tasks"] for one in report["by_outcome"]} == parts
    assert report["completion"]["percent"] == row["完成率_half_up_2dp"]
    assert report["settlement"]["percent"] == "100.00"


def test_baihe_2025_and_the_two_lists_of_shuyang(year):
    baihe = year.bring({"公共场所": int(RATES["baihe2025"]["tasks"])}, level="city")
    year.work_off(baihe, 84)
    assert numbers(year.report(reference=baihe)) == TaskCounts(84, 84, 0, 0)
    for case, level in (("shuyang2023-guo", "national"), ("shuyang2023-sheng", "city")):
        tasks_wanted = int(RATES[case]["tasks"])
        reference = year.bring({"公共场所": tasks_wanted}, level=level)
        assert numbers(year.report(reference=reference)) == TaskCounts(
            tasks_wanted, 0, 0, tasks_wanted
        )


@pytest.mark.parametrize("case", ["jiangsu2020-guo", "jiangsu2020-sheng"])
def test_a_province_is_read_and_matched_whole(case):
    """Twenty thousand lines, without a database: what a list of a province costs."""
    row = MORE[case]
    total = int(row["tasks"])
    known = [
        Known(UUID(int=n + 1), f"JS{n}", f"第{n}家被抽查单位", None, None, f"{n}号", "in-operation",
              (("public-places", "lodging"),))
        for n in range(total)
    ]  # fmt: skip
    read = register.read_table(
        csv(*[("", "", "", one.name, one.address, "公共场所") for one in known]), WORDS
    )
    index, doubles = Index(known), Doubles()
    outcomes = [
        service.judge_once(one.row_no, one.line, index, doubles).outcome for one in read.lines
    ]
    assert outcomes == [Outcome.MATCHED] * total
    counts = TaskCounts(total, int(row["completed"]), int(row["closed"]), 0)
    assert counts.settlement == 1
    assert counts.completion is not None
    assert str(percent(counts.completion, Rounding.HALF_UP_2DP)) == row["完成率_half_up_2dp"]
