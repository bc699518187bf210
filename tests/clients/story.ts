// The story that every generated client lives through (run.py says its steps), with the types of
// openapi-typescript and the functions of openapi-fetch.

import { createHash, randomBytes, randomUUID } from "node:crypto";
import { createInterface } from "node:readline/promises";
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.js";

// Lists can also be had as files; whoever names the media types that are asked for has those alone.
type Media = "application/json" | "application/problem+json";
type Api = Client<paths, Media>;
type Tokens = components["schemas"]["Tokens"];
type Problem = components["schemas"]["Problem"];
type Given = {
  url: string;
  program: { id: string; secret: string };
  app: { id: string; redirect: string };
  clusters: number;
  cluster_id: string;
};

const given = JSON.parse(process.env["IQM_STORY"] ?? "") as Given;
const input = createInterface({ input: process.stdin });
const lines = input[Symbol.asyncIterator]();
const nobody = createClient<paths, Media>({ baseUrl: given.url });

function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

function done(step: string): void {
  console.log(`done ${step}`);
}

function type(problem: Problem | undefined): string {
  return problem?.type ?? "no problem";
}

function withToken(token: string): Api {
  return createClient<paths, Media>({ baseUrl: given.url, headers: { Authorization: `Bearer ${token}` } });
}

async function tokens(form: components["schemas"]["TokenForm"]): Promise<Tokens> {
  const { data } = await nobody.POST("/oauth/token", {
    body: form,
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  });
  check(data !== undefined, "no tokens");
  return data;
}

