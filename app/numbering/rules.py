"""The registers of an office, and the names of their series among all numbers."""

from enum import StrEnum

HEAD_PREFIX = "register."


class Register(StrEnum):
    """What an office numbers itself, year by year, in the order in which it comes in."""

    COMPLAINT = "TS"  # 投诉举报
    PATROL = "XG"  # 协管巡查
    BAN = "QD"  # 取缔
    SEIZURE = "CF"  # 查封扣押
    CAMPAIGN = "ZX"  # 专项
    PARTY = "DSR"  # 当事人
    REFERRAL = "GYSS"  # 公益诉讼线索
    CASE = "AJ"  # 立案


def head_series(agency_id: object, register: str, year: int) -> str:
    """Return the name that a register's year has among all agencies'."""
    return f"{HEAD_PREFIX}{register}:{agency_id}:{year}"
