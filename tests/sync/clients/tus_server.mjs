// @tus/server with its file store: node tus_server.mjs FOLDER. Prints its port when it listens.
import { FileStore } from "@tus/file-store";
import { Server } from "@tus/server";

const server = new Server({
  path: "/files",
  datastore: new FileStore({ directory: process.argv[2], expirationPeriodInMilliseconds: 60000 }),
  maxSize: 50_000_000,
});
const listening = server.listen({ host: "127.0.0.1", port: 0 }, () => {
  console.log(listening.address().port);
});
