"""What a tablet reads of the answer to a push."""

import json
from typing import Any

from tests.sync.tablet import Answer


def outcomes(pushed: Answer) -> list[tuple[str, str | None]]:
    assert pushed.status == 200, pushed.body
    return [(one["outcome"], one["reason"]) for one in pushed.json["results"]]


def receipts(pushed: Answer) -> list[tuple[str, str]]:
    return [(one["receipt"]["body"], one["receipt"]["sig"]) for one in pushed.json["results"]]


def values_of(receipt: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(receipt["body"])
    return found


APPLIED = ("applied", None)
