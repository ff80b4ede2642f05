"""Marks 标记: what was not in order at the door of a visit that took place all the same.

A mark stops nothing. It is kept with the visit for whoever looks at it later, each with words of
its own. Pure.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from app.visits.rules import CodeMark


class Shown(StrEnum):
    """How a visit code was shown at the door.

    `unit-scanned`: the unit scanned the officers' code; `officer-scanned`: an officer scanned the
    unit's; `not-shown`: neither; `triggered`: there was none that holds, and a reason to go in;
    `not-said`: an earlier build, which could not say.
    """

    UNIT_SCANNED = "unit-scanned"
    OFFICER_SCANNED = "officer-scanned"
    NOT_SHOWN = "not-shown"
    TRIGGERED = "triggered"
    NOT_SAID = "not-said"


class Presence(StrEnum):
    """How it is known that an officer came: by the own tablet, or by a PIN on the colleague's."""

    OWN = "own"
    PIN = "pin"


class Mark(StrEnum):
    """What is remarked: the visit code 检查码, the unit's code, who came, what was said, caps."""

    CODE_FORGED = "code-forged"
    CODE_UNKNOWN = "code-unknown"
    CODE_OTHER_UNIT = "code-other-unit"
    CODE_OTHER_VISIT = "code-other-visit"
    CODE_OTHER_OFFICER = "code-other-officer"
    CODE_REVOKED = "code-revoked"
    CODE_EXPIRED = "code-expired"
    CODE_NOT_YET = "code-not-yet"
    CODE_MISSING = "code-missing"
    CODE_SHARED = "code-shared"
    CODE_AFTERWARDS = "code-afterwards"
    UNIT_CODE_FORGED = "unit-code-forged"
    UNIT_CODE_OTHER = "unit-code-other"
    OFFICER_ALONE = "officer-alone"
    PRESENCE_UNPROVEN = "presence-unproven"
    CERTIFICATE_NOT_SHOWN = "certificate-not-shown"
    RECUSAL_NOT_ASKED = "recusal-not-asked"
    RECUSAL_REQUESTED = "recusal-requested"
    CAP_EXCEEDED = "cap-exceeded"
    CAP_UNREASONED = "cap-unreasoned"


WORDS: Final[dict[Mark, str]] = {
    Mark.CODE_FORGED: "出示的检查码不是本系统签发，或内容被改动过",
    Mark.CODE_UNKNOWN: "检查码由本系统签发，但系统中没有它的记录",
    Mark.CODE_OTHER_UNIT: "检查码是为其他单位签发的",
    Mark.CODE_OTHER_VISIT: "检查码不是为这次检查申请的",
    Mark.CODE_OTHER_OFFICER: "检查码上没有这名监督员",
    Mark.CODE_REVOKED: "入企时检查码已经撤销",
    Mark.CODE_EXPIRED: "入企时检查码已过有效期",
    Mark.CODE_NOT_YET: "入企时检查码尚未生效",
    Mark.CODE_MISSING: "入企时没有检查码",
    Mark.CODE_SHARED: "同一检查码被两台终端用于不同的检查",
    Mark.CODE_AFTERWARDS: "触发式检查，检查码事后补录",
    Mark.UNIT_CODE_FORGED: "所扫的单位码不是本系统签发，或内容被改动过",
    Mark.UNIT_CODE_OTHER: "所扫的单位码是其他单位的",
    Mark.OFFICER_ALONE: "到场的监督员少于规定人数",
    Mark.PRESENCE_UNPROVEN: "到场确认的监督员不是本机构的在册监督员",
    Mark.CERTIFICATE_NOT_SHOWN: "没有出示执法证件",
    Mark.RECUSAL_NOT_ASKED: "没有告知申请回避的权利",
    Mark.RECUSAL_REQUESTED: "当事人申请回避",
    Mark.CAP_EXCEEDED: "超过检查频次上限，入企前没有批准",
    Mark.CAP_UNREASONED: "达到检查频次上限，没有写明再次检查的理由",
}
_FIRST = (CodeMark.REVOKED, CodeMark.EXPIRED, CodeMark.MISSING)


def code_mark(found: Collection[Mark]) -> CodeMark | None:
    """Return what the protocol calls the visit's code mark: the gravest of three."""
    return next((one for one in _FIRST if Mark(one.value) in found), None)


def of_door(
    *, certificate_shown: bool | None, recusal_asked: bool | None, recusal_requested: bool | None
) -> set[Mark]:
    """Return what a tablet's word about the door leaves open; what it does not say is not marked.

    《行政处罚法》第四十三条、第五十五条: certificates are shown; who has an interest stays away.
    """
    found = {
        Mark.CERTIFICATE_NOT_SHOWN: certificate_shown is False,
        Mark.RECUSAL_NOT_ASKED: recusal_asked is False,
        Mark.RECUSAL_REQUESTED: recusal_requested is True,
    }
    return {mark for mark, holds in found.items() if holds}
