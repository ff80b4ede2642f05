"""What stories of consequences ask for: checklists, draws, terms, numbers, money."""

import io
from typing import Any

import openpyxl

from tests.stories.house import House

POOL = (
    *("pp-licence", "pp-shown", "pp-archive", "pp-training", "pp-health-cert", "pp-testing"),
    *("pool-treatment", "pool-values", "pool-selftest", "pool-new-water", "pool-footbath"),
    *("pool-notice", "pool-swimwear", "pool-chemicals", "pp-disinfectant", "pp-toilet"),
    "pp-accident",
)
CLINIC = (
    *("md-licence", "md-verification", "md-change", "md-no-lending", "md-displayed", "md-scope"),
    *("md-staff", "md-doctor-scope", "md-badges", "md-certificates", "md-consent", "md-drugs"),
)
LODGING = (
    *("pp-licence", "pp-shown", "pp-archive", "pp-training", "pp-health-cert", "pp-testing"),
    *("lodging-linen", "lodging-cups", "lodging-disposable", "lodging-bathroom"),
    *("lodging-washroom", "lodging-linen-room", "pp-disinfectant", "pp-aircon", "pp-vector"),
    "pp-accident",
)
POOLS = "公共场所/游泳场所"


def plan_draw(house: House, period: str, draw_on: str, due_on: str) -> str:
    """Chen plans a draw of pools: every one of them, by the weights of risk and credit."""
    plan = house.post(
        "chen",
        "/draw-plans",
        name=f"游泳场所{period}",
        year=2026,
        period=period,
        kind="district",
        strata={POOLS: [1, 1]},
        level="attended",
        draw_on=draw_on,
        due_on=due_on,
        exclusions=[],
        exclude_drawn=False,
    )
    return str(plan["id"])


def draw(house: House, plan_id: str) -> str:
    """The timetable freezes, auditor and clerk enter the dice, the timetable draws."""
    house.tick()
    (made,) = house.get("chen", f"/draw-plans/{plan_id}")["draws"]
    for who in ("auditor", "clerk"):
        house.post(who, f"/draws/{made['draw_no']}/dice", digits="31415926535897932384")
    house.tick()
    return str(made["draw_no"])


JUNE = {"from_on": "2026-06-01", "until_on": "2026-06-30"}


def read_sheet(data: bytes) -> list[list[Any]]:
    """The cells of a workbook."""
    (sheet,) = openpyxl.load_workbook(io.BytesIO(data)).worksheets
    return [list(row) for row in sheet.iter_rows(values_only=True)]


def term(house: House, case_id: str, rule: str) -> dict[str, Any]:
    """A term of a case by its rule."""
    items = house.get("an", f"/cases/{case_id}/deadlines")["items"]
    found: dict[str, Any] = {one["rule_code"]: one for one in items}[rule]
    return found


def numbers_of(house: House, from_on: str, until_on: str) -> dict[str, str]:
    """What the report counts, by the code of the counter."""
    said = house.get("chen", "/reports/counts", from_on=from_on, until_on=until_on)
    return {one["code"]: one["number"] for one in said["counted"]}


def shown_of(house: House, subject_id: str) -> list[dict[str, Any]]:
    """What the channels show of a case or of a visit."""
    items = house.get("clerk", "/publications")["items"]
    return [one for one in items if one["subject_id"] == subject_id]


def weights(house: House, plan_id: str) -> dict[str, int]:
    """How many pools of each weight a freeze would hold today."""
    (stratum,) = house.get("chen", f"/draw-plans/{plan_id}/preview")["strata"]
    found: dict[str, int] = stratum["weights"]
    return found


def pay(house: House, case_id: str, on: str, receipt_no: str, **amounts: Any) -> dict[str, Any]:
    """Money comes in at the bank; returns what is known of the case's money then."""
    path = f"/collections/{house.get('chen', f'/cases/{case_id}/collection')['id']}"
    said = {"paid_on": on, "method": "bank", "receipt_no": receipt_no, **amounts}
    found: dict[str, Any] = house.act("chen", path, "payments", **said)
    return found
