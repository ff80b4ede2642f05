"""The tool that breaks lines: what it breaks, what it leaves alone, and that it tells the truth."""

from pathlib import Path

import pytest

from tests import mutants
from tests.chance import chance
from tests.mutants import GUARDS, ROOT, Guard, Unready, mutants_of, sample, trial, try_all

TOY = b'''"""Doubled: a toy."""

from typing import Union

Number = Union[int, 3]


class Refused(Exception):
    code, title = "refused", "no"


def doubled(numbers: list[int], least: "int | None" = None) -> list[int]:
    """Return twice each number of 1 and more."""
    if not numbers:
        raise Refused("nothing to double")
    return [one * 2 for one in numbers if one > 0 and one != 7]
'''
TOY_TEST = """
from toy import doubled


def test_numbers_are_doubled():
    assert doubled([1, -2, 3]) == [2, 6]
"""


def changes(source: str) -> set[str]:
    return {one.change for one in mutants_of(source.encode(), Guard(()))}


@pytest.mark.parametrize(
    ("source", "change"),
    [
        ("a < b", "a < b -> a <= b"),
        ("a not in b", "a not in b -> a in b"),
        ("a + b", "a + b -> a - b"),
        ("a and b", "a and b -> a or b"),
        ("not a", "not a -> a"),
        ("n = 4", "4 -> 5"),
        ("n = 4", "4 -> 3"),
        (r'k = b"\2"', r'b"\2" -> b"x\2"'),
        ("k = f'{a}'", "f'{a}' -> f'x{a}'"),
        ("list.append(a)", "list.append(a) -> pass"),
        ("a[0] = b", "a[0] = b -> pass"),
        ("n += 1", "n += 1 -> n -= 1"),
        ("f(a, b)", "a, b -> b, a"),
        ("sorted(a, key=f)", ", key=f -> "),
        ("sorted(a)", "sorted -> list"),
        ("a[:k]", ":k -> k:"),
        ("min(a, b)", "min -> max"),
        ("if a: b()", "a -> not (a)"),
        ("[a for a in b if c]", "c -> not (c)"),
        ("raise E(a)", "raise E(a) -> pass"),
    ],
)
def test_a_line_is_broken_in_this_way(source: str, change: str):
    assert change in changes(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""Why."""',
        "from a import b",
        "Plan = Mapping[str, int | None]",
        'code, title = "draw-refused", "抽取不能进行"',
        "def f(a: int | None) -> int | None:\n    '''Why.'''",
        "@dataclass(frozen=True)\nclass A: ...",
        'detail = "期限已过"',
        "while True: break",
    ],
)
def test_what_decides_nothing_is_left_alone(source: str):
    assert changes(source) == set()


def test_every_mutant_is_python_and_differs_from_its_source():
    source = (ROOT / "app/draws/rules.py").read_bytes()
    found = mutants_of(source, Guard(()))

    assert len(found) > 300
    for one in found:
        assert one.of(source) != source
        compile(one.of(source), "mutant", "exec")


def test_a_mutant_known_to_change_nothing_is_named_by_line_and_change_and_exists():
    for path, guard in GUARDS.items():
        source = (ROOT / path).read_bytes()
        lines = source.decode().splitlines()
        every = {
            (lines[one.line - 1].strip(), one.change)
            for one in mutants_of(source, Guard(guard.quick))
        }
        assert set(guard.equivalent) <= every
        assert all(guard.equivalent.values())


def test_the_tests_that_guard_a_file_exist():
    for path, guard in GUARDS.items():
        assert all((ROOT / name).exists() for name in (path, *guard.quick, *guard.slow))


def test_the_same_seed_breaks_the_same_lines_and_each_once():
    found = mutants_of((ROOT / "app/draws/rules.py").read_bytes(), Guard(()))

    chosen = sample(found, 20, chance(7))

    assert chosen == sample(found, 20, chance(7))
    assert chosen != sample(found, 20, chance(8))
    assert len({one.line for one in chosen}) == 20


@pytest.mark.parametrize(("caught", "enough"), [(20, True), (19, True), (18, False)])
def test_nineteen_of_twenty_are_enough(caught: int, enough: bool):
    assert mutants.is_enough(caught, 20) is enough


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    (tmp_path / "toy.py").write_bytes(TOY)
    (tmp_path / "test_toy.py").write_text(TOY_TEST)
    return tmp_path


GUARD = Guard(("test_toy.py",))


def test_a_fault_is_caught_and_one_that_no_test_looks_for_survives(
    toy: Path, capsys: pytest.CaptureFixture[str]
):
    broken = {one.change: one for one in mutants_of(TOY, GUARD)}
    with trial(toy, "toy.py", GUARD) as on:
        caught = try_all([broken["one * 2 -> one // 2"], broken["7 -> 8"]], on)

    assert caught == 1
    assert capsys.readouterr().out.splitlines() == [
        "toy.py:16  one * 2 -> one // 2  caught by test_toy.py::test_numbers_are_doubled",
        "toy.py:16  7 -> 8  SURVIVED",
    ]
    assert (toy / "toy.py").read_bytes() == TOY


def test_a_slow_test_is_asked_where_the_quick_ones_notice_nothing(toy: Path):
    (toy / "test_slow.py").write_text(
        "from toy import doubled\ndef test_7(): assert not doubled([7])"
    )
    guard = Guard(("test_toy.py",), ("test_slow.py",))
    (one,) = (one for one in mutants_of(TOY, guard) if one.change == "7 -> 8")
    with trial(toy, "toy.py", guard) as on:
        assert on.caught_by(one) == "test_slow.py::test_7"


def test_a_mutant_that_does_not_end_is_caught_by_the_clock(toy: Path):
    endless = b"def doubled(numbers):\n    while True: pass\n"
    with trial(toy, "toy.py", GUARD) as on:
        (on.root / "toy.py").write_bytes(endless)
        assert on.run(GUARD.quick, 3) == "the time limit of 3 s"


def test_tests_that_fail_before_anything_is_broken_show_nothing(toy: Path):
    (toy / "toy.py").write_bytes(TOY.replace(b"* 2", b"* 3"))

    with pytest.raises(Unready, match="test_numbers_are_doubled"), trial(toy, "toy.py", GUARD):
        pass
