// Asks `taxi` at the target with @grpc/grpc-js: unary, stream, gzip, deadline, cancel, metadata.
//
//     npm install @grpc/grpc-js @grpc/proto-loader
//     node client.js 127.0.0.1:8081 ../../../../protos/inference.proto
"use strict";
const assert = require("node:assert");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const [target, proto] = process.argv.slice(2);
const definition = loader.loadSync(proto, {
  keepCase: true,
  longs: Number,
  includeDirs: [require("node:path").resolve(proto, "../..")],
});
const { GRPCInferenceService } = grpc.loadPackageDefinition(definition).inference;

function question(miles, id) {
  const distance = Buffer.alloc(4 * miles.length);
  const people = Buffer.alloc(8 * miles.length);
  miles.forEach((far, n) => {
    distance.writeFloatLE(far, 4 * n);
    people.writeBigInt64LE(1n, 8 * n);
  });
  return {
    model_name: "taxi",
    id,
    inputs: [
      { name: "distance", datatype: "FP32", shape: [miles.length, 1] },
      { name: "passengers", datatype: "INT64", shape: [miles.length, 1] },
    ],
    raw_input_contents: [distance, people],
  };
}

function fares(answer) {
  const raw = answer.raw_output_contents[0];
  return Array.from({ length: raw.length / 4 }, (_, n) => raw.readFloatLE(4 * n));
}

function options(seconds = 20) {
  return { deadline: Date.now() + seconds * 1000 };
}

function infer(client, request, metadata = new grpc.Metadata(), more = options()) {
  return new Promise((resolve, reject) => {
    client.ModelInfer(request, metadata, more, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

async function unary(client) {
  const metadata = new grpc.Metadata();
  metadata.set("x-tag", "node");
  metadata.set("x-raw-bin", Buffer.from([0, 1, 254, 255]));
  const answer = await infer(client, question([1, 2, 4], "node-1"), metadata);
  assert.deepStrictEqual(fares(answer), [5.5, 8, 13]);
  assert.strictEqual(answer.id, "node-1");
  const many = await Promise.all(
    Array.from({ length: 50 }, (_, n) => infer(client, question([n], `n${n}`))),
  );
  many.forEach((one, n) => assert.deepStrictEqual(fares(one), [3 + 2.5 * n]));
  const large = Array.from({ length: 4000 }, (_, n) => n % 400);
  assert.deepStrictEqual(
    fares(await infer(client, question(large, "large"))),
    large.map((far) => 3 + 2.5 * far),
  );
}

async function refusals(client) {
  await assert.rejects(infer(client, question([-1], "bad")), (error) => {
    assert.strictEqual(error.code, grpc.status.INVALID_ARGUMENT);
    assert.match(error.details, /'distance'/);
    return true;
  });
  await assert.rejects(infer(client, question([1], "late"), new grpc.Metadata(), options(-1)), {
    code: grpc.status.DEADLINE_EXCEEDED,
  });
}

function stream(client) {
  return new Promise((resolve, reject) => {
    const call = client.ModelStreamInfer(new grpc.Metadata(), options());
    let place = 0;
    call.on("data", (answer) => {
      try {
        if (place === 5) assert.match(answer.error_message, /'distance'/);
        else assert.deepStrictEqual(fares(answer.infer_response), [3 + 2.5 * place]);
        assert.strictEqual(answer.infer_response.id, `s${place}`);
        place += 1;
      } catch (error) {
        reject(error);
      }
    });
    call.on("error", reject);
    call.on("end", () => (place === 100 ? resolve() : reject(new Error(`${place} answers`))));
    for (let n = 0; n < 100; n += 1) call.write(question([n === 5 ? -1 : n], `s${n}`));
    call.end();
  });
}

function cancelled(client) {
  return new Promise((resolve, reject) => {
    const call = client.ModelStreamInfer(new grpc.Metadata(), options());
    call.on("data", () => call.cancel());
    call.on("error", (error) =>
      error.code === grpc.status.CANCELLED ? resolve() : reject(error),
    );
    call.on("end", () => reject(new Error("it ended well")));
    call.write(question([1], "c"));
  });
}

async function main() {
  const credentials = grpc.credentials.createInsecure();
  const variants = [
    {},
    { "grpc.default_compression_algorithm": 2 },
    { "grpc.default_compression_algorithm": 1 },
    { "grpc.keepalive_time_ms": 500, "grpc.keepalive_permit_without_calls": 1 },
  ];
  for (const variant of variants) {
    const client = new GRPCInferenceService(target, credentials, variant);
    await unary(client);
    await refusals(client);
    await stream(client);
    await cancelled(client);
    await unary(client);
    client.close();
  }
  console.log("node: all answered");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
