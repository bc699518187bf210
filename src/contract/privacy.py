"""Rules of what the contract says about personal data; each error names its line.

Works on the typed tree that shapes.py leaves, for checks.py. It must not emit anything.
"""

from shapes import types_of
from yaml_marks import INCLUDED, Map

# What a row is found by other than a column with the id of another table's row.
VIA = "via"
# Of an account that was deleted, history alone still tells whose it was.
FORMER_ACCOUNT = "former_account"
# The cut-off in the conditions of `due`, and what a class keeps that is stored nowhere.
CUT_OFF, NOTHING = "$1", "P0D"


def personal_of(node):
    """What a schema says of itself as a mapping; `never` where it says nothing."""
    said = node.get("x-personal", "never")
    return said if isinstance(said, Map) else {"is": said}


def names_of(value):
    return [value] if isinstance(value, str) else list(value)


def condition(places, name):
    """SQL that finds a table's rows of the person $1; None where none is anybody's."""
    parts = [part for key, value in places[name].get("of", {}).items()
             for one in names_of(value) for part in [_condition(places, name, key, one)]]
    return " OR ".join(parts) or None


def _condition(places, name, key, value):
    if key == VIA:
        return _among(f"{name}.id", f"{value}.holder_id", value, f"{value}.held_id = $1")
    if key == FORMER_ACCOUNT:
        return _among(f"{name}.{value}", "history.id", "history",
                      f"history.resource = 'account' AND ({condition(places, 'history')})")
    return _rows(places, f"{name}.{value}", key)


def _rows(places, column, table):
    if table == "person":
        return f"{column} = $1"
    return _among(column, f"{table}.id", table, condition(places, table))


def _among(column, ids, table, where):
    """As an array: then alternatives of one table are found by their indexes, each by its own."""
    return f"{column} = ANY (ARRAY(SELECT {ids} FROM {table} WHERE {where}))"


def rules(said):
    """For each class and place the condition by which rows are due, and what is done with them."""
    for name, node in said.get("retention", {}).items():
        for place, where in said["places"].items():
            due = where.get("due", {}).get(name)
            if isinstance(due, str):
                yield name, place, node["keep"], due, _action(node, where)


def _action(node, place):
    if node["then"] == "anonymise":
        return "count"
    return "erase_person" if place.get("on_erasure") == "anonymise" else "delete"


