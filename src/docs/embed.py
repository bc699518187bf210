#!/usr/bin/python3
"""Makes the tables of docs.h from guides (*.html) and assets (*.js, *.css); part of the build.

    embed.py OUT FILE...

A guide is `<h1>Title</h1>` and well-formed HTML below it, without scripts or styles of its own.
"""
import gzip
import hashlib
import pathlib
import sys
from xml.etree import ElementTree

MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}
REFUSED_ELEMENTS = ("script", "style", "link", "iframe", "object", "embed", "form")
PLAIN = {byte: chr(byte) for byte in range(32, 127) if chr(byte) not in '"\\?'}
CODES = [PLAIN.get(byte, f"\\{byte:03o}") for byte in range(256)]


def literal(data):
    """A C string literal; octal escapes end by themselves and leave no trigraph."""
    pieces = [data[i:i + 2000] for i in range(0, len(data), 2000)] or [b""]
    return "\n".join('"' + "".join(map(CODES.__getitem__, piece)) + '"' for piece in pieces)


def read_guide(path):
    """(name, title, html) of a guide."""
    text = path.read_text(encoding="utf-8")
    try:
        root = ElementTree.fromstring(f"<main>{text}</main>")
    except ElementTree.ParseError as error:
        sys.exit(f"{path}: {error}")
    if root[0].tag != "h1" or len(root.findall(".//h1")) != 1:
        sys.exit(f"{path}: a guide begins with its one h1")
    for element in root.iter():
        if element.tag in REFUSED_ELEMENTS or any(
                name == "style" or name.startswith("on") for name in element.attrib):
            sys.exit(f"{path}: <{element.tag}> must not stand here like that")
    return path.stem, "".join(root[0].itertext()), text.split("</h1>", 1)[1].lstrip()


def main(out, *paths):
    guides, assets, release = [], [], hashlib.sha256()
    for path in map(pathlib.Path, paths):
        if path.suffix == ".html":
            cells = [literal(cell.encode()) for cell in read_guide(path)]
            guides.append(f"{{{', '.join(cells)}}},")
            continue
        data = path.read_bytes()
        packed = gzip.compress(data, 9, mtime=0)
        release.update(path.name.encode() + b"\0" + data)
        assets.append(f'{{"{path.name}", "{MEDIA_TYPES[path.suffix]}",\n'
                      f"{{{literal(data)}, {len(data)}}},\n{{{literal(packed)}, {len(packed)}}}}},")
    pathlib.Path(out).write_text("\n".join([
        '/* Made from src/docs and the viewer by embed.py. */\n#include "docs/docs.h"',
        '#pragma GCC diagnostic ignored "-Woverlength-strings"',
        "const struct docs_guide docs_guides[] = {", *guides, "{NULL, NULL, NULL}};",
        "const struct docs_asset docs_assets[] = {", *assets, "{NULL, NULL, {NULL, 0}, {NULL, 0}}};",
        f'const char docs_release[] = "{release.hexdigest()[:16]}";\n']), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
