import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { ConfigError } from "@fae/core";

/** What there is to see now. */
export interface Served {
  /** Another one whenever the view is another. */
  readonly version: string;
  readonly title: string;
  readonly view: string;
  /** Nothing will come after it. */
  readonly isOver: boolean;
}

export interface Content {
  now(): Served;
  /** The whole document around the view. */
  page(served: Served): string;
  readonly script: string;
  /** Content-Security-Policy of every answer. */
  readonly policy: string;
}

export interface ViewServer {
  readonly url: string;
  /** Answers everyone who waits for a newer view, if there is one. @returns how many were answered */
  push(): number;
  /** When somebody asked last, in milliseconds of `performance.now()`. */
  lastAskedAt(): number;
  close(): void;
}

/** Node looks for slow headers every 30 s by itself, and lets them have that long. */
const timeLimits = {
  requestTimeout: 10_000,
  headersTimeout: 5000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 1000,
} as const;
/** Who waits is answered after that time, with nothing when there is nothing new. */
const longestWaitMilliseconds = 10_000;
const mostConnections = 32;

/**
 * Serves a view on loopback. Routes: `/` the page, `/view?have=VERSION` the view as soon as it is another one, `/page.js`. There
 * are no files behind them. A request must name this very host and port: a page elsewhere whose name was made to point to
 * 127.0.0.1 does not. Neither the server nor a connection keeps the process alive.
 *
 * A client that does not read holds one answer in memory, and is cut off after a while or when it asks again; there are at most
 * 32 connections.
 *
 * @param port 0 for any free one
 * @throws ConfigError when the port is taken or not allowed
 */
export async function serveView(port: number, content: Content): Promise<ViewServer> {
  const waiting = new Map<ServerResponse, string>();
  let lastAskedAt = Number.NEGATIVE_INFINITY;
  /** Connections with an answer that is not sent yet. No browser asks again before that: answers would pile up in memory. */
  const behind = new WeakSet<Socket>();
  const isBehind = (socket: Socket): boolean => socket.destroyed || behind.has(socket);
  const server = createServer({ ...timeLimits, maxHeaderSize: 8192 }, (request, response) => {
    response.on("error", () => {});
    if (isBehind(request.socket)) return void request.socket.destroy();
    behind.add(request.socket);
    response.on("close", () => behind.delete(request.socket));
    const reply = replyOrFailure(() => replyTo(request, response));
    if (reply !== null) answer(request, response, content.policy, reply);
  });
  /** Null: the answer comes later. */
  const replyTo = (request: IncomingMessage, response: ServerResponse): Reply | null => {
    const refusal = refused(request, (server.address() as AddressInfo).port);
    if (refusal !== null) return refusal;
    const { path, have } = target(request.url ?? "/");
    if (path !== "/view") return file(path, content);
    lastAskedAt = performance.now();
    const served = content.now();
    if (request.method === "HEAD" || served.version !== have || served.isOver) return viewAnswer(served);
    wait(response, have);
    return null;
  };
  const wait = (response: ServerResponse, have: string): void => {
    waiting.set(response, have);
    const timer = setTimeout(() => finish(response, { status: 204 }), longestWaitMilliseconds).unref();
    response.on("close", () => {
      clearTimeout(timer);
      waiting.delete(response);
    });
  };
  const finish = (response: ServerResponse, reply: Reply): void => {
    waiting.delete(response);
    answer(response.req, response, content.policy, reply);
  };
  server.maxConnections = mostConnections;
  server.timeout = 20_000;
  server.on("connection", (socket) => socket.unref());
  server.on("clientError", (_, socket) => socket.destroy());
  await listen(server, port);
  // Too many open files, for one: who asks then gets no answer, and that is all.
  server.on("error", () => {});
  server.unref();
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    push() {
      if (waiting.size === 0) return 0;
      let version = "";
      const reply = replyOrFailure(() => {
        const served = content.now();
        version = served.version;
        return viewAnswer(served);
      });
      const due = [...waiting].filter(([, have]) => have !== version);
      for (const [response] of due) finish(response, reply);
      return due.length;
    },
    lastAskedAt: () => lastAskedAt,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A page that cannot be drawn must not end the training that it shows. */
function replyOrFailure<R>(reply: () => R): R | Reply {
  try {
    return reply();
  } catch (error) {
    return { status: 500, type: "text/plain", body: `The page cannot be drawn: ${error}\n` };
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(explained(error, port)));
    server.listen(port, "127.0.0.1", () => resolve());
  });
}

function explained(error: NodeJS.ErrnoException, port: number): Error {
  const what =
    error.code === "EADDRINUSE" ? "is in use" : error.code === "EACCES" ? "is not allowed to this user" : undefined;
  if (what === undefined) return error;
  return new ConfigError(`Port ${port} of 127.0.0.1 ${what}.`, {
    fix: "Give another --ui-port, or 0 for any free one.",
    details: { option: "ui-port", found: port },
    cause: error,
  });
}

interface Reply {
  readonly status: number;
  readonly type?: "text/html" | "text/plain" | "text/javascript";
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function refused({ method, headers }: IncomingMessage, port: number): Reply | null {
  const host = headers.host?.toLowerCase();
  const names = ["127.0.0.1", "localhost", "[::1]"];
  const allowed = names.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]));
  if (host === undefined || !allowed.includes(host)) {
    const body = `This page answers to http://127.0.0.1:${port}/ only. From another machine: ssh -L ${port}:127.0.0.1:${port} HOST, the same port on both sides.\n`;
    return { status: 403, type: "text/plain", body };
  }
  if (method === "GET" || method === "HEAD") return null;
  return { status: 405, type: "text/plain", body: "Only GET and HEAD.\n", headers: { allow: "GET, HEAD" } };
}

/** Compared with what there is, never resolved: a path with dots or escapes is just one that there is not. */
function target(url: string): { readonly path: string; readonly have: string } {
  const at = url.indexOf("?");
  const path = at < 0 ? url : url.slice(0, at);
  return { path, have: at < 0 ? "" : (new URLSearchParams(url.slice(at + 1)).get("have") ?? "") };
}

function file(path: string, content: Content): Reply {
  if (path === "/") return { status: 200, type: "text/html", body: content.page(content.now()) };
  if (path === "/page.js") return { status: 200, type: "text/javascript", body: content.script };
  return { status: 404, type: "text/plain", body: "There is nothing here.\n" };
}

const viewAnswer = ({ version, title, view, isOver }: Served): Reply => ({
  status: 200,
  type: "text/html",
  body: view,
  headers: { "x-version": version, "x-title": encodeURIComponent(title), "x-over": String(isOver) },
});

function answer(
  { method }: IncomingMessage,
  response: ServerResponse,
  policy: string,
  { status, type, body = "", headers = {} }: Reply,
): void {
  if (response.destroyed || response.writableEnded) return;
  response.writeHead(status, {
    ...(type && { "content-type": `${type}; charset=utf-8`, "content-length": Buffer.byteLength(body) }),
    "cache-control": "no-store",
    "content-security-policy": policy,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    ...headers,
  });
  response.end(method === "HEAD" ? undefined : body);
}
