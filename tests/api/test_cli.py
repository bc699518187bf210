"""The operator's commands."""

import json
import re
import uuid

import pytest

from support import register
from support.contract import DOCUMENT, OPERATIONS
from support.server import run_iqmd

KEYLESS = {"IQM_TOKEN_KEY": ""}


class TestProgram:
    def test_help(self):
        done = run_iqmd("--help")
        for command in ("serve", "migrate", "check", "token", "import", "audit"):
            assert command in done.stdout
        assert done.stderr == ""

    def test_version(self):
        assert run_iqmd("--version").stdout == f"iqmd {DOCUMENT['info']['version']}\n"

    @pytest.mark.parametrize("arguments", [
        (), ("nonsense",), ("serve", "x"), ("migrate", "x"), ("check", "x"), ("token",),
        ("token", "steal"), ("token", "issue"), ("token", "issue", "--name", "x"),
        ("token", "revoke"), ("token", "revoke", "x"), ("import",), ("import", "schools"),
        ("import", "register"), ("import", "register", "--fast", "x"),
        ("import", "register", "a", "b"), ("--Help",)])
    def test_wrong_usage(self, stage, arguments):
        done = stage.iqmd(*arguments, check=False)
        assert done.returncode == 2, done
        assert done.stderr and done.stdout == ""

    def test_no_such_command(self, stage):
        assert stage.iqmd("nonsense", check=False).stderr.startswith("iqmd has no command nonsense.\n")

    def test_serve_help_lists_every_setting(self):
        listed = re.findall(r"^  (IQM_[A-Z_]+) ", run_iqmd("serve", "--help").stdout, re.M)
        assert {"IQM_PORT", "IQM_DATABASE_URL", "IQM_TOKEN_KEY", "IQM_BODY_MAX"} <= {*listed}
        assert len({*listed}) == len(listed) > 20


# What each command takes: (command, verb) → words its help must have.
VERBS = {
    ("audit", "verify"): ["--checkpoint FILE", "--public-key HEX", "IQM_SIGNING_KEY"],
    ("audit", "checkpoint"): [], ("audit", "public-key"): ["IQM_SIGNING_KEY"],
    ("check",): [], ("migrate",): [], ("serve",): ["IQM_PORT"],
    ("client", "create"): ["--name", "--kind", "--redirect", "--scope", "--origin",
                           "IQM_TOKEN_KEY"],
    ("client", "list"): [], ("client", "secret"): ["ID"], ("client", "delete"): ["ID"],
    ("erasure", "verify"): ["--public-key HEX", "FILE", "IQM_SIGNING_KEY"],
    ("erasure", "ledger"): ["--public-key HEX", "IQM_OWNER_DATABASE_URL",
                            "IQM_OWNER_KEY_DATABASE_URL"],
    ("export",): ["--format xlsx|csv", "FILE", "IQM_MASTER_KEY"],
    ("import", "register"): ["--dry-run"],
    ("keys", "rotate"): ["IQM_FORMER_MASTER_KEY", "IQM_MASTER_KEY"],
    ("retention",): ["--dry-run", "IQM_SIGNING_KEY", "IQM_RETENTION_EVERY"],
    ("token", "issue"): ["--name", "--role", "--scope", "--expires-in-days", "IQM_TOKEN_KEY"],
    ("token", "list"): [], ("token", "revoke"): ["ID"],
    ("user", "invite"): ["--name", "--email", "--role", "--school", "IQM_PUBLIC_URL"],
    ("user", "list"): [], ("user", "suspend"): ["ADDRESS|ID"], ("user", "restore"): ["ADDRESS|ID"],
    ("user", "reset"): ["ADDRESS|ID", "IQM_TOKEN_KEY"],
}


