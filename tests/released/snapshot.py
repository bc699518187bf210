#!/usr/bin/env python3
"""The contract as clients rely on it, compared with the last one released.

    snapshot.py check            refuses what breaks clients of the last release and is not marked
    snapshot.py release          makes the snapshot anew, when a version is released

A snapshot has what a client can see and no prose: references are resolved, so that moving a schema is
no change. A change that breaks is one that may: what an operation, parameter or member loses, where
that was marked `deprecated: true` in the last release and, for an operation, its x-sunset-at is over.
"""

import datetime
import json
import pathlib
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
SNAPSHOT = pathlib.Path(__file__).with_name("contract.json")
METHODS = ("get", "put", "post", "patch", "delete")
KEYWORDS = ("type", "format", "pattern", "minLength", "maxLength", "x-max-words", "minimum", "maximum",
            "minItems", "maxItems", "uniqueItems", "readOnly", "deprecated", "default", "x-write", "x-create")
LOWER, UPPER = ("minLength", "minimum", "minItems"), ("maxLength", "maximum", "maxItems", "x-max-words")


class Contract:
    """Reads a contract into its snapshot."""

    def __init__(self, document):
        self.document, self.components = document, document.get("components", {})
        self.schemas = {}

    def resolve(self, node):
        while "$ref" in node:
            kind, name = node["$ref"].split("/")[-2:]
            node = self.components[kind][name]
        return node

    def schema(self, node):
        """A component by its name, since it may hold itself; all others whole."""
        if "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            if name not in self.schemas:
                self.schemas[name] = None
                self.schemas[name] = self.schema(self.components["schemas"][name])
            return {"named": name}
        found = {key: node[key] for key in KEYWORDS if key in node}
        if "enum" in node:
            found["enum"] = node["enum"]
        if "properties" in node:
            found["properties"] = {n: self.schema(c) for n, c in node["properties"].items()}
        if node.get("required"):
            found["required"] = sorted(node["required"])
        if "items" in node:
            found["items"] = self.schema(node["items"])
        if "additionalProperties" in node:
            more = node["additionalProperties"]
            found["additionalProperties"] = more if more is False else self.schema(more)
        return found

    def content(self, node):
        return {kind: self.schema(each.get("schema", {}))
                for kind, each in node.get("content", {}).items()}

    def operation(self, item, node):
        parameters = [self.resolve(p) for p in [*item.get("parameters", []),
                                                *node.get("parameters", [])]]
        body = node.get("requestBody", {})
        return {
            **{k: node[k] for k in ("deprecated", "x-deprecated-at", "x-sunset-at") if k in node},
            "security": node["security"], "roles": sorted(node.get("x-roles", [])),
            "parameters": {f"{p['in']} {p['name']}": {
                "required": p.get("required", False), "deprecated": p.get("deprecated", False),
                "schema": self.schema(p["schema"])} for p in parameters},
            "body": {"required": body.get("required", False), "content": self.content(body)},
            "responses": {status: self.response(self.resolve(r))
                          for status, r in node["responses"].items()}}

    def response(self, node):
        return {"headers": sorted(node.get("headers", {})), "content": self.content(node)}

    def snapshot(self):
        operations = {f"{method.upper()} {path}": self.operation(item, item[method])
                      for path, item in self.document["paths"].items()
                      for method in METHODS if method in item}
        return {"version": self.document["info"]["version"], "operations": operations,
                "problems": {name: node["status"] for name, node in
                             self.document.get("x-problem-types", {}).items()},
                "schemas": self.schemas}


def types_of(schema):
    kind = schema.get("type", [])
    return {kind} if isinstance(kind, str) else set(kind)


def who_sets(schema, keyword, roles):
    """Of those who may call the operation: all of them where nothing is said. Without x-create, x-write
    is of creations, too."""
    said = schema.get(keyword, schema.get("x-write"))
    return roles if said is None else roles & set(said)


