"""A desk at which given lists come in: the API, as a supervisor and others use it."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

from app import sheets
from app.access import Role
from tests.factories import Make

URL = "/api/v1/lists"
HEADER = {
    "name": "2026年国家随机监督抽查",
    "level": "national",
    "issued_by": "国家疾病预防控制局",
    "reference": "国疾控监督函〔2026〕12号",
    "year": 2026,
    "period": "2026",
    "received_on": "2026-04-01",
    "due_on": "2026-10-31",
}
CROSS = {
    "name": "2026年医疗美容跨部门联合抽查",
    "level": "cross-department",
    "issued_by": "长宁区市场监督管理局",
    "reference": "长市监〔2026〕8号",
    "role": "join",
    "lead_department": "区市场监督管理局",
    "partner_departments": ["区教育局", "区卫生健康委员会"],
    "field": "医疗美容",
}
COLUMNS = ("任务编号", "档案编号", "统一社会信用代码", "单位名称", "地址", "专业", "任务期限")


def csv(*rows: Sequence[str], header: Sequence[str] = COLUMNS, encoding: str = "utf-8") -> bytes:
    """A table as a spreadsheet program saves it."""
    lines = [
        ",".join(header),
        *(",".join([*row, *[""] * (len(header) - len(row))]) for row in rows),
    ]
    return ("\r\n".join(lines) + "\r\n").encode(encoding)


def xlsx(*rows: Sequence[Any], header: Sequence[str] = COLUMNS) -> bytes:
    """The same as a workbook."""
    return sheets.write_xlsx(header, [[*row, *[""] * (len(header) - len(row))] for row in rows])


class Desk:
    """A supervisor's requests about lists; every answer is what the API said."""

    def __init__(self, make: Make) -> None:
        self.make = make
        make.catalogue()
        self.account = make.account(Role.SUPERVISOR)
        self.client: Any = make.flask_app.test_client()
        self.sign_in()

    def sign_in(self) -> None:
        """Sign in, anew when half a day has gone by."""
        token = self.make.headers(self.account)["Authorization"]
        self.client.environ_base["HTTP_AUTHORIZATION"] = token

    def save(self, **values: Any) -> dict[str, Any]:
        """Register a list."""
        answer = self.client.post(URL, json={**HEADER, **values})
        assert answer.status_code == 201, answer.json
        return dict(answer.json)

    def send(self, list_id: str, data: bytes, name: str = "名单.csv") -> Any:
        """Upload a file."""
        form = {"file": (io.BytesIO(data), name)}
        return self.client.post(f"{URL}/{list_id}/files", data=form)

    def upload(self, list_id: str, data: bytes) -> dict[str, Any]:
        """Upload a file that is taken."""
        answer = self.send(list_id, data)
        assert answer.status_code in (200, 201), answer.json
        return dict(answer.json)

    def listed(self, data: bytes, **values: Any) -> str:
        """Return the id of a list with a first file."""
        list_id: str = self.save(**values)["id"]
        self.upload(list_id, data)
        return list_id

    def confirm(self, list_id: str, file_id: str) -> Any:
        """Let a corrected file hold."""
        return self.client.post(f"{URL}/{list_id}/files/{file_id}/confirm")

    def apply(self, list_id: str) -> dict[str, Any]:
        """Make the tasks."""
        answer = self.client.post(f"{URL}/{list_id}/apply")
        assert answer.status_code == 200, answer.json
        return dict(answer.json)

    def show(self, list_id: str) -> dict[str, Any]:
        """The list with its counts."""
        return dict(self.client.get(f"{URL}/{list_id}").json)

    def rows(self, list_id: str, **query: str) -> list[dict[str, Any]]:
        """Every row of a list, page by page, in the file's order."""
        return sorted(
            self.pages(f"{URL}/{list_id}/rows", query), key=lambda row: int(row["row_no"])
        )

    def lines(self, list_id: str, file_id: str, **query: str) -> list[dict[str, Any]]:
        """Every line of a corrected file."""
        return list(self.pages(f"{URL}/{list_id}/files/{file_id}/lines", query))

    def pages(self, url: str, query: dict[str, str] | None) -> Iterable[dict[str, Any]]:
        """The items of all pages."""
        while url:
            answer = self.client.get(url, query_string=query)
            assert answer.status_code == 200, answer.json
            yield from answer.json["items"]
            url, query = answer.headers.get("Link", "").partition(">")[0].lstrip("<"), None

    def decide(self, list_id: str, row: dict[str, Any], **body: Any) -> Any:
        """Decide about a row on the version that was read."""
        return self.client.post(
            f"{URL}/{list_id}/rows/{row['id']}/decision",
            json=body,
            headers={"If-Match": f'"{row["version"]}"'},
        )

    def tasks(self, reference: str | None = None) -> list[dict[str, Any]]:
        """The agency's tasks that come from a list."""
        found = self.pages("/api/v1/tasks", {})
        reference = reference or str(HEADER["reference"])
        return [task for task in found if task["origin_reference"] == reference]
