/**
 * A registry on loopback that serves packed tarballs, for tests that install them as a user would: version ranges and
 * optional platform packages are resolved by the real npm and pnpm.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";

/** `package/package.json` of a tarball. */
export function manifestOf(tarball) {
  const tar = gunzipSync(tarball);
  for (let at = 0; at + 512 <= tar.length; ) {
    const name = tar.toString("utf8", at, at + 100).replace(/\0.*$/s, "");
    const bytes = Number.parseInt(tar.toString("latin1", at + 124, at + 136), 8) || 0;
    if (name === "package/package.json") return JSON.parse(tar.toString("utf8", at + 512, at + 512 + bytes));
    at += 512 + Math.ceil(bytes / 512) * 512;
  }
  throw new Error("The tarball has no package/package.json.");
}

/** Serves every `.tgz` of a folder. @returns {Promise<{ url: string, close: () => Promise<void>, requests: string[] }>} */
export async function serveRegistry(folder) {
  const packages = new Map();
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".tgz"))) {
    const tarball = readFileSync(join(folder, file));
    packages.set(manifestOf(tarball).name, { file, tarball, manifest: manifestOf(tarball) });
  }
  const requests = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname).slice(1);
    requests.push(path);
    const byFile = [...packages.values()].find(({ file }) => path === `-/${file}`);
    if (byFile) return response.end(byFile.tarball);
    const found = packages.get(path);
    if (!found) return response.writeHead(404, { "content-type": "application/json" }).end('{"error":"not found"}');
    const { manifest, tarball, file } = found;
    const dist = {
      tarball: `http://127.0.0.1:${server.address().port}/-/${basename(file)}`,
      shasum: createHash("sha1").update(tarball).digest("hex"),
      integrity: `sha512-${createHash("sha512").update(tarball).digest("base64")}`,
    };
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({
        name: manifest.name,
        "dist-tags": { latest: manifest.version },
        versions: { [manifest.version]: { ...manifest, dist } },
      }),
    );
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    requests,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
