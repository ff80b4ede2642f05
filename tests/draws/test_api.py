"""Draws over HTTP: shape, access, status; and that no route gives a secret away."""

from typing import Any
from uuid import UUID

import pytest

from app.access import Role
from app.draws import bundle
from tests.draws.office import DEPOSITS, DICE, SECRET, Office
from tests.factories import OTHER_DISTRICT

PLAN: dict[str, Any] = {
    "name": "四季度住宿场所",
    "year": 2026,
    "period": "2026-Q4",
    "kind": "district",
    "strata": {"公共场所/住宿场所": [25, 100]},
    "level": "attended",
    "draw_on": "2026-11-23",
    "due_on": "2026-12-20",
}
EVERY_ROLE = tuple(Role)


def signed_in(office: Office, *roles: Role, **options: Any) -> Any:
    """A client of somebody with these roles; untyped, because its answers are JSON."""
    return office.make.signed_in(*roles, **options)


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["type"]


@pytest.fixture
def chen(office: Office) -> Any:
    """Chen, a supervisor."""
    office.make.catalogue()
    return signed_in(office, Role.SUPERVISOR)


def test_a_supervisor_plans_previews_and_changes(office: Office, chen: Any) -> None:
    office.register()
    made = chen.post("/api/v1/draw-plans", json=PLAN)
    assert made.status_code == 201
    assert made.json["dice_until_at"] == "2026-11-30T09:00:00.000Z"
    assert made.json["reveal"] == "2026-12-21", "the day after the tasks are due"
    path = f"/api/v1/draw-plans/{made.json['id']}"
    preview = chen.get(f"{path}/preview").json
    assert preview["units"] == 12
    assert [(row["listed"], row["drawn"]) for row in preview["strata"]] == [(12, 3)]
    assert preview["shortfalls"] == []
    tag = chen.get(path).headers["ETag"]
    changed = {**PLAN, "strata": {"公共场所/住宿场所": 5}}
    assert chen.put(path, json=changed).status_code == 428
    answer = chen.put(path, json=changed, headers={"If-Match": tag})
    assert (answer.status_code, answer.json["strata"]) == (200, {"公共场所/住宿场所": 5})
    stale = chen.put(path, json=changed, headers={"If-Match": tag})
    assert problem(stale) == (412, "/problems/version-stale")


def test_a_plan_without_a_level_is_refused(chen: Any) -> None:
    without = {key: value for key, value in PLAN.items() if key != "level"}
    answer = chen.post("/api/v1/draw-plans", json=without)
    assert problem(answer) == (422, "/problems/content-invalid")
    assert answer.json["errors"] == [{"pointer": "#/level", "detail": "此项必填。"}]


@pytest.mark.parametrize(
    "rule",
    [-1, 1.5, True, "3", [1], [2, 1], [1, 0], [1, 2, 3], {}, {"x": [1, 2]}, {"10": 3}, None],
)
def test_a_rule_that_is_none_is_refused(chen: Any, rule: Any) -> None:
    answer = chen.post("/api/v1/draw-plans", json={**PLAN, "strata": {"公共场所": rule}})
    assert problem(answer) == (422, "/problems/content-invalid")


def test_the_same_request_sent_twice_makes_one_plan(chen: Any) -> None:
    headers = {"Idempotency-Key": "plan-1"}
    first = chen.post("/api/v1/draw-plans", json=PLAN, headers=headers)
    again = chen.post("/api/v1/draw-plans", json=PLAN, headers=headers)
    assert first.json == again.json
    assert len(chen.get("/api/v1/draw-plans").json["items"]) == 1


def test_a_sealed_draw_takes_deposits_and_shows_commitments_only(office: Office) -> None:
    office.register()
    plan = office.make.plan()
    office.tick()
    draw_no = office.number_of(plan)
    auditor = signed_in(office, Role.AUDITOR)
    clerk = signed_in(office, Role.CLERK)
    path = f"/api/v1/draws/{draw_no}"
    given = auditor.post(f"{path}/deposits", json={"value": DEPOSITS[0].hex()})
    drawn = clerk.post(f"{path}/deposits", json={})
    assert (given.status_code, drawn.status_code) == (201, 201)
    assert DEPOSITS[0].hex() not in given.text
    assert problem(auditor.post(f"{path}/deposits", json={})) == (409, "/problems/deposit-twice")
    body = auditor.get(path).json
    assert {one["commitment"] for one in body["deposits"]} == {
        given.json["commitment"],
        drawn.json["commitment"],
    }
    assert body["waiting"]["code"] == "announce"
    mine = auditor.get("/api/v1/draw-deposits").json["items"]
    assert [(one["draw_no"], one["commitment"]) for one in mine] == [
        (draw_no, given.json["commitment"])
    ]
    office.go(hours=12)
    late = signed_in(office, Role.LEGAL_REVIEWER).post(f"{path}/deposits", json={})
    assert problem(late) == (409, "/problems/deposit-too-late")


