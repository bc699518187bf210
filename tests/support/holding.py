"""A transaction of a psql of the test's own that stays open meanwhile: to hold a lock with."""

from contextlib import contextmanager

from support.places import wait_for
from support.psql import Psql


class Holder(Psql):
    def blocks(self):
        """Whether anybody waits for what it holds."""
        return self.ask("SELECT 1 FROM pg_locks WHERE NOT granted AND "
                        "pg_backend_pid() = ANY (pg_blocking_pids(pid)) LIMIT 1") == ["1"]

    def keep_waiting(self, pool, work, *arguments):
        """Work that is under way in a thread of the pool and waits for what is held: its future."""
        future = pool.submit(work, *arguments)
        wait_for(lambda: future.done() or self.blocks(), "somebody to wait for what is held")
        assert not future.done(), future.result()
        return future


@contextmanager
def holding(cluster, sql, database="iqm"):
    """Runs SQL that begins by taking what is to be held; it is given back afterwards."""
    holder = Holder(cluster, "postgres", database)
    try:
        assert holder.ask(f"BEGIN; {sql}") is not None, sql
        yield holder
        holder.ask("ROLLBACK")
    finally:
        holder.close()