class TestHelp:
    """Without settings and without a database: help is asked for before there are any."""

    @pytest.mark.parametrize("words", VERBS, ids=" ".join)
    def test_of_each(self, words):
        for option in ("--help", "-h"):
            done = run_iqmd(*words, option)
            assert done.stderr == "" and done.stdout.startswith(f"Usage: iqmd {' '.join(words)}")
            assert not [word for word in VERBS[words] if word not in done.stdout]

    @pytest.mark.parametrize("command", sorted({words[0] for words in VERBS}))
    def test_of_a_command_names_its_verbs(self, command):
        done = run_iqmd(command, "--help")
        assert done.stderr == ""
        for words in VERBS:
            assert words[0] != command or f" iqmd {' '.join(words)}" in done.stdout

    @pytest.mark.parametrize("words", VERBS, ids=" ".join)
    @pytest.mark.parametrize("more", [("--nonsense",), ("--nonsense=1",), ("-x",)])
    def test_is_pointed_at(self, words, more):
        done = run_iqmd(*words, *more, check=False)
        assert done.returncode == 2 and done.stdout == ""
        assert more[0].lstrip("-").split("=")[0] in done.stderr, done
        assert f"iqmd {' '.join(words)} --help" in done.stderr, done

    @pytest.mark.parametrize("words, sentence", [
        (("user", "invite", "--name"), "requires an argument"),
        (("user", "invite", "--name", "x"), "--email"),
        (("user", "remove"), "remove"), (("user", "suspend"), "ADDRESS|ID"),
        (("token", "revoke"), "ID"), (("token", "revoke", "a", "b"), "one argument"),
        (("client", "list", "x"), "no arguments"), (("check", "x"), "no arguments"),
        (("client", "create", "--name", "x", "--kind", "public"), "--scope"),
        (("token", "issue", "--name", "x", "--role", "king"), "king"),
        (("token", "issue", "--name", "x", "--role", "client", "--expires-in-days", "0"), "99999"),
        (("token", "issue", "--name", "x", "--role", "client", "--scope", "a:b"), "a:b"),
        (("import", "schools"), "schools")])
    def test_wrong_usage_says_what(self, words, sentence):
        done = run_iqmd(*words, check=False)
        assert done.returncode == 2 and done.stdout == ""
        assert sentence in done.stderr and "--help" in done.stderr, done


class TestSettings:
    @pytest.mark.parametrize("name, value", [
        ("IQM_PORT", "http"), ("IQM_PORT", "65536"), ("IQM_PORT", "-1"), ("IQM_PORT", ""),
        ("IQM_WORKERS", "1.5"), ("IQM_LOG", "loud"), ("IQM_TOKEN_KEY", "abc"),
        ("IQM_TOKEN_KEY", "z" * 64), ("IQM_TOKEN_KEY_FILE", "/nonexistent"),
        ("IQM_SIGNING_KEY", "abc"), ("IQM_SIGNING_KEY", "z" * 64), ("IQM_SIGNING_KEY", ""),
        ("IQM_BODY_MAX", "99999999999999999999")])
    def test_that_make_no_sense(self, stage, name, value):
        settings = {**stage.settings, "IQM_PORT": "0", name: value}
        if name.endswith("_FILE"):
            del settings[name.removesuffix("_FILE")]
        done = run_iqmd("serve", settings=settings, check=False)
        assert done.returncode == 2
        assert name in done.stderr
        assert stage.key not in done.stderr and "password" not in done.stderr
        assert stage.signing_key not in done.stderr

    def test_that_are_missing(self):
        done = run_iqmd("serve", check=False)
        assert done.returncode == 2
        assert "IQM_DATABASE_URL" in done.stderr and "IQM_TOKEN_KEY" in done.stderr

    def test_from_files(self, stage, tmp_path):
        (tmp_path / "key").write_text(stage.key + "\n")
        (tmp_path / "url").write_text(stage.settings["IQM_OWNER_DATABASE_URL"] + "\n")
        done = run_iqmd("token", "list", settings={
            "IQM_TOKEN_KEY_FILE": tmp_path / "key",
            "IQM_OWNER_DATABASE_URL_FILE": tmp_path / "url"})
        assert done.stderr == ""

    def test_a_taken_port(self, stage, server):
        done = stage.iqmd("serve", settings={"IQM_PORT": server.port, "IQM_METRICS_PORT": -1,
                                             "IQM_SPOOL_DIR": server.directory / "spool"},
                          check=False)
        assert done.returncode == 1
        assert "cannot_listen" in done.stdout and str(server.port) in done.stdout
        assert "IQM_PORT" in done.stdout

    def test_a_taken_port_of_the_metrics(self, stage, server):
        done = stage.iqmd("serve", settings={"IQM_PORT": 0, "IQM_METRICS_PORT": server.metrics_port,
                                             "IQM_SPOOL_DIR": server.directory / "spool"},
                          check=False)
        assert done.returncode == 1
        said, = (line for line in map(json.loads, done.stdout.splitlines())
                 if line["event"] == "metrics_cannot_listen")
        assert (said["port"], said["setting"]) == (server.metrics_port, "IQM_METRICS_PORT")

    def test_a_database_that_is_away(self):
        for command in (["migrate"], ["check"], ["token", "list"]):
            done = run_iqmd(*command, check=False, settings={
                f"IQM_{which}DATABASE_URL": "host=/nonexistent password=sesame dbname=iqm"
                for which in ("", "KEY_")})
            assert done.returncode == 1
            assert "cannot be reached" in done.stderr and "sesame" not in done.stderr


