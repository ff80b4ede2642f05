"""Kinds of failure. They know what happened, not how HTTP says it; `app.problems` maps them."""

from typing import Any, ClassVar


class DomainError(Exception):
    """Something a person asked for that cannot be done.

    `code` is stable and kebab-case, `title` a short Chinese heading, `detail` one Chinese sentence
    that says what happened and what to do; `extras` are further members of the problem document.
    """

    code: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str, **extras: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extras = extras


class Invalid(DomainError):
    """Understood and wrong."""

    code, title = "invalid", "内容有误"


class Forbidden(DomainError):
    """This person may not."""

    code, title = "forbidden", "无权操作"


class NotFound(DomainError):
    """No such thing, or not theirs to see."""

    code, title = "not-found", "未找到"


class Conflict(DomainError):
    """The world moved on; extras carry the current state."""

    code, title = "conflict", "状态已变化"


class Unavailable(DomainError):
    """Not now; try again after `retry_after_s` seconds."""

    code, title = "unavailable", "暂时不可用"

    def __init__(self, detail: str, *, retry_after_s: int = 5, **extras: Any) -> None:
        super().__init__(detail, retry_after_s=retry_after_s, **extras)
        self.retry_after_s = retry_after_s
