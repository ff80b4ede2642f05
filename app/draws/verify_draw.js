#!/usr/bin/env node
/*
验证一次“双随机”抽取。Check a draw of units and officers (algorithm SSJ1).

    node verify_draw.js [folder]
    node verify_draw.js manifest.json population.tsv reveal.json [officers.tsv eligible.tsv]
    node verify_draw.js --own <archive number | line.json> [folder]

Without arguments it takes the files that lie beside it. It needs no package, opens no network
connection and writes no file. It repeats the draw from the published files alone, and compares
result.tsv, assignment.tsv and SHA256SUMS where they lie beside the manifest. With --own a unit
checks its own lot: by its archive number where population.tsv is public, otherwise with the file
that the agency hands over for its line.
Exit code 0: everything agrees; 1: something does not, or a file is not as it must be.

In a browser: verifyDraw(files, {own, say}), files = {name: Uint8Array}.
*/
"use strict";

(function (root) {
  const USAGE = `
验证一次“双随机”抽取。Check a draw of units and officers (algorithm SSJ1).

    node verify_draw.js [folder]
    node verify_draw.js manifest.json population.tsv reveal.json [officers.tsv eligible.tsv]
    node verify_draw.js --own <archive number | line.json> [folder]
`;

  // Something does not agree: said in Chinese and in English.
  class Refused extends Error {}

  function refuse(zh, en) {
    throw new Refused(`${zh} | ${en}`);
  }

  // ---- bytes and text ---------------------------------------------------------------------------

  const utf8 = new TextEncoder();
  const hexByte = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, "0"));

  function hex(bytes) {
    let text = "";
    for (const byte of bytes) text += hexByte[byte];
    return text;
  }

  function fromHex(text) {
    return Uint8Array.from(text.match(/../g) || [], (pair) => parseInt(pair, 16));
  }

  function numberOfBytes(bytes) {
    return BigInt(`0x${hex(bytes)}`);
  }

  // The n low-order bytes of a number, most significant first.
  function bigEndian(number, n) {
    const bytes = new Uint8Array(n);
    for (let at = n - 1, rest = number; at >= 0; at -= 1, rest = Math.floor(rest / 256)) {
      bytes[at] = rest % 256;
    }
    return bytes;
  }

  function joined(parts) {
    const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  function compareBytes(a, b) {
    const shorter = Math.min(a.length, b.length);
    for (let at = 0; at < shorter; at += 1) if (a[at] !== b[at]) return a[at] - b[at];
    return a.length - b.length;
  }

  function sameBytes(a, b) {
    return a.length === b.length && compareBytes(a, b) === 0;
  }

  // Texts in the order of their UTF-8 bytes, which is not the order of JavaScript's strings.
  function byBytes(a, b) {
    return a === b ? 0 : compareBytes(utf8.encode(a), utf8.encode(b));
  }

  function byNumber(a, b) {
    return a < b ? -1 : a > b ? 1 : 0;
  }

  function decoded(bytes) {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  }

  // ---- SHA-256 and SM3 --------------------------------------------------------------------------

  const words = new Int32Array(68);
  const turn = (x, n) => (x << n) | (x >>> (32 - n));

  function readWords(data, at) {
    for (let n = 0; n < 16; n += 1, at += 4) {
      words[n] = (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];
    }
  }

  // The first 64 primes; SHA-256 takes its constants from their cube and square roots.
  const PRIMES = [];
  for (let n = 2; PRIMES.length < 64; n += 1) if (PRIMES.every((p) => n % p)) PRIMES.push(n);

  // The first 32 bits after the point of the root of p, found bit by bit in whole numbers.
  function fraction(p, power) {
    let found = 0n;
    for (let bit = 1n << 40n; bit > 0n; bit >>= 1n) {
      if ((found | bit) ** power <= BigInt(p) << (32n * power)) found |= bit;
    }
    return Number(BigInt.asIntN(32, found));
  }

  const ROUNDS = Int32Array.from(PRIMES, (p) => fraction(p, 3n));

  const SHA256 = {
    start: Int32Array.from(PRIMES.slice(0, 8), (p) => fraction(p, 2n)),
    mix(state, data, at) {
      readWords(data, at);
      for (let n = 16; n < 64; n += 1) {
        const x = words[n - 15];
        const y = words[n - 2];
        const s0 = turn(x, 25) ^ turn(x, 14) ^ (x >>> 3);
        const s1 = turn(y, 15) ^ turn(y, 13) ^ (y >>> 10);
        words[n] = (words[n - 16] + s0 + words[n - 7] + s1) | 0;
      }
      let [a, b, c, d, e, f, g, h] = state;
      for (let n = 0; n < 64; n += 1) {
        const s1 = turn(e, 26) ^ turn(e, 21) ^ turn(e, 7);
        const one = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS[n] + words[n]) | 0;
        const s0 = turn(a, 30) ^ turn(a, 19) ^ turn(a, 10);
        const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        h = g;
        g = f;
        f = e;
        e = (d + one) | 0;
        d = c;
        c = b;
        b = a;
        a = (one + two) | 0;
      }
      state[0] += a;
      state[1] += b;
      state[2] += c;
      state[3] += d;
      state[4] += e;
      state[5] += f;
      state[6] += g;
      state[7] += h;
    },
  };

  // GB/T 32905-2016.
  const SM3 = {
    start: Int32Array.of(
      0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e
    ),
    mix(state, data, at) {
      readWords(data, at);
      for (let n = 16; n < 68; n += 1) {
        const x = words[n - 16] ^ words[n - 9] ^ turn(words[n - 3], 15);
        words[n] = x ^ turn(x, 15) ^ turn(x, 23) ^ turn(words[n - 13], 7) ^ words[n - 6];
      }
      let [a, b, c, d, e, f, g, h] = state;
      for (let n = 0; n < 64; n += 1) {
        const constant = n < 16 ? 0x79cc4519 : 0x7a879d8a;
        const ss1 = turn((turn(a, 12) + e + turn(constant, n % 32)) | 0, 7);
        const ff = n < 16 ? a ^ b ^ c : (a & b) | (a & c) | (b & c);
        const gg = n < 16 ? e ^ f ^ g : (e & f) | (~e & g);
        const one = (ff + d + (ss1 ^ turn(a, 12)) + (words[n] ^ words[n + 4])) | 0;
        const two = (gg + h + ss1 + words[n]) | 0;
        d = c;
        c = turn(b, 9);
        b = a;
        a = one;
        h = g;
        g = turn(f, 19);
        f = e;
        e = two ^ turn(two, 9) ^ turn(two, 17);
      }
      state[0] ^= a;
      state[1] ^= b;
      state[2] ^= c;
      state[3] ^= d;
      state[4] ^= e;
      state[5] ^= f;
      state[6] ^= g;
      state[7] ^= h;
    },
  };

  const ALGORITHMS = { sha256: SHA256, sm3: SM3 };

  function digest(algorithm, data) {
    const state = Int32Array.from(algorithm.start);
    const whole = data.length - (data.length % 64);
    for (let at = 0; at < whole; at += 64) algorithm.mix(state, data, at);
    const rest = data.length - whole;
    const last = new Uint8Array(rest < 56 ? 64 : 128);
    last.set(data.subarray(whole));
    last[rest] = 0x80;
    last.set(bigEndian(data.length * 8, 8), last.length - 8);
    for (let at = 0; at < last.length; at += 64) algorithm.mix(state, last, at);
    const out = new Uint8Array(32);
    for (let n = 0; n < 32; n += 1) out[n] = state[n >> 2] >>> (24 - 8 * (n & 3));
    return out;
  }

  function sha256(data) {
    return hex(digest(SHA256, data));
  }

  // ---- reading files ----------------------------------------------------------------------------

  const NUMBER = /^(?:0|[1-9][0-9]*)$/;
  const HEX64 = /^[0-9a-f]{64}$/;
  const DEPOSIT = /^deposit:([1-9][0-9]*)(?![0-9])/;
  const DICE = /^dice:([1-9][0-9]{0,3})d([1-9][0-9]{0,3})(?![0-9])/;
  const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

  const ESCAPES = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };

  function escaped(one) {
    const code = one.codePointAt(0);
    const [mark, digits] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
    return ESCAPES[one] || `\\${mark}${code.toString(16).padStart(digits, "0")}`;
  }

  function quoted(text) {
    return `'${text.replace(new RegExp(UNPRINTABLE.source, "gu"), escaped)}'`;
  }

  // JSON as the format has it: a key once, whole numbers only (as BigInt), objects as Map.
  class JsonReader {
    constructor(text) {
      this.text = text;
      this.at = 0;
    }

    read() {
      const value = this.value(0);
      this.skip();
      if (this.at < this.text.length) this.fail();
      return value;
    }

    fail() {
      throw new SyntaxError(`bad JSON at ${this.at} / 第 ${this.at} 个字符处不合语法`);
    }

    skip() {
      while (" \t\n\r".includes(this.text[this.at] || "x")) this.at += 1;
    }

    take(pattern) {
      pattern.lastIndex = this.at;
      const found = pattern.exec(this.text);
      if (found) this.at = pattern.lastIndex;
      return found;
    }

    value(depth) {
      if (depth > 900) this.fail();
      this.skip();
      const first = this.text[this.at];
      if (first === "{") return this.object(depth + 1);
      if (first === "[") return this.array(depth + 1);
      if (first === '"') return this.string();
      const word = this.take(/true|false|null|NaN|-?Infinity/y);
      if (word) return this.word(word[0]);
      const number = this.take(/(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?/y);
      if (!number) this.fail();
      if (number[2] || number[3]) this.noInteger(number[0]);
      if (number[1].length > 4300) this.fail();
      return BigInt(number[1]);
    }

    word(text) {
      if (text === "true" || text === "false") return text === "true";
      return text === "null" ? null : this.noInteger(text);
    }

    noInteger(text) {
      throw new SyntaxError(`${text} is no integer / 不是整数`);
    }

    string() {
      const found = this.take(/"((?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)"/y);
      return found ? JSON.parse(found[0]) : this.fail();
    }

    array(depth) {
      const found = [];
      this.items("]", () => found.push(this.value(depth)));
      return found;
    }

    object(depth) {
      const found = new Map();
      this.items("}", () => {
        this.skip();
        if (this.text[this.at] !== '"') this.fail();
        const key = this.string();
        this.skip();
        if (this.text[this.at] !== ":") this.fail();
        this.at += 1;
        if (found.has(key)) throw new SyntaxError("a key stands twice / 键重复");
        found.set(key, this.value(depth));
      });
      return found;
    }

    items(end, one) {
      this.at += 1;
      this.skip();
      if (this.text[this.at] === end) {
        this.at += 1;
        return;
      }
      for (;;) {
        one();
        this.skip();
        const mark = this.text[this.at];
        this.at += 1;
        if (mark === end) return;
        if (mark !== ",") this.fail();
      }
    }
  }

  function holdsLoneSurrogate(value) {
    if (typeof value === "string") return /\p{Cs}/u.test(value);
    if (Array.isArray(value)) return value.some(holdsLoneSurrogate);
    if (!(value instanceof Map)) return false;
    return [...value].some(([key, one]) => holdsLoneSurrogate(key) || holdsLoneSurrogate(one));
  }

  function readJson(name, data) {
    let value;
    try {
      value = new JsonReader(decoded(data)).read();
      if (holdsLoneSurrogate(value)) throw new SyntaxError("a lone surrogate / 单独的代理码");
    } catch (error) {
      refuse(`${name} 格式不正确：${error.message}`, `${name} is malformed: ${error.message}`);
    }
    if (!(value instanceof Map)) refuse(`${name} 不是 JSON 对象`, `${name} is no JSON object`);
    return value;
  }

  // Refuses lines that are not in byte order, or double; the last one must have its LF.
  function checkOrder(name, data) {
    let last = null;
    for (let at = 0; at < data.length; ) {
      const end = data.indexOf(10, at);
      if (end < 0) refuse(`${name} 最后一行没有换行`, `${name}: the last line has no LF`);
      const line = data.subarray(at, end);
      if (last !== null && compareBytes(last, line) >= 0) {
        refuse(`${name} 没有按字节排序或有重复行`, `${name}: not in byte order, or a line twice`);
      }
      last = line;
      at = end + 1;
    }
  }

  function checkField(name, field) {
    if (UNPRINTABLE.test(field) || field.normalize("NFC") !== field) {
      refuse(`${name} 有不合格的字符：${quoted(field)}`, `${name}: bad characters in ${quoted(field)}`);
    }
  }

  // The fields of a TSV file: UTF-8, NFC, and sorted as bytes unless it has an order of its own.
  function readLines(name, data, columns, sorted = true) {
    if (data.length > 0 && data[data.length - 1] !== 10) {
      refuse(`${name} 最后一行没有换行`, `${name}: the last line has no LF`);
    }
    if (sorted) checkOrder(name, data);
    let text = "";
    try {
      text = decoded(data);
    } catch (error) {
      refuse(`${name} 不是 UTF-8`, `${name} is not UTF-8`);
    }
    const lines = text.split("\n");
    lines.pop();
    const good = !UNPRINTABLE.test(text.replace(/[\t\n]/g, "")) && text.normalize("NFC") === text;
    return lines.map((line) => {
      const row = line.split("\t");
      if (row.length !== columns) {
        refuse(`${name} 有一行不是 ${columns} 列`, `${name}: a line without ${columns} columns`);
      }
      if (!good) for (const field of row) checkField(name, field);
      return row;
    });
  }

  function checkName(name, text) {
    if (text === "" || text.includes(",")) {
      refuse(`${name} 有空的或带逗号的名称`, `${name}: a name is empty or holds a comma`);
    }
    return text;
  }

  function checkId(name, text) {
    if (utf8.encode(checkName(name, text)).length > 23) {
      refuse(`档案编号 ${text} 超过 23 字节`, `${name}: id ${text} is longer than 23 bytes`);
    }
    return text;
  }

  function numberOf(name, text, digits = 70) {
    if (!NUMBER.test(text) || text.length > digits) {
      refuse(`${name} 中 ${text} 不是十进制整数`, `${name}: ${text} is no decimal integer`);
    }
    return BigInt(text);
  }

  function smallNumberOf(name, text) {
    return Number(numberOf(name, text, 15));
  }

  function namesOf(name, text) {
    const names = text === "" ? [] : text.split(",").map((one) => checkName(name, one));
    if (new Set(names).size !== names.length) {
      refuse(`${name} 同一栏有重复的名称`, `${name}: a name stands twice in a field`);
    }
    return new Set(names);
  }

  // ---- manifest.json and reveal.json ------------------------------------------------------------

  const isInteger = (value) => typeof value === "bigint" && value >= 0n;
  const isText = (value) => typeof value === "string" && value !== "" && !UNPRINTABLE.test(value);
  const isName = (value) => isText(value) && !value.includes(",") && value.normalize("NFC") === value;
  const isDigest = (value) => typeof value === "string" && HEX64.test(value);
  const isList = (value, of) => Array.isArray(value) && value.every(of);
  const isWeight = (text) => NUMBER.test(text) && text !== "0";

  function isRatio(value) {
    return isList(value, isInteger) && value.length === 2 && value[0] <= value[1] && value[1] > 0n;
  }

  function isRule(value) {
    if (!(value instanceof Map)) return isInteger(value) || isRatio(value);
    return [...value].every(([weight, ratio]) => isWeight(weight) && isRatio(ratio));
  }

  function isPlan(value) {
    return value instanceof Map && [...value].every(([name, rule]) => isName(name) && isRule(rule));
  }

  function isDay(value) {
    const found = typeof value === "string" && /^([1-9]\d{3})-(\d\d)-(\d\d)$/.exec(value);
    if (!found) return false;
    const day = new Date(Date.UTC(Number(found[1]), Number(found[2]) - 1, Number(found[3])));
    return day.toISOString().slice(0, 10) === value;
  }

  function isTime(value) {
    const form = /^(.{10})T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;
    const found = typeof value === "string" && form.exec(value);
    return Boolean(found) && isDay(found[1]);
  }

  const REQUIRED = new Map([
    ["alg", (value) => value === "SSJ1"],
    ["draw_no", isText],
    ["prev", isDigest],
    ["population_sha256", isDigest],
    ["plan", isPlan],
    ["entropy_sources", (value) => isList(value, isText) && value.length > 0],
    ["commit", isDigest],
  ]);
  const OPTIONAL = new Map([
    ["coordination", (value) => value === "shared" || value === "independent"],
    ["hash", (value) => value === "sha256" || value === "sm3"],
    ["rules_sha256", isDigest],
    ["officers_sha256", isDigest],
    ["exclusions_sha256", isDigest],
    ["barred_sha256", isDigest],
    ["code_sha256", isDigest],
    ["merkle_root", isDigest],
    ["deposits", (value) => isList(value, isDigest)],
    ["deadline", isTime],
    ["reveal_on", (value) => value === "at-draw" || value === "after-last-visit" || isDay(value)],
  ]);

  function readManifest(data) {
    const manifest = readJson("manifest.json", data);
    for (const name of REQUIRED.keys()) {
      if (!manifest.has(name)) refuse(`manifest.json 缺少 ${name}`, `manifest.json lacks ${name}`);
    }
    for (const [name, value] of manifest) {
      const check = REQUIRED.get(name) || OPTIONAL.get(name);
      if (!check) {
        refuse(`manifest.json 有不认识的字段 ${name}`, `manifest.json: unknown field ${name}`);
      }
      if (!check(value)) {
        refuse(`manifest.json 的 ${name} 不合格`, `manifest.json: ${name} is malformed`);
      }
    }
    return manifest;
  }

  function readReveal(data) {
    const reveal = readJson("reveal.json", data);
    if (reveal.size !== 2 || !reveal.has("entropy") || !reveal.has("secret")) {
      refuse("reveal.json 的字段不对", "reveal.json must hold entropy and secret, nothing else");
    }
    if (!isDigest(reveal.get("secret")) || !isList(reveal.get("entropy"), isText)) {
      refuse("reveal.json 的值不合格", "reveal.json: a value is malformed");
    }
    return [fromHex(reveal.get("secret")), reveal.get("entropy")];
  }

  // Refuses dice that cannot reach 40 bits; other sources cannot be judged by a program.
  function checkStrength(sources) {
    const dice = [...new Set(sources)].map((source) => DICE.exec(source));
    if (!dice.every(Boolean)) return;
    const bits = dice.reduce((sum, one) => sum + Number(one[1]) * Math.log2(Number(one[2])), 0);
    if (bits < 40) {
      const said = bits.toFixed(0);
      refuse(`公开骰子只有 ${said} 比特，至少 40`, `only ${said} bits of dice, at least 40`);
    }
  }

  // ---- the seed ---------------------------------------------------------------------------------

  // The hash of the draw, and the seed X.
  class Chance {
    constructor(manifest, data, reveal) {
      this.algorithm = ALGORITHMS[manifest.get("hash") || "sha256"];
      const [secret, entropy] = readReveal(reveal);
      const commit = hex(this.hash("SSJ1-COMMIT\n", secret));
      if (!secret.some(Boolean) || commit !== manifest.get("commit")) {
        refuse("秘密数与承诺值不符", "the secret is not the one committed to");
      }
      const sources = manifest.get("entropy_sources");
      if (sources.length !== entropy.length) {
        refuse("随机数的个数与来源不符", "entropy and its sources differ in number");
      }
      sources.forEach((source, n) => {
        if (!source.startsWith("deposit:")) return;
        this.checkDeposit(source, entropy[n], manifest.get("deposits") || []);
      });
      const texts = entropy.map((text) => utf8.encode(text));
      this.x = this.hash(
        "SSJ1-SEED\n",
        this.hash(data),
        secret,
        bigEndian(texts.length, 4),
        ...texts.flatMap((text) => [bigEndian(text.length, 4), text])
      );
    }

    hash(...parts) {
      const bytes = parts.map((part) => (typeof part === "string" ? utf8.encode(part) : part));
      return digest(this.algorithm, joined(bytes));
    }

    key(purpose) {
      return this.hash(this.x, "\0", purpose);
    }

    below(key, label, n) {
      const all = 1n << 256n;
      if (n > all) refuse("权重之和太大", "the sum of weights is too large");
      for (let counter = 0; ; counter += 1) {
        const value = numberOfBytes(this.hash(key, "\x01", label, bigEndian(counter, 4)));
        if (value < (all / n) * n) return value % n;
      }
    }

    checkDeposit(source, text, deposits) {
      const found = DEPOSIT.exec(source);
      const number = found ? Number(found[1]) : 0;
      if (number < 1 || number > deposits.length || !isDigest(text)) {
        refuse(
          `${source} 没有承诺值或格式不对`,
          `${source}: no commitment, or not 64 hex digits`
        );
      }
      if (hex(this.hash("SSJ1-DEPOSIT\n", fromHex(text))) !== deposits[number - 1]) {
        refuse(`${source} 与承诺值不符`, `${source} is not the value committed to`);
      }
    }
  }

  // ---- which units ------------------------------------------------------------------------------

  // Stratum -> weight -> ids.
  function readPopulation(rows) {
    const name = "population.tsv";
    const strata = new Map();
    let last = ["", ""];
    for (const [id, stratum, weight] of rows) {
      if (id === last[0] && stratum === last[1]) {
        refuse(`${id} 在 ${stratum} 重复`, `${name}: ${id} stands twice in ${stratum}`);
      }
      last = [checkId(name, id), checkName(name, stratum)];
      if (!strata.has(stratum)) strata.set(stratum, new Map());
      const classes = strata.get(stratum);
      if (!classes.has(weight)) {
        numberOf(name, weight);
        classes.set(weight, []);
      }
      classes.get(weight).push(id);
    }
    return strata;
  }

  // How many units each class gives; sizes: weight -> units, n: places of the whole stratum.
  function shareByWeight(chance, stratum, sizes, n) {
    const quotas = new Map();
    const left = new Map(sizes);
    let total = 0n;
    for (;;) {
      total = 0n;
      for (const [weight, size] of left) total += BigInt(weight) * size;
      const sure = [...left.keys()].find((weight) => n * BigInt(weight) >= total);
      if (sure === undefined) break;
      quotas.set(sure, left.get(sure));
      n -= left.get(sure);
      left.delete(sure);
    }
    if (left.size === 0) return quotas;
    const key = chance.key("quota");
    const start = chance.below(key, `start\t${stratum}`, total);
    const places = [...left.keys()].map((weight) => ({
      weight,
      lot: chance.hash(key, "\x02", `${stratum}\t${weight}`),
    }));
    places.sort((a, b) => compareBytes(a.lot, b.lot));
    let before = start;
    for (const { weight } of places) {
      const after = before + n * BigInt(weight) * left.get(weight);
      quotas.set(weight, after / total - before / total);
      before = after;
    }
    return quotas;
  }

  const least = (a, b) => (a < b ? a : b);
  const roundedUp = (number, [num, den]) => (number * num + den - 1n) / den;

  function quotasOf(chance, stratum, rule, classes) {
    const all = [...classes].map(([weight, ids]) => [weight, BigInt(ids.length)]);
    const sizes = new Map(all.filter(([weight]) => weight !== "0"));
    if (rule instanceof Map) {
      for (const weight of sizes.keys()) {
        if (!rule.has(weight)) {
          refuse(`${stratum} 权重 ${weight} 没有比例`, `${stratum}: no ratio for ${weight}`);
        }
      }
      return new Map(
        [...sizes].map(([weight, size]) => [weight, least(size, roundedUp(size, rule.get(weight)))])
      );
    }
    const sum = (rows) => [...rows].reduce((so, [, size]) => so + size, 0n);
    const due = Array.isArray(rule) ? roundedUp(sum(all), rule) : rule;
    return shareByWeight(chance, stratum, sizes, least(due, sum(sizes)));
  }

  function unitKey(chance, manifest, stratum) {
    return chance.key(manifest.get("coordination") === "independent" ? `unit\t${stratum}` : "unit");
  }

  // The lots of a class, smallest ticket first.
  function lotsOf(chance, key, ids) {
    const lots = ids.map((id) => ({ id, ticket: hex(chance.hash(key, id)) }));
    return lots.sort((a, b) => byNumber(a.ticket, b.ticket) || byBytes(a.id, b.id));
  }

  // The bytes of result.tsv, and the drawn units.
  function select(chance, manifest, population, note) {
    const lines = [];
    const drawn = [];
    const plan = manifest.get("plan");
    for (const stratum of [...population.keys()].sort(byBytes)) {
      if (!plan.has(stratum)) refuse(`计划没有写明 ${stratum}`, `the plan does not name ${stratum}`);
      const key = unitKey(chance, manifest, stratum);
      const classes = population.get(stratum);
      const quotas = quotasOf(chance, stratum, plan.get(stratum), classes);
      const weights = [...quotas.keys()].sort((a, b) => byNumber(BigInt(a), BigInt(b)));
      let taken = 0;
      for (const weight of weights) {
        const count = Number(quotas.get(weight));
        taken += count;
        const lots = lotsOf(chance, key, classes.get(weight)).slice(0, 2 * count + 5);
        lots.forEach(({ id, ticket }, n) => {
          const kind = n < count ? "selected" : "reserve";
          lines.push(`${stratum}\t${weight}\t${n + 1}\t${kind}\t${id}\t${ticket}\n`);
          if (n < count) drawn.push(`${stratum}\t${id}`);
        });
      }
      const listed = [...classes.values()].reduce((so, ids) => so + ids.length, 0);
      const eligible = listed - (classes.get("0") || []).length;
      note(
        `${stratum}：名单 ${listed}，可抽 ${eligible}，抽出 ${taken}`,
        `${listed} listed, ${eligible} eligible, ${taken} drawn`
      );
    }
    return [utf8.encode(lines.join("")), drawn];
  }

  // ---- which officers ---------------------------------------------------------------------------

  function readOfficer([certificate, base, room, takes, leads]) {
    const name = "officers.tsv";
    const officer = {
      name: checkName(name, certificate),
      load: smallNumberOf(name, base),
      room: room === "-" ? Infinity : smallNumberOf(name, room),
      takes: namesOf(name, takes),
      leads: namesOf(name, leads),
    };
    if (![...officer.leads].every((one) => officer.takes.has(one))) {
      refuse(`${certificate} 的主办专业不对`, `${certificate} leads where he takes no part`);
    }
    return officer;
  }

  function readTask([stratum, id, size, takes, leads, level]) {
    const name = "eligible.tsv";
    const task = {
      stratum: checkName(name, stratum),
      id: checkId(name, id),
      key: `${stratum}\t${id}`,
      size: smallNumberOf(name, size),
      level: smallNumberOf(name, level),
      takes: namesOf(name, takes),
      leads: namesOf(name, leads),
    };
    const sizeFits = task.size >= 1 && task.size <= task.takes.size;
    if (!sizeFits || task.leads.size === 0 || ![1, 2, 3].includes(task.level)) {
      refuse(`${id} 一行人数或等级不对`, `eligible.tsv: size or level of ${id} is wrong`);
    }
    return task;
  }

  function checkTask(task, officers) {
    for (const one of [...task.takes, ...task.leads].sort(byBytes)) {
      const officer = officers.get(one);
      const known = officer && task.takes.has(one) && officer.takes.has(task.stratum);
      if (!known || (task.leads.has(one) && !officer.leads.has(task.stratum))) {
        refuse(`${one} 不能去 ${task.id}`, `${one} may not go to ${task.id} so`);
      }
    }
  }

  class Stuck extends Error {
    constructor(tasks, people) {
      super("stuck");
      this.tasks = tasks;
      this.people = people;
    }
  }

  // Teams, loads and rooms while they are being made. A person is {name, load, room}, a task
  // {key, size, takes, leads, team}.
  class Board {
    constructor(chance, officers, tasks, more) {
      this.chance = chance;
      this.key = chance.key("assign");
      this.tasks = this.shuffled(
        "task",
        tasks.map((task) => ({ ...task, team: [] })),
        (task) => task.key
      );
      this.people = this.shuffled(
        "officer",
        officers.map((one) => ({
          name: one.name,
          load: one.load,
          room: one.room + (more.get(one.name) || 0),
        })),
        (one) => one.name
      );
    }

    h(...fields) {
      return this.chance.hash(this.key, fields.join("\t"));
    }

    shuffled(label, all, name) {
      const lots = new Map(all.map((one) => [one, this.h(label, name(one))]));
      return all.sort(
        (a, b) => compareBytes(lots.get(a), lots.get(b)) || byBytes(name(a), name(b))
      );
    }

    // The one with the smallest lot for a task.
    luckiest(task, people) {
      const lots = people.map((one) => [this.h("lot", task.key, one.name).subarray(0, 8), one]);
      lots.sort((a, b) => compareBytes(a[0], b[0]) || byBytes(a[1].name, b[1].name));
      return lots[0][1];
    }

    open(task, out, into) {
      if (!task.takes.has(into.name) || task.team.includes(into)) return false;
      if (task.leads.has(into.name)) return true;
      return task.team.some((one) => one !== out && task.leads.has(one.name));
    }

    put(task, out, into) {
      task.team[task.team.indexOf(out)] = into;
    }

    charge(person, tasks) {
      person.load += tasks;
      person.room -= tasks;
    }

    // The first of the goal that is reached, how each was, and all seen.
    search(first, goal) {
      const came = new Map();
      const seen = new Set(first);
      const queue = this.people.filter((one) => seen.has(one));
      const there = queue.find((one) => goal.has(one));
      if (there) return { end: there, came, seen };
      for (const a of queue) {
        for (const task of this.tasks) {
          if (!task.team.includes(a)) continue;
          for (const b of this.people) {
            if (seen.has(b) || !this.open(task, a, b)) continue;
            seen.add(b);
            came.set(b, [task, a]);
            queue.push(b);
            if (goal.has(b)) return { end: b, came, seen };
          }
        }
      }
      return { end: null, came, seen };
    }

    carryOut(end, came) {
      let b = end;
      while (came.has(b)) {
        const [task, a] = came.get(b);
        this.put(task, a, b);
        b = a;
      }
      return b;
    }

    fill() {
      for (const task of this.tasks) {
        for (let place = 0; place < task.size; place += 1) this.fillPlace(task, place);
      }
    }

    fillPlace(task, place) {
      const names = place === 0 ? task.leads : task.takes;
      const choice = this.people.filter((one) => names.has(one.name) && !task.team.includes(one));
      const free = choice.filter((one) => one.room > 0);
      if (free.length > 0) {
        const lowest = free.reduce((load, one) => Math.min(load, one.load), Infinity);
        const chosen = this.luckiest(task, free.filter((one) => one.load === lowest));
        task.team.push(chosen);
        this.charge(chosen, 1);
        return;
      }
      const goal = new Set(this.people.filter((one) => one.room > 0));
      const { end, came, seen } = this.search(choice, goal);
      if (end === null) {
        const hit = (other) => other === task || other.team.some((one) => seen.has(one));
        throw new Stuck(this.tasks.filter(hit), seen);
      }
      task.team.push(this.carryOut(end, came));
      this.charge(end, 1);
    }

    level() {
      const loads = () => this.people.map((one) => one.load);
      let v = loads().reduce((a, b) => Math.max(a, b), 0);
      while (v >= loads().reduce((a, b) => Math.min(a, b), Infinity) + 2) {
        const rich = this.people.filter((one) => one.load === v);
        const poor = new Set(this.people.filter((one) => one.room > 0 && one.load <= v - 2));
        const { end, came } = this.search(rich, poor);
        if (end === null) {
          v = loads().reduce((next, load) => (load < v ? Math.max(next, load) : next), 0);
        } else {
          this.charge(this.carryOut(end, came), -1);
          this.charge(end, 1);
        }
      }
    }

    // Uniform whole numbers below n from the 64-bit words of the walk, a word for each try.
    lots() {
      const block = { number: 0, words: [], at: 0 };
      const next = () => {
        if (block.at === block.words.length) {
          const bytes = this.chance.hash(this.key, "\0walk", bigEndian(block.number, 8));
          const view = new DataView(bytes.buffer);
          block.words = [0, 8, 16, 24].map((at) => [view.getUint32(at), view.getUint32(at + 4)]);
          block.number += 1;
          block.at = 0;
        }
        block.at += 1;
        return block.words[block.at - 1];
      };
      const two32 = 2 ** 32;
      const spares = new Map(); // n -> how many of the last words are thrown away: 2^64 modulo n
      return (n) => {
        if (!spares.has(n)) spares.set(n, Number((1n << 64n) % BigInt(n)));
        for (;;) {
          const [high, low] = next();
          if (high === two32 - 1 && low >= two32 - spares.get(n)) continue;
          return ((high % n) * (two32 % n) + low) % n; // exact below 2^26 tasks and officers
        }
      };
    }

    walk() {
      const tasks = [...this.tasks].sort((a, b) => byBytes(a.key, b.key));
      const people = [...this.people].sort((a, b) => byBytes(a.name, b.name));
      for (const task of tasks) task.team.sort((a, b) => byBytes(a.name, b.name));
      const below = this.lots();
      const steps = 100 * tasks.reduce((sum, task) => sum + task.size, 0);
      for (let step = 0; step < steps; step += 1) {
        const t = tasks[below(tasks.length)];
        const i = t.team[below(t.size)];
        if (below(2) === 1) {
          this.move(t, i, people[below(people.length)]);
        } else {
          const u = tasks[below(tasks.length)];
          this.exchange(t, i, u, u.team[below(u.size)]);
        }
      }
    }

    move(t, i, j) {
      if (j.load + 1 !== i.load || j.room <= 0 || !this.open(t, i, j)) return;
      this.put(t, i, j);
      this.charge(i, -1);
      this.charge(j, 1);
    }

    exchange(t, i, u, j) {
      if (t === u || i === j || !this.open(t, i, j) || !this.open(u, j, i)) return;
      this.put(t, i, j);
      this.put(u, j, i);
    }

    // The bytes of assignment.tsv.
    lines() {
      const lines = this.tasks.map((task) => {
        const able = task.team.filter((one) => task.leads.has(one.name));
        const lead = this.luckiest(task, able);
        const others = task.team.filter((one) => one !== lead).map((one) => one.name);
        return `${task.key}\t${lead.name}\t${others.sort(byBytes).join(",")}\n`;
      });
      return utf8.encode(lines.sort(byBytes).join(""));
    }
  }

  function assign(chance, officersTsv, eligibleTsv, drawn, note) {
    const officers = readLines("officers.tsv", officersTsv, 5).map(readOfficer);
    const known = new Map(officers.map((one) => [one.name, one]));
    const tasks = readLines("eligible.tsv", eligibleTsv, 6).map(readTask);
    if (known.size !== officers.length) {
      refuse("officers.tsv 证号重复", "officers.tsv: a certificate stands twice");
    }
    if (tasks.map((task) => task.key).sort().join("\n") !== [...drawn].sort().join("\n")) {
      refuse("eligible.tsv 与抽出的单位不一致", "eligible.tsv does not list the drawn units");
    }
    for (const task of tasks) checkTask(task, known);
    const more = new Map();
    for (;;) {
      const board = new Board(chance, officers, tasks, more);
      try {
        board.fill();
      } catch (stuck) {
        if (!(stuck instanceof Stuck)) throw stuck;
        if (stuck.tasks.some((task) => task.level < 3)) {
          refuse("eligible.tsv 的等级没有升够", "eligible.tsv: a stuck task is below level 3");
        }
        for (const { name } of stuck.people) more.set(name, (more.get(name) || 0) + 1);
        continue;
      }
      for (const one of [...more.keys()].sort(byBytes)) {
        note(`${one} 的名额增加 ${more.get(one)}`, `${one} was given ${more.get(one)} more`);
      }
      board.level();
      board.walk();
      return board.lines();
    }
  }

  // ---- one's own lot ----------------------------------------------------------------------------

  const PROOF_FIELDS = ["line", "number", "proof", "salt", "size"];

  function isProof(item) {
    return (
      item instanceof Map &&
      typeof item.get("line") === "string" &&
      (item.size === 1 ||
        ([...item.keys()].sort().join() === PROOF_FIELDS.join() &&
          typeof item.get("salt") === "string" &&
          /^[0-9a-f]{32}$/.test(item.get("salt")) &&
          isInteger(item.get("number")) &&
          isInteger(item.get("size")) &&
          isList(item.get("proof"), isDigest)))
    );
  }

  // The lines of one unit: of the file handed over, or of the public list.
  function readOwn(own, manifest, rows) {
    if (typeof own === "string") {
      if (rows === null) {
        refuse("没有 population.tsv，请用监督机构给的文件", "no population.tsv: take the file of the line");
      }
      const found = rows.filter((row) => row[0] === own);
      if (found.length === 0) refuse(`名单中没有 ${own}`, `${own} is not on the list`);
      return found.map((row) => new Map([["line", row.join("\t")]]));
    }
    const name = "line.json";
    const value = readJson(name, own);
    const items = value.get("items");
    const known = [...value.keys()].every((key) => key === "items" || key === "draw_no");
    if (!known || !isList(items, isProof) || items.length === 0) {
      refuse("单独一行的文件不合格", "the file of the line is malformed");
    }
    if (value.has("draw_no") && value.get("draw_no") !== manifest.get("draw_no")) {
      refuse("这个文件属于另一次抽取", "the file of the line is of another draw");
    }
    return items;
  }

  // Whether the line stands in the list that the manifest announced (RFC 6962).
  function merkleHolds(chance, item, announced) {
    let node = chance.hash("\0", fromHex(item.get("salt")), item.get("line"));
    let [number, size] = [item.get("number"), item.get("size")];
    const proof = item.get("proof").map(fromHex);
    if (number >= size) return false;
    while (size > 1n) {
      if ((number ^ 1n) < size) {
        const other = proof.shift();
        if (other === undefined) return false;
        node = number & 1n ? chance.hash("\x01", other, node) : chance.hash("\x01", node, other);
      }
      number >>= 1n;
      size = (size + 1n) >> 1n;
    }
    return proof.length === 0 && hex(node) === announced;
  }

  function checkCovered(chance, manifest, item, rows, out) {
    const line = item.get("line");
    const proven = item.has("proof");
    if (proven && !merkleHolds(chance, item, manifest.get("merkle_root"))) {
      refuse("这一行不在公告的名单中", "the line is not covered by the announced root");
    }
    if (rows !== null && !rows.some((row) => row.join("\t") === line)) {
      refuse("这一行不在 population.tsv 中", "the line is not in population.tsv");
    }
    if (proven) {
      out.say("这一行在公告的名单中（默克尔证明）", "the announced root covers the line");
    } else if (rows !== null) {
      out.say("这一行在公告的名单中", "the line is in the announced list");
    } else {
      out.note("没有名单或证明，不能核对这一行在名单中", "neither list nor proof: not shown to be listed");
    }
  }

  // The published rows of one class, in order, every ticket computed anew.
  function classOf(chance, key, result, stratum, weight) {
    const rows = result.filter((row) => row[0] === stratum && row[1] === weight);
    const count = rows.filter((row) => row[3] === "selected").length;
    rows.forEach(([, , rank, kind, id, ticket], n) => {
      const before = n > 0 ? rows[n - 1] : null;
      const inOrder =
        before === null || byNumber(before[5], ticket) < 0 || byBytes(before[4], id) < 0;
      const right =
        rank === String(n + 1) &&
        kind === (n < count ? "selected" : "reserve") &&
        ticket === hex(chance.hash(key, id)) &&
        inOrder;
      if (!right) {
        refuse(`result.tsv 中 ${id} 一行不对`, `result.tsv: the row of ${id} is wrong`);
      }
    });
    if (rows.length > 2 * count + 5) {
      refuse(`result.tsv 中 ${stratum} 备选太多`, `result.tsv: too many reserves in ${stratum}`);
    }
    return { rows, count };
  }

  function checkLot(chance, manifest, item, result, out) {
    const bytes = utf8.encode(`${item.get("line")}\n`);
    const lines = readLines("line.json", bytes, 3);
    if (lines.length !== 1) refuse("单独一行的文件不合格", "the file of the line is malformed");
    const [id, stratum, weight] = lines[0];
    checkId("line.json", id);
    numberOf("line.json", weight);
    if (!manifest.get("plan").has(checkName("line.json", stratum))) {
      refuse(`计划没有写明 ${stratum}`, `the plan does not name ${stratum}`);
    }
    const key = unitKey(chance, manifest, stratum);
    const ticket = hex(chance.hash(key, id));
    out.say(`${id} 在 ${stratum} 的票号`, `ticket ${ticket}`);
    if (result.some((row) => row[0] === stratum && row[4] === id && row[1] !== weight)) {
      refuse(`result.tsv 中 ${id} 的权重不同`, `result.tsv gives ${id} another weight`);
    }
    if (weight === "0") {
      if (result.some((row) => row[0] === stratum && row[1] === weight)) {
        refuse("result.tsv 抽了权重为 0 的单位", "result.tsv draws units of weight 0");
      }
      out.say(`${id}：权重为 0，本次不抽`, `${id}: weight 0, not in this draw`);
      return;
    }
    const { rows, count } = classOf(chance, key, result, stratum, weight);
    if (count > 0) {
      out.note("本类最后一个抽中的票号", `last ticket drawn of its class ${rows[count - 1][5]}`);
    } else {
      out.note("本类没有抽中的单位", "none of its class was drawn");
    }
    const place = rows.findIndex((row) => row[4] === id);
    if (place >= count) {
      out.say(`${id}：备选第 ${place - count + 1} 名`, `${id}: reserve ${place - count + 1}`);
    } else if (place >= 0) {
      out.say(`${id}：抽中，第 ${place + 1} 名`, `${id}: selected, rank ${place + 1}`);
    } else {
      const last = rows[rows.length - 1];
      const whole = rows.length < 2 * count + 5;
      if (whole || byNumber(ticket, last[5]) < 0) {
        refuse(`result.tsv 漏了 ${id}`, `result.tsv leaves out ${id}`);
      }
      out.say(`${id}：没有抽中`, `${id}: not drawn`);
    }
  }

  // ---- the whole check --------------------------------------------------------------------------

  // What no digest in the manifest covers.
  const RESULTS = ["manifest.json", "reveal.json", "result.tsv", "eligible.tsv", "assignment.tsv"];
  const LISTED = /^([0-9a-f]{64}) {2}(\S+)$/;

  class Check {
    constructor(files, tell) {
      this.files = files;
      this.tell = tell;
    }

    say(zh, en) {
      this.tell(`  √ ${zh} | ${en}`);
    }

    note(zh, en) {
      this.tell(`  · ${zh} | ${en}`);
    }

    read(name) {
      const data = this.files.get(name);
      if (!data) refuse(`读不到文件 ${name}`, `cannot read ${name}`);
      return data;
    }

    checkDigest(manifest, field, name) {
      if (!manifest.has(field)) {
        this.note(`公告没有 ${name} 的摘要`, `the manifest names no digest of ${name}`);
      } else if (sha256(this.read(name)) !== manifest.get(field)) {
        refuse(`${name} 与公告的摘要不符`, `${name} is not the file the manifest names`);
      } else {
        this.say(`${name} 是公告的文件`, `${name} is the file the manifest names`);
      }
    }

    compare(name, data) {
      if (!this.files.has(name)) {
        this.note(`没有 ${name} 可以比较`, `no ${name} to compare with`);
      } else if (!sameBytes(this.read(name), data)) {
        refuse(`${name} 与重新计算的结果不同`, `${name} differs from the repeated draw`);
      } else {
        this.say(`${name} 与重新计算的结果逐字节相同`, `${name} agrees to the last byte`);
      }
    }

    manifest() {
      const data = this.read("manifest.json");
      const manifest = readManifest(data);
      checkStrength(manifest.get("entropy_sources"));
      this.say(
        `公告格式正确，抽取编号 ${manifest.get("draw_no")}`,
        `manifest.json SHA-256 ${sha256(data)}`
      );
      this.note("前一次公告", `prev ${manifest.get("prev")}`);
      return manifest;
    }

    // SHA256SUMS lists every public file; its own digest stands in the journal.
    sums() {
      const data = this.files.get("SHA256SUMS");
      if (!data) return;
      const text = this.sumsText(data);
      const lines = text.split("\n").slice(0, -1).map((line) => LISTED.exec(line));
      const inOrder = (one, n) => n === 0 || byBytes(lines[n - 1][2], one[2]) < 0;
      if (!text.endsWith("\n") || !lines.every(Boolean) || !lines.every(inOrder)) {
        refuse("SHA256SUMS 格式不正确", "SHA256SUMS is malformed");
      }
      const listed = new Map(lines.map((line) => [line[2], line[1]]));
      for (const [name, digestOf] of listed) {
        if (!this.files.has(name)) {
          this.note(`SHA256SUMS 列出的 ${name} 不在这里`, `${name} of SHA256SUMS is not here`);
        } else if (sha256(this.read(name)) !== digestOf) {
          refuse(`${name} 与 SHA256SUMS 不符`, `${name} is not the file SHA256SUMS lists`);
        }
      }
      for (const name of RESULTS) {
        if (this.files.has(name) && !listed.has(name)) {
          refuse(`SHA256SUMS 没有列出 ${name}`, `SHA256SUMS does not list ${name}`);
        }
      }
      this.say("SHA256SUMS 列出的文件都相符", `SHA256SUMS SHA-256 ${sha256(data)}`);
    }

    sumsText(data) {
      try {
        return decoded(data);
      } catch (error) {
        return refuse("SHA256SUMS 格式不正确", "SHA256SUMS is malformed");
      }
    }

    chance(manifest) {
      const chance = new Chance(manifest, this.read("manifest.json"), this.read("reveal.json"));
      this.say("秘密数和随机数与公告相符", "secret and entropy answer to the manifest");
      this.say("种子", `X ${hex(chance.x)}`);
      return chance;
    }

    whole() {
      const note = (zh, en) => this.note(zh, en);
      const manifest = this.manifest();
      const population = this.read("population.tsv");
      this.checkDigest(manifest, "population_sha256", "population.tsv");
      for (const name of ["rules.json", "exclusions.tsv", "barred.tsv"]) {
        if (this.files.has(name)) {
          this.checkDigest(manifest, `${name.split(".")[0]}_sha256`, name);
        }
      }
      this.sums();
      const chance = this.chance(manifest);
      const listed = readPopulation(readLines("population.tsv", population, 3));
      const [result, drawn] = select(chance, manifest, listed, note);
      this.say("抽取结果摘要", `result.tsv SHA-256 ${sha256(result)}`);
      this.compare("result.tsv", result);
      if (!this.files.has("officers.tsv") || !this.files.has("eligible.tsv")) {
        this.note("没有检查人员匹配", "the assignment of officers was not checked");
        return;
      }
      this.checkDigest(manifest, "officers_sha256", "officers.tsv");
      const [officers, eligible] = ["officers.tsv", "eligible.tsv"].map((name) => this.read(name));
      const assignment = assign(chance, officers, eligible, drawn, note);
      this.say("人员匹配摘要", `assignment.tsv SHA-256 ${sha256(assignment)}`);
      this.compare("assignment.tsv", assignment);
    }

    own(own) {
      const manifest = this.manifest();
      this.sums();
      const chance = this.chance(manifest);
      let rows = null;
      if (this.files.has("population.tsv")) {
        this.checkDigest(manifest, "population_sha256", "population.tsv");
        rows = readLines("population.tsv", this.read("population.tsv"), 3);
      }
      const published = this.read("result.tsv");
      const result = readLines("result.tsv", published, 6, false);
      this.say("公布的结果摘要", `result.tsv SHA-256 ${sha256(published)}`);
      for (const item of readOwn(own, manifest, rows)) {
        checkCovered(chance, manifest, item, rows, this);
        checkLot(chance, manifest, item, result, this);
      }
    }
  }

  const FILES = [
    "manifest.json",
    "population.tsv",
    "reveal.json",
    "officers.tsv",
    "eligible.tsv",
    "rules.json",
    "exclusions.tsv",
    "barred.tsv",
    "result.tsv",
    "assignment.tsv",
    "SHA256SUMS",
  ];

  // Checks a draw. files: name -> Uint8Array, as Map or object; own: an archive number, or the
  // bytes of the file handed over for one line; say: told each line as soon as it is known.
  // Returns {verified, lines}.
  function verifyDraw(files, { own, say } = {}) {
    const lines = [];
    const tell = (line) => {
      lines.push(line);
      if (say) say(line);
    };
    const check = new Check(files instanceof Map ? files : new Map(Object.entries(files)), tell);
    tell("验证抽取 | Checking the draw");
    try {
      if (own === undefined) check.whole();
      else check.own(own);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      tell(`  × ${error.message}`);
      tell("验证不通过 | NOT verified");
      return { verified: false, lines };
    }
    tell("验证通过 | Verified");
    return { verified: true, lines };
  }

  // ---- as a program -----------------------------------------------------------------------------

  function main(given) {
    const fs = require("fs");
    const path = require("path");
    const print = (line) => process.stdout.write(`${line}\n`);
    const folderOf = (place) => fs.existsSync(place) && fs.statSync(place).isDirectory();
    const files = new Map();
    const load = (name, place) => {
      if (fs.existsSync(place)) files.set(name, new Uint8Array(fs.readFileSync(place)));
    };
    const args = [...given];
    let own;
    if (args[0] === "--own") {
      own = args[1];
      args.splice(0, 2);
      if (own !== undefined && fs.existsSync(own)) own = new Uint8Array(fs.readFileSync(own));
      if (own === undefined || args.length > 1) args.push("");
    }
    if (args.length === 0 || (args.length === 1 && folderOf(args[0]))) {
      for (const name of FILES) load(name, path.join(args[0] || __dirname, name));
    } else if (own === undefined && (args.length === 3 || args.length === 5)) {
      const folder = path.dirname(args[0]);
      for (const name of FILES.slice(5)) load(name, path.join(folder, name));
      FILES.slice(0, args.length).forEach((name, n) => load(name, args[n]));
    } else {
      print(USAGE);
      return 1;
    }
    return verifyDraw(files, { own, say: print }).verified ? 0 : 1;
  }

  root.verifyDraw = verifyDraw;
  if (typeof module === "object" && typeof require === "function") {
    module.exports = { verifyDraw, main };
    if (require.main === module) process.exitCode = main(process.argv.slice(2));
  }
})(typeof globalThis === "object" ? globalThis : self);
