"""YAML as this contract uses it: unique keys, every scalar a string, each thing with its line.

Anchors, aliases and tags are errors. Nothing here may know OpenAPI.
"""

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Report:
    """All errors found, so that one run tells the whole of them."""

    def __init__(self, path):
        self.path = path
        self.errors = set()

    def add(self, line, sentence, path=None):
        self.errors.add((path or self.path, line, sentence))

    def lines(self):
        return [f"{path}:{line}: {sentence}" for path, line, sentence in sorted(self.errors)]


class Text(str):
    """A scalar; `plain` when it stood without quotes."""

    def __new__(cls, value, line, plain):
        self = super().__new__(cls, value)
        self.line = line
        self.plain = plain
        return self


# The member of answers that holds other records; stored nowhere.
INCLUDED = "included"


class Map(dict):
    """A mapping with the line it starts on and the line of each key."""

    def __init__(self, line):
        super().__init__()
        self.line = line
        self.lines = {}

    def put(self, key, value, line):
        self[key] = value
        self.lines[str(key)] = line

    def at(self, key):
        return self.lines.get(key, self.line)


class Seq(list):
    """A sequence with the line it starts on and the line of each item."""

    def __init__(self, line):
        super().__init__()
        self.line = line
        self.lines = []

    def put(self, value, line):
        self.append(value)
        self.lines.append(line)


class Builder:
    """Makes the tree from the parser's events."""

    def __init__(self, text, report):
        self.events = yaml.parse(text, Loader=LOADER)
        self.report = report

    def next(self):
        event = next(self.events)
        line = event.start_mark.line + 1
        if getattr(event, "anchor", None):
            self.report.add(line, "anchors and aliases are not part of the subset")
        if getattr(event, "tag", None):
            self.report.add(line, "tags are not part of the subset")
        return event, line

    def node(self, event, line):
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(line)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(line)
        if isinstance(event, yaml.ScalarEvent):
            return Text(event.value, line, not event.style)
        return Text("", line, False)  # an alias: told already

    def mapping(self, line):
        result = Map(line)
        while True:
            event, key_line = self.next()
            if isinstance(event, yaml.MappingEndEvent):
                return result
            key = self.node(event, key_line)
            value = self.node(*self.next())
            if not isinstance(key, str):
                self.report.add(key_line, "a key must be a plain word")
            elif key in result:
                first = result.lines[key]
                self.report.add(key_line, f'key "{key}" stands here twice, first on line {first}')
            else:
                result.put(key, value, key_line)

    def sequence(self, line):
        result = Seq(line)
        while True:
            event, item_line = self.next()
            if isinstance(event, yaml.SequenceEndEvent):
                return result
            result.put(self.node(event, item_line), item_line)

    def document(self):
        root = None
        while True:
            event, line = self.next()
            if isinstance(event, yaml.StreamEndEvent):
                return root
            if isinstance(event, yaml.NodeEvent):
                if root is not None:
                    self.report.add(line, "there is more than one document in this file")
                root = self.node(event, line)


def load(text, report):
    """The tree of a YAML text, or None when it cannot be read at all."""
    try:
        return Builder(text, report).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        sentence = getattr(error, "problem", None) or "this is not YAML"
        report.add(mark.line + 1 if mark else 1, f"cannot be read as YAML: {sentence}")
        return None
