// tus-js-client as a command: node tus_js.mjs ENDPOINT TOKEN FILE METADATA-JSON STATE CHUNK-BYTES
// Remembers in STATE where its upload is, so that the next run goes on from there.
import fs from "node:fs";
import { FileUrlStorage, Upload } from "tus-js-client";

const [endpoint, token, file, metadata, state, chunk] = process.argv.slice(2);
const upload = new Upload(fs.createReadStream(file), {
  endpoint,
  headers: { Authorization: `Bearer ${token}`, "Sync-Protocol": "1" },
  metadata: JSON.parse(metadata),
  chunkSize: Number(chunk),
  uploadSize: fs.statSync(file).size,
  urlStorage: new FileUrlStorage(state),
  fingerprint: async () => `${file} ${endpoint}`,
  retryDelays: [0, 50, 100, 200, 400, 800],
  onError: (error) => {
    console.error(String(error));
    process.exitCode = 1;
  },
  onSuccess: () => console.log(upload.url),
});
const earlier = await upload.findPreviousUploads();
if (earlier.length) upload.resumeFromPreviousUpload(earlier[0]);
upload.start();
