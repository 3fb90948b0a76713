#!/usr/bin/env python3
"""Holds the tables beside this file against the API descriptions that the forges publish.

    RECANT_API_DESCRIPTIONS=DIR python3 tests/it/forges/api/described.py

DIR holds the descriptions, which are not part of this repository; a table whose description is not there is skipped:

    github.json           npm @octokit/openapi, generated/api.github.com.json
    github.graphql        npm @octokit/graphql-schema, schema.graphql
    gitea.json            Go module code.gitea.io/gitea, templates/swagger/v1_json.tmpl
    bitbucket.json        https://api.bitbucket.org/swagger.json
    bitbucketserver.json  https://dac-static.atlassian.com/server/bitbucket/ (swagger.v3.json)
    azure-git.json, azure-security.json   MicrosoftDocs/vsts-rest-api-specs, specification/*/7.1
    gitlab/               Go module gitlab.com/gitlab-org/api/client-go/v2: GitLab's own client, for its OpenAPI document
                          leaves most answers out

Every operation, query parameter, field of a request, status and field of an answer must be described with that type, and
every field that a description requires must be in the table. What a description leaves out has a `~` in the table, and
must really be left out. Exit code 1 when something differs.
"""

import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PLAIN = {"string": "string", "integer": "int", "number": "int", "boolean": "bool", "array": "array", "object": "object"}


class Row:
    """One operation of a table."""

    def __init__(self, line, shapes):
        line, answer = line.split(" > ", 1)
        line, self.body = line.split(" =", 1) if " =" in line else (line, None)
        line, query = line.split(" ? ", 1) if " ? " in line else (line, "")
        self.name, self.method, self.path = line.split()
        self.query = [field(word) for word in query.split()]
        self.body = None if self.body is None else [field(word) for word in self.body.split()]
        statuses, *words = answer.split()
        self.statuses = statuses.split(",")
        self.answer = []
        for word in words:
            found = re.fullmatch(r"([\w.]*)\[(\w+)\]", word)
            if found:
                self.answer += [(f"{found[1]}[].{name}", *rest) for name, *rest in shapes[found[2]]]
            elif ":" in word:
                self.answer.append(field(word))
            else:
                self.answer += shapes[word]


def field(word):
    """Path, kind, whether it is required, whether the description leaves it out."""
    path, kind = word.split(":", 1)
    required, untold = "*" in path, "~" in path
    return (re.sub(r"[*~?]", "", path), kind.rstrip("?"), required, untold)


def rows(name):
    shapes, found = {}, []
    for line in open(os.path.join(HERE, name + ".api")):
        if line.startswith("shape "):
            shape, fields = line[6:].split(" =", 1)
            shapes[shape.strip()] = [field(word) for word in fields.split()]
        elif line.strip() and not line.startswith("#"):
            found.append(Row(line.strip(), shapes))
    return found


def anonymous(path):
    return re.sub(r"\{[^}]*\}", "{}", path).lower()


class OpenApi:
    """An OpenAPI 3 or Swagger 2 document."""

    def __init__(self, files, root="", envelope=None, excused=lambda path: False):
        """`envelope` is the field in which a host wraps its lists without saying so; `excused` tells the fields that a
        description requires and the host does not."""
        self.paths, self.envelope, self.excused = {}, envelope, excused
        for file in files:
            text = open(file, encoding="utf-8-sig").read()
            document = json.loads(re.sub(r"\{\{\.\w+\}\}", "", text))
            for path, item in document["paths"].items():
                if anonymous(path).startswith(root):
                    self.paths.setdefault(anonymous(path)[len(root) :], []).append((document, item))

    def operation(self, row):
        for document, item in self.paths.get(anonymous(row.path), []):
            if row.method.lower() in item:
                shared = item.get("parameters", [])
                return OpenApiOperation(self, document, item[row.method.lower()], shared)
        return None


