// An agent's day: a conversation is found, claimed, answered, noted upon and resolved.
//   HANDOFF_URL=http://127.0.0.1:8080 HANDOFF_KEY=hk_… node example.js
import createClient from "openapi-fetch";
import type { Event, paths, webhooks } from "./schema.js";

const api = createClient<paths>({
  baseUrl: process.env.HANDOFF_URL ?? "http://127.0.0.1:8080",
  headers: { Authorization: `Bearer ${process.env.HANDOFF_KEY}` },
});

const { data: page, error } = await api.GET("/v1/conversations", { params: { query: { status: ["waiting"] } } });
if (!page) throw new Error(`${error.code}: ${error.detail}`);
const conversation = page.items[0];
if (!conversation) throw new Error("nobody waits");
const params = { path: { id: conversation.id } };

const claimed = await api.POST("/v1/conversations/{id}/claim", { params, body: {} });
if (claimed.error) throw new Error(`${claimed.error.detail} It is ${claimed.error.assignee?.name ?? "nobody"}'s.`);
await api.POST("/v1/conversations/{id}/messages", {
  // Your own key makes the request safe to repeat.
  params: { ...params, header: { "Idempotency-Key": crypto.randomUUID() } },
  body: { type: "text", text: "Hi, happy to help!" },
});
await api.POST("/v1/conversations/{id}/notes", { params, body: { text: "A regular" } });
const { data: resolved } = await api.POST("/v1/conversations/{id}/resolve", { params, body: {} });
console.log(resolved?.status, resolved?.end_reason);

// The types of what a webhook brings.
type Received = webhooks["message.received"]["post"]["requestBody"]["content"]["application/json"];
export const conversationOf = (webhook: Received): string | undefined => webhook.data.conversation_id;
export const isEnd = (event: Event): boolean => event.type === "conversation.ended";
