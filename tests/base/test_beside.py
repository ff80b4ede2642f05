"""Work in a thread beside: its result, its failure, and a process of its own after a fork."""

import os
import threading

import pytest

from app.beside import begin_beside


def test_the_result_comes_from_another_thread():
    assert begin_beside(threading.get_ident)() != threading.get_ident()


def test_what_the_work_raised_is_raised_where_its_result_is_asked_for():
    def broken() -> None:
        raise ZeroDivisionError("beside")

    ask = begin_beside(broken)

    with pytest.raises(ZeroDivisionError, match="beside"):
        ask()


def test_what_waits_for_each_other_is_done_at_the_same_time():
    met = threading.Barrier(3)

    asked = [begin_beside(lambda: met.wait(20)) for _ in range(2)]
    met.wait(20)

    assert len({ask() for ask in asked}) == 2


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_has_threads_of_its_own():
    begin_beside(os.getpid)()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, str(begin_beside(os.getpid)()).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        assert told.read() == str(child)
    os.waitpid(child, 0)
