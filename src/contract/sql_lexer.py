"""Numbers the named parameters of one SQL statement: `:name` becomes `$1`.

A lexer of PostgreSQL's quoting, so that a colon inside a string, comment, cast or assignment is
left alone. It must not judge the SQL itself: PostgreSQL does that.
"""

import re

TOKEN = re.compile(
    r"""
      (?P<line>--[^\n]*)
    | (?P<comment>/\*)
    | (?P<escaped>(?<![A-Za-z0-9_$\x80-\U0010ffff])[eE]')
    | (?P<string>')
    | (?P<identifier>")
    | (?P<dollar>(?<![A-Za-z0-9_$\x80-\U0010ffff])\$(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)?\$)
    | (?P<number>\$[0-9]+)
    | (?P<cast>::|:=)
    | :(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    """,
    re.VERBOSE,
)
ESCAPED_END = re.compile(r"(?:[^'\\]|\\.|'')*'", re.DOTALL)
STRING_END = re.compile(r"(?:[^']|'')*'")
IDENTIFIER_END = re.compile(r'(?:[^"]|"")*"')
COMMENT_EDGE = re.compile(r"/\*|\*/")


class SqlError(Exception):
    """What is wrong, with the line it stands on."""

    def __init__(self, line, sentence):
        super().__init__(sentence)
        self.line = line
        self.sentence = sentence


def line_of(sql, position):
    return sql.count("\n", 0, position) + 1


def comment_end(sql, start):
    """The end of a block comment, which may nest; None when it is never closed."""
    depth = 0
    for edge in COMMENT_EDGE.finditer(sql, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return None


def quoted_end(sql, kind, match):
    """Where a quoted thing that starts with `match` ends; None when it does not."""
    if kind == "comment":
        return comment_end(sql, match.start())
    if kind == "dollar":
        end = sql.find(match.group(), match.end())
        return None if end < 0 else end + len(match.group())
    pattern = {"escaped": ESCAPED_END, "string": STRING_END, "identifier": IDENTIFIER_END}[kind]
    found = pattern.match(sql, match.end())
    return found.end() if found else None


def number_parameters(sql):
    """(SQL with $1…, names in the order of their numbers); raises SqlError."""
    names, pieces, copied, position = [], [], 0, 0
    while match := TOKEN.search(sql, position):
        kind, position = match.lastgroup, match.end()
        if kind == "number":
            raise SqlError(line_of(sql, match.start()), "parameters have names here, as in :name")
        if kind == "name":
            name = match.group("name")
            if name not in names:
                names.append(name)
            pieces += [sql[copied : match.start()], f"${names.index(name) + 1}"]
            copied = position
        elif kind not in ("line", "cast"):
            position = quoted_end(sql, kind, match)
            if position is None:
                what = "comment" if kind == "comment" else "quote"
                raise SqlError(line_of(sql, match.start()), f"this {what} is never closed")
    return "".join(pieces) + sql[copied:], names
