"""Break lines of the rules one at a time and count how many the tests notice: `make mutants`.

    python -m tests.mutants [--seed 7] [--count 20] [--all] [app/draws/rules.py]

Each mutant is one small fault (`<` for `<=`, one more, `and` for `or`, a dropped statement …) in a
copy of the repository; the tests that guard the file run on it until one fails. Broken are only
lines that decide something: no texts for readers, types, docstrings. Ends with 1 when more than one
in twenty goes unnoticed.
"""

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chance import Chance, chance

ROOT = Path(__file__).resolve().parent.parent
LEAST_CAUGHT = (19, 20)
OPTIONS = ("-q", "-x", "--tb=no", "-rfE", "-p", "pytest_socket", "-p", "pytest_timeout")
CACHES = (".*", "__pycache__", "node_modules")
PLACES = ("data", "instance", "build", "dist")
QUICK = tuple(
    f"tests/draws/test_{name}.py"
    for name in ("vectors", "seed", "quotas", "selection", "bundle", "eligibility", "verifier")
)


@dataclass(frozen=True)
class Guard:
    """The tests of a file: quick ones first, slow ones only for what those have not noticed.

    `equivalent` names mutants that no test can notice: the line, the change, and why.
    """

    quick: Sequence[str]
    slow: Sequence[str] = ()
    equivalent: Mapping[tuple[str, str], str] = field(default_factory=dict)


ORDER = "code points stand in the order of their bytes in UTF-8"
BOUND = "decides how many tickets are kept and sorted, never which are the smallest"
KEEP = "keep = q + 8 * isqrt(q) + 50"
BYTES = 'bound = ((keep << 256) // len(ids)).to_bytes(32, "big")'
KEPT = "kept = [(t, id_) for id_ in ids if (t := new(k + id_).digest()) < bound]"
EIGHT = "ties in seven of eight bytes do not come"
UNLIMITED = "any number that no load reaches"
LOT = 'return _h(new, k, "lot", task, officer)[:8], officer.encode()'
LEVEL = "while v >= min(self.load, default=0) + 2:"
SORTED = "sorted((self.officers[i].certificate for i in _bits(seen)), key=str.encode),"
LEFT = "room = [None if left > UNLIMITED >> 1 else left for left in self.room]"
FURTHER = "the search goes on where there is nothing to be found"
EMPTY = "the loop ends at once where there are no officers"
GUARDS = {
    "app/draws/rules.py": Guard(
        QUICK,
        ("tests/draws/test_statistics.py",),
        {
            (KEEP, "q + 8 * isqrt(q) -> q - 8 * isqrt(q)"): BOUND,
            (KEEP, "8 -> 7"): BOUND,
            (KEEP, "8 -> 9"): BOUND,
            (KEEP, "50 -> 49"): BOUND,
            (KEEP, "50 -> 51"): BOUND,
            (BYTES, "keep << 256 -> keep >> 256"): BOUND,
            (BYTES, "256 -> 255"): BOUND,
            (BYTES, "32 -> 33"): BOUND,
            (
                KEPT,
                "(t := new(k + id_).digest()) < bound -> (t := new(k + id_).digest()) <= bound",
            ): BOUND,
            ("if len(kept) >= q:", "len(kept) >= q -> len(kept) > q"): BOUND,
            ("for name in sorted(plan, key=str.encode)", ", key=str.encode -> "): ORDER,
        },
    ),
    "app/draws/assignment.py": Guard(
        ("tests/draws/test_assignment.py",),
        ("tests/draws/test_verifier.py", "tests/draws/test_assignment_proofs.py"),
        {
            ("UNLIMITED = 1 << 62", "1 -> 2"): UNLIMITED,
            ("UNLIMITED = 1 << 62", "62 -> 61"): UNLIMITED,
            ("UNLIMITED = 1 << 62", "62 -> 63"): UNLIMITED,
            (LOT, "8 -> 7"): EIGHT,
            (LOT, "8 -> 9"): EIGHT,
            ("v = max(self.load, default=0)", "0 -> 1"): EMPTY,
            (LEVEL, "0 -> 1"): EMPTY,
            (LEVEL, "2 -> 1"): FURTHER,
            (LEVEL, "min(self.load, default=0) + 2 -> min(self.load, default=0) - 2"): FURTHER,
            (SORTED, ", key=str.encode -> "): ORDER,
            ("self.names = sorted(named, key=str.encode)", ", key=str.encode -> "): ORDER,
            ("others = sorted(set(names) - {lead}, key=str.encode)", ", key=str.encode -> "): ORDER,
            (LEFT, "left > UNLIMITED >> 1 -> left >= UNLIMITED >> 1"): UNLIMITED,
            (LEFT, "1 -> 2"): UNLIMITED,
        },
    ),
    "app/draws/stages.py": Guard(
        ("tests/draws/test_stages.py",), ("tests/draws/test_service.py", "tests/draws/test_api.py")
    ),
}


