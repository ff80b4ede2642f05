// Runs verify_draw.py in CPython compiled to WebAssembly, on the folder named by the argument:
// prints the version of Python, then what the verifier says. Ends as the verifier does.
import { loadPyodide } from "pyodide";

const python = await loadPyodide({ stdout: (line) => process.stdout.write(`${line}\n`) });
python.FS.mkdir("/draw");
python.FS.mount(python.FS.filesystems.NODEFS, { root: process.argv[2] }, "/draw");
process.exitCode = python.runPython(`
import runpy, sys, warnings
warnings.simplefilter("error")
print(sys.version)
sys.argv = ["verify_draw.py"]
try:
    runpy.run_path("/draw/verify_draw.py", run_name="__main__")
except SystemExit as end:
    code = end.code
code
`);