class TestCheck:
    def test_all_fits(self, stage):
        done = stage.iqmd("check")
        assert f"{len(OPERATIONS)} operations" in done.stdout
        assert f"{len(DOCUMENT['x-resources'])} resources" in done.stdout

    @pytest.mark.parametrize("options, tables, word", [
        ("", "CREATE TABLE orders (id int)", "something else"),
        ("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0", "SELECT 1", "UTF-8")])
    def test_a_database_of_others_is_left_alone(self, stage, options, tables, word):
        name = f"foreign_{stage.number()}"
        stage.cluster.psql(f"CREATE DATABASE {name} OWNER iqm_owner {options}", database="postgres")
        try:
            stage.cluster.psql(tables, database=name)
            done = stage.iqmd("migrate", check=False, settings={
                "IQM_OWNER_DATABASE_URL": stage.cluster.url("iqm_owner", name)})
            assert done.returncode == 1 and word in done.stderr, done.stderr
            assert stage.cluster.psql("SELECT has_database_privilege('public', current_database(), "
                                      "'CONNECT')", database=name).strip() == "t"
        finally:
            stage.cluster.psql(f"DROP DATABASE {name}", database="postgres")

    def test_an_empty_database_does_not(self, stage):
        name = f"empty_{stage.number()}"
        stage.cluster.psql(f"CREATE DATABASE {name} OWNER iqm_owner", database="postgres")
        settings = {"IQM_OWNER_DATABASE_URL": stage.cluster.url("iqm_owner", name)}
        try:
            assert stage.iqmd("check", check=False, settings=settings).returncode == 1
            stage.iqmd("migrate", settings=settings)
            stage.iqmd("migrate", settings=settings)
            stage.iqmd("check", settings=settings)
            stage.cluster.psql("UPDATE personal_place SET condition = 'false' "
                               "WHERE name = 'person'", database=name)
            done = stage.iqmd("check", check=False, settings=settings)
            assert done.returncode == 1 and "run iqmd migrate" in done.stderr
            stage.cluster.psql("UPDATE retention_rule SET keep = 'P9Y' WHERE class = 'person'",
                               database=name)
            done = stage.iqmd("check", check=False, settings=settings)
            assert done.returncode == 1 and "rules of retention" in done.stderr
            stage.iqmd("migrate", settings=settings)
            stage.iqmd("check", settings=settings)
            stage.cluster.psql("ALTER TABLE school NO FORCE ROW LEVEL SECURITY", database=name)
            done = stage.iqmd("check", check=False, settings=settings)
            assert done.returncode == 1 and "school" in done.stderr
            stage.cluster.psql("ALTER TABLE school FORCE ROW LEVEL SECURITY; "
                               "UPDATE migration SET checksum = 'x' WHERE number = 1",
                               database=name)
            assert stage.iqmd("check", check=False, settings=settings).returncode == 1
            assert stage.iqmd("migrate", check=False, settings=settings).returncode == 1
        finally:
            stage.cluster.psql(f"DROP DATABASE {name}", database="postgres")


