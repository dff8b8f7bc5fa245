// worker_threads: messages, shared memory with Atomics, ports that travel, ends of all kinds.
"use strict";
const wt = require("node:worker_threads");
if (!wt.isMainThread) {
  const { kind, shared, n } = wt.workerData;
  if (kind === "sum") {
    for (let i = 0; i < 1000; i++) Atomics.add(shared, 0, 1);
    wt.parentPort.postMessage(n * n);
  } else if (kind === "wait") {
    Atomics.store(shared, 2, 1);
    Atomics.notify(shared, 2);
    wt.parentPort.postMessage(Atomics.wait(shared, 1, 0, 60000));
  } else if (kind === "throw") {
    throw new RangeError("inside");
  } else if (kind === "exit") {
    process.exit(7);
  } else if (kind === "spin") {
    wt.parentPort.postMessage("spins");
    for (;;);
  } else if (kind === "port") {
    wt.parentPort.once("message", ({ port }) => {
      port.on("message", (text) => { port.postMessage(text.toUpperCase()); port.close(); });
    });
  } else {
    wt.parentPort.on("message", (buffer) => {
      const bytes = new Uint8Array(buffer);
      wt.parentPort.postMessage(bytes.reduce((a, b) => a + b, 0));
      wt.parentPort.close();
    });
  }
  return;
}
const { once } = require("node:events");
const start = (workerData) => new wt.Worker(__filename, { workerData });

async function main() {
  const shared = new Int32Array(new SharedArrayBuffer(64));
  const workers = [1, 2, 3, 4].map((n) => start({ kind: "sum", shared, n }));
  const squares = await Promise.all(workers.map(async (w) => (await once(w, "message"))[0]));
  await Promise.all(workers.map((w) => w.threadId < 0 || once(w, "exit")));
  console.log(squares.join(" "), shared[0]);

  const waiter = start({ kind: "wait", shared });
  const answer = once(waiter, "message");
  Atomics.wait(shared, 2, 0, 60000);
  while (!Atomics.notify(shared, 1)) await new Promise((done) => setTimeout(done, 5));
  console.log((await answer)[0]);

  const thrower = start({ kind: "throw" });
  thrower.on("error", (err) => console.log(err.name, err.message));
  console.log(await once(thrower, "exit").catch((err) => err.message));
  console.log((await once(start({ kind: "exit" }), "exit"))[0]);

  const spinner = start({ kind: "spin" });
  console.log((await once(spinner, "message"))[0], await spinner.terminate());

  const { port1, port2 } = new wt.MessageChannel();
  const porter = start({ kind: "port" });
  porter.postMessage({ port: port2 }, [port2]);
  port1.postMessage("across");
  console.log((await once(port1, "message"))[0]);
  port1.close();

  const mover = start({ kind: "move" }), buffer = new Uint8Array([1, 2, 3, 200]).buffer;
  mover.postMessage(buffer, [buffer]);
  console.log((await once(mover, "message"))[0], buffer.byteLength);
}
main().catch((err) => { console.log(err); process.exit(1); });