class Comparison:
    """Every change from one snapshot to the next that breaks a client, as sentences."""

    def __init__(self, old, new, today):
        self.old, self.new, self.today = old, new, today
        self.found, self.seen, self.roles = [], set(), frozenset()

    def add(self, where, sentence):
        self.found.append(f"{where}: {sentence}")

    def run(self):
        for name, old in self.old["operations"].items():
            new = self.new["operations"].get(name)
            if new is None:
                self.removed_operation(name, old)
            else:
                self.operation(name, old, new)
        for name, status in self.old["problems"].items():
            if self.new["problems"].get(name) != status:
                self.add(f"problem {name}", "was removed or has another status")
        return self.found

    def removed_operation(self, name, old):
        end = old.get("x-sunset-at")
        if not old.get("deprecated") or not end or end[:10] > self.today:
            self.add(name, "the operation was removed before the end of its x-sunset-at")

    def operation(self, name, old, new):
        if new["security"] != old["security"]:
            self.add(name, "security has changed")
        if set(old["roles"]) - set(new["roles"]):
            self.add(name, "fewer roles may call it")
        self.roles = frozenset(old["roles"]) & frozenset(new["roles"])
        self.parameters(name, old["parameters"], new["parameters"])
        self.body(name, old["body"], new["body"])
        for status in old["responses"]:
            if status not in new["responses"]:
                self.add(f"{name} {status}", "the status was removed")
            else:
                self.response(f"{name} {status}", old["responses"][status], new["responses"][status])

    def parameters(self, name, old, new):
        for key, was in old.items():
            where = f"{name} {key}"
            if key not in new:
                if not was["deprecated"]:
                    self.add(where, "the parameter was removed")
                continue
            if new[key]["required"] and not was["required"]:
                self.add(where, "the parameter is required now")
            self.request(where, was["schema"], new[key]["schema"])
        for key in new.keys() - old.keys():
            if new[key]["required"]:
                self.add(f"{name} {key}", "a required parameter was added")

    def body(self, name, old, new):
        where = f"{name} body"
        if new["required"] and not old["required"]:
            self.add(where, "the body is required now")
        for kind, schema in old["content"].items():
            if kind not in new["content"]:
                self.add(where, f"{kind} is not taken any more")
            else:
                self.request(where, schema, new["content"][kind])

    def response(self, where, old, new):
        for header in set(old["headers"]) - set(new["headers"]):
            self.add(where, f"the header {header} was removed")
        for kind, schema in old["content"].items():
            if kind not in new["content"]:
                self.add(where, f"{kind} is not answered any more")
            else:
                self.answer(where, schema, new["content"][kind])

    def pair(self, where, old, new, direction):
        """The two schemas themselves; None where this pair has been looked at, for these roles."""
        key = (direction, old.get("named"), new.get("named"), self.roles)
        if None not in key:
            if key in self.seen:
                return None
            self.seen.add(key)
            where = f"{where} {key[1]}"
        return where, self.open(self.old, old), self.open(self.new, new)

    @staticmethod
    def open(snapshot, schema):
        return snapshot["schemas"][schema["named"]] if "named" in schema else schema

    def request(self, where, old, new):
        """What was taken must be taken still."""
        both = self.pair(where, old, new, "request")
        if both is None:
            return
        where, old, new = both
        if types_of(new) and (not types_of(old) or types_of(old) - types_of(new)):
            self.add(where, "fewer types are taken")
        if old.get("default") != new.get("default"):
            self.add(where, "the default has changed")
        if "enum" in new and set(map(str, old.get("enum", [None, "?"]))) - set(map(str, new["enum"])):
            self.add(where, "fewer values are taken")
        self.narrower(where, old, new, "taken")
        for name in set(new.get("required", [])) - set(old.get("required", [])):
            if not self.open(self.new, new["properties"][name]).get("readOnly"):
                self.add(f"{where}/{name}", "the member is required now")
        if new.get("readOnly") and not old.get("readOnly"):
            self.add(where, "the member is not taken any more")
        if any(who_sets(old, keyword, self.roles) - who_sets(new, keyword, self.roles)
               for keyword in ("x-write", "x-create")):
            self.add(where, "fewer roles may set it")
        self.members(where, old, new, self.request, "is not taken any more")

    def answer(self, where, old, new):
        """What is answered must be what could have been answered before."""
        both = self.pair(where, old, new, "answer")
        if both is None:
            return
        where, old, new = both
        if types_of(old) and (not types_of(new) or types_of(new) - types_of(old)):
            self.add(where, "more types are answered")
        if "enum" in old and set(map(str, new.get("enum", [None, "?"]))) - set(map(str, old["enum"])):
            self.add(where, "more values are answered")
        self.narrower(where, new, old, "answered")
        for name in set(old.get("required", [])) - set(new.get("required", [])):
            if name in new.get("properties", {}):
                self.add(f"{where}/{name}", "the member may be missing now")
        self.members(where, old, new, self.answer, "was removed")

    def narrower(self, where, wide, narrow, word):
        """Limits of `narrow` that refuse what `wide` allows."""
        for keyword in (*LOWER, *UPPER):
            if keyword in narrow and (keyword not in wide or (
                    narrow[keyword] > wide[keyword] if keyword in LOWER
                    else narrow[keyword] < wide[keyword])):
                self.add(where, f"{keyword} of what is {word} has changed")
        for keyword in ("format", "pattern"):
            if keyword in narrow and narrow[keyword] != wide.get(keyword):
                self.add(where, f"{keyword} of what is {word} has changed")
        if narrow.get("uniqueItems") and not wide.get("uniqueItems"):
            self.add(where, f"uniqueItems of what is {word} has changed")

    def members(self, where, old, new, compare, sentence):
        members = new.get("properties", {})
        for name, was in old.get("properties", {}).items():
            if name in members:
                compare(f"{where}/{name}", was, members[name])
            elif not self.open(self.old, was).get("deprecated"):
                self.add(f"{where}/{name}", f"the member {sentence}")
        if "items" in old and "items" in new:
            compare(f"{where}[]", old["items"], new["items"])
        was, now = old.get("additionalProperties"), new.get("additionalProperties")
        if isinstance(was, dict) and isinstance(now, dict):
            compare(f"{where}/*", was, now)
        elif now is False and was is not False and compare == self.request:
            self.add(where, "other members are not taken any more")


def written(snapshot):
    """One line for each operation and schema, so that a difference can be read."""
    def line(value):
        return json.dumps(value, separators=(",", ":"), sort_keys=True)
    parts = [f'"version": {line(snapshot["version"])}', f'"problems": {line(snapshot["problems"])}']
    for kind in ("operations", "schemas"):
        rows = ",\n".join(f"{line(name)}: {line(node)}"
                          for name, node in sorted(snapshot[kind].items()))
        parts.append(f'"{kind}": {{\n{rows}\n}}')
    return "{" + ",\n".join(parts) + "}\n"


def read(path):
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return Contract(yaml.load(path.read_text(encoding="utf-8"), loader)).snapshot()


def broken(old, new, today=None):
    return Comparison(old, new, today or datetime.date.today().isoformat()).run()


def main(command):
    if command == "release":
        SNAPSHOT.write_text(written(read(ROOT / "openapi.yaml")), encoding="utf-8")
        return 0
    found = broken(json.loads(SNAPSHOT.read_text(encoding="utf-8")), read(ROOT / "openapi.yaml"))
    print("\n".join(found) or "Nothing breaks.")
    return 1 if found else 0


if __name__ == "__main__":
    if sys.argv[1:] not in (["check"], ["release"]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
