"""Documents that an officer issues at a visit, under numbers from the tablet's own blocks.

Now and then a form is spoiled: its number is never used, and stands as a gap in the books.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sync.simulate.tablet import Tablet

OPINIONS = 0.6  # share of the visits at which an opinion is issued
SPOILED_EVERY = 5  # of the forms: 1, 6, 11 …
_SAYS = {
    "problem": "现场检查发现卫生管理档案记录不完整。",
    "basis": "《公共场所卫生管理条例实施细则》",
    "advice": "请补齐记录并按规定保存，于期限内整改完毕。",
}


def maybe_opine(tablet: Tablet, task: dict[str, Any], at: datetime) -> None:
    """Issue an opinion 卫生监督意见书 at some visits, where the tablet has a number for it."""
    if tablet.chance.random() >= OPINIONS:
        return
    taken = tablet.take_number("opinion")
    if taken and taken[1] % SPOILED_EVERY == 1:
        taken = tablet.take_number("opinion")
    if taken is None:
        return
    series, serial, number = taken
    document_id = str(uuid4())
    fields = {
        **_SAYS,
        "series": series,
        "serial": serial,
        "number": number,
        "unit_id": task["unit_id"],
        "visit_id": task["visit_id"],
        "deadline_on": (at + timedelta(days=15)).date().isoformat(),
    }
    op_id = tablet.operate("opinion.issue", document_id, fields, at=at)
    tablet.made.append(
        {
            "kind": "number",
            "device_id": tablet.device_id,
            "op_id": op_id,
            "document_id": document_id,
            "series": series,
            "serial": serial,
            "number": number,
        }
    )
