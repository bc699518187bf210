"""The lexer of SQL parameters: what is a parameter and what only looks like one.

The fuzz builds statements from pieces whose meaning is known, so that the answer is known too.
"""

import pathlib
import random
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = sorted((ROOT / "tests" / "corpus" / "sql_lexer").iterdir())
sys.path.insert(0, str(ROOT / "src" / "contract"))

from sql_lexer import SqlError, number_parameters  # noqa: E402


@pytest.mark.parametrize("sql, numbered, names", [
    ("", "", []),
    ("SELECT 1", "SELECT 1", []),
    (":a", "$1", ["a"]),
    ("SELECT :a, :b, :a", "SELECT $1, $2, $1", ["a", "b"]),
    (":a::text", "$1::text", ["a"]),
    ("x::a", "x::a", []),
    ("f(a := :b)", "f(a := $1)", ["b"]),
    ("f(a=>:b)", "f(a=>$1)", ["b"]),
    (":a:b", "$1$2", ["a", "b"]),
    ("':a'", "':a'", []),
    ("'it''s :a' :b", "'it''s :a' $1", ["b"]),
    (r"'\' :a", r"'\' $1", ["a"]),
    (r"E'\' :a' :b", r"E'\' :a' $1", ["b"]),
    (r"e'\\' :a", r"e'\\' $1", ["a"]),
    (r"E'\\\' :a' :b", r"E'\\\' :a' $1", ["b"]),
    (r"nameE'\' :a", r"nameE'\' $1", ["a"]),
    (r"_e'\' :a", r"_e'\' $1", ["a"]),
    (r"1E'\' :a", r"1E'\' $1", ["a"]),
    ('":a" :b', '":a" $1', ["b"]),
    ('"x"":a" :b', '"x"":a" $1', ["b"]),
    ("$$:a$$ :b", "$$:a$$ $1", ["b"]),
    ("$q$ $$ :a $Q$ $q$ :b", "$q$ $$ :a $Q$ $q$ $1", ["b"]),
    ("$é$ :a $é$ :b", "$é$ :a $é$ $1", ["b"]),
    ("a$$ :b", "a$$ $1", ["b"]),
    ("a$b$ :b", "a$b$ $1", ["b"]),
    ("-- :a\n:b", "-- :a\n$1", ["b"]),
    ("-- :a", "-- :a", []),
    ("/* :a */:b", "/* :a */$1", ["b"]),
    ("/* /* :a */ :a */ :b", "/* /* :a */ :a */ $1", ["b"]),
    ("/* ' */ :b '/*' :c", "/* ' */ $1 '/*' $2", ["b", "c"]),
    ("/*/ :a */ :b", "/*/ :a */ $1", ["b"]),
    ("'a' -- '\n:b", "'a' -- '\n$1", ["b"]),
    ("- - :a", "- - $1", ["a"]),
    (": a", ": a", []),
    (":1", ":1", []),
    (":A_1b", "$1", ["A_1b"]),
    ("a[1:(:n)]", "a[1:($1)]", ["n"]),
])
def test_cases(sql, numbered, names):
    assert number_parameters(sql) == (numbered, names)


@pytest.mark.parametrize("sql, line, word", [
    ("'", 1, "quote"), ("a\n'b\nc", 2, "quote"), ("E'\\'", 1, "quote"), ('\n"', 2, "quote"),
    ("$$ $", 1, "quote"), ("\n\n$a$ $$", 3, "quote"), ("/* /* */", 1, "comment"),
    ("\n/*", 2, "comment"), ("$1", 1, ":name"), ("a\n= $23", 2, ":name"), ("'a''", 1, "quote")])
def test_what_is_refused(sql, line, word):
    with pytest.raises(SqlError) as caught:
        number_parameters(sql)
    assert caught.value.line == line
    assert word in caught.value.sentence


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_corpus(path):
    """In the corpus, what is a parameter has not the name `no`."""
    sql = path.read_text()
    if path.name.startswith("open") or path.name == "numbered":
        with pytest.raises(SqlError):
            number_parameters(sql)
        return
    _, names = number_parameters(sql)
    assert "no" not in names
    assert ("yes" in names) == (":yes" in sql)


def _quoted(rng):
    """Something the lexer must pass over, as PostgreSQL would."""
    inside = "".join(rng.choice([":no", " ", "x", "::", "\n", "é", ":="]) for _ in range(4))
    tag = rng.choice(["", "t", "_x", "é1"])
    return rng.choice([
        f"'{inside}'", f"'{inside}''{inside}'", f"E'{inside}\\'{inside}'", f"e'{inside}\\\\'",
        f'"{inside}"', f'"{inside}""{inside}"', f" ${tag}${inside}'\"/*${tag}$",
        f"/*{inside}'\"$$*/", f"/*{inside}/*{inside}*/{inside}*/",
        f"--{inside.replace(chr(10), '')}'\n"])


def _statement(rng):
    """(SQL, what it must become, the names in order)."""
    sql, expected, names = "", "", []
    for _ in range(rng.randrange(12)):
        kind = rng.random()
        if kind < 0.35:
            name = rng.choice(["a", "b", "c_1", "D", "_e"])
            if name not in names:
                names.append(name)
            sql, expected = sql + f" :{name} ", expected + f" ${names.index(name) + 1} "
            continue
        piece = _quoted(rng) if kind < 0.75 else rng.choice(
            ["::text", " := ", ", ", "(", " x ", "1", " a$b ", "\n", "=>", " e ", " - ", " / "])
        sql, expected = sql + " " + piece, expected + " " + piece
    return sql, expected, names


@pytest.mark.parametrize("seed", range(400))
def test_known_pieces_in_any_order(seed):
    sql, expected, names = _statement(random.Random(seed))
    assert number_parameters(sql) == (expected, names), sql


@pytest.mark.parametrize("seed", range(400))
def test_mutations_give_an_answer_or_an_error(seed):
    """Never another exception; and taking the numbers out again gives the statement back."""
    rng = random.Random(seed)
    sql = rng.choice(CORPUS).read_text()
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(sql) + 1)
        sql = sql[:at] + rng.choice(["'", '"', "$", "$$", "/*", "*/", "--", "\n", ":", ":a", "\\",
                                     "E'", "", "é", "\0"]) + sql[at + rng.randrange(3):]
    try:
        numbered, names = number_parameters(sql)
    except SqlError as error:
        assert 1 <= error.line <= sql.count("\n") + 1
        return
    assert len(set(names)) == len(names)
    if "$" not in sql:
        restored = re.sub(r"\$([0-9]+)", lambda m: ":" + names[int(m.group(1)) - 1], numbered)
        assert restored == sql


def test_it_takes_linear_time():
    for piece in ("'a' ", "/* x */", "$a$ $a$ ", ":a ", "E'\\\\' ", "-- x\n", '"a" '):
        number_parameters(piece * 20000)
    for piece in ("/*", "$a", "e", "$", ":", "'"):
        try:
            number_parameters(piece * 20000)
        except SqlError:
            pass
