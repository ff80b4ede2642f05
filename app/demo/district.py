"""The demo district: 长宁区 (310105) with a small neighbour, 普陀区 (310107), for access tests.

Real streets, roads, neighbourhood committees and outlines; invented premises and people. A pure
function of seed, date and sizes: the same arguments give the same district on every machine, and
the first units of a larger district are those of a smaller one.
"""

import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from app import geometry
from app.catalogue import seeds
from app.demo import words
from app.demo.chance import Chance
from app.demo.kinds import KINDS, Form, Kind
from app.units.rules import UnitStatus
from app.uscc import uscc_check_character

DATA = Path(__file__).parent / "data"
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_LON_PER_LAT_PERMILLE = 855  # a degree of longitude against one of latitude at 31.2° north
_SPREAD_E7 = 20_000  # how far a unit lies from the middle of its grid cell: about 200 m


@dataclass(frozen=True, slots=True)
class Agency:
    code: str
    name: str
    short_name: str
    division_code: str
    division_name: str

    @property
    def uscc(self) -> str | None:
        """The code of an organ that does not exist: no unit has so high a subject id."""
        return _uscc(Form.PUBLIC, self.division_code, len(_USCC_ALPHABET) ** 4 - 1)


@dataclass(frozen=True, slots=True)
class Registration:
    """One specialty under which a unit is supervised; codes of the catalogue."""

    specialty: str
    object_class: str


@dataclass(frozen=True, slots=True)
class Licence:
    """`kind` is permit or filing; `valid_until` None: no term. `commitment`: 告知承诺."""

    kind: str
    name: str
    number: str
    object_class: str
    valid_from: date
    valid_until: date | None
    commitment: bool


@dataclass(frozen=True, slots=True)
class Unit:
    """A supervised unit; `uscc` is None for natural persons and unlicensed premises."""

    agency_code: str
    archive_no: str
    name: str
    sign_name: str
    uscc: str | None
    address: str
    street_code: str
    cell_code: str
    lon_e7: int
    lat_e7: int
    registrations: tuple[Registration, ...]
    risk_class: str
    credit_class: str
    licences: tuple[Licence, ...]
    status: UnitStatus
    opened_on: date
    legal_representative: str
    phone: str


@dataclass(frozen=True, slots=True)
class Recusal:
    archive_no: str
    reason: str


@dataclass(frozen=True, slots=True)
class Absence:
    from_on: date
    until_on: date
    reason: str


@dataclass(frozen=True, slots=True)
class Officer:
    """An officer; who leads in a specialty also takes part in it. Codes of the catalogue."""

    agency_code: str
    certificate_no: str
    name: str
    team: str
    certificate_from: date
    certificate_until: date
    takes_part: tuple[str, ...]
    leads: tuple[str, ...]
    supervisor: bool
    recusals: tuple[Recusal, ...]
    absences: tuple[Absence, ...]


@dataclass(frozen=True, slots=True)
class Street:
    code: str
    name: str
    lon_e7: int
    lat_e7: int
    roads: tuple[str, ...]
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class District:
    """The demo's content; `agencies[0]` is the district itself, the second the neighbour."""

    agencies: tuple[Agency, ...]
    units: tuple[Unit, ...]
    officers: tuple[Officer, ...]


CHANGNING = Agency(
    "CN", "长宁区卫生健康委员会监督所（演示）", "长宁区监督所（演示）", "310105", "长宁区"
)
PUTUO = Agency(
    "PT", "普陀区卫生健康委员会监督所（演示）", "普陀区监督所（演示）", "310107", "普陀区"
)

_REGISTERED = {
    Form.COMPANY: "上海{brand}{trade}有限公司",
    Form.TRADER: "{place}{brand}{trade}",
    Form.PUBLIC: "{place}{brand}{trade}",
    Form.NON_PROFIT: "上海{brand}{trade}",
    Form.PERSON: "{road}{brand}{trade}",
}
_SIGNS = {
    Form.COMPANY: "{brand}{trade}（{road}店）",
    Form.TRADER: "{brand}{trade}（{road}店）",
    Form.PUBLIC: "{brand}{trade}",
    Form.NON_PROFIT: "{brand}{trade}",
    Form.PERSON: "{road}{trade}",
}
# Team, the specialties its officers lead.
_TEAMS = (
    ("公共场所监督科", ("public-places", "drinking-water", "water-products")),
    ("医疗监督科", ("medical", "maternal-child", "infectious-disease")),
    (
        "传染病与消毒监督科",
        ("infectious-disease", "disinfection-products", "tableware-disinfection"),
    ),
    ("职业与放射监督科", ("occupational", "radiation")),
    ("学校与饮水监督科", ("school-health", "drinking-water", "public-places", "water-products")),
)
_EXPIRED, _EXPIRING = 7, 19
_RECUSING = (10, 16, 23, 31, 44, 52)
_ABSENT = {13: ("leave", 20, 70), 27: ("training", 3, 25), 38: ("sick", 5, 14)}
_RECUSAL_REASONS = ("kinship", "past-employment", "financial-interest", "other-relation")
_LICENCE_YEARS = {"母婴保健技术服务执业许可证": 3, "医疗机构执业许可证": 5, "放射诊疗许可证": 0}


