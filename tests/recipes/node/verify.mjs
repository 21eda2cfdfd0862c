// Reads one JSON document a line, {secret, headers, body}, and lets the official verifiers check each. It stops at the first that they
// refuse, or that they accept once it was changed, and prints how many there were.
import { createInterface } from "node:readline";
import * as standardwebhooks from "standardwebhooks";
import * as svix from "svix";

let count = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  for (const [name, { Webhook }] of Object.entries({ standardwebhooks, svix })) {
    const verifies = (text) => {
      try {
        new Webhook(secret).verify(Buffer.from(text), headers);
      } catch (error) {
        if (error.message === "No matching signature found") return false;
        if (!(error instanceof SyntaxError) || text !== "") throw error; // they parse what they verified, and there is nothing to parse
      }
      return true;
    };
    if (!verifies(body)) throw new Error(`${name} refuses body ${count}: ${body.slice(0, 80)}`);
    if (verifies(`${body} `)) throw new Error(`${name} accepts body ${count} with a byte more`);
  }
  count++;
}
console.log(count);
