"""Work in C that leaves the interpreter to others, in a thread beside the one that goes on.

libsodium does while it signs and checks, and SQLite while it writes: of two processors each has its
own to do. What holds the interpreter is no faster here.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")
_MOST = 4


def begin_beside(work: Callable[[], T]) -> Callable[[], T]:
    """Begin work that needs no request and no database; return what to call for its result.

    That raises what the work raised.
    """
    return _threads(os.getpid()).submit(work).result


@lru_cache(maxsize=1)
def _threads(_process: int) -> ThreadPoolExecutor:
    """Return the threads of this process; those from before a fork are not in the child."""
    return ThreadPoolExecutor(_MOST, thread_name_prefix="beside")
