// Takes the webhooks of handoff: verifies each, keeps it once, answers at once, and works afterwards. Node 20, no packages.
import { createHmac, createPublicKey, timingSafeEqual, verify as verifyEd25519 } from "node:crypto";
import { existsSync, linkSync, mkdirSync, openSync, closeSync, fsyncSync, readFileSync, readdirSync, unlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";

const TOLERANCE = 5 * 60; // seconds
const MAX_BODY = 8 << 20;
const MAX_WAITING = 1000;

// parseKey reads a shared secret (whsec_…) or the public half of an ed25519 key (whpk_…).
function parseKey(text = "") {
  const raw = Buffer.from(text.replace(/^[^_]*_/, ""), "base64");
  if (text.startsWith("whsec_") && raw.length >= 24) return { secret: raw }; // an empty HMAC key would verify for everybody
  if (text.startsWith("whpk_") && raw.length === 32) {
    return { public: createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x: raw.toString("base64url") } }) };
  }
  throw new Error("HANDOFF_WEBHOOK_KEY must be the endpoint's whsec_… or whpk_…");
}

// verify checks the signature over the bytes as they came: body is a Buffer and no parsed JSON. It throws where it does not hold.
// The header lists one signature for each key while the sender changes keys.
function verify(key, headers, body) {
  const { "webhook-id": id = "", "webhook-timestamp": timestamp = "", "webhook-signature": signatures = "" } = headers;
  if (!/^[\w-]{1,128}$/.test(id) || !/^\d{1,12}$/.test(timestamp)) throw new Error("webhook-id or webhook-timestamp is missing or malformed");
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE) throw new Error("webhook-timestamp is more than five minutes off");
  const content = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  const want = key.secret && createHmac("sha256", key.secret).update(content).digest();
  for (const entry of signatures.split(" ")) {
    const [version, encoded = ""] = entry.split(",");
    const got = Buffer.from(encoded, "base64");
    // timingSafeEqual takes the same time wherever they differ, and throws where their lengths do
    if (version === "v1" && want && got.length === want.length && timingSafeEqual(got, want)) return;
    if (version === "v1a" && key.public && verifyEd25519(null, content, key.public, got)) return;
  }
  throw new Error("no signature matches");
}

// read is what is kept of a request. The body stays as it came, and is parsed only to see whether it can be.
function read(headers, bytes) {
  const body = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  JSON.parse(body);
  return {
    id: headers["webhook-id"],
    event: headers["handoff-event"],
    conversation: headers["handoff-conversation"],
    sequence: Number(headers["handoff-sequence"] ?? 0), // the event's number in its conversation; 0 without one
    attempt: Number(headers["handoff-attempt"]),
    gap: headers["handoff-gap"] === "true", // an earlier event of this contact did not get through
    body,
  };
}

// The inbox is a folder with one file for each webhook, and a second one, .done, when it was worked on. It stands for a table of your
// database whose primary key is the webhook-id. Forget a webhook-id after a month at the earliest.
const DIR = "webhooks";
const queue = [];
const last = new Map(); // the highest sequence that was worked on, by conversation
const seen = (w) => last.set(w.conversation, Math.max(last.get(w.conversation) ?? 0, w.sequence));

// open reads what earlier runs kept: what they answered 2xx for and did not work on is worked on now.
function open() {
  mkdirSync(DIR, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(DIR).filter((n) => n.endsWith(".json"))) {
    const w = JSON.parse(readFileSync(`${DIR}/${name}`, "utf8"));
    if (existsSync(`${DIR}/${w.id}.done`)) seen(w);
    else queue.push(w);
  }
  queue.sort((a, b) => a.sequence - b.sequence);
}

// put keeps a webhook, unless it is here already. When it returns, a crash loses nothing.
function put(w) {
  const draft = `${DIR}/draft-${process.pid}`;
  const file = openSync(draft, "w", 0o600);
  writeFileSync(file, JSON.stringify(w));
  fsyncSync(file);
  closeSync(file);
  try {
    linkSync(draft, `${DIR}/${w.id}.json`); // fails if the name is taken: the file appears whole, and once
    queue.push(w);
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  } finally {
    unlinkSync(draft);
  }
}

// work takes one webhook after the other. A crash between handle and .done repeats handle: let your work bear that, or commit its
// effect and the mark in one transaction.
let working = false;
async function work() {
  if (working) return;
  working = true;
  for (let w = queue.shift(); w; w = queue.shift()) {
    const late = w.sequence > 0 && w.sequence < (last.get(w.conversation) ?? 0);
    try {
      await handle(w, late);
      seen(w);
      writeFileSync(`${DIR}/${w.id}.done`, "");
    } catch (error) {
      console.error(`webhook ${w.id} stays in ${DIR}:`, error); // your queue's retry belongs here; this one retries at the next start
    }
  }
  working = false;
}

// handle is your work. late says that a later event of the conversation came before this one, which had failed for long or was sent again
// by hand: do not let it undo what the later one did. Pass over events that you do not know.
async function handle(w, late) {
  console.log(JSON.stringify({ ...w, late }));
}

// receive gives the answer: a status and headers. Everything slow comes after it: a request is given up after 15 seconds, and sent again.
function receive(key, headers, body) {
  try {
    verify(key, headers, body);
  } catch (error) {
    return [401, {}, error.message];
  }
  if (process.env.STOP) return [410, {}]; // send nothing more to this URL
  let webhook;
  try {
    webhook = read(headers, body);
  } catch {
    return [422, { "webhook-delivery": "abort-message" }]; // no repeat of these bytes can be read
  }
  try {
    if (queue.length >= MAX_WAITING) throw new Error("too much is waiting");
    put(webhook);
  } catch (error) {
    console.error(`webhook ${webhook.id} is not kept:`, error);
    return [503, { "Retry-After": "30" }, "not kept: try again"];
  }
  return [204, {}]; // also for what was here before, or it would come again
}

const key = parseKey(process.env.HANDOFF_WEBHOOK_KEY);
open();
work();
const server = createServer({ requestTimeout: 10_000 }, async (request, response) => {
  const chunks = [];
  let size = 0;
  try {
    for await (const chunk of request) {
      size += chunk.length;
      if (size <= MAX_BODY) chunks.push(chunk);
    }
  } catch {
    return; // the sender went away
  }
  let answer = [405, {}];
  if (size > MAX_BODY) answer = [413, {}];
  else if (request.method === "POST") answer = receive(key, request.headers, Buffer.concat(chunks));
  const [status, header, text] = answer;
  response.writeHead(status, header).end(text);
  work();
});
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => { // a proxy in front of it speaks TLS
  console.error(`listening on http://127.0.0.1:${server.address().port}`);
});
