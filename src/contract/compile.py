#!/usr/bin/python3
"""Compiles the contract (openapi.yaml) and the special statements (*.sql) into C tables.

    compile.py --contract openapi.yaml --sql-dir src/programme --out-c contract_tables.c
               --out-h contract_tables.h --out-json openapi.json [--symbol iqm_contract]

Every error is told as FILE:LINE: sentence, all of them in one run; then it exits with 1 and writes
nothing. The subset and the annotations are described in README.md beside this file.
"""

import argparse
import pathlib
import sys

from checks import check
from emit import Emitter
from shapes import ROOT, SNAKE
from sql_lexer import SqlError, number_parameters
from yaml_marks import Map, Report, load


def read_text(path, report):
    """(bytes, text) of a UTF-8 file; text is None when it cannot be had."""
    try:
        data = path.read_bytes()
        return data, data.decode()
    except OSError as error:
        report.add(1, f"cannot be read: {error.strerror}", str(path))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        report.add(line, "is not valid UTF-8", str(path))
    return b"", None


def read_statements(directory, report):
    """All statements below a directory: name -> (SQL with $1…, names of parameters)."""
    statements, places = {}, {}
    for path in sorted(pathlib.Path(directory).rglob("*.sql")) if directory else []:
        name, text = path.stem, read_text(path, report)[1]
        if not SNAKE.match(name):
            report.add(1, f'the name "{name}" must be snake_case', str(path))
        if name in places:
            report.add(1, f"the name is taken by {places[name]}", str(path))
        places[name] = path
        if text is None:
            continue
        if not text.strip() or "\0" in text:
            report.add(1, "is not a statement", str(path))
        try:
            statements[name] = number_parameters(text.rstrip().rstrip(";"))
        except SqlError as error:
            report.add(error.line, error.sentence, str(path))
    return statements


def read_contract(path, statements, report):
    """(typed tree, bytes); the tree is None when there is an error."""
    data, text = read_text(pathlib.Path(path), report)
    tree = load(text, report) if text is not None else None
    if tree is None and not report.errors:
        report.add(1, "is empty")
    if not isinstance(tree, Map):
        return None, data
    typed = ROOT(tree, 1, report)
    if "paths" in typed:
        check(typed, statements, report)
    return typed, data


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--contract", required=True)
    parser.add_argument("--sql-dir")
    parser.add_argument("--out-c", required=True)
    parser.add_argument("--out-h", required=True)
    parser.add_argument("--out-json", required=True)
    parser.add_argument("--symbol", default="iqm_contract")
    return parser.parse_args()


def main():
    options = arguments()
    report = Report(options.contract)
    statements = read_statements(options.sql_dir, report)
    root, data = read_contract(options.contract, statements, report)
    if report.errors:
        print("\n".join(report.lines()), file=sys.stderr)
        return 1
    emitter = Emitter(root, statements, options.symbol, data)
    pathlib.Path(options.out_c).write_text(emitter.source(pathlib.Path(options.out_h).name))
    pathlib.Path(options.out_h).write_text(emitter.header())
    pathlib.Path(options.out_json).write_bytes(emitter.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