@dataclass(frozen=True, order=True)
class Mutant:
    """One fault: `new` stands where the bytes `start` to `end` were."""

    line: int
    start: int
    end: int
    change: str
    new: bytes

    def of(self, source: bytes) -> bytes:
        return source[: self.start] + self.new + source[self.end :]


# ---- where a line can be broken ------------------------------------------------------------------

COMPARISONS: Mapping[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: (r"is\s+not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: (r"not\s+in", "in"),
}
OPERATORS: Mapping[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "//"),
    ast.Pow: ("**", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Div: ("/", "*"),
    ast.Mod: ("%", "//"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
    ast.BitOr: ("|", "&"),
    ast.BitAnd: ("&", "|"),
    ast.BitXor: ("^", "|"),
}
OTHERWISE = {"min": "max", "max": "min", "any": "all", "all": "any", "floor": "ceil"}
READER_FIELDS = {"code", "title"}
ALIKE = {"min", "max", "isinstance", "zip"}  # the order of arguments makes no or a trivial fault


class Finder(ast.NodeVisitor):
    """Collects every mutant of a source."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.found: list[Mutant] = []
        self._begins = [0]
        for line in source.splitlines(keepends=True):
            self._begins.append(self._begins[-1] + len(line))
        self.visit(ast.parse(source))

    def _span(self, node: ast.AST) -> tuple[int, int]:
        line, end_line = node.lineno, node.end_lineno  # type: ignore[attr-defined]
        column, end_column = node.col_offset, node.end_col_offset  # type: ignore[attr-defined]
        return self._begins[line - 1] + column, self._begins[end_line - 1] + end_column

    def _text(self, node: ast.AST) -> bytes:
        start, end = self._span(node)
        return self.source[start:end]

    def _add(self, start: int, end: int, new: bytes, within: ast.AST | None = None) -> None:
        """Note a mutant; it is described by the whole expression that it stands in."""
        begin, stop = (start, end) if within is None else self._span(within)
        said = (
            b" ".join(text.split()).decode()
            for text in (
                self.source[begin:stop],
                self.source[begin:start] + new + self.source[end:stop],
            )
        )
        line = self.source.count(b"\n", 0, start) + 1
        self.found.append(Mutant(line, start, end, " -> ".join(said), new))

    def _replace(self, node: ast.AST, new: bytes) -> None:
        self._add(*self._span(node), new)

    def _between(self, node: ast.AST, left: ast.AST, right: ast.AST, old: str, new: str) -> None:
        """Replace the operator that stands between two parts of a node."""
        start, end = self._span(left)[1], self._span(right)[0]
        if found := re.search(old.encode(), self.source[start:end]):
            self._add(start + found.start(), start + found.end(), new.encode(), node)

    # what is not broken: types, decorators, texts for readers

    def visit_Raise(self, node: ast.Raise) -> None:
        self._replace(node, b"pass")

    def visit_arg(self, node: ast.arg) -> None:
        pass

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        self._body(node.body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._body(node.body)

    def visit_Module(self, node: ast.Module) -> None:
        self._body(one for one in node.body if not _is_type(one))

    def _body(self, statements: Iterable[ast.stmt]) -> None:
        for one in statements:
            if not isinstance(one, ast.Import | ast.ImportFrom) and not _is_text(one):
                self.visit(one)

    # what is

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        if any(isinstance(target, ast.Subscript) for target in node.targets):
            self._replace(node, b"pass")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._replace(node, b"pass")
        old, new = OPERATORS[type(node.op)]
        self._between(node, node.target, node.value, re.escape(old) + "=", new + "=")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self._replace(node, b"pass")
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for left, op, right in zip(sides, node.ops, sides[1:], strict=False):
            self._between(node, left, right, *COMPARISONS[type(op)])
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        old, new = OPERATORS[type(node.op)]
        self._between(node, node.left, node.right, re.escape(old), new)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._between(node, left, right, rf"\b{old}\b", new)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        self._replace(node, self._text(node.operand))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._replace(node, str(not value).encode())
        elif isinstance(value, int):
            self._replace(node, str(value + 1).encode())
            if value > 0:
                self._replace(node, str(value - 1).encode())
        elif isinstance(value, bytes) or (isinstance(value, str) and value.isascii()):
            self._lengthen(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        if self._text(node).isascii():  # else it is a sentence
            self._lengthen(node)

    def _lengthen(self, node: ast.AST) -> None:
        """Put an x into a text, after its first quotation mark."""
        start, end = self._span(node)
        if found := re.match(rb"[a-zA-Z]*(\"\"\"|[\"'])", self.source[start:end]):
            at = start + found.end()
            self._add(start, end, self.source[start:at] + b"x" + self.source[at:end])

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in OTHERWISE:
            self._replace(node.func, OTHERWISE[name].encode())
        if name == "sorted" and not node.keywords:
            self._replace(node.func, b"list")
        plain = [one for one in node.args if not isinstance(one, ast.Starred)]
        if len(plain) > 1 and name not in ALIKE:
            self._swap(plain[0], plain[1])
        for one in node.keywords:
            if one.arg == "key" and node.args:
                self._add(self._span(node.args[-1])[1], self._span(one)[1], b"")
        for part in (node.func, *node.args):
            self.visit(part)
        for one in node.keywords:
            if one.arg != "strict":
                self.visit(one.value)

    def _swap(self, first: ast.expr, second: ast.expr) -> None:
        (start, middle), (begin, end) = self._span(first), self._span(second)
        if (a := self.source[start:middle]) != (b := self.source[begin:end]):
            self._add(start, end, b + self.source[middle:begin] + a)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.value, ast.Name) and node.value.id in _GENERIC:
            return
        part = node.slice
        if (
            isinstance(part, ast.Slice)
            and part.step is None
            and (part.lower is None) != (part.upper is None)
        ):
            new = b":" + self._text(part.lower) if part.lower else self._text(part.upper) + b":"  # type: ignore[arg-type]
            self._replace(part, new)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        if not isinstance(node.test, ast.Constant):
            self._negate(node.test)
            self.generic_visit(node)
        else:
            self._body(node.body)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for one in node.ifs:
            self._negate(one)
        self.generic_visit(node)

    def _negate(self, test: ast.expr) -> None:
        if isinstance(test, ast.UnaryOp):
            return  # loses its `not` anyhow
        self._replace(test, b"not (" + self._text(test) + b")")


_GENERIC = {"dict", "list", "set", "tuple", "frozenset", "Counter", "Callable", "Mapping"}


def _is_text(statement: ast.stmt) -> bool:
    """Tell whether a statement is a docstring or names an error for its reader."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if not isinstance(statement, ast.Assign):
        return False
    names = {one.id for one in ast.walk(statement.targets[0]) if isinstance(one, ast.Name)}
    return bool(names) and names <= READER_FIELDS


def _is_type(statement: ast.stmt) -> bool:
    """Tell whether a statement gives a type another name."""
    return isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Subscript)


def mutants_of(source: bytes, guard: Guard) -> list[Mutant]:
    """Return every mutant of a source, without those known to change nothing."""
    lines = source.decode().splitlines()
    return [
        one
        for one in sorted(set(Finder(source).found))
        if (lines[one.line - 1].strip(), one.change) not in guard.equivalent
    ]


def sample(mutants: Sequence[Mutant], count: int, dice: Chance) -> list[Mutant]:
    """Return mutants of `count` different lines."""
    lines = sorted({one.line for one in mutants})
    chosen = sorted(dice.sample(lines, min(count, len(lines))))
    return [dice.choice([one for one in mutants if one.line == line]) for line in chosen]


# ---- trying them ---------------------------------------------------------------------------------


class Unready(Exception):
    """The tests fail before anything is broken; the message is what they wrote."""


@dataclass(frozen=True)
class Trial:
    """A copy of the repository in which one file is broken again and again.

    A mutant that keeps the tests longer busy than `quick_s` or `slow_s` does not end: caught.
    """

    root: Path
    path: str
    guard: Guard
    quick_s: float = 600
    slow_s: float = 600

    def run(self, tests: Sequence[str], limit_s: float) -> str | None:
        """Return which test fails, if any does; the first one ends the run."""
        if not tests:
            return None
        file = self.root / self.path
        for stale in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
            stale.unlink()  # Python would take it for the file's when broken twice in a second
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *OPTIONS, *tests],
                cwd=self.root,
                env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # most of the time
                capture_output=True,
                text=True,
                check=False,
                timeout=limit_s,
            )
        except subprocess.TimeoutExpired:
            return f"the time limit of {limit_s:.0f} s"
        if done.returncode == 0:
            return None
        failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
        return failed[1] if failed else f"pytest: {(done.stdout + done.stderr)[-300:]}"

    def caught_by(self, mutant: Mutant) -> str | None:
        """Return which test notices the mutant; None when it survives."""
        file = self.root / self.path
        source = file.read_bytes()
        file.write_bytes(mutant.of(source))
        try:
            quick = self.run(self.guard.quick, self.quick_s)
            return quick or self.run(self.guard.slow, self.slow_s)
        finally:
            file.write_bytes(source)


