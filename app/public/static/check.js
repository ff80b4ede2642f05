// Checks a draw in the page: fetches its public files and runs verify_draw.js on them, in a worker
// of its own, so that the page stays at hand. The page is whole without this script.
"use strict";

async function download(base, name) {
  const answer = await fetch(base + encodeURIComponent(name), { cache: "no-store" });
  if (!answer.ok) throw new Error(`${name}：${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

// The worker: told {base, names, own}, it answers {line} as the check goes on, at last {verified}.
async function check({ base, names, own }) {
  const say = (line) => self.postMessage({ line });
  const files = {};
  for (const name of names) {
    say(`  … ${name}`);
    files[name] = await download(base, name);
  }
  self.importScripts(`${base}verify_draw.js`);
  const began = performance.now();
  const { verified } = self.verifyDraw(files, { own, say });
  self.postMessage({ verified, ms: Math.round(performance.now() - began) });
}

function show() {
  const place = document.getElementById("check");
  if (!place || typeof Worker !== "function" || typeof BigInt !== "function") return;
  const start = document.getElementById("check-start");
  const verdict = document.getElementById("check-verdict");
  const lines = document.getElementById("check-lines");
  const line = document.getElementById("line");

  function say(text, kind) {
    verdict.hidden = false;
    verdict.className = kind ? `note ${kind}` : "note";
    verdict.textContent = text;
  }

  function end(worker, text, kind) {
    worker.terminate();
    start.disabled = false;
    say(text, kind);
  }

  async function run() {
    if (line && !line.files.length) {
      say("请先选择监督机构提供的证明文件。", "warn");
      return;
    }
    start.disabled = true;
    lines.hidden = false;
    lines.textContent = "";
    say("正在核对……");
    const own = line ? new Uint8Array(await line.files[0].arrayBuffer()) : undefined;
    const worker = new Worker("/public/static/check.js");
    worker.onmessage = ({ data }) => {
      if (data.line !== undefined) {
        lines.textContent += `${data.line}\n`;
      } else if (data.failed !== undefined) {
        end(worker, `没有完成核对：${data.failed}。请稍后再试。`, "warn");
      } else if (data.verified) {
        const what = own ? "本单位的一行与公开的结果相符" : "由公开文件从头重算，结果逐字节相同";
        end(worker, `验证通过：${what}。用时 ${data.ms} 毫秒。`, "good");
      } else {
        end(worker, "验证不通过，原因见下面最后几行。", "bad");
      }
    };
    worker.onerror = () => end(worker, "没有完成核对：程序没有载入。请稍后再试。", "warn");
    worker.postMessage({ base: place.dataset.base, names: place.dataset.files.split(" "), own });
  }

  start.addEventListener("click", run);
  place.hidden = false;
  if (location.hash === "#check" && !line) run();
}

if (typeof document === "object") {
  show();
} else {
  self.onmessage = ({ data }) =>
    check(data).catch((error) => self.postMessage({ failed: error.message }));
}
