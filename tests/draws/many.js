// Checks many draws in one process: its start takes longer than a draw. Each line of the input is
// {folder, own?}; each line of the output {verified, lines}.
"use strict";

const fs = require("fs");
const path = require("path");

const { verifyDraw } = require(process.argv[2]);

for (const line of fs.readFileSync(0, "utf-8").split("\n").slice(0, -1)) {
  const { folder, own } = JSON.parse(line);
  const files = {};
  for (const name of fs.readdirSync(folder)) {
    files[name] = new Uint8Array(fs.readFileSync(path.join(folder, name)));
  }
  const given = own === "line.json" ? files["line.json"] : own;
  const began = process.hrtime.bigint();
  const { verified, lines } = verifyDraw(files, { own: given });
  const ms = Number(process.hrtime.bigint() - began) / 1e6;
  process.stdout.write(`${JSON.stringify({ verified, lines, ms })}\n`);
}