@contextmanager
def trial(root: Path, path: str, guard: Guard) -> Iterator[Trial]:
    """Copy the repository, see that its tests pass, and learn how long they take.

    Raises Unready when they do not.
    """
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "copy"
        shutil.copytree(root, copy, ignore=_not_source(root))
        whole, limits = Trial(copy, path, guard), []
        for tests in (guard.quick, guard.slow):
            begin = time.monotonic()
            if failed := whole.run(tests, 600):
                raise Unready(failed)
            limits.append(3 * (time.monotonic() - begin) + 10)
        yield Trial(copy, path, guard, *limits)


def _not_source(root: Path) -> Callable[[str, list[str]], set[str]]:
    """Return what copytree leaves out: caches anywhere, and the data of a served district."""
    everywhere, at_root = shutil.ignore_patterns(*CACHES), shutil.ignore_patterns(*PLACES)

    def ignored(directory: str, names: list[str]) -> set[str]:
        found = everywhere(directory, names)
        return found | at_root(directory, names) if Path(directory) == root else found

    return ignored


def report(mutant: Mutant, path: str, by: str | None) -> str:
    verdict = f"caught by {by}" if by else "SURVIVED"
    return f"{path}:{mutant.line}  {mutant.change}  {verdict}"


def try_all(mutants: Sequence[Mutant], on: Trial) -> int:
    """Try the mutants, say how each fared; return how many are caught."""
    caught = 0
    for one in mutants:
        by = on.caught_by(one)
        caught += by is not None
        sys.stdout.write(report(one, on.path, by) + "\n")
        sys.stdout.flush()
    return caught


