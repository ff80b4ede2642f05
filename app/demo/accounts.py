"""Who can sign in to the demo district; officers sign in with their certificate number."""

from app.access import Role

PASSWORD = "yanshi-2026"  # noqa: S105 - public on purpose, and refused outside a demo database

STAFF: tuple[tuple[str, str, tuple[Role, ...]], ...] = (
    ("admin", "系统管理员（演示）", (Role.ADMINISTRATOR,)),
    ("kezhang", "公共场所科科长（演示）", (Role.SUPERVISOR,)),
    ("suozhang", "分管所长（演示）", (Role.SUPERVISOR,)),
    ("fazhi", "法制审核员（演示）", (Role.LEGAL_REVIEWER,)),
    ("xinyong", "信用公示专员（演示）", (Role.CLERK,)),
    ("jijian", "纪检稽查员（演示）", (Role.AUDITOR,)),
)
NEIGHBOUR_STAFF: tuple[tuple[str, str, tuple[Role, ...]], ...] = (
    ("pt-kezhang", "普陀科长（演示）", (Role.SUPERVISOR,)),
    ("pt-jijian", "普陀稽查员（演示）", (Role.AUDITOR,)),
)
ACCOUNTS: tuple[tuple[str, str], ...] = (
    *((login, name) for login, name, _ in STAFF),
    ("310105001", "监督员，以执法证号登录（310105001 至 310105060，演示）"),
)
