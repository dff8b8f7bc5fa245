// Files: promises and streams of libuv's thread pool, directories, links, watching, errors.
"use strict";
const fs = require("node:fs"), path = require("node:path"), { once } = require("node:events");
const { pipeline } = require("node:stream/promises"), zlib = require("node:zlib");
const crypto = require("node:crypto"), p = fs.promises;
process.chdir(process.argv[2]);

async function refused(what) {
  try { await what; console.log("no error"); } catch (err) {
    console.log(err.code, err.syscall, path.basename(err.path || ""));
  }
}

async function main() {
  const text = Array.from({ length: 20000 }, (_, n) => `line ${n}\n`).join("");
  await p.writeFile("f", text);
  console.log((await p.stat("f")).size, (await p.readFile("f", "utf8")) === text);
  await Promise.all(Array.from({ length: 40 }, (_, n) => p.writeFile(`n${n}`, "x".repeat(n))));
  const sizes = await Promise.all(Array.from({ length: 40 }, async (_, n) => (await p.stat(`n${n}`)).size));
  console.log(sizes.reduce((a, b) => a + b));
  await p.mkdir("a/b/c", { recursive: true });
  await p.rename("n1", "a/n1");
  await p.copyFile("n2", "a/b/n2");
  await p.symlink("../n3", "a/link");
  await p.link("n4", "a/n4");
  console.log(await p.readlink("a/link"), (await p.lstat("a/link")).isSymbolicLink(), (await p.stat("a/n4")).nlink);
  const names = [];
  for await (const entry of await p.opendir("a")) names.push(entry.name + (entry.isDirectory() ? "/" : ""));
  console.log(names.sort().join(" "), path.basename(await p.realpath("a/link")));
  await p.chmod("n5", 0o640);
  await p.utimes("n5", 1e9, 1e9 + 0.5);
  const n5 = await p.stat("n5", { bigint: true });
  console.log((n5.mode & 0o777n).toString(8), n5.mtimeNs);
  await p.truncate("n39", 3);
  await p.appendFile("n39", "end");
  console.log(await p.readFile("n39", "latin1"), await p.access("n39").then(() => "there"));
  const file = await p.open("new", "w+");
  await file.write("0123456789");
  console.log((await file.read(Buffer.alloc(4), 0, 4, 3)).buffer.toString(), (await file.stat()).size);
  await file.datasync();
  await file.close();
  await pipeline(fs.createReadStream("f"), zlib.createGzip(), fs.createWriteStream("f.gz"));
  const hash = crypto.createHash("sha256");
  await pipeline(fs.createReadStream("f.gz"), zlib.createGunzip(), hash);
  console.log(hash.digest("hex") === crypto.createHash("sha256").update(text).digest("hex"));
  await refused(p.readFile("nobody"));
  await refused(p.mkdir("a"));
  await refused(p.rmdir("a"));
  await refused(p.open("f/x"));
  await refused(p.readdir("f"));
  await refused(p.rename("a", "a/b/x"));
  const seen = new Set(), watcher = fs.watch("a", (kind, name) => { seen.add(`${kind} ${name}`); });
  await p.writeFile("a/watched", "x");
  await p.unlink("a/watched");
  for (let n = 0; n < 100 && !seen.has("change watched"); n++) await new Promise((done) => setTimeout(done, 20));
  watcher.close();
  console.log([...seen].sort().join(", "));
  const stream = fs.createWriteStream("big");
  for (let n = 0; n < 50; n++) if (!stream.write(Buffer.alloc(20000, n))) await once(stream, "drain");
  stream.end();
  await once(stream, "finish");
  console.log((await p.stat("big")).size, fs.readFileSync("big")[999999]);
  await p.rm("a", { recursive: true });
  console.log(fs.existsSync("a"), (await p.mkdtemp("tmp-")).length);
}
main().catch((err) => { console.log(err); process.exit(1); });