class Privacy:
    """The part of one run over one contract; errors go to the checker that it works for."""

    def __init__(self, checker):
        self.error, self.resolve = checker.error, checker.resolve
        self.said = checker.root.get("x-privacy", Map(1))
        self.places = self.said.get("places", {})
        self.resources = checker.resources
        self.schemas = checker.components.get("schemas", {})
        self.about = [(resource, self.schemas.get(resource.get("schema"), {}))
                      for resource in self.resources.values() if "subject" in resource]
        self.tops = {id(child) for _, schema in self.about
                     for child in schema.get("properties", {}).values()}
        self.used, self.held = set(), set()

    def run(self):
        for resource, schema in self.about:
            self.subject(resource, schema)
        for name in self.resources if self.said else ():
            if name not in self.places:
                self.error(self.resources.at(name), f'resource "{name}" is no place of x-privacy')
        for name, place in self.places.items():
            self.place(str(name), place)
        for name, node in self.said.get("retention", {}).items():
            if ("retention", str(name)) in self.used and name not in self.held \
                    and node.get("keep") != NOTHING:
                self.error(self.said["retention"].at(name), f'nothing that "{name}" keeps is stored '
                           f"in a place: it is never due, unless it keeps {NOTHING}")
        for kind in ("purposes", "retention"):
            for name in self.said.get(kind, {}):
                if (kind, str(name)) not in self.used:
                    self.error(self.said[kind].at(name), f'"{name}" of {kind} is used nowhere')

    # Strings

    def schema(self, node, is_whole):
        """Called once for each schema of the contract."""
        if "x-personal" in node:
            self.declared(node, node.at("x-personal"), id(node) in self.tops)
        elif not is_whole and ("string" in types_of(node) or "type" not in node):
            self.error(node.line, "a string says x-personal: never, or what it tells")

    def declared(self, node, line, may_be_indexed=False):
        said = personal_of(node)
        if said.get("index") and (said.get("is") != "identifies" or not may_be_indexed):
            self.error(line, "index is for what identifies, in a member at the top of a resource "
                       "with a subject")
        for kind, name in (("purposes", said.get("purpose")), ("retention", said.get("retention"))):
            if name and name not in self.said.get(kind, {}):
                self.error(line, f'"{name}" is none of the {kind} in x-privacy')
            self.used.add((kind, str(name)))

    # Resources about a person

    def subject(self, resource, schema):
        """A record is sealed under one person's key: whose it is must be there, and an id."""
        name, members = resource["subject"], schema.get("properties", {})
        member = self.resolve(members.get(name, {}), "schemas")
        if types_of(member) != ["string"] or member.get("format") != "uuid" \
                or name not in schema.get("required", []):
            self.error(resource.at("subject"),
                       f'subject "{name}" is no required member of format uuid')
        for child in members.values():
            self.sealed(child)

    def sealed(self, member):
        """Only what stands at the top of a record is sealed; further down it would stay readable."""
        for node in self.below(self.resolve(member, "schemas"), set()):
            if personal_of(node).get("is") != "never":
                self.error(node.at("x-personal"),
                           "a resource with a subject has what is personal at its top only")

    def below(self, node, seen):
        """The schemas inside one, each once; not of what answers include and nothing stores."""
        members = node.get("properties", {})
        children = [*(members[name] for name in members if name != INCLUDED), node.get("items"),
                    node.get("additionalProperties")]
        for reference in filter(None, children):
            child = self.resolve(reference, "schemas")
            if id(child) not in seen:
                seen.add(id(child))
                yield child
                yield from self.below(child, seen)

    # Places

    def place(self, name, node):
        kinds = self.kinds(name, node)
        at, erasure = self.places.at(name), node.get("on_erasure")
        resource = self.resources.get(name, {})
        for key, value in node.get("of", {}).items():
            self.rows(name, key, names_of(value), node["of"].at(key))
        self.known_columns(name, node)
        if kinds - {"never"} and erasure is None:
            self.error(at, f'"{name}" has what is personal: it needs on_erasure')
        if ("identifies" in kinds or "subject" in resource or erasure in ("delete", "anonymise")) \
                and not node.get("of"):
            self.error(at, f'"{name}" has rows of a person: it needs of')
        if node.get("of") and erasure is None:
            self.error(at, f'"{name}" has rows of a person: it needs on_erasure')
        if (erasure == "keep") != ("ground" in node):
            self.error(at, "what an erasure keeps needs a ground, and nothing else has one")
        if erasure == "anonymise" and resource.get("subject") != "id":
            self.error(at, "only a resource whose subject is its id is anonymised")
        self.due(name, node)

    def due(self, name, node):
        """What a class keeps in a place comes to an end there."""
        held = {said["retention"] for said in self.strings(name, node) if said.get("retention")}
        self.held |= held
        for missing in sorted(held & set(self.said.get("retention", {})) - set(node.get("due", {}))):
            self.error(self.places.at(name), f'"{name}" holds what "{missing}" keeps: due says when '
                       "that is over")
        for retention, rule in node.get("due", {}).items():
            line = node["due"].at(retention)
            if retention not in held:
                self.error(line, f'"{name}" holds nothing that "{retention}" keeps')
            if isinstance(rule, str):
                self.rule(rule, line)
            elif "with" in rule and not isinstance(
                    self.places.get(rule["with"], {}).get("due", {}).get(retention), str):
                self.error(line, f'"{rule["with"]}" is no place with a condition for "{retention}"')

    def rule(self, condition, line):
        if CUT_OFF not in condition:
            self.error(line, f"a condition of due compares with {CUT_OFF}, the cut-off")
        if ";" in condition or "--" in condition or condition.count("(") != condition.count(")"):
            self.error(line, "a condition of due is one expression in whole parentheses")

    def strings(self, name, node):
        """What each string of a table says of itself."""
        yield from (said for said in node.get("columns", {}).values() if isinstance(said, Map))
        if name in self.resources:
            schema = self.schemas.get(self.resources[name].get("schema"), {})
            yield from map(personal_of, self.below(schema, set()))

    def known_columns(self, name, node):
        """What access leaves out, and whose texts are sealed."""
        subject = node.get("sealed", {}).get("subject")
        for column in [*node.get("withheld", []), *([subject] if subject else [])]:
            if column not in node.get("columns", {}):
                self.error(self.places.at(name), f'"{column}" is no column of "{name}"')

    def kinds(self, name, node):
        """What the table's columns are, with the members of its documents."""
        columns = node.get("columns", {})
        found = set()
        for column, said in columns.items():
            declared = Map(columns.at(column))
            declared.put("x-personal", said, columns.at(column))
            self.declared(declared, columns.at(column))
            found.add(personal_of(declared).get("is"))
        if name in self.resources:
            if "doc" in columns:
                self.error(columns.at("doc"), "doc is described by the schema of the resource")
            schema = self.schemas.get(self.resources[name].get("schema"), {})
            found |= {personal_of(child).get("is") for child in self.below(schema, set())}
        return found

    def rows(self, name, key, values, line):
        """Whose rows are must lead to a person, in the end."""
        if key == VIA:
            unknown, leads = [value for value in values if value not in self.places], []
        else:
            leads = ["history" if key == FORMER_ACCOUNT else key]
            unknown = [one for one in leads if one not in self.places]
            unknown += [value for value in values
                        if value not in self.places[name].get("columns", {})
                        and name not in self.resources]
        for one in unknown:
            self.error(line, f'"{one}" is neither a place nor a column of this one')
        for one in leads:
            if not self.leads_to_a_person(str(one), {name}):
                self.error(line, f'"{one}" has no rows of a person')

    def leads_to_a_person(self, name, seen):
        if name == "person":
            return True
        of = self.places.get(name, {}).get("of", {})
        return name not in seen and bool(of) and all(
            self.leads_to_a_person(str(key), seen | {name}) for key in of if key != VIA)
