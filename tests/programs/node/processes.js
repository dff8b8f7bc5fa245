// Children: pipes, signals, messages, a listening socket that is handed over, a cluster.
"use strict";
const cp = require("node:child_process"), net = require("node:net"), { once } = require("node:events");
if (process.argv[3] === "child") {
  process.on("message", (message, handle) => {
    if (handle) handle.on("connection", (socket) => socket.end("by the child\n"));
    process.send(handle ? "serving" : { doubled: message.n * 2 });
  });
  process.on("SIGTERM", () => process.exit(9));
  process.send("ready");
  return;
}
process.chdir(process.argv[2]);

async function main() {
  const { promisify } = require("node:util"), run = promisify(cp.execFile);
  console.log((await run("echo", ["a", "b c"])).stdout.trim());
  console.log(await promisify(cp.exec)("echo err >&2; exit 3").catch((err) => `${err.code} ${err.stderr.trim()}`));
  console.log(cp.spawnSync("cat", { input: "through cat" }).stdout.toString(), cp.execSync("pwd; echo $X", { env: { X: "y" }, cwd: "/" }).toString().split("\n").join(","));
  const cat = cp.spawn("cat");
  cat.stdin.end("x".repeat(300000));
  let size = 0;
  for await (const part of cat.stdout) size += part.length;
  console.log(size, cat.exitCode ?? (await once(cat, "exit"))[0]);
  const sleeper = cp.spawn("sleep", ["60"]);
  sleeper.kill("SIGKILL");
  console.log((await once(sleeper, "exit")).join(" "));
  console.log((await once(cp.spawn("/nobody"), "error").then(([err]) => [err.code, err.syscall])).join(" "));
  console.log(cp.spawnSync("sleep", ["60"], { timeout: 50 }).error.code);

  const child = cp.fork(__filename, [process.argv[2], "child"]);
  console.log((await once(child, "message"))[0]);
  child.send({ n: 21 });
  console.log((await once(child, "message"))[0]);
  const server = net.createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  child.send("take it", server);
  console.log((await once(child, "message"))[0]);
  await new Promise((done) => server.close(done));
  console.log((await once(net.connect(port, "127.0.0.1"), "data"))[0].toString().trim());
  child.kill("SIGTERM");
  console.log((await once(child, "exit")).join(" "));

  let got = 0;
  process.on("SIGUSR2", () => { got++; });
  process.kill(process.pid, "SIGUSR2");
  for (let n = 0; n < 200 && !got; n++) await new Promise((done) => setTimeout(done, 5));
  console.log("signals", got);
}
main().catch((err) => { console.log(err); process.exit(1); });
