"""Rules of the contract between one place and another; each error names its line.

Works on the typed tree that shapes.py leaves. It must not emit anything.
"""

import re

from deprecation import check_deprecation
from includes import check_include_parameter, check_includes
from privacy import Privacy
from shapes import ACTIONS, METHODS, SCOPE, types_of

PATH_PARAMETERS_MAX = 4
FORM = "application/x-www-form-urlencoded"
# What the engine reads or writes itself; of all others, which are bytes, there may be several.
STRUCTURED = ("application/json", "application/merge-patch+json", "application/problem+json", FORM,
              "text/html")
ERROR_MEDIA_TYPES = {"oauth": "application/json", "page": "text/html"}
RESERVED_HEADERS = ("accept", "content-type", "authorization")
NEEDS = {"string": ("format", "enum", "pattern", "minLength", "maxLength", "x-max-words",
                    "examples", "x-personal"),
         "array": ("items", "minItems", "maxItems", "uniqueItems", "x-items-apart"),
         "object": ("properties", "required", "additionalProperties")}
RANGES = (("minLength", "maxLength"), ("minimum", "maximum"), ("minItems", "maxItems"))
KEYWORD_TYPE = {keyword: kind for kind, keywords in NEEDS.items() for keyword in keywords}
FORMAT_EXAMPLES = {
    "uuid": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "date": r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
    "date-time": r"[0-9-]{10}T[0-9:.]{8,}Z", "email": r"[^@ ]+@[^@ ]+", "uri": r"https?://[^ ]+"}
PATTERN_TOKEN = re.compile(
    r"\\[\^$\\.*+?()\[\]{}|/]"                       # an escaped sign
    r"|\[\^?(?:[^\[\]\\]|\\[\^\\\[\]/.-])+\]"        # a class
    r"|\((?:\?:|(?!\?))(?![*+{])|\)|[|^$](?![*+?{])"  # groups, alternatives, anchors
    r"|(?:[*+?]|\{[0-9]{1,4}(?:,[0-9]{0,4})?\})(?![*+?{])"  # one quantifier, greedy
    r"|[^\\\[\](){}|^$.*+?]")                        # a sign that means itself


def scopes_of(scheme):
    """All scopes of a security scheme with their sentences, whatever the flow."""
    return {name: sentence for flow in scheme.get("flows", {}).values()
            for name, sentence in flow.get("scopes", {}).items()}


def pattern_fault(pattern):
    """Why PCRE2 and ECMA-262 might disagree on a pattern; None when they do not."""
    position = 0
    while position < len(pattern):
        token = PATTERN_TOKEN.match(pattern, position)
        if token is None:
            return f'the pattern leaves the safe subset at "{pattern[position:position + 8]}"'
        position = token.end()
    try:
        re.compile(pattern)
    except re.error as error:
        return f"the pattern does not compile: {error}"
    return None


