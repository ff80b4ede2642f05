"""One PostgreSQL database for one test after another: what a test wrote is taken out again.

To copy a template of 1,400 relations takes ten times as long as to empty the dozen of tables that
a test has written to. A test may do what it likes all the same: where it changed the form of the
database or left somebody connected, the next one gets a new copy.
"""

import psycopg
from psycopg import sql

from tests import servers

# whatever is created, altered or dropped is a new row of one of these; a setting is one, too
FORM = """
SELECT (SELECT sum(oid::bigint) FROM pg_class),
       (SELECT sum(xmin::text::bigint) FROM pg_attribute),
       (SELECT sum(xmin::text::bigint) FROM pg_constraint),
       (SELECT sum(xmin::text::bigint) FROM pg_index),
       (SELECT sum(xmin::text::bigint) FROM pg_trigger),
       (SELECT sum(xmin::text::bigint) FROM pg_proc),
       (SELECT sum(last_value) FROM pg_sequences),
       (SELECT count(*) FROM pg_db_role_setting),
       (SELECT count(*) FROM pg_largeobject_metadata)
"""
WRITTEN = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
ORDER BY relname
"""
# a connection that was closed a moment ago is still there
LEAVE = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


class Standing:
    """A copy of the template, as good as new whenever `take` returns."""

    def __init__(self, server: str, template: str) -> None:
        self.server = server
        self.template = template
        self._name = self._address = ""
        self._new: object = None

    def take(self) -> str:
        """Return the address of a database like the template."""
        if not self._name:
            self._name, self._address = servers.copy_postgresql(self.server, self.template)
            with psycopg.connect(self._address, autocommit=True) as connection:
                self._own = set(_written(connection))  # what the migrations wrote
                self._new = self._form(connection)
        return self._address

    def give_back(self) -> None:
        """Take out what was written, or drop the database where that is not all that was done."""
        if not self._emptied():
            servers.drop_postgresql(self.server, self._name)
            self._name = ""

    def _emptied(self) -> bool:
        try:
            connection = psycopg.connect(self._address, autocommit=True)
        except psycopg.OperationalError:  # it was dropped
            return False
        with connection:
            connection.execute(LEAVE)
            if self._form(connection) != self._new:
                return False
            tables = [sql.Identifier(one) for one in _written(connection) if one not in self._own]
            if tables:
                # past the triggers that refuse it, and in whatever order the keys refer
                connection.execute("SET session_replication_role = replica")
                deletes = [sql.SQL("DELETE FROM {}").format(table) for table in tables]
                connection.execute(sql.SQL("; ").join(deletes))
                # empties the files, too: rows lie in the order in which they are written
                connection.execute(sql.SQL("VACUUM {}").format(sql.SQL(", ").join(tables)))
            return set(_written(connection)) == self._own

    def _form(self, connection: psycopg.Connection) -> object:
        own = [
            connection.execute(
                sql.SQL("SELECT count(*), sum(xmin::text::bigint) FROM {}").format(
                    sql.Identifier(table)
                )
            ).fetchone()
            for table in sorted(self._own)
        ]
        return connection.execute(FORM).fetchone(), own


def _written(connection: psycopg.Connection) -> list[str]:
    return [name for (name,) in connection.execute(WRITTEN)]
