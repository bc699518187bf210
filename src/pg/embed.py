#!/usr/bin/python3
"""Makes a table of migrations from files NNNN_name.sql; part of the build."""
import pathlib
import re
import sys


def quoted(line):
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?") + '\\n"'


def main(name, out, *paths):
    rows, numbers = [], []
    for path in sorted(map(pathlib.Path, paths)):
        match = re.fullmatch(r"(\d{4})_[a-z0-9_]+", path.stem)
        if not match:
            sys.exit(f"{path.name}: a migration is named NNNN_words.sql")
        numbers.append(int(match[1]))
        text = "\n".join(map(quoted, path.read_text(encoding="utf-8").splitlines()))
        rows.append(f'{{{numbers[-1]}, "{path.stem}",\n{text}}},')
    if numbers != list(range(1, len(numbers) + 1)):
        sys.exit("migrations: the numbers must run from 0001 without a gap")
    body = "\n".join(rows)
    pathlib.Path(out).write_text(
        '/* Made from migrations/ by embed.py. */\n#include "iqm/migrations.h"\n'
        '#pragma GCC diagnostic ignored "-Woverlength-strings"\n'
        f"const struct iqm_migration {name}[] = {{\n{body}\n{{0, NULL, NULL}}}};\n",
        encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
