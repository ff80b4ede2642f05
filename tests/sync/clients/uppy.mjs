// Uppy with @uppy/tus as a command: node uppy.mjs ENDPOINT TOKEN FILE METADATA-JSON STATE CHUNK-BYTES
// In a browser it remembers its uploads in localStorage; STATE stands for that here.
import fs from "node:fs";
import path from "node:path";
import Uppy from "@uppy/core";
import Tus from "@uppy/tus";
import { FileUrlStorage } from "tus-js-client";

const [endpoint, token, file, metadata, state, chunk] = process.argv.slice(2);

const told = JSON.parse(metadata);
const uppy = new Uppy({ autoProceed: false });
uppy.use(Tus, {
  endpoint,
  headers: { Authorization: `Bearer ${token}`, "Sync-Protocol": "1" },
  chunkSize: Number(chunk),
  urlStorage: new FileUrlStorage(state),
  retryDelays: [0, 50, 100, 200, 400, 800],
  allowedMetaFields: Object.keys(told),
});
const data = fs.readFileSync(file);
uppy.addFile({
  name: path.basename(file),
  type: told.mime,
  data: Object.assign(data, { size: data.length }),
  meta: told,
});
const done = await uppy.upload();
for (const failed of done.failed) console.error(String(failed.error));
for (const one of done.successful) console.log(one.uploadURL);
process.exitCode = done.failed.length ? 1 : 0;
