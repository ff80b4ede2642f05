"""What leaves as a file: the list 双公示 of penalties, for the platform and for anybody.

Amounts are 万元 with six decimals, exact from fen, as text; a cell is never a formula. Nobody's
identity paper is in it: a natural person is 王某某 without code.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from app import sheets
from app.db import db
from app.people import service as people
from app.publication import queries, rules
from app.publication.models import Publication
from app.publication.rules import PublicationState, SubjectType
from app.sheets import Cell

HEADER = (
    "行政相对人名称",
    "行政相对人代码_1（统一社会信用代码）",
    "行政相对人代码_2（工商注册号）",
    "行政相对人代码_3（组织机构代码）",
    "行政相对人代码_4（税务登记号）",
    "行政相对人代码_5（事业单位证书号）",
    "行政相对人代码_6（社会组织登记证号）",
    "法定代表人",
    "法定代表人证件类型",
    "法定代表人证件号码",
    "行政处罚决定书文号",
    "违法行为类型",
    "违法事实",
    "处罚依据",
    "处罚类别",
    "处罚内容",
    "罚款金额（万元）",
    "没收违法所得、没收非法财物的金额（万元）",
    "暂扣或吊销证照名称及编号",
    "处罚决定日期",
    "处罚有效期",
    "公示截止期",
    "处罚机关",
    "处罚机关统一社会信用代码",
    "数据来源单位",
    "数据来源单位统一社会信用代码",
    "备注",
)


def decisions(
    agency_id: UUID | None, channel: str, from_on: date, until_on: date
) -> Sequence[Publication]:
    """Return the decisions of a period that a channel shows or is about to, in order of day."""
    query = queries.publications_in(
        agency_id,
        channel=channel,
        subject_type=SubjectType.DECISION,
        from_on=from_on,
        until_on=until_on,
    ).where(Publication.state.in_([PublicationState.DUE, PublicationState.PUBLIC]))
    return db.session.scalars(query.order_by(Publication.event_on, Publication.id)).all()


def table(found: Sequence[Publication]) -> list[list[Cell]]:
    """Return the rows of the list under HEADER."""
    return [_row(one, one.content) for one in found if one.content is not None]


def _row(one: Publication, said: dict[str, Any]) -> list[Cell]:
    agency = people.get_agency(one.agency_id).name
    kinds = "；".join(said["kinds"])
    fine, gains = rules.wan(said["fine_fen"]), rules.wan(said["confiscated_fen"])
    amounts = [f"罚款 {fine} 万元"] if said["fine_fen"] else []
    amounts += [f"没收违法所得 {gains} 万元"] if said["confiscated_fen"] else []
    nothing: list[Cell] = [None] * 8
    return [
        said["party"],
        said["uscc"],
        *nothing,
        said["number"],
        said["cause"],
        said["act"] or said["cause"],
        said["basis"],
        kinds,
        "；".join([kinds, *amounts]),
        fine,
        gains,
        None,
        date.fromisoformat(said["decided_on"]),
        None,
        one.max_end,
        agency,
        None,
        agency,
        None,
        None,
    ]


def as_xlsx(found: Sequence[Publication]) -> bytes:
    """Return the list as a workbook; the same rows make the same bytes."""
    return sheets.write_xlsx(HEADER, table(found), name="行政处罚")


def as_csv(found: Sequence[Publication]) -> bytes:
    """Return the list as CSV, in UTF-8 with BOM."""
    return b"".join(sheets.write_csv(HEADER, table(found)))
