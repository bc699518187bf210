"""Writes what the contract says about personal data as C tables, for emit.py. It must not judge it."""

from privacy import condition, personal_of, rules

ERASURES = {None: "NONE", "delete": "DELETE", "anonymise": "ANONYMISE", "keep": "KEEP"}


class PrivacyTables:
    """Lines of C; `quoted` makes a literal of a text or of None."""

    def __init__(self, root, prefix, quoted):
        self.root, self.prefix, self.quoted = root, prefix, quoted
        self.said = root.get("x-privacy", {})
        self.out = []

    def cells(self, said):
        """Of a string: kind, purpose and retention."""
        return (f"IQM_PERSONAL_{said['is'].upper()}", self.quoted(said.get("purpose")),
                self.quoted(said.get("retention")))

    def texts(self, name, values):
        cells = ", ".join([*map(self.quoted, values), "NULL"])
        self.out.append(f"static const char *const {name}[] = {{{cells}}};")
        return name

    def lines(self):
        self.purposes()
        self.retention()
        self.rules()
        self.places()
        self.controller()
        return self.out

    def table(self, struct, name, rows):
        self.out.append(f"static const struct {struct} {name}[] = {{")
        self.out.extend(f"    {{{', '.join(cells)}}}," for cells in rows)
        self.out.append("    {.name = NULL},\n};")

    def purposes(self):
        rows = []
        for name, node in self.said.get("purposes", {}).items():
            texts = [self.quoted(text) for text in
                     (name, node["title"], node["description"], node["basis"])]
            rows.append([*texts, self.texts(f"subjects_{name}", node["subjects"]),
                         self.texts(f"recipients_{name}", node["recipients"])])
        self.table("iqm_purpose", "purposes", rows)

    def retention(self):
        self.table("iqm_retention", "retention", [
            [*(self.quoted(text) for text in (name, node["title"], node["keep"], node["from"])),
             "true" if node["then"] == "anonymise" else "false", self.quoted(node["why"])]
            for name, node in self.said.get("retention", {}).items()])

    def rules(self):
        self.table("iqm_retention_rule", "retention_rules", [
            [*map(self.quoted, (name, place, keep, due)), f"IQM_DUE_{action.upper()}"]
            for name, place, keep, due, action in rules(self.said)])

    def places(self):
        resources = list(self.root.get("x-resources", {}))
        rows = []
        for name, node in self.said.get("places", {}).items():
            self.table("iqm_place_column", f"columns_{name}", [
                [self.quoted(column), *self.cells(personal_of({"x-personal": said})),
                 "true" if column in node.get("withheld", []) else "false"]
                for column, said in node["columns"].items()])
            resource = f"&{self.prefix}_resources[{resources.index(name)}]" \
                if name in resources else "NULL"
            rows.append([self.quoted(name), resource,
                         self.quoted(condition(self.said["places"], name)),
                         f"IQM_ERASURE_{ERASURES[node.get('on_erasure')]}",
                         self.quoted(node.get("ground")), f"columns_{name}",
                         str(len(node["columns"])),
                         *(self.quoted(node.get("sealed", {}).get(key))
                           for key in ("resource", "subject"))])
        self.table("iqm_place", "places", rows)

    def controller(self):
        node = self.said.get("controller", {})
        texts = [self.quoted(node.get(key)) for key in
                 ("name", "contact", "representative", "protection_officer")]
        texts += [self.texts(f"controller_{key}", self.said.get(key, []))
                  for key in ("security", "transfers")]
        self.out.append(f"static const struct iqm_controller controller = {{{', '.join(texts)}}};")

    def contract_cells(self):
        cells = [f".{name} = {name}, .{singular}_count = {len(self.said.get(name, {}))}"
                 for name, singular in (("purposes", "purpose"), ("retention", "retention"),
                                        ("places", "place"))]
        controller = "&controller" if self.said else "NULL"
        count = len(list(rules(self.said)))
        return [*cells, f".retention_rules = retention_rules, .retention_rule_count = {count}",
                f".controller = {controller}"]