class TestTokens:
    def test_a_life(self, stage):
        name = f"life {stage.number()}"
        token = stage.issue_token(name, "client", ["schools:read", "clusters:read"], days=30)
        assert re.fullmatch(r"iqm_[A-Za-z0-9_-]{43}", token)
        line = next(l for l in stage.iqmd("token", "list").stdout.splitlines() if l.endswith(name))
        assert " live " in line and " client " in line and "schools:read clusters:read" in line
        assert "expires never" not in line and token not in line
        number = stage.token_id(name)
        for _ in range(2):
            assert stage.iqmd("token", "revoke", number).stdout == ""
        line = next(l for l in stage.iqmd("token", "list").stdout.splitlines() if l.endswith(name))
        assert " revoked " in line

    def test_only_a_hash_is_kept(self, stage):
        token = stage.issue_token(f"hash {stage.number()}")
        found = stage.cluster.psql("SELECT count(*) FROM token t WHERE t::text LIKE "
                                   f"'%{token[4:]}%' OR t::text LIKE '%{token.encode().hex()}%'")
        assert found == "0"

    def test_all_differ(self, stage):
        assert len({stage.issue_token(f"one of {stage.number()}") for _ in range(5)}) == 5

    @pytest.mark.parametrize("options", [
        ("--role", "king"), ("--role", "client", "--scope", "Everything!"),
        ("--role", "client", "--expires-in-days", "soon"), ("--role", "client", "extra"),
        ("--role", "client", "--expires-in-days", "-1"),
        ("--role", "client", "--scope", "schools:red")])
    def test_refused(self, stage, options):
        name = f"refused {stage.number()}"
        done = stage.iqmd("token", "issue", "--name", name, *options, check=False)
        assert done.returncode in (1, 2) and done.stdout == ""
        assert name not in stage.iqmd("token", "list").stdout

    def test_without_a_key(self, stage):
        done = stage.iqmd("token", "issue", "--name", "x", "--role", "client", check=False,
                          settings=KEYLESS)
        assert done.returncode != 0 and "IQM_TOKEN_KEY" in done.stderr

    def test_revoking_an_unknown_one(self, stage):
        done = stage.iqmd("token", "revoke", str(uuid.uuid4()), check=False)
        assert done.returncode == 1 and done.stderr


class TestImport:
    def test_from_a_file_and_from_a_pipe(self, stage, make, head, tmp_path):
        rows = [register.row(make) for _ in range(2)]
        path = tmp_path / "register.csv"
        path.write_bytes(register.file_of(rows))
        dry = stage.iqmd("import", "register", path, "--dry-run")
        assert "2 created" in dry.stdout
        assert head.get(f"/v1/schools?urn={rows[0]['URN']}").json["items"] == []
        assert "2 created" in stage.iqmd("import", "register", path).stdout
        again = stage.iqmd("import", "register", "-", stdin=path.read_bytes())
        assert "2 unchanged" in again.stdout
        school = head.get(f"/v1/schools?urn={rows[0]['URN']}").json["items"][0]
        history = head.get(f"/v1/schools/{school['id']}/history").json["items"]
        assert [(i["version"], i["actor"]) for i in history] == [(1, None)]

    def test_bad_rows_are_told_and_nothing_changes(self, stage, make, head, tmp_path):
        rows = [register.row(make), register.row(make, URN="x")]
        path = tmp_path / "register.csv"
        path.write_bytes(register.file_of(rows))
        done = stage.iqmd("import", "register", path, check=False)
        assert done.returncode == 1
        assert "line 3" in done.stderr and "URN" in done.stderr
        assert head.get(f"/v1/schools?urn={rows[0]['URN']}").json["items"] == []

    def test_a_file_that_is_away(self, stage, tmp_path):
        for path in (tmp_path / "none.csv", tmp_path):
            done = stage.iqmd("import", "register", path, check=False)
            assert done.returncode == 2 and str(path) in done.stderr