def is_enough(caught: int, tried: int) -> bool:
    """Tell whether at least 19 of 20 are caught."""
    return caught * LEAST_CAUGHT[1] >= tried * LEAST_CAUGHT[0]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("path", nargs="?", default="app/draws/rules.py", choices=sorted(GUARDS))
    parser.add_argument("--seed", type=int, help="repeat a sample")
    parser.add_argument("--count", type=int, default=20, help="how many lines to break")
    parser.add_argument("--all", action="store_true", help="every mutant of the file: hours")
    given = parser.parse_args(arguments)
    seed = int.from_bytes(os.urandom(3)) if given.seed is None else given.seed
    guard = GUARDS[given.path]
    mutants = mutants_of((ROOT / given.path).read_bytes(), guard)
    chosen = mutants if given.all else sample(mutants, given.count, chance(seed))
    sys.stdout.write(f"SEED={seed}: {len(chosen)} of {len(mutants)} mutants of {given.path}\n")
    with trial(ROOT, given.path, guard) as on:
        caught = try_all(chosen, on)
    sys.stdout.write(f"{caught} of {len(chosen)} caught (SEED={seed})\n")
    return 0 if is_enough(caught, len(chosen)) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Unready as error:
        sys.exit(f"the tests fail before anything is broken: {error}")
