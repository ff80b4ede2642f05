"""What requests carry: fields, bodies, files, queries and headers, about objects of a side.

Bodies follow the OpenAPI document: `VALUES` gives what a field of a name holds, `BODIES` what a
whole operation needs beyond that. `RAW` is for what is no JSON.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from app.access import Role
from app.catalogue import seeds
from tests.api.seeds.builder import Side
from tests.api.seeds.tablets import metadata_of
from tests.conftest import NOW
from tests.documents.desk import OPINION
from tests.factories import PASSWORD
from tests.sync.tablet import Answer, Tablet

_GOODS = {"name": "注射液", "kind": "drug", "quantity": 2, "unit": "箱"}
VALUES: dict[str, Callable[[Side], Any]] = {
    "entry_id": lambda side: side["credit-entry"],
    "given_on": lambda side: "2026-11-02",
    "item": lambda side: "mal-record-flaw",
    "pledged_on": lambda side: "2026-11-02",
    "scored_on": lambda side: "2026-11-02",
    "into_id": lambda side: side["complaint"],
    "assistant_ids": lambda side: [side["assistant"]],
    "grid_cell": lambda side: "G-01",
    "grid_cells": lambda side: ["G-01"],
    "guide_id": lambda side: side["officer:own"],
    "seen_unit_id": lambda side: side["unit:seen"],
    "seen_units": lambda side: [{"unit_id": side["unit:seen"]}],
    "entered_on": lambda side: "2026-11-21",
    "deadline_on": lambda side: "2026-12-01",
    "same_party_id": lambda side: side["party:other"],
    "announced_on": lambda side: "2026-11-21",
    "replied_on": lambda side: "2026-11-21",
    "on_day": lambda side: "2026-11-21",
    "goods": lambda side: [_GOODS],
    "places": lambda side: [1],
    "practice": lambda side: "unlicensed-practice",
    "template": lambda side: "substantiated",
    "at": lambda side: "2026-11-21T01:00:00.000Z",
    "certificate_no": lambda side: f"沪{side.district}9999",
    "certificate_valid_until": lambda side: "2028-12-31",
    "cap_code": lambda side: "entries-per-year",
    "cursor": lambda side: side.values["cursor"],
    "device_id": lambda side: side["device"],
    "digits": lambda side: "01234567890123456789",
    "draw_on": lambda side: "2026-12-11",
    "due_on": lambda side: "2027-01-10",
    "effective_from": lambda side: "2027-01-01",
    "evidence": lambda side: [side["sha256"]],
    "expires_at": lambda side: "2026-12-01T00:00:00.000Z",
    "from_on": lambda side: "2027-02-01",
    "lead_officer_id": lambda side: side["officer:own"],
    "login": lambda side: side.logins["second"],
    "name": lambda side: "安",
    "new_password": lambda side: PASSWORD + " 2",
    "officer_ids": lambda side: [side["officer:own"], side["officer:member"]],
    "origin": lambda side: "complaint",
    "outcome": lambda side: "no-problem",
    "password": lambda side: PASSWORD,
    "partner_ids": lambda side: [side["partner"]],
    "partner_items": lambda side: [
        {"department": "市场监管局", "item": "现制现售饮用水设备", "basis": "《食品安全法》"}
    ],
    "period": lambda side: "2026-Q4",
    "received_on": lambda side: "2026-11-02",
    "second_officer_id": lambda side: side["officer:second"],
    "sets": lambda side: [],
    "strata": lambda side: {"公共场所/住宿场所": 1},
    "task_ids": lambda side: [],
    "valid_from": lambda side: "2026-11-21T01:00:00.000Z",
    "valid_until": lambda side: "2026-11-22T01:00:00.000Z",
    "specialty": lambda side: "public-places",
    "unit_id": lambda side: side["unit"],
    "until_on": lambda side: "2027-02-03",
    "values": lambda side: ["01234567890123456789"],
    "year": lambda side: 2026,
}
BODIES: dict[str, Callable[[Side, str], dict[str, Any]]] = {
    "joint-operations.call_operations": lambda side, persona: {"on": "2026-12-01"},
    "joint-visits.answer_cap": lambda side, persona: {"cap_code": "clean-by-one-officer"},
    "joint-visits.change": lambda side, persona: {"verb": "move", "planned_on": "2026-12-03"},
    "agendas.make_agenda": lambda side, persona: {
        "officer_id": side["officer:own" if persona == Role.OFFICER else "officer"],
        "team": None,
    },
    "joint-suggestions.dismiss": lambda side, persona: {
        "task_ids": [side["near-task:1"], side["near-task:2"]]
    },
    "joint-improvements.improve": lambda side, persona: {"seconds": 1},
    "joint-plans.propose": lambda side, persona: {
        "first_on": "2026-12-01",
        "last_on": "2026-12-31",
        "teams": 4,
        "visits_each": 2,
    },
    "case-steps.open_case": lambda side, persona: {
        "source": "complaint",
        "cause_code": "pp-without-testing",
        "party": {"kind": "organisation", "name": "某宾馆"},
        "unit_id": side["unit"],
        "acted_on": "2026-11-02",
        "on": "2026-11-20",
    },
    "case-steps.take_step": lambda side, persona: {
        "on": "2026-11-21",
        "document_id": None,
        "data": (
            {"passed": True, "opinion": "同意", "first_time": False, "exam_passed": True}
            if persona == Role.LEGAL_REVIEWER
            else {"reason": "补充当事人信息", "place": "长宁路1号"}
        ),
    },
    "case-transfers.record_transfer": lambda side, persona: {
        "direction": "out",
        "kind": "assistance",
        "organ": "市场监督管理局",
        "on": "2026-11-20",
        "case_id": side["case:ordinary"],
        "unit_id": side["unit"],
    },
    "case-transfers.answer_transfer": lambda side, persona: {
        "result": "accepted",
        "on": "2026-11-21",
    },
    "file-reviews.draw_review": lambda side, persona: {
        "name": "案卷评查",
        "from_on": "2026-01-01",
        "until_on": "2026-12-31",
        "size": 1,
        "seed": "0123456789",
        "reviewer_ids": [side["officer"]],
    },
    "file-reviews.judge_file": lambda side, persona: {
        "case_id": side["case"],
        "judgements": [{"code": "service", "points": 5}],
    },
    "unit-steps.take_step": lambda side, persona: {"verb": "suspend", "on_day": "2026-11-20"},
    "unit-verifications.record_verification": lambda side, persona: {
        "verified_on": "2026-11-20",
        "result": "passed",
        "beds": 20,
        "document_no": "校验〔2026〕1号",
    },
    "annual-reports.record_manual_count": lambda side, persona: {
        "counter": "proposals",
        "number": "28",
        "from_on": "2026-01-01",
        "until_on": "2026-10-31",
        "source": "办公室台账",
        "sourced_on": "2026-11-02",
    },
    "collecting.record_payment": lambda side, persona: {
        "paid_on": "2026-11-21",
        "receipt_no": "沪财0002",
        "fine_fen": 100,
    },
    "discretion.ask_deviation": lambda side, persona: {
        "lines": [
            {"kind": kind, "amount_fen": fen, "months": None, "note": None, "on_staff": False}
            for kind, fen in (("warning", None), ("fine", 9000))
        ],
    },
    "collecting.hand_in": lambda side, persona: {"handed_in_on": "2026-11-21"},
    "collecting.ask_relief": lambda side, persona: {
        "applied_on": "2026-11-21",
        "parts": [{"due_on": "2027-01-20", "amount_fen": 8900}],
    },
    "collecting.demand_payment": lambda side, persona: {"demanded_on": "2026-11-21"},
    "collecting.ask_court": lambda side, persona: {"applied_on": "2026-11-21"},
    "collecting.conclude_collection": lambda side, persona: {
        "concluded_on": "2026-11-21",
        "ceasing_ground": "no-assets",
    },
    "accounts.create_account": lambda side, persona: {"login": "new.account", "roles": ["clerk"]},
    "accounts.change_account": lambda side, persona: {"name": "安妮"},
    "annual-plans.save_annual_plan": lambda side, persona: {"year": 2029, **_annual_plan()},
    "annual-plans.change_annual_plan": lambda side, persona: {"year": 2027, **_annual_plan()},
    "credit-grades.declare_grade": lambda side, persona: {
        "scheme": "occupational-risk",
        "grade": "甲",
        "from_on": "2026-11-02",
    },
    "credit-grades.record_scoring": lambda side, persona: {
        "sheet": "score-lodging",
        "scores": [{"item": one["code"], "tenths": one["tenths"]} for one in _sheet_items()],
    },
    "credit-exceptions.propose_exception": lambda side, persona: {
        "entry_id": side["credit-entry:minor"],
    },
    "credit-repairs.apply_for_repair": lambda side, persona: {
        "parts": [{"kind": kind, "sha256": side["sha256"]} for kind in ("pledge", "performance")],
    },
    "catalogue.supersede_row": lambda side, persona: {
        "body": side.values["lodging"],
        "source": "测试",
    },
    "documents.draw_up": lambda side, persona: {"kind": "opinion", "fields": OPINION},
    "visit-files.draw_up": lambda side, persona: {"kind": "opinion", "fields": OPINION},
    "case-files.draw_up": lambda side, persona: {"kind": "opinion", "fields": OPINION},
    "papers.correct": lambda side, persona: {
        "field": "problem",
        "struck": "清洗",
        "right": "清洁",
        "reason": "笔误",
        "confirmed_by": "proof-seal",
        "confirmed_name": None,
    },
    "papers.record_service": lambda side, persona: {
        "mode": "direct",
        "handed_on": "2026-11-21",
        "recipient": "张三",
        "place": "海州路 1 号",
        "receiver_name": "张三",
        "delivered_on": None,
        "consent_id": None,
        "evidence": [],
    },
    "document-services.deliver": lambda side, persona: {"delivered_on": "2026-11-21"},
    "documents.rewrite": lambda side, persona: {"fields": {"note": "已口头告知"}},
    "documents.sign": lambda side, persona: {"role": "party", "signer_name": "张三"},
    "officers.change_officer": lambda side, persona: {"team": "二科"},
    "officers.declare_recusal": lambda side, persona: {"reason_code": "kinship"},
    "visit-codes.request_code": lambda side, persona: {"reason": "现场发现线索"},
    "draw-changes.order_top_up": lambda side, persona: {"level": "attended", "reason": "备选用完"},
    "draw-changes.propose_redraw": lambda side, persona: {
        "task_id": side["task:drawn"],
        "officer_id": side["officer:drawn"],
        "cause": "unavailable",
        "note": "外出",
    },
    "draw-changes.propose_replacement": lambda side, persona: {
        "task_id": side["task:drawn"],
        "cause": "closed",
        "note": "大门紧锁",
        "evidence": [side["sha256"]],
    },
    "contacts.record_contact": lambda side, persona: {
        "unit_id": side["unit"],
        "kind": "compliance-talk",
    },
    "assistants.change_assistant": lambda side, persona: {"state": "left"},
    "party-links.link_party": lambda side, persona: {
        "party_id": side["party:other"],
        "met_in": "unit",
        "met_id": side["unit"],
    },
    "findings.decide": lambda side, persona: {"kind": "nothing"},
    "bans.decide_ban": lambda side, persona: {"party_id": side["party:other"]},
    "campaigns.plan_campaign": lambda side, persona: {
        "from_on": "2026-11-01",
        "until_on": "2026-12-31",
    },
    "referrals.refer": lambda side, persona: {"party_id": side["party:other"]},
    "referrals.answer_referral": lambda side, persona: {"state": "accepted"},
    "seizures.apply_seizure": lambda side, persona: {
        "party_id": side["party:other"],
        "kind": "detention",
    },
    "seizures.dispose": lambda side, persona: {"disposition": "returned"},
    "complaints.file_complaint": lambda side, persona: {"unit_id": side["unit"]},
    "samples.record_result": lambda side, persona: {"result": "qualified", "outcome": None},
    "draw-plans.change_plan": lambda side, persona: {"name": "住宿场所", "level": "attended"},
    "draw-plans.save_plan": lambda side, persona: {"name": "新计划", "level": "attended"},
    "integrity.decide": lambda side, persona: {"state": "explained"},
    "lists.decide_row": lambda side, persona: {
        "decision": "unit",
        "unit_id": side["unit"],
        "specialty": "public-places",
    },
    "unit-labels.declare_label": lambda side, persona: {
        "label": "unobtrusive",
        "from_on": "2026-11-21",
    },
    "unit-labels.end_label": lambda side, persona: {"until_on": "2026-12-31"},
    "review.decide": lambda side, persona: {"decision": "decline"},
    "sync-devices.set_pin": lambda side, persona: {
        "salt": "A" * 22,
        "iterations": 600_000,
        "verifier": "A" * 43,
    },
    "sync-devices.enrol": lambda side, persona: _enrolment(side),
    "sync-devices.renew": lambda side, persona: _renewal(side),
    "tasks.propose_closing": lambda side, persona: {"reason": "ceased"},
    "tokens.make_token": lambda side, persona: {"name": "台账", "roles": [persona]},
}
RAW: dict[str, Callable[[Side], tuple[str, bytes]]] = {
    "rescue.import_file": lambda side: ("application/octet-stream", b"no rescue file"),
    "uploads.create": lambda side: ("application/octet-stream", b""),
    "uploads.append": lambda side: ("application/offset+octet-stream", b"append"),
    "inbox.push": lambda side: ("application/x-ndjson", side.values["line"].encode() + b"\n"),
    "lists.upload_file": lambda side: _file(side, "list"),
    "lists.upload_partner_results": lambda side: _file(side, "partner-results"),
    "officer-registers.preview_officers": lambda side: _file(side, "officers"),
    "unit-labels.upload_labels": lambda side: _file(side, "labels"),
    "annual-reports.take_annual_table": lambda side: _file(side, "annual"),
    "annual-reports.take_permits": lambda side: _file(side, "permits"),
    "self-checks.take_self_checks": lambda side: _file(side, "self-checks"),
    "publications.import_receipts": lambda side: _file(side, "receipts"),
    "evidence.take_in_paper": lambda side: _file(side, "paper"),
    "units.preview_units": lambda side: _file(side, "units"),
}
FORMS: dict[str, Callable[[Side], dict[str, Any]]] = {  # the same as fields of a form
    "lists.upload_file": lambda side: {"file": side.values["table:list"]},
    "lists.upload_partner_results": lambda side: {"file": side.values["table:partner-results"]},
    "officer-registers.preview_officers": lambda side: {"file": side.values["table:officers"]},
    "unit-labels.upload_labels": lambda side: {"file": side.values["table:labels"]},
    "annual-reports.take_annual_table": lambda side: {"file": side.values["table:annual"]},
    "annual-reports.take_permits": lambda side: {"file": side.values["table:permits"]},
    "self-checks.take_self_checks": lambda side: {"file": side.values["table:self-checks"]},
    "publications.import_receipts": lambda side: {"file": side.values["table:receipts"]},
    "evidence.take_in_paper": lambda side: {"file": side.values["table:paper"]},
    "units.preview_units": lambda side: {"file": side.values["table:units"]},
}
QUERIES: dict[str, Callable[[Side], dict[str, str]]] = {
    "discretion.preview_on_site": lambda side: {
        "visit_id": side["visit"],
        "cause_code": "smoking",
        "party_kind": "citizen",
    },
    "patrols.get_counts": lambda side: {"from_on": "2026-01-01", "until_on": "2026-12-31"},
    "patrols.get_coverage": lambda side: {"in_year": "2026"},
    "histories.get_history": lambda side: {"party_id": side["party:other"]},
    "complaints.draft_reply": lambda side: {"template": "accepted"},
    "annual-reports.export_annual_table": lambda side: {"year": "2026"},
    "annual-reports.list_annual_entries": lambda side: {
        "year": "2026",
        "item": "public-places",
        "column": "inspections",
    },
    "annual-reports.show_annual_table": lambda side: {"year": "2026"},
    "annual-reports.take_annual_table": lambda side: {"year": "2023"},
    "counts.export_entries": lambda side: {"counter": "inspections"},
    "counts.list_entries": lambda side: {"counter": "inspections"},
    "disturbance.export_excesses": lambda side: {"cap": "entries-per-year"},
    "disturbance.list_excesses": lambda side: {"cap": "entries-per-year"},
    "dossiers.list_lines": lambda side: {"section": "visits"},
    **{
        view: lambda side: {"from_on": "2026-01-01", "until_on": "2026-12-31"}
        for view in (
            "credit-figures.show_figures",
            "publications.export_decisions",
            "publications.show_figures",
        )
    },
    "report-cards.export_cards": lambda side: {"kind": "case-closed"},
    "draws.prove_line": lambda side: {"archive_no": side.ids["archive_no"]},
}
HEADERS: dict[str, Callable[[Side], str]] = {
    "Sync-Protocol": lambda side: "1",
    "Tus-Resumable": lambda side: "1.0.0",
    "Upload-Checksum": lambda side: f"sha256 {b64encode(sha256(b'append').digest()).decode()}",
    "Upload-Length": lambda side: "5",
    "Upload-Metadata": lambda side: metadata_of(b"world"),
    "Upload-Offset": lambda side: "0",
}
TOKENS = {"sync-devices.wiped": "device:wiping"}  # a persona of its own for what others may not


def _sheet_items() -> list[dict[str, Any]]:
    """The items of the score sheet of 住宿场所."""
    (sheet,) = [row for row in seeds.rows("score_sheets") if row["code"] == "score-lodging"]
    items: list[dict[str, Any]] = sheet["items"]
    return items


def _annual_plan() -> dict[str, Any]:
    item = {
        "level": "district",
        "stratum": "公共场所/住宿场所",
        "rule": [1, 10],
        "basis": "公共场所卫生管理条例",
    }
    return {"title": "年度抽查计划", "items": [item]}


def _file(side: Side, register: str) -> tuple[str, bytes]:
    """A form with a table in it."""
    head = 'Content-Disposition: form-data; name="file"; filename="register.csv"'
    table = side.values[f"table:{register}"]
    body = f"--form\r\n{head}\r\n\r\n{table}\r\n--form--\r\n"
    return "multipart/form-data; boundary=form", body.encode()


def _silent(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send nothing: a tablet that only writes its requests."""
    return Answer(0, headers, body)


def _enrolment(side: Side) -> dict[str, Any]:
    tablet = Tablet(_silent, lambda: NOW, key=side.key("new"))
    body: dict[str, Any] = tablet.enrol(side.values["code"], side.logins["officer"], PASSWORD).json
    return body


def _renewal(side: Side) -> dict[str, Any]:
    tablet = side.tablet("working", _silent, lambda: NOW)
    body: dict[str, Any] = tablet.tokens(refresh=tablet.refresh).json
    return body
