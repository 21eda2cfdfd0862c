// Makes a Bruno collection of an OpenAPI document: node bruno.mjs openapi.yaml folder
//
// Bruno's own importer fills every field of every body with "", which this API refuses, and repeats each of them in an example of each
// answer. So what it makes is completed here: bodies of the fields that are needed, the key of the scope that the call wants, the ids
// of the environment, and one file per operation, named by its operationId.
import fs from "node:fs";
import path from "node:path";
import yaml from "js-yaml";
import converters from "@usebruno/converters";
import filestore from "@usebruno/filestore";

const [source, folder] = process.argv.slice(2);
const spec = yaml.load(fs.readFileSync(source, "utf8"));
const methods = ["get", "put", "post", "delete", "patch", "head", "options"];

// What `make run` writes into .handoff/dev.json, under the same names.
const known = ["api_url", "gateway", "agent", "admin", "inbox_id", "agent_id", "endpoint_id"];

const operations = new Map();
for (const [route, item] of Object.entries(spec.paths)) {
  for (const method of methods.filter((m) => item[m])) {
    operations.set(`${method.toUpperCase()} ${route}`, { route, ...item[method] });
  }
}

const resolve = (node) => {
  if (!node?.$ref) return node;
  return resolve(node.$ref.slice(2).split("/").reduce((at, key) => at[key.replaceAll("~1", "/")], spec));
};

// idName is the variable that holds an id: {id} of /v1/conversations/{id} is conversation_id.
const idName = (route, name) => {
  const before = route.split("/").at(route.split("/").indexOf(`{${name}}`) - 1);
  return name === "id" ? `${before.replaceAll("-", "_").replace(/(x)es$|ies$|s$/, (end, x) => (x ? x : end === "ies" ? "y" : ""))}_id` : name;
};

// sample is a value with what a schema needs, and with what the document has an example of.
function sample(schema, depth = 0) {
  schema = resolve(schema) ?? {};
  if (schema.example !== undefined) return schema.example;
  if (schema.examples?.length) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const one = schema.oneOf?.[0] ?? schema.anyOf?.[0];
  if (one) return sample(one, depth);
  switch ([schema.type].flat()[0]) {
    case "object": {
      const out = {};
      for (const [name, property] of Object.entries(schema.properties ?? {})) {
        const needed = schema.required?.includes(name);
        const shown = resolve(property).example !== undefined || resolve(property).examples?.length;
        // What a message of the first kind, a text, consists of.
        const text = name === "text" && resolve(property).type === "string";
        if (depth < 6 && (needed || shown || text)) out[name] = known.includes(name) ? `{{${name}}}` : sample(property, depth + 1);
      }
      return out;
    }
    case "array":
      return (schema.minItems ?? 0) > 0 ? [sample(schema.items, depth + 1)] : [];
    case "integer":
    case "number":
      return schema.minimum ?? 0;
    case "boolean":
      return false;
    default:
      if (schema.format === "uuid") return "{{$randomUUID}}";
      if (schema.format === "date-time") return "{{$isoTimestamp}}";
      return schema.format === "uri" ? "https://example.com/" : "…";
  }
}

function complete(item, operation) {
  delete item.examples;
  item.name = operation.summary;
  const request = item.request;
  request.url = request.url.replace("{{baseUrl}}", "{{api_url}}");
  const bearer = operation.security?.some((s) => s.bearer);
  request.auth = bearer
    ? { ...request.auth, mode: "bearer", bearer: { token: `{{${operation["x-scope"] || "admin"}}}` } }
    : { ...request.auth, mode: "none", bearer: null, apikey: null };
  for (const parameter of request.params ?? []) {
    if (parameter.type === "path") parameter.value = `{{${idName(operation.route, parameter.name)}}}`;
    else if (parameter.value === "[]") parameter.value = "";
  }
  const content = resolve(operation.requestBody)?.content?.["application/json"];
  if (content && request.body?.mode === "json") {
    const example = content.example ?? Object.values(content.examples ?? {})[0]?.value;
    request.body.json = JSON.stringify(example ?? sample(content.schema), null, 2);
  }
}

function write(items, into) {
  for (const item of items) {
    if (item.type === "folder") {
      const folder = path.join(into, item.name.toLowerCase().replaceAll(" ", "-"));
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(path.join(folder, "folder.bru"), `meta {\n  name: ${item.name}\n}\n`);
      write(item.items, folder);
      continue;
    }
    const route = item.request.url.replace("{{baseUrl}}", "").split("?")[0].replace(/:([a-z_]+)/g, "{$1}");
    const operation = operations.get(`${item.request.method} ${route}`);
    if (!operation) throw new Error(`the document has no ${item.request.method} ${route}`);
    complete(item, operation);
    const text = filestore.stringifyRequest(item, { format: "bru" });
    fs.writeFileSync(path.join(into, `${operation.operationId}.bru`), text);
    operations.delete(`${item.request.method} ${route}`);
  }
}

const collection = converters.openApiToBruno(spec, { groupBy: "tags" });
fs.rmSync(folder, { recursive: true, force: true });
fs.mkdirSync(path.join(folder, "environments"), { recursive: true });
const bruno = { version: "1", name: "handoff", type: "collection", ignore: ["node_modules", ".git"] };
fs.writeFileSync(path.join(folder, "bruno.json"), `${JSON.stringify(bruno, null, 2)}\n`);
fs.writeFileSync(path.join(folder, ".gitignore"), ".env\n");
const variables = known.map((name) => `  ${name}: {{process.env.${name}}}`).join("\n");
fs.writeFileSync(path.join(folder, "environments", "dev.bru"), `vars {\n${variables}\n}\n`);
write(collection.items, folder);
if (operations.size > 0) throw new Error(`not in the collection: ${[...operations.keys()].join(", ")}`);
