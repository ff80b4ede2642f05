#!/usr/bin/env python3
"""验证一次“双随机”抽取。Check a draw of units and officers (algorithm SSJ1).

    python verify_draw.py [folder]
    python verify_draw.py manifest.json population.tsv reveal.json [officers.tsv eligible.tsv]
    python verify_draw.py --own <archive number | line.json> [folder]

Without arguments it takes the files that lie beside it. It needs nothing but Python 3.8 or newer,
opens no network connection and writes no file. It repeats the draw from the published files alone,
and compares result.tsv, assignment.tsv and SHA256SUMS where they lie beside the manifest. With
--own a unit checks its own lot: by its archive number where population.tsv is public, otherwise
with the file that the agency hands over for its line.
Exit code 0: everything agrees; 1: something does not, or a file is not as it must be.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from struct import unpack
from typing import Any, NoReturn

NUMBER = re.compile("0|[1-9][0-9]*")
HEX64 = re.compile("[0-9a-f]{64}")
DEPOSIT = re.compile("deposit:([1-9][0-9]*)(?![0-9])")
DICE = re.compile("dice:([1-9][0-9]{0,3})d([1-9][0-9]{0,3})(?![0-9])")
SALT = re.compile("[0-9a-f]{32}")
LISTED = re.compile(r"([0-9a-f]{64})  (\S+)")

NEEDED = ("manifest.json", "population.tsv", "reveal.json")
TEAMS = ("officers.tsv", "eligible.tsv")
BESIDE = (
    "rules.json",
    "exclusions.tsv",
    "barred.tsv",
    "result.tsv",
    "assignment.tsv",
    "SHA256SUMS",
)
# what no digest in the manifest covers
RESULTS = ("manifest.json", "reveal.json", "result.tsv", "eligible.tsv", "assignment.tsv")


class Refused(Exception):
    """Something does not agree: said in Chinese and in English."""


def refuse(zh: str, en: str) -> NoReturn:
    raise Refused(f"{zh} | {en}")


def say(zh: str, en: str) -> None:
    print(f"  √ {zh} | {en}")


def note(zh: str, en: str) -> None:
    print(f"  · {zh} | {en}")


# ---- reading files -------------------------------------------------------------------------------


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Files:
    """The files of a draw by the names of the format."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self.paths = paths

    def __contains__(self, name: str) -> bool:
        return name in self.paths and self.paths[name].exists()

    def read(self, name: str) -> bytes:
        try:
            return self.paths[name].read_bytes()
        except OSError as error:
            refuse(f"读不到文件 {name}：{error}", f"cannot read {name}: {error}")


def objects_without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice / 键重复")
    return found


def no_float(text: str) -> NoReturn:
    raise ValueError(f"{text} is no integer / 不是整数")


def read_json(name: str, data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=objects_without_doubles,
            parse_float=no_float,
            parse_constant=no_float,
        )
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        refuse(f"{name} 格式不正确：{error}", f"{name} is malformed: {error}")
    if not isinstance(value, dict):
        refuse(f"{name} 不是 JSON 对象", f"{name} is no JSON object")
    return value


def read_lines(name: str, data: bytes, columns: int, *, ordered: bool = True) -> list[list[str]]:
    """Return the fields of a TSV file: UTF-8, NFC, and in byte order unless it has its own."""
    lines = data.split(b"\n")
    if lines.pop() != b"":
        refuse(f"{name} 最后一行没有换行", f"{name}: the last line has no LF")
    for number in range(1, len(lines)):
        if ordered and lines[number - 1] >= lines[number]:
            refuse(
                f"{name} 没有按字节排序或有重复行", f"{name}: not in byte order, or a line twice"
            )
    try:
        rows = [line.decode().split("\t") for line in lines]
    except UnicodeDecodeError:
        refuse(f"{name} 不是 UTF-8", f"{name} is not UTF-8")
    for row in rows:
        if len(row) != columns:
            refuse(f"{name} 有一行不是 {columns} 列", f"{name}: a line without {columns} columns")
        for field in row:
            if not field.isprintable() or unicodedata.normalize("NFC", field) != field:
                refuse(f"{name} 有不合格的字符：{field!r}", f"{name}: bad characters in {field!r}")
    return rows


def check_name(name: str, text: str) -> str:
    if not text or "," in text:
        refuse(f"{name} 有空的或带逗号的名称", f"{name}: a name is empty or holds a comma")
    return text


def check_id(name: str, text: str) -> str:
    if len(check_name(name, text).encode()) > 23:
        refuse(f"档案编号 {text} 超过 23 字节", f"{name}: id {text} is longer than 23 bytes")
    return text


