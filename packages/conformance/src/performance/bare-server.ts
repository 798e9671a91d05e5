// The plainest server there is, for the limit: reads a body, answers that many bytes.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const answerBytes = Number(process.argv[2] ?? 0);
const answer = Buffer.alloc(answerBytes, 0x5a);

const server = createServer((request, response) => {
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.on("end", () => {
    const status = bytes > 0 ? 201 : 200;
    response.writeHead(status, {
      "content-type": "application/cose",
      "content-length": answer.length,
    });
    response.end(answer);
  });
});
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  process.send?.(`http://127.0.0.1:${port}`);
});
