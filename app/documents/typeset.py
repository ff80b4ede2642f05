"""Typesetting: the only place that calls the press, in a process that is ended in time."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import structlog

from app.errors import Unavailable

log = structlog.get_logger()
TIME_LIMIT_S = 60.0
_AT_ONCE = 2  # each takes a core while it works
_WAIT_S = 30.0
_PRESS = Path(__file__).parent / "press.py"
_turns = BoundedSemaphore(_AT_ONCE)


class PrintBusy(Unavailable):
    code, title = "print-busy", "文书排版繁忙"


class PrintFailed(Unavailable):
    code, title = "print-failed", "文书暂时无法排版"


def layout_hash() -> str:
    """Return the hash of the files that say how documents look."""
    found = sha256()
    for path in sorted((_PRESS.parent / "typst").glob("*.typ")):
        found.update(path.read_bytes())
    return found.hexdigest()


def set_pages(entry: str, data: Any, *, time_limit_s: float = TIME_LIMIT_S) -> bytes:
    """Return data as a PDF: the same bytes for the same data, on every machine.

    Raises PrintBusy where too much is being set already, PrintFailed where it takes too long or
    cannot be set.
    """
    if not _turns.acquire(timeout=_WAIT_S):
        raise PrintBusy("正在排版的文书较多，请稍后再试。")
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-I", str(_PRESS)],
            input=json.dumps({"entry": entry, "data": data}).encode(),
            capture_output=True,
            timeout=time_limit_s,
            check=False,
            env={},
        )
    except subprocess.TimeoutExpired as error:
        raise PrintFailed("文书排版超过时限，请稍后再试。", time_limit_s=time_limit_s) from error
    finally:
        _turns.release()
    if done.returncode:
        log.error("print-failed", entry=entry, returned=done.returncode)  # no words of the document
        raise PrintFailed("文书无法排版，请联系管理员。")
    return done.stdout
