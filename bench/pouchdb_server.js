// PouchDB server as its makers wire it: full CouchDB mode, LevelDB store, compression on request.
// node pouchdb_server.js DIRECTORY PORT
"use strict";
const path = require("path");
const express = require("express");
const PouchDB = require("pouchdb");

const [directory, port] = process.argv.slice(2);
process.chdir(directory); // config.json and log.txt are written where it runs
const app = express();
app.use("/", require("express-pouchdb")(PouchDB.defaults({ prefix: directory + path.sep })));
app.listen(Number(port), "127.0.0.1");
