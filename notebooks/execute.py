"""Executes the notebooks and writes their outputs back, so that equal runs give equal bytes.

A notebook is a pair: NAME.py (py:percent, the form to review) and NAME.ipynb (the same cells, with outputs). Where the two
differ the newer file leads and the other follows, which is jupytext's rule; with --strict a difference is a failure.
A cell that raises, or that writes to standard error, fails its notebook, whose file then stays as it was.
"""

import argparse
import hashlib
import os
import re
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

METADATA = {
    "jupytext": {"formats": "ipynb,py:percent"},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def cells_of(book):
    """What the two forms of a notebook have to agree on."""
    return [(c.cell_type, c.source.rstrip()) for c in book.cells]


def read_pair(text, notebook, strict):
    """The notebook's cells, from the form that leads."""
    book = jupytext.read(text)
    if notebook.exists():
        other = nbformat.read(notebook, as_version=4)
        if cells_of(other) != cells_of(book):
            if strict:
                raise SystemExit(f"{text.name} and {notebook.name} do not have the same cells: make notebooks")
            lead = max(text, notebook, key=lambda p: p.stat().st_mtime_ns)
            print(f"  {text.name} and {notebook.name} differ: {lead.name} is newer and leads")
            book = book if lead == text else other
    return book


def identify(book):
    """Names cells by what they hold: chance would give every execution other names."""
    seen = {}
    for cell in book.cells:
        name = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        seen[name] = seen.get(name, 0) + 1
        cell.id = name if seen[name] == 1 else f"{name}-{seen[name]}"


def strip(book):
    """Leaves of a notebook what its cells and its runs decide: no times, no versions, no paths."""
    for cell in book.cells:
        cell.metadata = nbformat.NotebookNode()
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    book.metadata = nbformat.from_dict(METADATA)
    book.nbformat, book.nbformat_minor = 4, 5


def execute(book, scratch):
    """Runs every cell in a fresh kernel, spoken to by sockets in a directory of its own; the first that fails ends it."""
    sockets = Config(KernelManager={"transport": "ipc", "ip": str(Path(scratch) / "kernel")})
    client = NotebookClient(
        book, kernel_name="python3", config=sockets, timeout=600, record_timing=False, coalesce_streams=True,
        resources={"metadata": {"path": str(HERE)}},
    )
    client.execute()
    for i, cell in enumerate(book.cells):
        for out in cell.get("outputs", []):
            if out.output_type == "stream" and out.name == "stderr":
                raise SystemExit(f"cell {i + 1} wrote to standard error:\n{out.text}")
    book.metadata = nbformat.from_dict(METADATA)


def write_if_changed(path, content):
    if not path.exists() or path.read_text() != content:
        path.write_text(content)


def make(text, strict, scratch):
    """Executes one pair and writes both forms; returns how many figures it holds."""
    notebook = text.with_suffix(".ipynb")
    book = read_pair(text, notebook, strict)
    strip(book)
    identify(book)
    nbformat.validate(book)
    execute(book, scratch)
    percent = jupytext.writes(book, fmt="py:percent")
    if cells_of(jupytext.reads(percent, fmt="py:percent")) != cells_of(book):
        raise SystemExit(f"{text.name}: a cell does not survive the way to text and back")
    write_if_changed(text, percent)
    write_if_changed(notebook, nbformat.writes(book) + "\n")
    return sum("image/png" in o.get("data", {}) for c in book.cells for o in c.get("outputs", []))


def report(error):
    """What was raised, and the cell that raised it."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", error.traceback).splitlines()
    rules = [i for i, line in enumerate(lines) if line.startswith("-----")]
    return f"{error.ename}: {error.evalue}\n" + "\n".join("      " + line for line in lines[rules[-1] + 2 if rules else 0 :] if line.strip())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", default=HERE.parent / "out" / "notebooks", type=Path, help="where the run directories are")
    parser.add_argument("--strict", action="store_true", help="fail where text and notebook differ")
    parser.add_argument("names", nargs="*", help="notebooks, as 1-tour; all, if none is named")
    args = parser.parse_args()
    texts = [HERE / f"{n}.py" for n in args.names] or sorted(HERE.glob("[0-9]*.py"))
    with tempfile.TemporaryDirectory() as scratch:
        # A user's own kernels, startup files and settings must not decide what a notebook shows.
        os.environ.update(
            BROKERLAB_RUNS=str(args.runs.resolve()), JUPYTER_PREFER_ENV_PATH="1", JUPYTER_NO_CONFIG="1", IPYTHONDIR=scratch,
            JUPYTER_RUNTIME_DIR=scratch, MPLCONFIGDIR=str(Path(sys.prefix) / "matplotlib"), PYTHONDONTWRITEBYTECODE="1",
            PYTHONHASHSEED="0", TZ="UTC",
        )
        import matplotlib.font_manager  # builds the cache of fonts, which would otherwise announce itself in a cell

        failed = 0
        for text in texts:
            began = time.monotonic()
            try:
                said = f"ok      {make(text, args.strict, scratch)} figures"
            except (CellExecutionError, SystemExit) as e:
                failed += 1
                said = "FAILED  " + (report(e) if isinstance(e, CellExecutionError) else str(e))
            print(f"  {text.stem:<30} {time.monotonic() - began:5.1f} s  {said}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