def test_dice_are_typed_by_two_and_a_mismatch_is_a_problem_that_stays(office: Office) -> None:
    draw_no = office.announced()
    auditor = signed_in(office, Role.AUDITOR)
    chen = signed_in(office, Role.SUPERVISOR)
    path = f"/api/v1/draws/{draw_no}"
    first = auditor.post(f"{path}/dice", json={"digits": DICE})
    assert (first.status_code, first.json["state"]) == (201, "first")
    assert DICE not in chen.get(path).text, "the second types independently"
    differs = chen.post(f"{path}/dice", json={"digits": DICE[::-1]})
    assert problem(differs) == (409, "/problems/dice-mismatch")
    assert chen.post(f"{path}/dice", json={"digits": DICE}).json["state"] == "first"
    sealed = auditor.post(f"{path}/dice", json={"digits": DICE})
    assert sealed.json == {"state": "sealed", "draw_no": draw_no, "draw_state": "seeded"}
    assert chen.get(path).json["dice"] == DICE
    weak = chen.post(f"{path}/dice", json={"digits": "0123456789"})
    assert problem(weak) == (422, "/problems/content-invalid")


def test_a_result_is_read_by_supervisor_and_auditor_byte_for_byte(office: Office) -> None:
    draw_no = office.drawn()
    files = office.files(draw_no)
    chen = signed_in(office, Role.SUPERVISOR)
    auditor = signed_in(office, Role.AUDITOR)
    path = f"/api/v1/draws/{draw_no}"
    for name in ("manifest.json", "population.tsv", "result.tsv", "assignment.tsv"):
        assert chen.get(f"{path}/files/{name}").data == files[name]
    assert auditor.get(f"{path}/files/exclusions.tsv").data == files["exclusions.tsv"]
    hidden = chen.get(f"{path}/files/exclusions.tsv")
    assert problem(hidden) == (404, "/problems/draw-file-not-found")
    assert problem(auditor.get(f"{path}/files/reveal.json"))[0] == 404
    listed = {one["name"] for one in chen.get(f"{path}/files").json["items"]}
    assert listed == {*files, "changes.json"} - {"exclusions.tsv", "barred.tsv"}
    selected = chen.get(f"{path}/selection?kind=selected").json["items"]
    assert len(selected) == 4
    assert all(UUID(one["task_id"]) for one in selected)


def test_a_unit_is_shown_its_own_line_of_a_private_list(office: Office) -> None:
    draw_no = office.drawn(list_public=False)
    clerk = signed_in(office, Role.CLERK)
    path = f"/api/v1/draws/{draw_no}/proof"
    answer = clerk.get(path, query_string={"archive_no": "CN007"}).json
    items = answer["items"]
    assert answer["draw_no"] == draw_no
    manifest = bundle.parse_manifest(office.files(draw_no)["manifest.json"])
    for one in items:
        assert one["line"].startswith("CN007\t公共场所/住宿场所\t")
        assert bundle.merkle_holds(
            bundle.merkle_leaf(bytes.fromhex(one["salt"]), one["line"]),
            one["number"],
            one["size"],
            [bytes.fromhex(node) for node in one["proof"]],
            bytes.fromhex(manifest.merkle_root or ""),
        )
    assert len(items) == 1
    assert clerk.get(path, query_string={"archive_no": "CN999"}).status_code == 404


def test_a_supervisor_voids_with_a_reason_and_orders_it_anew(office: Office) -> None:
    draw_no = office.drawn_until_announced()
    chen = signed_in(office, Role.SUPERVISOR)
    path = f"/api/v1/draws/{draw_no}"
    tag = chen.get(path).headers["ETag"]
    void = chen.post(f"{path}/void", json={"reason": "名单有误"}, headers={"If-Match": tag})
    assert (void.status_code, void.json["state"]) == (200, "void")
    again = chen.post(
        f"{path}/void", json={"reason": "名单有误"}, headers={"If-Match": void.headers["ETag"]}
    )
    assert problem(again) == (409, "/problems/draw-state-wrong")
    plan = f"/api/v1/draw-plans/{void.json['plan_id']}"
    tag = chen.get(plan).headers["ETag"]
    ordered = chen.post(f"{plan}/redraw", json={"reason": "已更正"}, headers={"If-Match": tag})
    assert ordered.json["redraw_reason"] == "已更正"
    office.tick()
    assert [one["draw_no"] for one in chen.get("/api/v1/draws").json["items"]] == [
        "310105-2026-0002",
        draw_no,
    ]
    assert len(chen.get("/api/v1/draws?state=void").json["items"]) == 1