def generate(
    *,
    seed: str,
    on: date,
    units: int = 2000,
    officers: int = 60,
    neighbour_units: int = 40,
    neighbour_officers: int = 6,
) -> District:
    """Return the demo district as it stands on the local date `on` (2024 or later).

    From 48 units on every kind of premises occurs; from 60 officers on one certificate has expired,
    one is about to, six officers have recusals and three are absent.
    """
    own_units = _units(CHANGNING, seed, on, units, first_subject=0)
    other_units = _units(PUTUO, seed, on, neighbour_units, first_subject=800_000)
    own_officers = _officers(CHANGNING, seed, on, officers, own_units)
    other_officers = _officers(PUTUO, seed, on, neighbour_officers, other_units)
    return District(
        (CHANGNING, PUTUO),
        tuple(own_units + other_units),
        tuple(own_officers + other_officers),
    )


def digest(district: District) -> str:
    """Return the SHA-256 of everything in the district, to compare two machines."""
    text = json.dumps(asdict(district), ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def area(division_code: str) -> geometry.Area:
    """Return the outline of one of the two districts."""
    return geometry.read_area(DATA / f"district_{division_code}.geojson")


@cache
def streets(division_code: str) -> tuple[Street, ...]:
    """Return the streets of one of the two districts with roads and grid cells."""
    rows = list(_table(f"streets_{division_code}.tsv"))
    places = {row["street_code"]: row for row in _table("places.tsv")}
    return tuple(
        Street(
            row["code"],
            row["name"],
            int(places[row["code"]]["lon_e7"]),
            int(places[row["code"]]["lat_e7"]),
            tuple(places[row["code"]]["roads"].split()),
            tuple(
                (cell["code"], cell["name"]) for cell in rows if cell["parent_code"] == row["code"]
            ),
        )
        for row in rows
        if row["kind"] == "street"
    )


def _table(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, delimiter="\t")


# --- places ---


def _nearest_street(division_code: str, lon_e7: int, lat_e7: int) -> str:
    def squared(street: Street) -> int:
        east = (lon_e7 - street.lon_e7) * _LON_PER_LAT_PERMILLE // 1000
        return east * east + (lat_e7 - street.lat_e7) ** 2

    return min(streets(division_code), key=squared).code


def _until_in_street(
    division_code: str, street_code: str, propose: Callable[[], tuple[int, int]]
) -> tuple[int, int]:
    """Return the first proposed position inside the district and nearest to this street."""
    while True:
        lon_e7, lat_e7 = propose()
        inside = area(division_code).contains(lon_e7, lat_e7)
        if inside and _nearest_street(division_code, lon_e7, lat_e7) == street_code:
            return lon_e7, lat_e7


@cache
def _cell_middle(division_code: str, street_code: str, cell_code: str) -> tuple[int, int]:
    """Return an invented middle for a grid cell; it does not depend on the demo's seed."""
    chance = Chance("grid", cell_code)
    west, south, east, north = area(division_code).bounds_e7
    return _until_in_street(
        division_code,
        street_code,
        lambda: (chance.between(west, east), chance.between(south, north)),
    )


@cache
def _cells(division_code: str) -> tuple[tuple[Street, str], ...]:
    return tuple((s, code) for s in streets(division_code) for code, _ in s.cells)


# --- units ---


@cache
def _classes(on: date) -> dict[str, dict[str, str]]:
    """Return the catalogue's object classes in force on that day by code."""
    return {
        row["code"]: row
        for row in seeds.rows("object_classes")
        if row["effective_from"] <= on.isoformat()
        and (row["effective_to"] is None or on.isoformat() <= row["effective_to"])
    }


@cache
def _archive_prefixes() -> dict[str, str]:
    return {row["code"]: row["archive_prefix"] for row in seeds.rows("specialties")}


def _units(agency: Agency, seed: str, on: date, count: int, *, first_subject: int) -> list[Unit]:
    made: list[Unit] = []
    names: set[str] = set()
    first_of_kind: dict[Kind, Unit] = {}
    shares = [(kind, kind.share) for kind in KINDS]
    for index in range(count):
        chance = Chance(seed, f"{agency.code}/unit/{index}")
        kind = KINDS[index] if index < len(KINDS) else chance.weighted(shares)
        subject = first_subject + index
        unit = _unit(agency, chance, kind, on, index, subject, names, first_of_kind.get(kind))
        names.add(unit.name)
        first_of_kind.setdefault(kind, unit)
        made.append(unit)
    return made


def _unit(
    agency: Agency,
    chance: Chance,
    kind: Kind,
    on: date,
    index: int,
    subject: int,
    names: set[str],
    chain: Unit | None,
) -> Unit:
    division = agency.division_code
    street, cell_code = chance.pick(_cells(division))
    middle_lon, middle_lat = _cell_middle(division, street.code, cell_code)
    lon_e7, lat_e7 = _until_in_street(
        division,
        street.code,
        lambda: (
            middle_lon + chance.between(-_SPREAD_E7, _SPREAD_E7),
            middle_lat + chance.between(-_SPREAD_E7, _SPREAD_E7),
        ),
    )
    road, house = chance.pick(street.roads), chance.between(1, 1999)
    name, sign_name = _names(agency, chance, kind, road, names)
    branch = chain if kind.form is Form.COMPANY and chance.happens(1, 60) else None
    registrations = _registrations(chance, kind, on)
    status = _status(chance, kind)
    licences = _licences(agency, chance, kind, registrations, status, on, index)
    opened_on = on - timedelta(days=chance.between(30, 20 * 365))
    return Unit(
        agency_code=agency.code,
        archive_no=(
            f"{agency.code}-{_archive_prefixes()[registrations[0].specialty]}-{index + 1:06d}"
        ),
        name=name,
        sign_name=sign_name,
        uscc=branch.uscc if branch else _uscc(kind.form, division, subject),
        address=f"上海市{agency.division_name}{road}{house}号",
        street_code=street.code,
        cell_code=cell_code,
        lon_e7=lon_e7,
        lat_e7=lat_e7,
        registrations=registrations,
        risk_class=chance.weighted(list(zip("ABCD", kind.risk, strict=True))),
        credit_class=chance.weighted(list(zip("ABCD", (35, 45, 15, 5), strict=True))),
        licences=licences,
        status=status,
        opened_on=min([opened_on, *(licence.valid_from for licence in licences)]),
        legal_representative=branch.legal_representative if branch else _person(chance),
        phone=f"021-5550{chance.below(10_000):04d}",
    )


def _person(chance: Chance) -> str:
    surname, second = chance.pick(words.SURNAMES), chance.pick(words.GIVEN_SECOND)
    return surname + (chance.pick(words.GIVEN_FIRST) if chance.happens(3, 4) else "") + second


def _names(
    agency: Agency, chance: Chance, kind: Kind, road: str, taken: set[str]
) -> tuple[str, str]:
    """Return registered name and name on the sign; the registered one is new in the district."""
    while True:
        brand = chance.pick(words.BRAND_FIRST) + chance.pick(words.BRAND_SECOND)
        trade = chance.pick(kind.trades)
        parts = {"brand": brand, "trade": trade, "road": road, "place": agency.division_name}
        registered = (kind.registered or _REGISTERED[kind.form]).format_map(parts)
        name = f"{registered}（演示）"
        if name not in taken:
            return name, (kind.sign or _SIGNS[kind.form]).format_map(parts)


def _uscc(form: Form, division_code: str, subject: int) -> str | None:
    """Return a valid code that belongs to nobody: its subject id begins with DEM0 (演示)."""
    if form is Form.PERSON:
        return None
    tail = ""
    for _ in range(4):
        subject, digit = divmod(subject, len(_USCC_ALPHABET))
        tail = _USCC_ALPHABET[digit] + tail
    body = f"DEM0{tail}"
    total = sum(int(c, 36) * w for c, w in zip(body, (3, 7, 9, 10, 5, 8, 4, 2), strict=True))
    code = f"{form}{division_code}{body}{'0123456789X0'[11 - total % 11]}"
    return code + uscc_check_character(code)


def _registrations(chance: Chance, kind: Kind, on: date) -> tuple[Registration, ...]:
    codes = [*kind.classes, *(c for c, num, den in kind.also if chance.happens(num, den))]
    return tuple(Registration(_classes(on)[code]["specialty"], code) for code in codes)


def _status(chance: Chance, kind: Kind) -> UnitStatus:
    pool = kind.classes[0] == "swimming"
    choices = [
        (UnitStatus.IN_OPERATION, 940),
        (UnitStatus.SUSPENDED, 100 if pool else 20),
        (UnitStatus.CLOSED, 15),
        (UnitStatus.MOVED, 8),
    ]
    if "medical" in {_classes_specialty(code) for code in kind.classes}:
        choices += [(UnitStatus.LICENCE_OVERDUE, 8), (UnitStatus.NOTIFIED, 5)]
        choices += [(UnitStatus.ANNOUNCED, 3), (UnitStatus.FORCE_CANCELLED, 3)]
    return UnitStatus.IN_OPERATION if kind.form is Form.PERSON else chance.weighted(choices)


@cache
def _classes_specialty(code: str) -> str:
    rows = {row["code"]: str(row["specialty"]) for row in seeds.rows("object_classes")}
    return rows[code]


def _licences(
    agency: Agency,
    chance: Chance,
    kind: Kind,
    registrations: tuple[Registration, ...],
    status: UnitStatus,
    on: date,
    index: int,
) -> tuple[Licence, ...]:
    if kind.form is Form.PERSON:
        return ()
    overdue = status in {
        UnitStatus.LICENCE_OVERDUE,
        UnitStatus.NOTIFIED,
        UnitStatus.ANNOUNCED,
        UnitStatus.FORCE_CANCELLED,
    }
    found = []
    for position, registration in enumerate(registrations):
        row = _classes(on)[registration.object_class]
        if row["licence_kind"] == "none":
            continue
        found.append(_licence(agency, chance, row, on, index, expired=overdue and position == 0))
    return tuple(found)


def _licence(
    agency: Agency, chance: Chance, row: dict[str, str], on: date, index: int, *, expired: bool
) -> Licence:
    years = 0 if row["licence_kind"] == "filing" else _LICENCE_YEARS.get(row["licence_name"], 4)
    expired = chance.happens(3, 100) or expired
    valid_until: date | None = None
    if years:
        days = -chance.between(1, 300) if expired else chance.between(1, years * 365 - 1)
        valid_until = on + timedelta(days=days)
        valid_from = valid_until - timedelta(days=years * 365)
    else:
        valid_from = on - timedelta(days=chance.between(30, 3000))
    number = f"演{agency.division_name[0]}卫〔{valid_from.year}〕第{index + 1:06d}号"
    return Licence(
        kind=row["licence_kind"],
        name=row["licence_name"],
        number=number,
        object_class=row["code"],
        valid_from=valid_from,
        valid_until=valid_until,
        commitment=chance.happens(3, 5),
    )


# --- officers ---


def _officers(agency: Agency, seed: str, on: date, count: int, units: list[Unit]) -> list[Officer]:
    made: list[Officer] = []
    names: set[str] = set()
    for index in range(count):
        chance = Chance(seed, f"{agency.code}/officer/{index}")
        while (name := _person(chance)) in names:
            pass
        names.add(name)
        made.append(_officer(agency, chance, name, on, index, units))
    return made


def _officer(
    agency: Agency, chance: Chance, name: str, on: date, index: int, units: list[Unit]
) -> Officer:
    team, own = _TEAMS[index % len(_TEAMS)]
    experienced = index < len(_TEAMS) or chance.happens(4, 5)
    every = [row["code"] for row in seeds.rows("specialties")]
    helps = {"public-places", "medical", *chance.sample(every, 2)} if experienced else set()
    days = {_EXPIRED: -40, _EXPIRING: 20}.get(index, chance.between(200, 1700))
    certificate_until = on + timedelta(days=days)
    return Officer(
        agency_code=agency.code,
        certificate_no=f"{agency.division_code}{index + 1:03d}",
        name=name,
        team=team,
        certificate_from=certificate_until - timedelta(days=5 * 365),
        certificate_until=certificate_until,
        takes_part=tuple(code for code in every if code in {*own, *helps}),
        leads=tuple(code for code in every if experienced and code in own),
        supervisor=index < len(_TEAMS),
        recusals=_recusals(chance, units) if index in _RECUSING else (),
        absences=_absences(index, on),
    )


def _recusals(chance: Chance, units: list[Unit]) -> tuple[Recusal, ...]:
    barred = chance.sample(units, chance.between(1, 3))
    return tuple(Recusal(unit.archive_no, chance.pick(_RECUSAL_REASONS)) for unit in barred)


def _absences(index: int, on: date) -> tuple[Absence, ...]:
    if index not in _ABSENT:
        return ()
    reason, before, after = _ABSENT[index]
    return (Absence(on - timedelta(days=before), on + timedelta(days=after), reason),)
