"""Settings: read from the environment once, each with its default, unit and meaning.

`suicha config` prints this list; `docs/operations.md` holds it and a test compares the two.
Secrets are not settings: they come from `app.keys`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MOST_PROCESSES = 2  # by themselves: what they write is written by one at a time


@dataclass(frozen=True)
class Setting:
    """One line of the list: name in the environment, default, unit, meaning."""

    name: str
    default: str
    unit: str
    meaning: str
    secret: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting("SUICHA_ENV", "development", "name", "`production` takes secrets only from outside"),
    Setting("PORT", "8000", "port", "where the web process listens"),
    Setting("HOST", "127.0.0.1", "address", "the address the web process listens on"),
    Setting("DATA_DIR", "data", "path", "database, photos and keys of the embedded default"),
    Setting("DATABASE_URL", "", "URL", "empty: SQLite in DATA_DIR; or postgresql://…", secret=True),
    Setting("STORAGE_URL", "", "URL", "empty: DATA_DIR/evidence; or s3://bucket?endpoint=…"),
    Setting("PUBLIC_URL", "", "URL", "address under which the public reaches this server"),
    Setting("WEB_PROCESSES", "", "processes", "empty: one for each processor, at most two"),
    Setting("WEB_THREADS", "8", "requests", "how many requests one web process works on at once"),
    Setting("WEB_WAITING", "56", "requests", "how many more may wait, for their body or a turn"),
    Setting("WEB_WAIT_S", "10", "s", "wait for a turn before answering 503"),
    Setting("DB_POOL_SIZE", "10", "connections", "database connections one process keeps"),
    Setting("DB_POOL_TIMEOUT_S", "5", "s", "wait for a connection before answering 503"),
    Setting("MAX_REQUEST_BYTES", "16777216", "bytes", "largest request body, uploads apart"),
    Setting("BODY_SILENCE_S", "30", "s", "a body of which nothing comes for so long is given up"),
    Setting("SIGN_IN_PER_MINUTE", "10", "attempts", "sign-in attempts an address has in a minute"),
    Setting("SESSION_HOURS", "12", "h", "how long a console or API session lasts"),
    Setting("ACCESS_TOKEN_S", "3600", "s", "life of a tablet's access token"),
    Setting("REFRESH_TOKEN_DAYS", "90", "days", "life of a tablet's refresh token, sliding"),
    Setting(
        "OFFICER_SESSION_DAYS", "90", "days", "how long an officer stays signed in on a tablet"
    ),
    Setting("UPLOAD_EXPIRY_DAYS", "14", "days", "an unfinished upload is kept this long"),
    Setting("UPLOAD_LEASE_S", "15", "s", "an upload without a heartbeat is taken over after this"),
    Setting("MIN_BUILD", "1", "build", "oldest build of the tablet that is still served"),
    Setting("ARGON2_MEMORY_KIB", "65536", "KiB", "memory of one password hash"),
    Setting("IMPROVE_MOST_S", "120", "s", "longest search for a better plan of joint visits"),
    Setting("TIMETABLE_TICK_S", "30", "s", "how often the timetable looks for due draws"),
    Setting("TIMETABLE_LEASE_S", "30", "s", "a silent timetable process is replaced after this"),
    Setting("BEACON_DRAWS", "0", "0 or 1", "whether plans may take their chance from a beacon"),
    Setting("LOG_LEVEL", "INFO", "name", "least level that is logged"),
)


@dataclass(frozen=True)
class Config:
    """The settings of this process, typed."""

    values: Mapping[str, str]

    def text(self, name: str) -> str:
        """Return a setting as written. Raises KeyError for a name that is not in the list."""
        return self.values[name]

    def number(self, name: str) -> int:
        """Return a setting as a whole number. Raises ValueError naming the setting."""
        try:
            return int(self.values[name])
        except ValueError as error:
            raise ValueError(f"{name} must be a whole number, not {self.values[name]!r}") from error

    @property
    def web_processes(self) -> int:
        """Return how many processes serve: as many as asked for, or as pay on this machine."""
        if self.text("WEB_PROCESSES"):
            return self.number("WEB_PROCESSES")
        return min(_processors(), MOST_PROCESSES)

    @property
    def production(self) -> bool:
        return self.text("SUICHA_ENV") == "production"

    @property
    def data_dir(self) -> Path:
        return Path(self.text("DATA_DIR")).absolute()

    @property
    def database_url(self) -> str:
        """Return the SQLAlchemy URL; `postgresql:` is made to mean psycopg 3."""
        given = self.text("DATABASE_URL")
        if not given:
            return f"sqlite:///{self.data_dir / 'suicha.db'}"
        for prefix in ("postgresql://", "postgres://"):
            if given.startswith(prefix):
                return "postgresql+psycopg://" + given.removeprefix(prefix)
        return given

    @property
    def storage_url(self) -> str:
        return self.text("STORAGE_URL") or (self.data_dir / "evidence").as_uri()


def _processors() -> int:
    """Return how many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read(environ: Mapping[str, str]) -> Config:
    """Read every setting from `environ`; what is not set takes its default."""
    return Config({s.name: environ.get(s.name, s.default) for s in SETTINGS})
