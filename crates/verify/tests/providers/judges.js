// What the providers' own libraries on npm say of requests, one JSON a line on standard input: the preset and the library that accepted
// it, one a line. A library that is not installed has no say; one that refuses ends this with an error.
const readline = require("node:readline");
const https = require("node:https");
const path = require("node:path");
const fs = require("node:fs");
const { EventEmitter } = require("node:events");

const header = (request, name) => request.headers.find(([key]) => key.toLowerCase() === name)[1];

const judges = {
  github: ["@octokit/webhooks-methods", async (library, request) =>
    library.verify(request.secret, request.body, header(request, "x-hub-signature-256"))],
  "aws-sns": ["sns-validator", (Validator, request) => new Promise((resolve) => {
    // The validator fetches the certificate itself, so it is handed to it here.
    https.get = (_url, answer) => {
      const response = Object.assign(new EventEmitter(), { statusCode: 200 });
      answer(response);
      response.emit("data", request.certificate);
      response.emit("end");
      return new EventEmitter();
    };
    // It keeps certificates by their URL; the query makes each its own, and is not signed.
    const message = JSON.parse(request.body);
    message.SigningCertURL = message.SigningCertURL.replace("Service-", `Service-${Math.random()}`);
    new Validator().validate(message, (error) => resolve(!error));
  })],
  discord: ["discord-interactions", async (library, request) => library.verifyKey(request.body,
    header(request, "x-signature-ed25519"), header(request, "x-signature-timestamp"), request.secret)],
  linear: ["@linear/sdk", async (library, request) => new library.LinearWebhookClient(request.secret).verify(
    Buffer.from(request.body), header(request, "linear-signature"), JSON.parse(request.body).webhookTimestamp)],
  paddle: ["@paddle/paddle-node-sdk", async (library, request) => {
    const paddle = new library.Paddle("unused");
    return paddle.webhooks.isSignatureValid(request.body, request.secret, header(request, "paddle-signature"));
  }],
};

// Packages lie where NODE_PATH says, which `import` does not look at; some can only be imported.
function installed(name) {
  for (const folder of (process.env.NODE_PATH ?? "").split(path.delimiter).filter(Boolean)) {
    const file = path.join(folder, files[name] ?? name);
    if (fs.existsSync(file)) return file;
  }
  return null;
}

const files = {
  "@octokit/webhooks-methods": "@octokit/webhooks-methods/dist-node/index.js",
  "@linear/sdk": "@linear/sdk/dist/webhooks/index.mjs",
};

async function load(name) {
  const file = installed(name);
  if (!file) return null;
  if (!files[name]) return require(file);
  return import(file);
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    const [name, accepts] = judges[request.preset] ?? [];
    const library = name && await load(name);
    if (!library) continue;
    if (!await accepts(library, request)) throw new Error(`${name} refuses the request of ${request.preset}`);
    console.log(`${request.preset}\t${name} (npm)`);
  }
}
main().catch((error) => { console.error(error); process.exit(1); });
