"""Rules of what the contract says about personal data; each error names its line.

Works on the typed tree that shapes.py leaves, for checks.py. It must not emit anything.
"""

from shapes import types_of
from yaml_marks import Map


def personal_of(node):
    """What a schema says of itself as a mapping; `never` where it says nothing."""
    said = node.get("x-personal", "never")
    return said if isinstance(said, Map) else {"is": said}


class Privacy:
    """The part of one run over one contract; errors go to the checker that it works for."""

    def __init__(self, checker):
        self.error, self.resolve = checker.error, checker.resolve
        schemas = checker.components.get("schemas", {})
        self.about = [(resource, schemas.get(resource.get("schema"), {}))
                      for resource in checker.resources.values() if "subject" in resource]
        self.tops = {id(child) for _, schema in self.about
                     for child in schema.get("properties", {}).values()}

    def schema(self, node):
        """Called once for each schema of the contract."""
        said = personal_of(node)
        if said.get("index") and (said["is"] != "identifies" or id(node) not in self.tops):
            self.error(node.at("x-personal"), "index is for what identifies, in a member at the top "
                       "of a resource with a subject")

    def subjects(self):
        for resource, schema in self.about:
            members = schema.get("properties", {})
            self.subject(resource, schema, members)
            for child in members.values():
                self.sealed(child)

    def subject(self, resource, schema, members):
        """A record is sealed under one person's key: whose it is must be there, and an id."""
        name = resource["subject"]
        member = self.resolve(members.get(name, {}), "schemas")
        if types_of(member) != ["string"] or member.get("format") != "uuid" \
                or name not in schema.get("required", []):
            self.error(resource.at("subject"),
                       f'subject "{name}" is no required member of format uuid')

    def sealed(self, member):
        """Only what stands at the top of a record is sealed; further down it would stay readable."""
        for node in self.below(self.resolve(member, "schemas"), set()):
            if personal_of(node).get("is") != "never":
                self.error(node.at("x-personal"),
                           "a resource with a subject has what is personal at its top only")

    def below(self, node, seen):
        """The schemas inside one, each once."""
        children = [*node.get("properties", {}).values(), node.get("items"),
                    node.get("additionalProperties")]
        for reference in filter(None, children):
            child = self.resolve(reference, "schemas")
            if id(child) not in seen:
                seen.add(id(child))
                yield child
                yield from self.below(child, seen)
