"""Backups of a scratch database, as text, and what operators do with them."""

import subprocess

from support.cluster import plain_environment, programs


def dump(scratch, *options, database=None):
    """Of the main database, or of the one that is named."""
    done = subprocess.run([programs() / "pg_dump", "-h", scratch.stage.cluster.directory, "-U",
                           "postgres", *options, "-d", database or scratch.name], check=True,
                          capture_output=True, text=True, env=plain_environment())
    return done.stdout


def restore(scratch, backup, database=None):
    """One database as it was, whoever is connected; the other is as it is. Made beside it first, so
    that nobody sees it half made."""
    psql, name = scratch.stage.cluster.psql, database or scratch.name
    psql(f"CREATE DATABASE {name}_again OWNER iqm_owner", database="postgres")
    psql(backup, database=f"{name}_again")
    psql(f"DROP DATABASE {name} WITH (FORCE)", database="postgres")
    psql(f"ALTER DATABASE {name}_again RENAME TO {name}", database="postgres")


def restore_in_place(scratch, backup):
    """The main database, emptied and filled in one transaction: of a dump with `--clean`. Tried again
    where it and somebody at work wait for each other."""
    sql = f"BEGIN;\n{backup}\nCOMMIT;"
    for _ in range(5):
        done = scratch.psql(sql, user="postgres", check=False)
        if "deadlock detected" not in done.stderr:
            break
    assert done.returncode == 0, done.stderr