class OpenApiOperation:
    def __init__(self, api, document, operation, shared):
        self.api, self.document = api, document
        self.parameters = [self.at(one) for one in shared + operation.get("parameters", [])]
        self.operation = operation

    def at(self, schema):
        while schema and "$ref" in schema:
            found = self.document
            for part in schema["$ref"].lstrip("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            schema = found
        return schema or {}

    def excuses(self, path):
        return self.api.excused(path)

    def query(self, name):
        for one in self.parameters:
            if one["in"] == "query" and one["name"] == name:
                return one.get("schema", one)
        return None

    def required_query(self):
        return [one["name"] for one in self.parameters if one["in"] == "query" and one.get("required")]

    def body(self):
        for one in self.parameters:
            if one["in"] == "body":
                return one["schema"]
        content = self.at(self.operation.get("requestBody")).get("content", {})
        return next((one.get("schema") for one in content.values()), None)

    def statuses(self):
        return list(self.operation["responses"])

    def answer(self, status):
        answer = self.at(self.operation["responses"].get(status))
        bodies = [one.get("schema") for one in answer.get("content", {}).values()] + [answer.get("schema")]
        schema = next((one for one in bodies if one), None)
        if self.api.envelope and schema and self.at(schema).get("type") == "array":
            return {"properties": {self.api.envelope: schema, "count": {"type": "integer"}}}
        return schema

    def parts(self, schema):
        """The schema and all that it is made of."""
        schema = self.at(schema)
        yield schema
        for key in ("allOf", "anyOf", "oneOf"):
            for one in schema.get(key, []):
                yield from self.parts(one)

    def inside(self, schema, path):
        """What a path leads to in a schema: every schema that it may be."""
        found = [schema]
        for part in re.findall(r"\[\]|[^.\[\]]+", path):
            step = []
            for one in (part_ for schema_ in found for part_ in self.parts(schema_)):
                if part == "[]":
                    step += [one["items"]] if "items" in one else []
                elif part in one.get("properties", {}):
                    step.append(one["properties"][part])
                elif isinstance(one.get("additionalProperties"), dict):
                    step.append(one["additionalProperties"])
            found = step
        return found

    def kinds(self, schemas):
        kinds, words = set(), set()
        for one in (part for schema in schemas for part in self.parts(schema)):
            told = one.get("type", "object" if "properties" in one else None)
            kinds |= {PLAIN.get(kind) for kind in (told if isinstance(told, list) else [told])}
            words |= set(map(str, one.get("enum", [])))
        return kinds - {None}, words

    def required(self, schema):
        return {name for one in self.parts(schema) for name in one.get("required", [])}


class Go:
    """GitLab's Go client: functions that name method and path, and structs with the names in JSON."""

    def __init__(self, directory):
        self.functions, self.structs, self.routes = {}, {}, {}
        names = [name for name in sorted(os.listdir(directory)) if name.endswith(".go") and not name.endswith("_test.go")]
        texts = [open(os.path.join(directory, name)).read() for name in names]
        for text in texts:
            self.routes.update(re.findall(r'^\s*(route\w+)\s*=\s*route\("([^"]+)"\)', text, re.M))
        for text in texts:
            self.read(text)

    def read(self, text):
        for name, inner in re.findall(r"^type (\w+) struct \{\n(.*?)^\}", text, re.M | re.S):
            self.structs[name] = fields_of(inner)
        group = re.findall(r"^\t(\w+) struct \{\n(.*?)^\t\}", text, re.M | re.S)
        self.structs.update({name: fields_of(inner) for name, inner in group})
        for head, inner in re.findall(r"^func \(s \*\w+\) (\w+\(.*?)\{\n(.*?)^\}", text, re.M | re.S):
            path = re.search(r"withPath\((\w+)", inner)
            if path and path[1] in self.routes:
                method = re.search(r"withMethod\(http\.Method(\w+)\)", inner)
                key = ((method[1] if method else "Get").upper(), "/" + re.sub(r"%\w", "{}", self.routes[path[1]]))
                options = re.search(r"opt \*(\w+)", head)
                answer = re.search(r"do\[([^(]+)\]\(", inner)
                self.functions.setdefault(key, []).append((options and options[1], answer and answer[1]))

    def operation(self, row):
        found = self.functions.get((row.method, anonymous(row.path)))
        return found and GoOperation(self, found)


def fields_of(inner):
    """The fields of a struct by their names in JSON; embedded structs under the empty name."""
    found, embedded = {}, []
    depth, open_name, open_lines = 0, None, []
    for line in inner.splitlines():
        if open_name is not None:
            depth += line.count("{") - line.count("}")
            if depth <= 0:
                tag = re.search(r'(?:json|url):"([^",]+)', line)
                found[tag[1] if tag else open_name] = fields_of("\n".join(open_lines))
                open_name = None
            else:
                open_lines.append(line)
            continue
        block = re.match(r"\s*(\w+)\s+(?:\[\])?\*?(?:\[\]\*?)?struct \{$", line)
        if block:
            open_name, open_lines, depth = block[1], [], 1
            continue
        plain = re.match(r"\s*(\w+)\s+(\S+)\s+`[^`]*?(?:json|url):\"([^\",]+)", line)
        if plain:
            found[plain[3]] = plain[2]
        elif re.match(r"\s*\*?[A-Z]\w*$", line):
            embedded.append(line.strip().lstrip("*"))
    found[""] = embedded
    return found


class GoOperation:
    def __init__(self, client, functions):
        self.client = client
        self.options = [options for options, _ in functions if options]
        self.answers = [answer.strip() for _, answer in functions if answer and answer.strip() != "none"]

    def query(self, name):
        return self.body_field(name)

    def excuses(self, _path):
        return False

    def required_query(self):
        return []

    def body(self):
        return self.options or None

    def body_field(self, path):
        return next((kind for one in self.options for kind in self.inside(one, path)), None)

    def statuses(self):
        return None

    def answer(self, _status):
        return self.answers or None

    def members(self, kind):
        inner = kind if isinstance(kind, dict) else self.client.structs.get(re.sub(r"^[\[\]*]+", "", kind), {})
        yield inner
        for name in inner.get("", []):
            yield from self.members(name)

    def inside(self, schemas, path):
        found = schemas if isinstance(schemas, list) else [schemas]
        for part in re.findall(r"\[\]|[^.\[\]]+", path):
            if part != "[]":
                members = (one for kind in found for one in self.members(kind))
                found = [one[part] for one in members if part in one]
        return found

    def kinds(self, schemas):
        known = {"string": "string", "int": "int", "int64": "int", "bool": "bool"}
        kinds = set()
        for one in schemas if isinstance(schemas, list) else [schemas]:
            if isinstance(one, dict):
                kinds.add("object")
            elif "[]" in one:
                kinds.add("array")
            else:
                kinds.add(known.get(one.lstrip("*")))
        return kinds - {None}, set()

    def required(self, _schema):
        return set()


class GraphQl:
    """A schema in GraphQL's own language: mutations, their inputs and payloads."""

    def __init__(self, file):
        text = re.sub(r'""".*?"""', "", open(file).read(), flags=re.S)
        found = re.findall(r"^(?:input|type) (\w+)[^{]*\{(.*?)^\}", text, re.M | re.S)
        self.types = {name: self.fields(inner) for name, inner in found}

    @staticmethod
    def fields(inner):
        inner = re.sub(r"\(.*?\)", "", inner, flags=re.S)
        return dict(re.findall(r"^\s+(\w+):\s*([\[\]\w!]+)", inner, re.M))

    def operation(self, row):
        name = row.path[0].upper() + row.path[1:]
        return GraphQlOperation(self.types, name) if name + "Input" in self.types else None


class GraphQlOperation:
    def __init__(self, types, name):
        self.types, self.name = types, name

    def excuses(self, _path):
        return False

    def required_query(self):
        return []

    def body(self):
        return self.name + "Input"

    def statuses(self):
        return None

    def answer(self, _status):
        return self.name + "Payload"

    def inside(self, schema, path):
        found = schema
        for part in re.findall(r"\[\]|[^.\[\]]+", path):
            if part != "[]":
                found = self.types.get(re.sub(r"\W", "", found), {}).get(part)
                if found is None:
                    return []
        return [found]

    def kinds(self, schemas):
        known = {"Boolean": "bool", "Int": "int"}
        kinds = set()
        for one in schemas:
            name = re.sub(r"\W", "", one)
            kinds.add("array" if one.startswith("[") else known.get(name, "object" if name in self.types else "string"))
        return kinds, set()

    def required(self, schema):
        fields = self.types.get(re.sub(r"\W", "", schema), {})
        return {name for name, kind in fields.items() if kind.endswith("!")}


def differences(row, api):
    operation = api.operation(row)
    if "~" in row.name:
        return ["is described after all: take the ~ away"] if operation else []
    if operation is None:
        return [f"{row.method} {row.path} is not described"]
    found = []
    for path, kind, _, untold in row.query:
        told = operation.query(path)
        found += judge(operation, "query " + path, [] if told is None else [told], kind, untold, is_text=True)
    found += [f"query {name} is required" for name in operation.required_query() if name not in names(row.query)]
    found += body_differences(row, operation)
    statuses = operation.statuses()
    for status in row.statuses:
        untold = "~" in status
        if statuses is not None and untold == (status.rstrip("~") in statuses):
            found.append(f"status {status}: the description tells {', '.join(statuses)}")
    answer = operation.answer(row.statuses[0].rstrip("~"))
    for path, kind, _, untold in row.answer:
        told = [] if answer is None else operation.inside(answer, path)
        found += judge(operation, "answer " + path, told, kind, untold)
    return found


def body_differences(row, operation):
    schema = operation.body()
    if row.body is None:
        return []
    found = []
    for path, kind, _, untold in row.body:
        told = [] if schema is None else operation.inside(schema, path)
        found += judge(operation, "body " + path, told, kind, untold)
    parents = {""} | {path.rpartition(".")[0] for path, *_ in row.body}
    for parent in sorted(parents):
        inner = ([schema] if schema is not None else []) if parent == "" else operation.inside(schema, parent)
        for name in sorted({name for one in inner for name in required_of(operation, one)}):
            path = f"{parent}.{name}" if parent else name
            if not operation.excuses(path) and not any(known == path or known.startswith((path + ".", path + "[]")) for known, *_ in row.body):
                found.append(f"body {path} is required")
    return found


def required_of(operation, schema):
    return operation.required(schema) if not isinstance(schema, list) else set()


def names(fields):
    return {path for path, *_ in fields}


def judge(operation, what, told, kind, untold, is_text=False):
    if untold:
        return [f"{what} is described after all: take the ~ away"] if told else []
    if not told:
        return [f"{what} is not described"]
    kinds, words = operation.kinds(told)
    if kind not in PLAIN.values():
        missing = [word for word in kind.split("|") if words and word not in words]
        if missing:
            return [f"{what}: {missing} is not among {sorted(words)}"]
        kind = "string"
    if kinds and kind not in kinds and not (is_text and kinds & {"string", "array"}):
        return [f"{what} is {kind} here and {sorted(kinds)} there"]
    return []


def main():
    directory = os.environ.get("RECANT_API_DESCRIPTIONS", "")
    if not os.path.isdir(directory):
        sys.exit("RECANT_API_DESCRIPTIONS names no directory: see the head of this file")
    at = lambda name: os.path.join(directory, name)
    apis = [
        ("github", ["github.json"], OpenApi),
        ("github", ["github.graphql"], lambda files: GraphQl(files[0])),
        ("gitlab", ["gitlab"], lambda files: Go(files[0])),
        ("gitea", ["gitea.json"], OpenApi),
        # Every object's `type` is required, and the description's own examples leave it out.
        ("bitbucket", ["bitbucket.json"], lambda files: OpenApi(files, excused=lambda path: path == "type")),
        # A request is described by the type of the answer, with all that only an answer has.
        ("bitbucketserver", ["bitbucketserver.json"], lambda files: OpenApi(files, "/api/latest", excused=lambda path: "." in path)),
        ("azuredevops", ["azure-git.json", "azure-security.json"], lambda files: OpenApi(files, envelope="value")),
    ]
    bad = good = 0
    for table, files, make in apis:
        files = [at(name) for name in files]
        if not all(map(os.path.exists, files)):
            print(f"{table}: skipped, {', '.join(files)} is not there")
            continue
        api = make(files)
        for row in rows(table):
            if (row.method == "MUTATION") != isinstance(api, GraphQl) and row.path != "/graphql":
                continue
            if row.path == "/graphql":
                continue
            found = differences(row, api)
            for line in found:
                print(f"{table} {row.name}: {line}")
            bad += len(found)
            good += not found
    print(f"{good} operations as described, {bad} differences")
    sys.exit(bad > 0)


main()