def test_a_draw_of_another_agency_is_not_there(office: Office) -> None:
    draw_no = office.drawn()
    elsewhere = office.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    stranger = signed_in(office, Role.SUPERVISOR, Role.AUDITOR, agency=elsewhere)
    assert stranger.get("/api/v1/draws").json["items"] == []
    for path in ("", "/files", "/files/result.tsv", "/selection"):
        assert stranger.get(f"/api/v1/draws/{draw_no}{path}").status_code == 404
    dice = stranger.post(f"/api/v1/draws/{draw_no}/dice", json={"digits": DICE})
    assert problem(dice) == (404, "/problems/draw-not-found")


@pytest.mark.parametrize(
    "draw_no", ["x", "310105-2026-9999", "%00", "310105-2026-0001%00", "' OR 1"]
)
def test_a_number_that_no_draw_has_is_not_found(office: Office, draw_no: str) -> None:
    answer = signed_in(office, Role.AUDITOR).get(f"/api/v1/draws/{draw_no}")
    assert problem(answer) == (404, "/problems/draw-not-found")


def addresses(office: Office, draw_no: str) -> list[str]:
    """Every address a GET can ask for: of the application's routes, and with real values."""
    with office.draw(draw_no) as draw:
        values = {
            "draw_no": draw_no,
            "plan_id": str(draw.plan_id),
            "name": "reveal.json",
        }
    names = [*office.files(draw_no), "reveal.json"]
    found = []
    for rule in office.flask_app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()):
            continue
        if rule.arguments <= values.keys():
            _, path = rule.build({key: values[key] for key in rule.arguments}) or ("", "")
            found.append(path)
            if "name" in rule.arguments:
                found += [path.replace("reveal.json", name) for name in names]
    return found


def test_nobody_can_read_the_secret_through_any_route_before_publication(office: Office) -> None:
    draw_no = office.announced()
    hidden = [SECRET.hex(), SECRET.decode("latin-1")]

    def leaks() -> list[str]:
        clients = [signed_in(office, role) for role in EVERY_ROLE]
        clients += [signed_in(office, *EVERY_ROLE), office.flask_app.test_client()]
        return [
            path
            for client in clients
            for path in addresses(office, draw_no)
            if any(value in client.get(path).data.decode("latin-1") for value in hidden)
        ]

    assert leaks() == [], "announced"
    for role in (Role.AUDITOR, Role.SUPERVISOR):
        answer = signed_in(office, role).post(
            f"/api/v1/draws/{draw_no}/dice", json={"digits": DICE}
        )
        assert SECRET.hex() not in answer.text
    assert leaks() == [], "seeded"
    office.tick()
    assert office.state(draw_no) == "drawn"
    assert leaks() == [], "drawn"
    office.go(days=31)
    assert set(leaks()) >= {f"/api/v1/draws/{draw_no}/files/reveal.json"}


def test_only_the_roles_that_may_bring_chance_or_plan(office: Office) -> None:
    draw_no = office.announced()
    allowed = {
        "dice": {Role.AUDITOR, Role.LEGAL_REVIEWER, Role.CLERK, Role.SUPERVISOR},
        "void": {Role.SUPERVISOR},
        "plan": {Role.SUPERVISOR},
        "files": {Role.SUPERVISOR, Role.AUDITOR},
        "read": {
            Role.SUPERVISOR,
            Role.AUDITOR,
            Role.LEGAL_REVIEWER,
            Role.CLERK,
            Role.ADMINISTRATOR,
        },
    }
    found: dict[str, set[Role]] = {name: set() for name in allowed}
    for role in EVERY_ROLE:
        client = signed_in(office, role)
        path = f"/api/v1/draws/{draw_no}"
        answers = {
            "dice": client.post(f"{path}/dice", json={"digits": ""}),
            "void": client.post(f"{path}/void", json={}),
            "plan": client.post("/api/v1/draw-plans", json={}),
            "files": client.get(f"{path}/files"),
            "read": client.get(path),
        }
        for name, answer in answers.items():
            if answer.status_code != 403:
                found[name].add(role)
    assert found == allowed


def test_the_manifest_of_an_attended_draw_names_dice_and_deadline(office: Office) -> None:
    draw_no = office.announced()
    manifest = bundle.parse_manifest(office.files(draw_no)["manifest.json"])
    assert manifest.entropy_sources[0].startswith("dice:20d10；")
    assert manifest.deadline == "2026-11-28T09:00:00Z"
    assert manifest.reveal_on == "2026-12-22"
