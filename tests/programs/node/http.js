// A web server and its clients in one process: TCP over both families, a socket with a name.
"use strict";
const http = require("node:http"), net = require("node:net"), dgram = require("node:dgram");
const { once } = require("node:events");
process.chdir(process.argv[2]);

function ask(options, body) {
  return new Promise((done, failed) => {
    const request = http.request(options, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => done([response.statusCode, Buffer.concat(parts)]));
    });
    request.on("error", failed);
    request.end(body);
  });
}

async function main() {
  const server = http.createServer((request, response) => {
    if (request.url === "/echo") { request.pipe(response); return; }
    if (request.url === "/slow") { setTimeout(() => response.end("late"), 30); return; }
    if (request.url === "/cut") { response.write("x"); request.socket.destroy(); return; }
    response.writeHead(request.url === "/" ? 200 : 404, { "Content-Type": "text/plain" });
    response.end(`${request.method} ${request.url}\n`);
  });
  for (const host of ["127.0.0.1", "::1"]) {
    server.listen(0, host);
    await once(server, "listening");
    const { port, family } = server.address();
    console.log(family);
    for (const path of ["/", "/nobody"]) {
      const [status, body] = await ask({ host, port, path });
      console.log(status, body.toString().trim());
    }
    const big = Buffer.alloc(1 << 20, "0123456789abcdef");
    const [, back] = await ask({ host, port, path: "/echo", method: "POST" }, big);
    console.log(back.length, back.equals(big));
    const agent = new http.Agent({ keepAlive: true, maxSockets: 3 });
    const many = await Promise.all(Array.from({ length: 30 }, (_, n) =>
      ask({ host, port, agent, path: n % 3 ? "/" : "/slow" })));
    console.log(many.filter(([status]) => status === 200).length, many[0][1].toString());
    agent.destroy();
    console.log(await ask({ host, port, path: "/cut" }).catch((err) => err.code));
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    console.log(await ask({ host, port, path: "/" }).catch((err) => `${err.code} ${err.syscall}`));
  }
  server.listen("named");
  await once(server, "listening");
  console.log(server.address(), (await ask({ socketPath: "named", path: "/" }))[1].toString().trim());
  await new Promise((done) => server.close(done));

  const half = net.createServer({ allowHalfOpen: true }, (socket) => {
    let text = "";
    socket.on("data", (part) => { text += part; });
    socket.on("end", () => socket.end(text.toUpperCase()));
  });
  half.listen(0, "127.0.0.1");
  await once(half, "listening");
  const client = net.connect(half.address().port, "127.0.0.1");
  client.end("half closed");
  console.log((await once(client, "data"))[0].toString());
  half.close();

  const one = dgram.createSocket("udp4"), two = dgram.createSocket("udp4");
  await new Promise((done) => one.bind(0, "127.0.0.1", done));
  two.send("datagram", one.address().port, "127.0.0.1");
  const [message, from] = await once(one, "message");
  console.log(message.toString(), from.address, from.family, from.size);
  one.close();
  two.close();
  console.log(await once(net.connect(1, "127.0.0.1"), "connect").catch((err) => err.code));
}
main().catch((err) => { console.log(err); process.exit(1); });