class Checker:
    """One run over one contract."""

    def __init__(self, root, statements, report):
        self.root = root
        self.statements = statements
        self.report = report
        self.components = root.get("components", {})
        self.resources = root.get("x-resources", {})
        self.roles = root.get("x-roles", [])
        self.used = set()
        self.ids = {}
        self.apart, self.gathered = set(), set()  # lines of x-items-apart; those a body reaches
        self.privacy = Privacy(self)

    def error(self, line, sentence):
        self.report.add(line, sentence)

    def resolve(self, node, kind):
        """The thing a `$ref` points to, or the node itself; {} when it points nowhere."""
        if "$ref" not in node:
            return node
        prefix, name = f"#/components/{kind}/", node["$ref"].rpartition("/")[2]
        found = self.components.get(kind, {}).get(name)
        if node["$ref"] != prefix + name or found is None:
            self.error(node.at("$ref"), f'$ref "{node["$ref"]}" names nothing in {prefix[:-1]}')
            return {}
        if "$ref" in found:
            self.error(found.at("$ref"), "a component cannot be only a $ref")
            return {}
        self.use(kind, name, found)
        return found

    def use(self, kind, name, found):
        """Marks a component as used, and checks what it holds the first time."""
        if (kind, name) in self.used:
            return
        self.used.add((kind, name))
        if kind == "schemas":
            self.schema(found)
        elif kind == "headers":
            self.schema(found.get("schema", {}), is_whole=True)

    # Schemas

    def schema(self, node, is_parameter=False, is_whole=False):
        """`is_whole`: a body or a header by itself, which is not a member of anything."""
        if "$ref" in node:
            self.resolve(node, "schemas")
            return
        self.schema_types(node)
        self.schema_values(node, is_parameter)
        self.schema_enum(node)
        self.schema_writers(node)
        self.privacy.schema(node, is_whole)
        for child in node.get("properties", {}).values():
            self.schema(child)
        for keyword in ("items", "additionalProperties"):
            if node.get(keyword):
                self.nameless(node[keyword])
                self.schema(node[keyword])

    def nameless(self, node):
        for keyword in ("x-write", "x-create"):
            if keyword in node:
                self.error(node.at(keyword), f"{keyword} is for members that have a name")

    def schema_writers(self, node):
        for keyword in ("x-write", "x-create"):
            if keyword not in node:
                continue
            at, writers = node.at(keyword), node[keyword]
            if not writers or node.get("readOnly"):
                self.error(at, f"{keyword} names the roles that may; "
                           "readOnly is for what nobody may")
            for role in writers:
                if role not in self.roles:
                    self.error(at, f'role "{role}" is unknown')
        if "x-create" in node and "x-write" not in node:
            self.error(node.at("x-create"), "x-create needs x-write beside it")

    def schema_types(self, node):
        types = types_of(node)
        if len(set(types)) < len(types):
            self.error(node.at("type"), "type names a type twice")
        if {"integer", "number"} <= set(types):
            self.error(node.at("type"), "type number includes integer; name one of them")
        for keyword in node:
            wanted = KEYWORD_TYPE.get(keyword)
            if wanted and wanted not in types:
                self.error(node.at(keyword), f'"{keyword}" needs type {wanted}')
            if keyword in ("minimum", "maximum") and not {"integer", "number"} & set(types):
                self.error(node.at(keyword), f'"{keyword}" needs type integer or number')
        if "array" in types and "items" not in node:
            self.error(node.line, "an array needs items")

    def schema_values(self, node, is_parameter):
        for low, high in RANGES:
            if low in node and high in node and node[low] > node[high]:
                self.error(node.at(low), f"{low} is greater than {high}")
        for name in node.get("required", []):
            if name not in node.get("properties", {}):
                self.error(node.at("required"), f'required names "{name}", which is no property')
        if len(set(node.get("required", []))) < len(node.get("required", [])):
            self.error(node.at("required"), "required names a property twice")
        fault = pattern_fault(node["pattern"]) if "pattern" in node else None
        if fault:
            self.error(node.at("pattern"), fault)
        if node.get("uniqueItems") and not self.has_strings(node):
            self.error(node.at("uniqueItems"), "uniqueItems is for arrays of strings")
        if node.get("x-items-apart"):
            self.apart.add(node.at("x-items-apart"))
        if "default" in node and not is_parameter:
            self.error(node.at("default"), "only a parameter has a default: documents stay as sent")
        elif "default" in node and not fault:
            self.schema_default(node)
        if "examples" in node and not fault:
            self.schema_examples(node)

    def schema_examples(self, node):
        """They are shown to who sent something else: they must be right."""
        if not node.get("examples"):
            self.error(node.at("examples"), "examples needs at least one")
        for value, at in zip(node.get("examples", []), node["examples"].lines):
            if self.string_faults(node, value):
                self.error(at, f'the example "{value}" is outside its own schema')

    def string_faults(self, node, value):
        return (not node.get("minLength", 0) <= len(value) <= node.get("maxLength", len(value))
                or "pattern" in node and not re.search(node["pattern"], value)
                or "format" in node
                and not re.fullmatch(FORMAT_EXAMPLES.get(node["format"], ""), value))

    def has_strings(self, node):
        items = node.get("items", {})
        return types_of(self.resolve(items, "schemas")) == ["string"]

    def schema_enum(self, node):
        if "enum" not in node:
            return
        values = node["enum"]
        if not values or len(set(values)) < len(values):
            self.error(node.at("enum"), "enum needs values that differ from each other")
        if (None in values) != ("null" in types_of(node)):
            self.error(node.at("enum"), "enum and type must both allow null, or neither")
        for keyword in ("format", "pattern", "minLength", "maxLength", "x-max-words"):
            if keyword in node:
                self.error(node.at(keyword), f'"{keyword}" says nothing beside enum')

    def schema_default(self, node):
        value = node["default"]
        faults = ["enum" in node and value not in node["enum"]]
        if isinstance(value, str):
            faults.append(self.string_faults(node, value))
        elif not isinstance(value, bool):
            faults.append(not node.get("minimum", value) <= value <= node.get("maximum", value))
        if any(faults):
            self.error(node.at("default"), "the default is outside its own schema")

    # Operations

    def run(self):
        self.problem_types()
        self.flows()
        self.paths()
        self.all_resources()
        for line in sorted(self.apart - self.gathered):
            self.error(line, "x-items-apart is for a member of a JSON body, with maxItems")
        self.privacy.run()
        self.unused()

    def problem_types(self):
        types = self.root.get("x-problem-types", {})
        self.problem_statuses = set()
        for problem in types.values():
            status = problem.get("status", 400)
            self.problem_statuses.add(status)
            if not 400 <= status <= 599:
                self.error(problem.at("status"), "a problem's status is from 400 to 599")
        shared = self.root.get("x-shared-statuses", [])
        for status in shared:
            if status and status not in self.problem_statuses:
                self.error(self.root.at("x-shared-statuses"), f"no problem type has status {status}")

    def paths(self):
        shapes = {}
        for path, item in self.root["paths"].items():
            line = self.root["paths"].at(path)
            shape = re.sub(r"\{[^}]*\}", "{}", path)
            if shape in shapes:
                self.error(line, f"this path matches the same requests as {shapes[shape]}")
            shapes[shape] = path
            if not any(method in item for method in METHODS):
                self.error(line, "this path has no operation")
            for method in METHODS:
                if method in item:
                    self.operation(path, method, item, item.at(method))

    def operation(self, path, method, item, line):
        node = item[method]
        self.operation_id(node, line)
        self.parameters(path, item, node, line)
        self.security(node, line)
        self.cache(method, node)
        check_deprecation(node, self.root["paths"], self.report)
        self.body(method, node, line)
        self.responses(node, line)
        self.action(path, method, node, line)
        tags = [tag.get("name") for tag in self.root.get("tags", [])]
        for tag in node.get("tags", []):
            if tag not in tags:
                self.error(node.at("tags"), f'tag "{tag}" is not declared')

    def operation_id(self, node, line):
        name = node.get("operationId")
        if name in self.ids:
            self.error(node.at("operationId"),
                       f'operationId "{name}" is taken by line {self.ids[name]}')
        elif name:
            self.ids[name] = node.at("operationId")

    def parameters(self, path, item, node, line):
        in_path = re.findall(r"\{([^}]*)\}", path)
        if len(in_path) > PATH_PARAMETERS_MAX:
            self.error(line, f"a path has at most {PATH_PARAMETERS_MAX} parameters")
        seen = set()
        for reference in [*item.get("parameters", []), *node.get("parameters", [])]:
            parameter = self.resolve(reference, "parameters")
            key = (parameter.get("in"), str(parameter.get("name")).lower())
            if parameter and key in seen:
                self.error(reference.line, f'parameter "{parameter.get("name")}" is declared twice')
            seen.add(key)
            if parameter:
                self.parameter(parameter, reference, node, in_path)
        for name in in_path:
            if ("path", name) not in seen:
                self.error(line, f'path parameter "{name}" is not declared')

    def parameter(self, node, reference, operation, in_path):
        name, place = node.get("name"), node.get("in")
        if place == "path" and name not in in_path:
            self.error(reference.line, f'path parameter "{name}" is not in the path')
        if place == "path" and not node.get("required"):
            self.error(node.line, f'path parameter "{name}" must be required')
        if place == "header" and str(name).lower() in RESERVED_HEADERS:
            self.error(node.at("name"), f"{name} is described by other keywords, not a parameter")
        if "x-filter" in node and (place != "query" or operation.get("x-action") != "list"):
            self.error(node.at("x-filter"), "x-filter is for query parameters of x-action list")
        self.parameter_schema(node)

    def parameter_schema(self, node):
        schema = node.get("schema", {})
        self.nameless(schema)
        self.schema(schema, is_parameter="$ref" not in schema)
        resolved = self.resolve(schema, "schemas")
        self.parameter_list(node, resolved)
        if resolved and resolved.get("type") not in ("string", "integer", "boolean", "array"):
            self.error(node.at("schema"),
                       "a parameter is a string, an integer, a boolean or an array of strings")
        if node.get("required") and "default" in resolved:
            self.error(node.at("required"), "a parameter with a default cannot be required")

    def parameter_list(self, node, schema):
        """Several texts, parted by commas: in one value, and so that none can hold a comma."""
        is_list = types_of(schema) == ["array"]
        is_joined = "style" in node and node.get("explode") is False
        if is_list != is_joined or (is_list and node.get("in") != "query"):
            self.error(node.line, "an array, and only that, has style form and explode false, "
                       "in a query")
        items = self.resolve(schema.get("items", {}), "schemas") if is_list else {}
        if is_list and not (self.has_strings(schema) and {"enum", "format"} & set(items)):
            self.error(node.at("schema"), "items of a parameter are strings with enum or format")
        among = node.get("x-filter", {}).get("op") == "among"
        if among != (is_list and "x-filter" in node) or (among and items.get("format") != "uuid"):
            self.error(node.at("x-filter"), "op among, and only that, is for an array of format uuid")

    def security(self, node, line):
        if "security" not in node:
            return
        at, requirements = node.at("security"), node["security"]
        if not requirements:
            if "x-roles" in node:
                self.error(node.at("x-roles"), "a public operation has no x-roles")
            return
        if len(requirements) > 1 or len(requirements[0]) != 1:
            self.error(at, "security names one scheme with one scope, or is empty")
        for scheme, scopes in requirements[0].items():
            self.used.add(("securitySchemes", str(scheme)))
            self.scope(scheme, scopes, at)
        if not node.get("x-roles"):
            self.error(line, "a secured operation needs x-roles")
        for role in node.get("x-roles", []):
            if role not in self.roles:
                self.error(node.at("x-roles"), f'role "{role}" is unknown')
        if "client" in node.get("x-roles", []):
            self.scope_of_clients(requirements[0], node.at("x-roles"))

    def cache(self, method, node):
        if "x-cache-seconds" in node and (method != "get" or node.get("security")):
            self.error(node.at("x-cache-seconds"), "x-cache-seconds is for get, and public")

    def scope_of_clients(self, requirement, at):
        """What acts for itself gets its token by client credentials, and no other scopes there."""
        schemes = self.components.get("securitySchemes", {})
        for scheme, scopes in requirement.items():
            flows = schemes.get(scheme, {}).get("flows", {})
            granted = flows.get("clientCredentials", {}).get("scopes", {})
            if len(scopes) == 1 and scopes[0] in scopes_of(schemes.get(scheme, {})) \
                    and scopes[0] not in granted:
                self.error(
                    at, f'a client may call this, but "{scopes[0]}" is not in clientCredentials')

    def scope(self, scheme, scopes, at):
        schemes = self.components.get("securitySchemes", {})
        if len(scopes) != 1 or not SCOPE.match(scopes[0]):
            self.error(at, "security needs exactly one scope such as schools:read")
        elif scheme not in schemes:
            self.error(at, f'security scheme "{scheme}" is not declared')
        elif scopes[0] not in scopes_of(schemes[scheme]):
            self.error(at, f'scope "{scopes[0]}" is in no flow of "{scheme}"')

    def flows(self):
        """The scopes of clients are some of those that people can grant, in the same words."""
        for name, scheme in self.components.get("securitySchemes", {}).items():
            flows = scheme.get("flows", {})
            if "flows" in scheme and not flows:
                self.error(scheme.at("flows"), f'security scheme "{name}" has no flow')
            people = flows.get("authorizationCode", {}).get("scopes")
            clients = flows.get("clientCredentials", {}).get("scopes", {})
            for scope, sentence in clients.items():
                if people is not None and people.get(scope) != sentence:
                    self.error(clients.at(scope),
                               f'scope "{scope}" must stand in authorizationCode, in the same words')

    def body(self, method, node, line):
        if "requestBody" not in node:
            if "x-body-limit" in node:
                self.error(node.at("x-body-limit"), "x-body-limit needs a request body")
            if method in ("put", "patch"):
                self.error(line, f"{method} needs a request body")
            return
        at, content = node.at("requestBody"), node["requestBody"].get("content", {})
        if method in ("get", "delete"):
            self.error(at, f"{method} has no request body")
        if not content or not self.may_stand_together(content, FORM):
            self.error(at, "a request body has exactly one media type")
        for name, media_type in content.items():
            if "schema" not in media_type:
                self.error(media_type.line, "a request body needs a schema")
            self.schema(media_type.get("schema", {}), is_whole=True)
            if name == FORM and len(content) == 1:
                self.form(media_type)
            if [*content] == ["application/json"]:
                self.gather_apart(self.resolve(media_type.get("schema", {}), "schemas"))

    def gather_apart(self, schema):
        """Elsewhere nobody would look at the items."""
        for member in schema.get("properties", {}).values():
            if member.get("x-items-apart") and "maxItems" in member:
                self.gathered.add(member.at("x-items-apart"))

    @staticmethod
    def may_stand_together(content, besides):
        """Several media types that are all handed on as bytes; `besides`: one that may be among
        them."""
        return len(content) < 2 or not any(name in STRUCTURED for name in content if name != besides)

    def form(self, node):
        """A form's fields are text, and nothing else can come."""
        schema = self.resolve(node.get("schema", {}), "schemas")
        if types_of(schema) != ["object"]:
            self.error(node.at("schema"), "a form's schema is an object")
        children = [*schema.get("properties", {}).values(), schema.get("additionalProperties")]
        for child in filter(None, children):
            if types_of(self.resolve(child, "schemas")) != ["string"]:
                self.error(child.line, "a field of a form is a string")

    def responses(self, node, line):
        responses = node.get("responses", {})
        if "responses" in node and "default" not in responses:
            self.error(node.at("responses"), "the operation has no default response")
        if "responses" in node and not any(
                status.startswith("2") or status == "303" for status in responses):
            self.error(node.at("responses"), "the operation has no response 2xx or 303")
        for status, reference in responses.items():
            at = responses.at(status)
            if status.isdigit() and int(status) >= 400 and int(status) not in self.problem_statuses:
                self.error(at, f"no problem type has status {status}")
            response = self.resolve(reference, "responses")
            self.response(status, response, at)
            if status == "default" or status >= "400":
                self.error_response(node, response, at)

    def error_response(self, operation, node, at):
        kind = operation.get("x-errors")
        wanted = ERROR_MEDIA_TYPES.get(kind)
        if wanted and node and list(node.get("content", {})) != [wanted]:
            self.error(at, f"with x-errors {kind}, an error is {wanted}")

    def response(self, status, node, at):
        content = node.get("content", {})
        if not self.may_stand_together(content, "application/json"):
            self.error(at, "a response has at most one media type")
        if status in ("204", "303", "304") and content:
            self.error(at, f"a response {status} has no content")
        for media_type in content.values():
            self.schema(media_type.get("schema", {}), is_whole=True)
        for header in node.get("headers", {}).values():
            self.schema(self.resolve(header, "headers").get("schema", {}), is_whole=True)

    # Resources

    def action(self, path, method, node, line):
        if "x-transition" in node and node.get("x-action") != "transition":
            self.error(node.at("x-transition"), "x-transition belongs to x-action transition")
        if "x-action" not in node and "x-resource" not in node:
            return
        name, action = node.get("x-resource"), node.get("x-action")
        if name is None or action is None:
            self.error(line, "x-resource and x-action stand together")
            return
        if name not in self.resources:
            self.error(node.at("x-resource"), f'x-resource "{name}" is not in x-resources')
            return
        if action not in ACTIONS:
            return
        if ACTIONS[action] != method:
            self.error(node.at("x-action"), f"x-action {action} belongs to {ACTIONS[action]}")
        self.used.add(("x-resources", str(name)))
        resource = self.resources[name]
        self.action_path(path, action, resource, node)
        self.action_body(action, resource, node)
        self.action_writers(action, resource, node)
        if action == "list":
            self.action_sort(resource, node, line)
        if action == "get":
            check_include_parameter(self, resource, node, line)
        if action == "transition":
            self.action_transition(path, resource, node, line)

    def action_path(self, path, action, resource, node):
        tail = {"list": "", "create": "", "history": "/{}/history",
                "transition": "/{}/" + path.rpartition("/")[2]}.get(action, "/{}")
        if re.sub(r"\{[^}]*\}", "{}", path) != resource.get("collection", "") + tail:
            self.error(node.at("x-action"), f"x-action {action} belongs to the path "
                       f'{resource.get("collection")}{tail.replace("{}", "{…}")}')

    def action_body(self, action, resource, node):
        wanted = {"create": "application/json", "put": "application/json",
                  "patch": "application/merge-patch+json"}.get(action)
        content = node.get("requestBody", {}).get("content", {})
        if wanted and content and list(content) != [wanted]:
            self.error(node.at("requestBody"), f"x-action {action} takes {wanted}")
        elif wanted == "application/json" and content:
            name = resource.get("schema")
            if content[wanted].get("schema", {}).get("$ref") != f"#/components/schemas/{name}":
                self.error(node.at("requestBody"), f"x-action {action} takes the schema {name}")

    def action_writers(self, action, resource, node):
        """Where several roles write, a new member must not be everybody's by being forgotten."""
        roles = node.get("x-roles", [])
        if action not in ("create", "put", "patch") or len(roles) < 2:
            return
        schema = self.components.get("schemas", {}).get(resource.get("schema"), {})
        for name, child in schema.get("properties", {}).items():
            member = self.resolve(child, "schemas")
            if "x-write" not in member and not member.get("readOnly"):
                self.error(schema["properties"].at(name), f'"{name}" needs x-write: '
                           f'{", ".join(roles)} write this resource')

    def action_transition(self, path, resource, node, line):
        """From statuses that there are to one that there is, at the path of its own name."""
        rule = node.get("x-transition")
        if rule is None:
            self.error(line, "x-action transition needs x-transition")
            return
        at = node.at("x-transition")
        if path.rpartition("/")[2] != rule.get("name", "").replace("_", "-"):
            self.error(at, f'the path of this transition ends in "/{rule.get("name")}"')
        statuses = self.statuses(resource)
        for status in [*rule.get("from", []), rule.get("to")]:
            if status not in statuses:
                self.error(at, f'"{status}" is no status of this resource')
        if "initial" not in resource:
            self.error(at, "a resource with transitions needs initial in x-resources")
        content = node.get("requestBody", {}).get("content", {})
        if list(content) != ["application/json"] or not node["requestBody"].get("required"):
            self.error(line, "x-action transition needs a body of application/json")

    def statuses(self, resource):
        """What the read-only member `status` can be; no more than nothing without `transitions`."""
        schema = self.components.get("schemas", {}).get(resource.get("schema"), {})
        members = schema.get("properties", {})
        status = self.resolve(members.get("status", {}), "schemas")
        steps = self.resolve(members.get("transitions", {}), "schemas")
        return status.get("enum", []) if status.get("readOnly") and steps.get("readOnly") else []

    def action_sort(self, resource, node, line):
        values = [sort.get("value", "") for sort in resource.get("sorts", [])]
        wanted = sorted([*values, *("-" + value for value in values)])
        given, at = [], line
        for reference in node.get("parameters", []):
            parameter = self.resolve(reference, "parameters")
            if parameter.get("name") == "sort":
                at = reference.line
                given = sorted(parameter.get("schema", {}).get("enum", ["anything"]), key=str)
        if given != wanted:
            self.error(at, f'the sorts must be those of x-resources: {", ".join(wanted) or "none"}')

    def all_resources(self):
        for name, node in self.resources.items():
            line = self.resources.at(name)
            if node.get("collection") not in self.root["paths"]:
                self.error(node.at("collection"), "collection is not a path of this contract")
            self.resource_schema(node)
            check_includes(self, name, node)
            if ("x-resources", str(name)) not in self.used:
                self.error(line, f'resource "{name}" is used by no operation')
            if node.get("context") and f"{name}_context" not in self.statements:
                self.error(node.at("context"), f"context needs a statement {name}_context.sql")
            if "initial" in node and node["initial"] not in self.statuses(node):
                self.error(node.at("initial"), "initial needs read-only members status, one of whose "
                           "values it is, and transitions")
            if node.get("context") and not node.get("rules"):
                self.error(node.at("context"), "context is read by rules only")
            values = [sort.get("value") for sort in node.get("sorts", [])]
            if len(set(values)) < len(values):
                self.error(node.at("sorts"), "sorts names a value twice")

    def resource_schema(self, node):
        name = node.get("schema")
        found = self.components.get("schemas", {}).get(name)
        if found is None:
            self.error(node.at("schema"), f'schema "{name}" is not in components')
            return
        self.use("schemas", str(name), found)
        if types_of(found) != ["object"]:
            self.error(node.at("schema"), "a resource's schema is an object")

    def unused(self):
        for kind, things in self.components.items():
            for name in things:
                if (kind, str(name)) not in self.used:
                    self.error(things.at(name), f'{kind[:-1]} "{name}" is used nowhere')


def check(root, statements, report):
    Checker(root, statements, report).run()