// Authorization code with PKCE; the person is at a browser, here the one who runs this.
async function signIn(who: string): Promise<Tokens> {
  const verifier = randomBytes(32).toString("base64url");
  const state = randomUUID();
  const query = new URLSearchParams({
    response_type: "code",
    client_id: given.app.id,
    redirect_uri: given.app.redirect,
    state,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  console.log(`sign in ${who} ${given.url}/oauth/authorize?${query}`);
  const back = new URL((await lines.next()).value ?? "");
  check(back.searchParams.get("state") === state, "state");
  return tokens({
    grant_type: "authorization_code",
    client_id: given.app.id,
    redirect_uri: given.app.redirect,
    code: back.searchParams.get("code") ?? "",
    code_verifier: verifier,
  });
}

async function page(): Promise<void> {
  const { id, secret } = given.program;
  const granted = await tokens({ grant_type: "client_credentials", client_id: id, client_secret: secret });
  done("program");
  const api = withToken(granted.access_token);
  const seen = new Set<string>();
  let cursor: string | null = null;
  do {
    const query: { limit: number; cursor?: string } = { limit: 2 };
    if (cursor !== null) query.cursor = cursor;
    const { data } = await api.GET("/v1/clusters", { params: { query } });
    check(data !== undefined && data.items.length <= 2, "a page");
    for (const cluster of data.items) seen.add(cluster.id);
    cursor = data.next;
  } while (cursor !== null);
  check(seen.size === given.clusters, `${seen.size} clusters`);
  done("page");
}

async function create(api: Api): Promise<components["schemas"]["Cluster"]> {
  const name = `Cluster of TypeScript ${randomUUID()}`;
  const header = { "Idempotency-Key": `"${randomUUID()}"` };
  const send = (body: { name: string; region: string }) =>
    api.POST("/v1/clusters", { params: { header }, body });
  const first = await send({ name, region: "London" });
  check(first.data?.name === name, "create");
  done("create");
  const again = await send({ name, region: "London" });
  check(again.data?.id === first.data.id, "repeat");
  check(again.response.headers.get("Idempotency-Replayed") === "true", "replayed");
  done("repeat");
  const other = await send({ name: `${name}, another`, region: "London" });
  check(type(other.error) === "/problems/idempotency_key_reused", "key reused");
  done("key reused");
  const taken = await api.POST("/v1/clusters", { body: { name } });
  check(taken.response.status === 409 && type(taken.error) === "/problems/conflict", "taken");
  done("taken");
  const wrong = await api.POST("/v1/clusters", { body: { name: "" } });
  check(wrong.response.status === 422 && wrong.error?.errors?.[0]?.pointer === "/name", "not valid");
  done("not valid");
  return first.data;
}

async function change(api: Api, id: string): Promise<void> {
  const read = await api.GET("/v1/clusters/{cluster_id}", { params: { path: { cluster_id: id } } });
  const etag = read.response.headers.get("ETag");
  check(etag !== null, "ETag");
  const patch = (notes: string) =>
    api.PATCH("/v1/clusters/{cluster_id}", {
      params: { path: { cluster_id: id }, header: { "If-Match": etag } },
      headers: { "Content-Type": "application/merge-patch+json" },
      body: { notes },
    });
  const changed = await patch("Mine.");
  check(changed.data?.notes === "Mine." && changed.data.version === 2, "change");
  done("change");
  const stale = await patch("Somebody else's.");
  check(stale.response.status === 412 && type(stale.error) === "/problems/precondition_failed", "stale");
  done("stale");
}

async function pull(api: Api, since?: string) {
  const changes: components["schemas"]["SyncChange"][] = [];
  let more = true;
  let from = since;
  while (more) {
    const query = from === undefined ? { limit: 5 } : { limit: 5, since: from };
    const { data } = await api.GET("/v1/sync", { params: { query } });
    check(data !== undefined, "pull");
    changes.push(...data.changes);
    [from, more] = [data.since, data.more];
  }
  return { changes, since: from };
}

async function push(api: Api, change: components["schemas"]["SyncPushedChange"]) {
  const { data } = await api.POST("/v1/sync", { body: { changes: [change] } });
  const result = data?.results[0];
  check(result !== undefined && result.client_id === change.client_id, "push");
  return result;
}

// A UUID of version 7: the time in milliseconds, and chance.
function uuid7(): string {
  const time = Date.now().toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

async function sync(api: Api): Promise<void> {
  const all = await pull(api);
  check(all.changes.some((c) => c.type === "cluster" && c.id === given.cluster_id), "own cluster");
  done("pull");
  const id = uuid7();
  const document = {
    kind: "additional", held_on: "2026-03-02", location: "Hall", topics: ["Phonics"],
    cluster_id: given.cluster_id,
  };
  const made = { client_id: randomUUID(), method: "create", type: "meeting", id, document } as const;
  const first = await push(api, made);
  check(first.outcome === "applied", `push: ${type(first.problem)} ${first.problem?.detail}`);
  done("push");
  const again = await push(api, made);
  check(again.outcome === "applied" && again.document?.["version"] === 1, "push again");
  done("push again");
  const update = { method: "update", type: "meeting", id, base_version: 1 } as const;
  await push(api, { ...update, client_id: randomUUID(), document: { location: "Library" } });
  const late = await push(api, { ...update, client_id: randomUUID(), document: { location: "Gym" } });
  check(late.outcome === "conflict" && late.current?.["location"] === "Library", "conflict");
  check(late.base?.["location"] === "Hall", "base");
  done("push conflict");
  const news = await pull(api, all.since);
  const told = news.changes.find((c) => c.id === id);
  check(told?.change === "changed" && told.document?.["location"] === "Library", "pull on");
  done("pull on");
}

async function leave(refresh: string | undefined): Promise<void> {
  check(refresh !== undefined, "refresh token");
  const fresh = await tokens({ grant_type: "refresh_token", client_id: given.app.id, refresh_token: refresh });
  const api = withToken(fresh.access_token);
  check((await api.GET("/v1/me")).response.status === 200, "refreshed");
  done("refresh");
  const revoked = await nobody.POST("/oauth/revoke", {
    body: { token: fresh.access_token, client_id: given.app.id },
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  });
  check(revoked.response.ok, "revoke");
  const { error, response } = await api.GET("/v1/me");
  check(response.status === 401 && type(error) === "/problems/unauthorized", "revoked");
  done("revoke");
}

await page();
const head = await signIn("head_office");
done("sign in");
const made = await create(withToken(head.access_token));
await change(withToken(head.access_token), made.id);
await sync(withToken((await signIn("ambassador")).access_token));
await leave(head.refresh_token);
input.close();
