import { request } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Served, serveView, type ViewServer } from "./server.js";

let server: ViewServer;
let served: Served;
let drawn = 0;
const port = (): number => Number(new URL(server.url).port);
beforeEach(async () => {
  drawn = 0;
  served = { version: "a-1", title: "42 % · rmc2", view: "<p>view</p>", isOver: false };
  server = await serveView(0, {
    now: () => {
      drawn++;
      return served;
    },
    page: ({ view }) => `<main>${view}</main>`,
    script: "/* script */",
    policy: "default-src 'none'",
  });
});
afterEach(() => server.close());

interface Answer {
  readonly status: number | undefined;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** The path is sent as it is: `fetch` would resolve it. */
const ask = (path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port: port(), path, method, headers, agent: false }, (answer) => {
      let body = "";
      answer.on("data", (chunk) => {
        body += chunk;
      });
      answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, body }));
    });
    asked.on("error", reject);
    asked.end();
  });

/** Sends bytes and gives back what comes until the connection ends. */
const raw = (text: string): Promise<string> =>
  new Promise((resolve) => {
    let all = "";
    const socket = connect(port(), "127.0.0.1", () => socket.write(text));
    socket.on("data", (chunk) => {
      all += chunk;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(all));
  });

test("the page, its script and the view, each with the policy and never kept", async () => {
  for (const [path, type, body] of [
    ["/", "text/html", "<main><p>view</p></main>"],
    ["/page.js", "text/javascript", "/* script */"],
    ["/view", "text/html", "<p>view</p>"],
    ["/view?have=a-0", "text/html", "<p>view</p>"],
  ] as const) {
    const answer = await ask(path);
    expect(answer).toMatchObject({ status: 200, body });
    expect(answer.headers).toMatchObject({
      "content-type": `${type}; charset=utf-8`,
      "content-security-policy": "default-src 'none'",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
    });
  }
  const { headers } = await ask("/view");
  expect(headers["x-version"]).toBe("a-1");
  expect(decodeURIComponent(String(headers["x-title"]))).toBe("42 % · rmc2");
});

test("it listens on 127.0.0.1 and nowhere else", async () => {
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  const reached = (host: string) =>
    new Promise((resolve) => {
      const socket = connect(port(), host, () => resolve(true));
      socket.on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
  expect(await reached("127.0.0.1")).toBe(true);
  for (const host of ["127.0.0.2", "::1"]) expect(await reached(host)).toBe(false);
});

test("a name that was made to point here is refused, whatever it looks like", async () => {
  const right = port();
  for (const host of [`127.0.0.1:${right}`, `localhost:${right}`, `LOCALHOST:${right}`, `[::1]:${right}`])
    expect(await ask("/", { host })).toMatchObject({ status: 200 });
  for (const host of [
    "evil.example",
    `evil.example:${right}`,
    `127.0.0.1:${right + 1}`,
    "127.0.0.1",
    "localhost",
    `localhost.evil.example:${right}`,
    `127.0.0.1.evil.example:${right}`,
    `user@127.0.0.1:${right}`,
    `127.0.0.1:${right}, evil.example`,
    `0.0.0.0:${right}`,
    `[::]:${right}`,
  ])
    for (const path of ["/", "/view", "/page.js"]) expect(await ask(path, { host })).toMatchObject({ status: 403 });
  expect((await ask("/", { host: "evil.example" })).body).toContain(`ssh -L ${right}:127.0.0.1:${right}`);
  expect(await raw("GET / HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 403/);
  expect(await raw("GET / HTTP/1.1\r\n\r\n")).not.toContain("view</p>");
});

test("only GET and HEAD", async () => {
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
    expect(await ask("/view", {}, method)).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
  expect(await ask("/", {}, "HEAD")).toMatchObject({ status: 200, body: "", headers: { "content-length": "24" } });
  expect(await ask("/view?have=a-1", {}, "HEAD")).toMatchObject({ status: 200, body: "" });
});

test("no path leads to a file", async () => {
  for (const path of [
    "/../package.json",
    "/..%2f..%2fetc/passwd",
    "//etc/passwd",
    "/./view",
    "/view/",
    "/%76iew",
    "/page.js/../../x",
    "/report.json",
    "/\\..\\x",
    "/view%00",
    "http://evil.example/view",
    "*",
  ])
    expect(await ask(path)).toMatchObject({ status: 404 });
});

test("who has the newest view waits until there is another, all are answered with one", async () => {
  const answers = Promise.all(Array.from({ length: 5 }, () => ask("/view?have=a-1")));
  await expect.poll(() => drawn).toBe(5);
  expect(server.push()).toBe(0);
  served = { ...served, version: "a-2", view: "<p>new</p>" };
  drawn = 0;
  expect(server.push()).toBe(5);
  expect(drawn).toBe(1);
  for (const answer of await answers) expect(answer).toMatchObject({ status: 200, body: "<p>new</p>" });
  expect(server.push()).toBe(0);
});

test("clients that never read or vanish hold nothing up and are forgotten", async () => {
  served = { ...served, view: "x".repeat(2_000_000) };
  const slow = Array.from({ length: 10 }, () => connect(port(), "127.0.0.1"));
  for (const socket of slow) {
    socket.on("error", () => {});
    socket.pause();
    socket.write(`GET /view HTTP/1.1\r\nHost: 127.0.0.1:${port()}\r\n\r\n`);
  }
  await expect.poll(() => drawn).toBe(10);
  expect((await ask("/view")).body).toHaveLength(2_000_000);
  // One that waits and goes away is not answered any more.
  drawn = 0;
  const gone = connect(port(), "127.0.0.1", () =>
    gone.write(`GET /view?have=a-1 HTTP/1.1\r\nHost: 127.0.0.1:${port()}\r\n\r\n`),
  );
  await expect.poll(() => drawn).toBe(1);
  gone.destroy();
  served = { ...served, version: "a-2", view: "" };
  await expect.poll(() => server.push()).toBe(0);
  for (const socket of slow) socket.destroy();
});

test("clients that ask thousands of times and never read cost one answer each", async () => {
  served = { ...served, view: "x".repeat(20_000) };
  const rss = () => process.memoryUsage.rss();
  const before = rss();
  const asks = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port()}\r\n\r\n`.repeat(3000);
  const sockets = Array.from({ length: 31 }, () => connect(port(), "127.0.0.1"));
  let most = before;
  const ended = sockets.map(
    (socket) =>
      new Promise<void>((resolve) => {
        socket.on("error", () => {});
        socket.on("close", () => resolve());
        socket.pause();
        socket.write(asks, () => {
          most = Math.max(most, rss());
          socket.resume();
        });
      }),
  );
  await Promise.all(ended);
  expect(Math.max(most, rss()) - before).toBeLessThan(100 * 2 ** 20);
  expect(drawn).toBeLessThanOrEqual(31);
  expect((await ask("/")).status).toBe(200);
});

test("connections that send their headers a byte a second do not shut others out for long", async () => {
  const sockets = Array.from({ length: 32 }, () =>
    connect(port(), "127.0.0.1", function (this: Socket) {
      this.on("error", () => {});
      this.write("GET / HTTP/1.1\r\nx: ");
    }),
  );
  const drip = setInterval(() => {
    for (const socket of sockets) if (!socket.destroyed) socket.write("a");
  }, 1000);
  const started = performance.now();
  try {
    await expect
      .poll(
        () =>
          ask("/").then(
            ({ status }) => status,
            () => null,
          ),
        { timeout: 20_000, interval: 500 },
      )
      .toBe(200);
    expect(performance.now() - started).toBeLessThan(10_000);
  } finally {
    clearInterval(drip);
    for (const socket of sockets) socket.destroy();
  }
});

test("a page that cannot be drawn is an answer, not the end of the process", async () => {
  const late = ask("/view?have=a-1");
  await expect.poll(() => drawn).toBe(1);
  Object.defineProperty(served, "version", {
    get: () => {
      throw new Error("no figure");
    },
  });
  expect(server.push()).toBe(1);
  for (const answer of [await late, await ask("/view")])
    expect(answer).toMatchObject({ status: 500, body: "The page cannot be drawn: Error: no figure\n" });
});

test("a port in use says so and what to do", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const taken = (other.address() as { port: number }).port;
  const content = { now: () => served, page: () => "", script: "", policy: "" };
  await expect(serveView(taken, content)).rejects.toThrow(
    `Port ${taken} of 127.0.0.1 is in use. Give another --ui-port, or 0 for any free one.`,
  );
  other.close();
});