def number_of(name: str, text: str, digits: int = 70) -> int:
    if not NUMBER.fullmatch(text) or len(text) > digits:
        refuse(f"{name} 中 {text} 不是十进制整数", f"{name}: {text} is no decimal integer")
    return int(text)


def names_of(name: str, text: str) -> set[str]:
    names = [check_name(name, one) for one in text.split(",")] if text else []
    if len(set(names)) != len(names):
        refuse(f"{name} 同一栏有重复的名称", f"{name}: a name stands twice in a field")
    return set(names)


# ---- manifest.json and reveal.json ---------------------------------------------------------------


def is_integer(value: Any) -> bool:
    return type(value) is int and value >= 0


def is_text(value: Any) -> bool:
    return isinstance(value, str) and value != "" and value.isprintable()


def is_name(value: str) -> bool:
    return is_text(value) and "," not in value and unicodedata.normalize("NFC", value) == value


def is_digest(value: Any) -> bool:
    return isinstance(value, str) and HEX64.fullmatch(value) is not None


def is_list(value: Any, of: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(of(one) for one in value)


def is_ratio(value: Any) -> bool:
    return is_list(value, is_integer) and len(value) == 2 and value[0] <= value[1] and value[1] > 0


def is_rule(value: Any) -> bool:
    if isinstance(value, dict):
        weights = all(NUMBER.fullmatch(weight) and weight != "0" for weight in value)
        return weights and all(is_ratio(ratio) for ratio in value.values())
    return is_integer(value) or is_ratio(value)


def is_plan(value: Any) -> bool:
    return isinstance(value, dict) and all(
        is_name(stratum) and is_rule(rule) for stratum, rule in value.items()
    )


def is_time(value: Any, form: str) -> bool:
    try:
        instant = datetime.strptime(value, form).replace(tzinfo=timezone.utc)  # noqa: UP017
        return instant.year >= 1000 and instant.strftime(form) == str(value)
    except (TypeError, ValueError):
        return False


REQUIRED: dict[str, Callable[[Any], bool]] = {
    "alg": lambda value: bool(value == "SSJ1"),
    "draw_no": is_text,
    "prev": is_digest,
    "population_sha256": is_digest,
    "plan": is_plan,
    "entropy_sources": lambda value: is_list(value, is_text) and len(value) > 0,
    "commit": is_digest,
}
OPTIONAL: dict[str, Callable[[Any], bool]] = {
    "coordination": lambda value: value in ("shared", "independent"),
    "hash": lambda value: value in ("sha256", "sm3"),
    "rules_sha256": is_digest,
    "officers_sha256": is_digest,
    "exclusions_sha256": is_digest,
    "barred_sha256": is_digest,
    "code_sha256": is_digest,
    "merkle_root": is_digest,
    "deposits": lambda value: is_list(value, is_digest),
    "deadline": lambda value: is_time(value, "%Y-%m-%dT%H:%M:%SZ"),
    "reveal_on": lambda value: (
        value in ("at-draw", "after-last-visit") or is_time(value, "%Y-%m-%d")
    ),
}


def read_manifest(data: bytes) -> dict[str, Any]:
    manifest = read_json("manifest.json", data)
    for name in REQUIRED:
        if name not in manifest:
            refuse(f"manifest.json 缺少 {name}", f"manifest.json lacks {name}")
    for name, value in manifest.items():
        check = REQUIRED.get(name) or OPTIONAL.get(name)
        if check is None:
            refuse(f"manifest.json 有不认识的字段 {name}", f"manifest.json: unknown field {name}")
        if not check(value):
            refuse(f"manifest.json 的 {name} 不合格", f"manifest.json: {name} is malformed")
    algorithm = manifest.get("hash", "sha256")
    if algorithm not in hashlib.algorithms_available:
        refuse(f"本机没有 {algorithm} 算法", f"this machine's OpenSSL lacks {algorithm}")
    return manifest


def read_reveal(data: bytes) -> tuple[bytes, list[str]]:
    reveal = read_json("reveal.json", data)
    if set(reveal) != {"entropy", "secret"}:
        refuse("reveal.json 的字段不对", "reveal.json must hold entropy and secret, nothing else")
    if not is_digest(reveal["secret"]) or not is_list(reveal["entropy"], is_text):
        refuse("reveal.json 的值不合格", "reveal.json: a value is malformed")
    return bytes.fromhex(reveal["secret"]), reveal["entropy"]


def check_strength(sources: list[str]) -> None:
    """Refuse dice that cannot reach 40 bits; other sources cannot be judged by a program."""
    dice = [DICE.match(source) for source in set(sources)]
    bits = sum(int(one[1]) * math.log2(int(one[2])) for one in dice if one)
    if all(dice) and bits < 40:
        refuse(
            f"公开骰子只有 {bits:.0f} 比特，至少 40", f"only {bits:.0f} bits of dice, at least 40"
        )


# ---- the seed ------------------------------------------------------------------------------------


class Chance:
    """The hash of the draw, and the seed X."""

    def __init__(self, manifest: dict[str, Any], data: bytes, reveal: bytes) -> None:
        self.algorithm = manifest.get("hash", "sha256")
        secret, entropy = read_reveal(reveal)
        if not any(secret) or self.hash(b"SSJ1-COMMIT\n", secret).hex() != manifest["commit"]:
            refuse("秘密数与承诺值不符", "the secret is not the one committed to")
        sources, deposits = manifest["entropy_sources"], manifest.get("deposits", [])
        if len(sources) != len(entropy):
            refuse("随机数的个数与来源不符", "entropy and its sources differ in number")
        for number, source in enumerate(sources):
            if source.startswith("deposit:"):
                self.check_deposit(source, entropy[number], deposits)
        mixed = self.hash(data) + secret + len(entropy).to_bytes(4, "big")
        for text in entropy:
            mixed += len(text.encode()).to_bytes(4, "big") + text.encode()
        self.x = self.hash(b"SSJ1-SEED\n", mixed)

    def hash(self, *parts: bytes) -> bytes:
        return hashlib.new(self.algorithm, b"".join(parts)).digest()

    def key(self, purpose: str) -> bytes:
        return self.hash(self.x, b"\x00", purpose.encode())

    def below(self, key: bytes, label: str, n: int) -> int:
        if n > 2**256:
            refuse("权重之和太大", "the sum of weights is too large")
        counter = 0
        while True:
            digest = self.hash(key, b"\x01", label.encode(), counter.to_bytes(4, "big"))
            value = int.from_bytes(digest, "big")
            if value < 2**256 // n * n:
                return value % n
            counter += 1

    def check_deposit(self, source: str, text: str, deposits: list[str]) -> None:
        found = DEPOSIT.match(source)
        number = int(found[1]) if found else 0
        if not 1 <= number <= len(deposits) or not is_digest(text):
            refuse(
                f"{source} 没有承诺值或格式不对", f"{source}: no commitment, or not 64 hex digits"
            )
        if self.hash(b"SSJ1-DEPOSIT\n", bytes.fromhex(text)).hex() != deposits[number - 1]:
            refuse(f"{source} 与承诺值不符", f"{source} is not the value committed to")


# ---- which units ---------------------------------------------------------------------------------


def read_population(data: bytes) -> dict[str, dict[int, list[bytes]]]:
    name = "population.tsv"
    strata: dict[str, dict[int, list[bytes]]] = {}
    last = ("", "")
    for id_, stratum, weight in read_lines(name, data, 3):
        if (id_, stratum) == last:
            refuse(f"{id_} 在 {stratum} 重复", f"{name}: {id_} stands twice in {stratum}")
        last = (check_id(name, id_), check_name(name, stratum))
        classes = strata.setdefault(stratum, {})
        classes.setdefault(number_of(name, weight), []).append(id_.encode())
    return strata


def share_by_weight(chance: Chance, stratum: str, sizes: dict[int, int], n: int) -> dict[int, int]:
    """Return how many units each class gives; n is for the whole stratum."""
    quotas: dict[int, int] = {}
    left = dict(sizes)
    while True:
        total = sum(weight * size for weight, size in left.items())
        sure = [weight for weight in left if n * weight >= total]
        if not sure:
            break
        quotas[sure[0]] = left.pop(sure[0])
        n -= quotas[sure[0]]
    if not left:
        return quotas
    key = chance.key("quota")
    start = chance.below(key, f"start\t{stratum}", total)

    def place(weight: int) -> bytes:
        return chance.hash(key, b"\x02", f"{stratum}\t{weight}".encode())

    before = 0
    for weight in sorted(left, key=place):
        after = before + n * weight * left[weight]
        quotas[weight] = (after + start) // total - (before + start) // total
        before = after
    return quotas


def quotas_of(
    chance: Chance, stratum: str, rule: Any, classes: dict[int, list[bytes]]
) -> dict[int, int]:
    sizes = {weight: len(ids) for weight, ids in classes.items() if weight > 0}
    if isinstance(rule, dict):
        for weight in sizes:
            if str(weight) not in rule:
                refuse(f"{stratum} 权重 {weight} 没有比例", f"{stratum}: no ratio for {weight}")
        ratios = {weight: rule[str(weight)] for weight in sizes}
        return {w: min(size, -(-size * ratios[w][0] // ratios[w][1])) for w, size in sizes.items()}
    if isinstance(rule, list):
        listed = sum(len(ids) for ids in classes.values())
        rule = -(-listed * rule[0] // rule[1])
    return share_by_weight(chance, stratum, sizes, min(rule, sum(sizes.values())))


def unit_key(chance: Chance, manifest: dict[str, Any], stratum: str) -> bytes:
    own = manifest.get("coordination", "shared") == "independent"
    return chance.key(f"unit\t{stratum}" if own else "unit")


def select(
    chance: Chance, manifest: dict[str, Any], population: dict[str, dict[int, list[bytes]]]
) -> tuple[bytes, list[tuple[str, str]]]:
    """Return result.tsv and the drawn (stratum, id)."""
    lines: list[str] = []
    drawn: list[tuple[str, str]] = []
    plan = manifest["plan"]
    for stratum in sorted(population, key=lambda name: name.encode()):
        if stratum not in plan:
            refuse(f"计划没有写明 {stratum}", f"the plan does not name {stratum}")
        key = unit_key(chance, manifest, stratum)
        classes = population[stratum]
        quotas = quotas_of(chance, stratum, plan[stratum], classes)
        for weight in sorted(quotas):
            count = quotas[weight]
            lots = sorted((chance.hash(key, id_), id_) for id_ in classes[weight])
            for rank, (ticket, raw) in enumerate(lots[: 2 * count + 5], 1):
                kind, id_ = "selected" if rank <= count else "reserve", raw.decode()
                lines.append(f"{stratum}\t{weight}\t{rank}\t{kind}\t{id_}\t{ticket.hex()}\n")
                if rank <= count:
                    drawn.append((stratum, id_))
        listed = sum(len(ids) for ids in classes.values())
        eligible = listed - len(classes.get(0, []))
        note(
            f"{stratum}：名单 {listed}，可抽 {eligible}，抽出 {sum(quotas.values())}",
            f"{listed} listed, {eligible} eligible, {sum(quotas.values())} drawn",
        )
    return "".join(lines).encode(), drawn


# ---- which officers ------------------------------------------------------------------------------


class Officer:
    def __init__(self, certificate: str, base: str, room: str, takes: str, leads: str) -> None:
        name = "officers.tsv"
        self.certificate = check_name(name, certificate)
        self.base = number_of(name, base, 15)
        self.room = math.inf if room == "-" else float(number_of(name, room, 15))
        self.takes, self.leads = names_of(name, takes), names_of(name, leads)
        if not self.leads <= self.takes:
            refuse(f"{certificate} 的主办专业不对", f"{certificate} leads where he takes no part")


class Task:
    def __init__(
        self, stratum: str, id_: str, size: str, takes: str, leads: str, level: str
    ) -> None:
        name = "eligible.tsv"
        self.stratum, self.id = check_name(name, stratum), check_id(name, id_)
        self.key = f"{stratum}\t{id_}"
        self.size, self.level = number_of(name, size, 15), number_of(name, level, 15)
        self.takes, self.leads = names_of(name, takes), names_of(name, leads)
        if not 1 <= self.size <= len(self.takes) or not self.leads or self.level not in (1, 2, 3):
            refuse(f"{id_} 一行人数或等级不对", f"eligible.tsv: size or level of {id_} is wrong")

    def check(self, officers: dict[str, Officer]) -> None:
        for one in sorted(self.takes | self.leads):
            known = one in officers and one in self.takes and self.stratum in officers[one].takes
            if not known or (one in self.leads and self.stratum not in officers[one].leads):
                refuse(f"{one} 不能去 {self.id}", f"{one} may not go to {self.id} so")


class Stuck(Exception):
    def __init__(self, tasks: list[Task], officers: set[str]) -> None:
        super().__init__()
        self.tasks, self.officers = tasks, officers


class Board:
    """Teams, loads and rooms while they are being made."""

    def __init__(
        self, chance: Chance, officers: list[Officer], tasks: list[Task], more: dict[str, int]
    ) -> None:
        self.chance, self.key = chance, chance.key("assign")
        self.tasks = sorted(tasks, key=lambda t: (self.h("task", t.key), t.key.encode()))
        names = [one.certificate for one in officers]
        self.officers = sorted(names, key=lambda i: (self.h("officer", i), i.encode()))
        self.load = {one.certificate: one.base for one in officers}
        self.room = {one.certificate: one.room + more.get(one.certificate, 0) for one in officers}
        self.team: dict[str, list[str]] = {task.key: [] for task in tasks}

    def h(self, *fields: str) -> bytes:
        return self.chance.hash(self.key, "\t".join(fields).encode())

    def lot(self, task: Task, officer: str) -> tuple[bytes, bytes]:
        return self.h("lot", task.key, officer)[:8], officer.encode()

    def open(self, task: Task, out: str, into: str) -> bool:
        team = self.team[task.key]
        others = [one for one in team if one != out]
        leads = into in task.leads or any(one in task.leads for one in others)
        return into in task.takes and into not in team and leads

    def put(self, task: Task, out: str, into: str) -> None:
        team = self.team[task.key]
        team[team.index(out)] = into

    def charge(self, officer: str, tasks: int) -> None:
        self.load[officer] += tasks
        self.room[officer] -= tasks

    def search(
        self, first: set[str], goal: set[str]
    ) -> tuple[str | None, dict[str, tuple[Task, str]], set[str]]:
        """Return the first officer of the goal that is reached, how each was, and all seen."""
        came: dict[str, tuple[Task, str]] = {}
        queue, seen = [one for one in self.officers if one in first], set(first)
        for one in queue:
            if one in goal:
                return one, came, seen
        for a in queue:
            for task in self.tasks:
                if a not in self.team[task.key]:
                    continue
                for b in self.officers:
                    if b not in seen and self.open(task, a, b):
                        seen.add(b)
                        came[b] = (task, a)
                        queue.append(b)
                        if b in goal:
                            return b, came, seen
        return None, came, seen

    def carry_out(self, b: str, came: dict[str, tuple[Task, str]]) -> str:
        while b in came:
            task, a = came[b]
            self.put(task, a, b)
            b = a
        return b

    def fill(self) -> None:
        for task in self.tasks:
            for place in range(task.size):
                self.fill_place(task, place)

    def fill_place(self, task: Task, place: int) -> None:
        team = self.team[task.key]
        choice = (task.takes if place else task.leads) - set(team)
        free = [one for one in choice if self.room[one] > 0]
        if free:
            chosen = end = min(free, key=lambda one: (self.load[one], self.lot(task, one)))
        else:
            goal = {one for one in self.officers if self.room[one] > 0}
            found, came, seen = self.search(choice, goal)
            if found is None:
                stuck = [t for t in self.tasks if t is task or seen & set(self.team[t.key])]
                raise Stuck(stuck, seen)
            chosen, end = self.carry_out(found, came), found
        team.append(chosen)
        self.charge(end, 1)

    def level(self) -> None:
        v = max(self.load.values(), default=0)
        while v >= min(self.load.values(), default=0) + 2:
            rich = {one for one in self.officers if self.load[one] == v}
            poor = {i for i in self.officers if self.room[i] > 0 and self.load[i] <= v - 2}
            b, came, _ = self.search(rich, poor)
            if b is None:
                v -= 1
            else:
                self.charge(self.carry_out(b, came), -1)
                self.charge(b, 1)

    def words(self) -> Iterator[int]:
        block = 0
        while True:
            yield from unpack(
                ">4Q", self.chance.hash(self.key, b"\x00walk", block.to_bytes(8, "big"))
            )
            block += 1

    def walk(self) -> None:
        tasks = sorted(self.tasks, key=lambda task: task.key.encode())
        officers = sorted(self.officers, key=lambda one: one.encode())
        for team in self.team.values():
            team.sort(key=lambda one: one.encode())
        words = self.words()

        def below(n: int) -> int:
            while True:
                word = next(words)
                if word < 2**64 // n * n:
                    return word % n

        for _ in range(100 * sum(task.size for task in tasks)):
            t = tasks[below(len(tasks))]
            p = below(t.size)
            if below(2) == 1:
                self.move(t, self.team[t.key][p], officers[below(len(officers))])
            else:
                u = tasks[below(len(tasks))]
                self.exchange(t, self.team[t.key][p], u, self.team[u.key][below(u.size)])

    def move(self, t: Task, i: str, j: str) -> None:
        if self.load[j] + 1 == self.load[i] and self.room[j] > 0 and self.open(t, i, j):
            self.put(t, i, j)
            self.charge(i, -1)
            self.charge(j, 1)

    def exchange(self, t: Task, i: str, u: Task, j: str) -> None:
        if t is not u and i != j and self.open(t, i, j) and self.open(u, j, i):
            self.put(t, i, j)
            self.put(u, j, i)

    def lines(self) -> bytes:
        lines = []
        for task in self.tasks:
            team = self.team[task.key]
            lead = min((i for i in team if i in task.leads), key=lambda i: self.lot(task, i))
            others = sorted((i for i in team if i != lead), key=lambda i: i.encode())
            lines.append(f"{task.key}\t{lead}\t{','.join(others)}\n".encode())
        return b"".join(sorted(lines))


def assign(
    chance: Chance, officers_tsv: bytes, eligible_tsv: bytes, drawn: list[tuple[str, str]]
) -> bytes:
    officers = [Officer(*row) for row in read_lines("officers.tsv", officers_tsv, 5)]
    known = {one.certificate: one for one in officers}
    tasks = [Task(*row) for row in read_lines("eligible.tsv", eligible_tsv, 6)]
    if len(known) != len(officers):
        refuse("officers.tsv 证号重复", "officers.tsv: a certificate stands twice")
    if sorted((task.stratum, task.id) for task in tasks) != sorted(drawn):
        refuse("eligible.tsv 与抽出的单位不一致", "eligible.tsv does not list the drawn units")
    for task in tasks:
        task.check(known)
    more: dict[str, int] = {}
    while True:
        board = Board(chance, officers, tasks, more)
        try:
            board.fill()
            break
        except Stuck as stuck:
            if any(task.level < 3 for task in stuck.tasks):
                refuse("eligible.tsv 的等级没有升够", "eligible.tsv: a stuck task is below level 3")
            for one in stuck.officers:
                more[one] = more.get(one, 0) + 1
    for one in sorted(more):
        note(f"{one} 的名额增加 {more[one]}", f"{one} was given {more[one]} more")
    board.level()
    board.walk()
    return board.lines()


# ---- one's own lot -------------------------------------------------------------------------------


def is_proof(item: Any) -> bool:
    if not isinstance(item, dict) or not isinstance(item.get("line"), str):
        return False
    if len(item) == 1:
        return True
    return (
        set(item) == {"line", "salt", "number", "size", "proof"}
        and isinstance(item["salt"], str)
        and SALT.fullmatch(item["salt"]) is not None
        and is_integer(item["number"])
        and is_integer(item["size"])
        and is_list(item["proof"], is_digest)
    )


def read_own(
    own: str | bytes, manifest: dict[str, Any], listed: list[list[str]] | None
) -> list[dict[str, Any]]:
    """Return the lines of one unit: of the file handed over, or of the public list."""
    if isinstance(own, str):
        if listed is None:
            refuse(
                "没有 population.tsv，请用监督机构给的文件",
                "no population.tsv: take the file of the line",
            )
        found = [{"line": "\t".join(row)} for row in listed if row[0] == own]
        if not found:
            refuse(f"名单中没有 {own}", f"{own} is not on the list")
        return found
    value = read_json("line.json", own)
    items = value.get("items")
    if not set(value) <= {"items", "draw_no"} or not is_list(items, is_proof) or not items:
        refuse("单独一行的文件不合格", "the file of the line is malformed")
    if value.get("draw_no", manifest["draw_no"]) != manifest["draw_no"]:
        refuse("这个文件属于另一次抽取", "the file of the line is of another draw")
    return list(items)


def merkle_holds(chance: Chance, item: dict[str, Any], announced: str | None) -> bool:
    """Tell whether the line stands in the list that the manifest announced (RFC 6962)."""
    node = chance.hash(b"\x00", bytes.fromhex(item["salt"]), item["line"].encode())
    number, size = item["number"], item["size"]
    proof = [bytes.fromhex(one) for one in item["proof"]]
    if number >= size:
        return False
    while size > 1:
        if number ^ 1 < size:
            if not proof:
                return False
            other = proof.pop(0)
            node = (
                chance.hash(b"\x01", other, node)
                if number & 1
                else chance.hash(b"\x01", node, other)
            )
        number, size = number // 2, (size + 1) // 2
    return not proof and node.hex() == announced


def check_covered(
    chance: Chance,
    manifest: dict[str, Any],
    item: dict[str, Any],
    listed: list[list[str]] | None,
) -> None:
    if "proof" in item and not merkle_holds(chance, item, manifest.get("merkle_root")):
        refuse("这一行不在公告的名单中", "the line is not covered by the announced root")
    if listed is not None and item["line"].split("\t") not in listed:
        refuse("这一行不在 population.tsv 中", "the line is not in population.tsv")
    if "proof" in item:
        say("这一行在公告的名单中（默克尔证明）", "the announced root covers the line")
    elif listed is not None:
        say("这一行在公告的名单中", "the line is in the announced list")
    else:
        note(
            "没有名单或证明，不能核对这一行在名单中",
            "neither list nor proof: not shown to be listed",
        )


def check_class(chance: Chance, key: bytes, rows: list[list[str]]) -> int:
    """Compute every ticket of a class's rows anew; return how many are selected."""
    count = sum(row[3] == "selected" for row in rows)
    before = ("", b"")
    for number, (stratum, _, rank, kind, id_, ticket) in enumerate(rows, 1):
        place = (ticket, id_.encode())
        right = (
            rank == str(number)
            and kind == ("selected" if number <= count else "reserve")
            and ticket == chance.hash(key, id_.encode()).hex()
            and before < place
        )
        if not right:
            refuse(f"result.tsv 中 {id_} 一行不对", f"result.tsv: the row of {id_} is wrong")
        if number > 2 * count + 5:
            refuse(
                f"result.tsv 中 {stratum} 备选太多", f"result.tsv: too many reserves in {stratum}"
            )
        before = place
    return count


def read_line(manifest: dict[str, Any], text: str) -> tuple[str, str, str]:
    name = "line.json"
    rows = read_lines(name, text.encode() + b"\n", 3)
    if len(rows) != 1:
        refuse("单独一行的文件不合格", "the file of the line is malformed")
    id_, stratum, weight = rows[0]
    check_id(name, id_)
    number_of(name, weight)
    if check_name(name, stratum) not in manifest["plan"]:
        refuse(f"计划没有写明 {stratum}", f"the plan does not name {stratum}")
    return id_, stratum, weight


def check_lot(
    chance: Chance, manifest: dict[str, Any], item: dict[str, Any], result: list[list[str]]
) -> None:
    id_, stratum, weight = read_line(manifest, item["line"])
    key = unit_key(chance, manifest, stratum)
    ticket = chance.hash(key, id_.encode()).hex()
    say(f"{id_} 在 {stratum} 的票号", f"ticket {ticket}")
    here = [row for row in result if row[0] == stratum]
    if any(row[4] == id_ and row[1] != weight for row in here):
        refuse(f"result.tsv 中 {id_} 的权重不同", f"result.tsv gives {id_} another weight")
    rows = [row for row in here if row[1] == weight]
    if weight == "0":
        if rows:
            refuse("result.tsv 抽了权重为 0 的单位", "result.tsv draws units of weight 0")
        say(f"{id_}：权重为 0，本次不抽", f"{id_}: weight 0, not in this draw")
        return
    count = check_class(chance, key, rows)
    if count:
        note("本类最后一个抽中的票号", f"last ticket drawn of its class {rows[count - 1][5]}")
    else:
        note("本类没有抽中的单位", "none of its class was drawn")
    ranks = [number for number, row in enumerate(rows, 1) if row[4] == id_]
    if not ranks:
        if len(rows) < 2 * count + 5 or ticket < rows[-1][5]:
            refuse(f"result.tsv 漏了 {id_}", f"result.tsv leaves out {id_}")
        say(f"{id_}：没有抽中", f"{id_}: not drawn")
    elif ranks[0] <= count:
        say(f"{id_}：抽中，第 {ranks[0]} 名", f"{id_}: selected, rank {ranks[0]}")
    else:
        say(f"{id_}：备选第 {ranks[0] - count} 名", f"{id_}: reserve {ranks[0] - count}")


# ---- the whole check -----------------------------------------------------------------------------


def check_digest(manifest: dict[str, Any], field: str, name: str, data: bytes) -> None:
    if field not in manifest:
        note(f"公告没有 {name} 的摘要", f"the manifest names no digest of {name}")
    elif sha256(data) != manifest[field]:
        refuse(f"{name} 与公告的摘要不符", f"{name} is not the file the manifest names")
    else:
        say(f"{name} 是公告的文件", f"{name} is the file the manifest names")


def compare(files: Files, name: str, data: bytes) -> None:
    if name not in files:
        note(f"没有 {name} 可以比较", f"no {name} to compare with")
    elif files.read(name) != data:
        refuse(f"{name} 与重新计算的结果不同", f"{name} differs from the repeated draw")
    else:
        say(f"{name} 与重新计算的结果逐字节相同", f"{name} agrees to the last byte")


def check_manifest(files: Files) -> tuple[dict[str, Any], bytes]:
    data = files.read("manifest.json")
    manifest = read_manifest(data)
    check_strength(manifest["entropy_sources"])
    say(f"公告格式正确，抽取编号 {manifest['draw_no']}", f"manifest.json SHA-256 {sha256(data)}")
    note("前一次公告", f"prev {manifest['prev']}")
    return manifest, data


def read_sums(data: bytes) -> dict[str, str]:
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError:
        lines = []
    found = [LISTED.fullmatch(line) for line in lines[:-1]]
    names = [one[2].encode() for one in found if one]
    if not found or lines[-1] or len(names) != len(found) or sorted(set(names)) != names:
        refuse("SHA256SUMS 格式不正确", "SHA256SUMS is malformed")
    return {one[2]: one[1] for one in found if one}


def check_sums(files: Files) -> None:
    """Check the list of all public files, whose own digest stands in the journal."""
    if "SHA256SUMS" not in files:
        return
    data = files.read("SHA256SUMS")
    listed = read_sums(data)
    for name, digest in listed.items():
        if name not in files:
            note(f"SHA256SUMS 列出的 {name} 不在这里", f"{name} of SHA256SUMS is not here")
        elif sha256(files.read(name)) != digest:
            refuse(f"{name} 与 SHA256SUMS 不符", f"{name} is not the file SHA256SUMS lists")
    for name in RESULTS:
        if name in files and name not in listed:
            refuse(f"SHA256SUMS 没有列出 {name}", f"SHA256SUMS does not list {name}")
    say("SHA256SUMS 列出的文件都相符", f"SHA256SUMS SHA-256 {sha256(data)}")


def check_chance(files: Files, manifest: dict[str, Any], data: bytes) -> Chance:
    chance = Chance(manifest, data, files.read("reveal.json"))
    say("秘密数和随机数与公告相符", "secret and entropy answer to the manifest")
    say("种子", f"X {chance.x.hex()}")
    return chance


def verify(files: Files) -> None:
    manifest, data = check_manifest(files)
    population = files.read("population.tsv")
    check_digest(manifest, "population_sha256", "population.tsv", population)
    for name in BESIDE[:3]:
        if name in files:
            check_digest(manifest, f"{name.split('.')[0]}_sha256", name, files.read(name))
    check_sums(files)
    chance = check_chance(files, manifest, data)
    result, drawn = select(chance, manifest, read_population(population))
    say("抽取结果摘要", f"result.tsv SHA-256 {sha256(result)}")
    compare(files, "result.tsv", result)
    if not all(name in files for name in TEAMS):
        note("没有检查人员匹配", "the assignment of officers was not checked")
        return
    officers = files.read("officers.tsv")
    check_digest(manifest, "officers_sha256", "officers.tsv", officers)
    assignment = assign(chance, officers, files.read("eligible.tsv"), drawn)
    say("人员匹配摘要", f"assignment.tsv SHA-256 {sha256(assignment)}")
    compare(files, "assignment.tsv", assignment)


def verify_own(files: Files, own: str | bytes) -> None:
    manifest, data = check_manifest(files)
    check_sums(files)
    chance = check_chance(files, manifest, data)
    listed = None
    if "population.tsv" in files:
        population = files.read("population.tsv")
        check_digest(manifest, "population_sha256", "population.tsv", population)
        listed = read_lines("population.tsv", population, 3)
    published = files.read("result.tsv")
    result = read_lines("result.tsv", published, 6, ordered=False)
    say("公布的结果摘要", f"result.tsv SHA-256 {sha256(published)}")
    for item in read_own(own, manifest, listed):
        check_covered(chance, manifest, item, listed)
        check_lot(chance, manifest, item, result)


def files_of(arguments: Sequence[str]) -> Files | None:
    """Return the files that the arguments name, or None where they are not understood."""
    if not arguments or (len(arguments) == 1 and Path(arguments[0]).is_dir()):
        folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
        return Files({name: folder / name for name in (*NEEDED, *TEAMS, *BESIDE)})
    if len(arguments) not in (3, 5):
        return None
    folder = Path(arguments[0]).parent
    paths = {name: folder / name for name in BESIDE}
    for name, argument in zip((*NEEDED, *TEAMS), arguments):  # noqa: B905 - not in Python 3.8
        paths[name] = Path(argument)
    return Files(paths)


def own_of(argument: str) -> str | bytes:
    path = Path(argument)
    return path.read_bytes() if path.is_file() else argument


def main(arguments: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    own = arguments[1] if arguments[:1] == ["--own"] and len(arguments) in (2, 3) else None
    files = files_of(arguments if own is None else arguments[2:])
    if files is None:
        print(__doc__)
        return 1
    print("验证抽取 | Checking the draw")
    try:
        if own is None:
            verify(files)
        else:
            verify_own(files, own_of(own))
    except Refused as refused:
        print(f"  × {refused}")
        print("验证不通过 | NOT verified")
        return 1
    print("验证通过 | Verified")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
