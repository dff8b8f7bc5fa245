// Timers and the order of the event loop's phases; what cancels and what keeps the loop alive.
"use strict";
const { setTimeout: sleep } = require("node:timers/promises");
const said = [];
const say = (...words) => said.push(words.join(" "));

async function main() {
  process.nextTick(() => say("tick"));
  Promise.resolve().then(() => say("microtask"));
  await new Promise((done) => setImmediate(() => { say("immediate"); done(); }));

  const order = [];
  await Promise.all([30, 10, 20, 0].map((ms) => sleep(ms * 10).then(() => order.push(ms))));
  say("order", order);

  let count = 0;
  await new Promise((done) => {
    const timer = setInterval(() => { if (++count === 5) { clearInterval(timer); done(); } }, 3);
  });
  say("interval", count);

  const cancelled = setTimeout(() => say("never"), 5);
  clearTimeout(cancelled);
  setTimeout(() => say("never either"), 3600000).unref();
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 5);
  try { await sleep(60000, null, { signal: stop.signal }); } catch (err) { say(err.name, err.code); }

  const before = process.hrtime.bigint();
  await sleep(50);
  const took = Number(process.hrtime.bigint() - before) / 1e6;
  say("slept", took >= 49);
  say("cpu", process.cpuUsage().user > 0, "rss", process.memoryUsage().rss > 1 << 20);
  for await (const n of require("node:timers/promises").setInterval(2, 7)) {
    say("async interval", n);
    break;
  }
}
process.on("exit", (code) => console.log(said.join("\n") + `\nexit ${code}`));
main();
