"""Every failure this server can answer: the pages under `/problems/` and `docs/problems.md`.

`python -m app.public.failures` writes the document anew; a test compares it with the code.
"""

import importlib
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import app
from app.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, Unavailable
from app.problems import Problem, status_of

DOCUMENT = Path(app.__file__).resolve().parent.parent / "docs" / "problems.md"
_PACKAGES = ("app", "sync", "scheduler")
_NOT_IMPORTED = (".verify_draw", ".launcher")  # programs of their own
_ADVICE: tuple[tuple[type[DomainError], str], ...] = (
    (Invalid, "内容能读懂，但不符合规定。请按提示修改后重新提交，系统没有写入任何数据。"),
    (Forbidden, "当前账号没有这项权限。如工作需要，请联系管理员调整角色。"),
    (NotFound, "没有这项内容，或者它不属于您的单位。请核对编号或链接。"),
    (Conflict, "内容已被他人或系统改变。请刷新后在最新状态上重新操作。"),
    (
        Unavailable,
        "服务器暂时无法处理。请按 Retry-After 给出的秒数稍后重试，已提交的数据不会丢失。",
    ),
)
_EDGE_ADVICE = "请求在到达业务处理之前被拒绝。请检查地址、请求头和内容格式，没有写入任何数据。"


@dataclass(frozen=True)
class Failure:
    """One entry of the catalogue: its stable code, status, heading, and what to do about it."""

    code: str
    status: int
    title: str
    advice: str


@cache
def every_failure() -> Sequence[Failure]:
    """Return the failures that every module of the product declares, by code."""
    for package in _PACKAGES:
        _import_all(package)
    kinds = {kind.code: kind for kind in _subclasses(DomainError)}
    return [
        Failure(code, status_of(kind.__new__(kind)), kind.title, _advice(kind))
        for code, kind in sorted(kinds.items())
    ]


def find_failure(code: str) -> Failure | None:
    """Return the failure of a code."""
    return next((one for one in every_failure() if one.code == code), None)


def document() -> str:
    """Return the text of `docs/problems.md`."""
    lines = [
        "# Problems",
        "",
        "Every failure leaves as RFC 9457 `application/problem+json`. `type` is `/problems/<code>`",
        "and opens on the server itself; `instance` is the request id of the log. Codes stay.",
        "`python -m app.public.failures` writes this list.",
        "",
        "| Code | Status | Title |",
        "|---|---|---|",
        *(f"| `{one.code}` | {one.status} | {one.title} |" for one in every_failure()),
    ]
    return "\n".join(lines) + "\n"


def _import_all(package: str) -> None:
    root = importlib.import_module(package)
    for found in pkgutil.walk_packages(root.__path__, f"{package}."):
        if not found.name.endswith(_NOT_IMPORTED):
            importlib.import_module(found.name)


def _subclasses(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    for one in kind.__subclasses__():
        if one is not Problem and one.__module__.partition(".")[0] in _PACKAGES:
            yield one
        yield from _subclasses(one)


def _advice(kind: type[DomainError]) -> str:
    return next((text for base, text in _ADVICE if issubclass(kind, base)), _EDGE_ADVICE)


def main() -> int:
    """Write the document."""
    DOCUMENT.write_text(document(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
