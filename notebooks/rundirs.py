"""Reads what brokerlab writes, and gives figures one look. It computes nothing that a run has not recorded.

A judged run is OUT/NAME/SEED (manifest.json, plan.txt, history.jsonl, metrics.csv, verdict.json); a study is OUT/NAME (study.json
and a CSV file for each of its tables). Times in files are nanoseconds of virtual time unless the column's name says otherwise.
"""

import json
import os
from collections import Counter
from functools import cached_property
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

# RUNS is where `make notebooks` leaves its runs.
RUNS = Path(os.environ.get("BROKERLAB_RUNS", Path(__file__).resolve().parent.parent / "out" / "notebooks"))

S, MS, US = 1e9, 1e6, 1e3  # in nanoseconds


def _directory(path, kind):
    if not path.is_dir():
        raise FileNotFoundError(f"no {kind} in {path}: `make notebooks` makes it, or `bin/brokerlab run` with --out {path.parent}")
    return path


class Run:
    """One judged run: an experiment with a seed."""

    def __init__(self, name, seed=1, root=None):
        self.path = _directory((root or RUNS) / name / f"{seed:#x}", "run")

    def _json(self, name):
        return json.loads((self.path / name).read_text())

    @cached_property
    def manifest(self):
        return self._json("manifest.json")

    @cached_property
    def verdicts(self):
        """A row for each guarantee: its verdict, what was checked, and the judge's sentence."""
        rows = self._json("verdict.json")["verdicts"]
        return pd.DataFrame(
            [[r["guarantee"], r["verdict"], r.get("stats", {}).get("checked", 0), r.get("stats", {}).get("anomalies", 0), r.get("sentence", "")] for r in rows],
            columns=["guarantee", "verdict", "checked", "anomalies", "sentence"],
        ).set_index("guarantee")

    @cached_property
    def metrics(self):
        """A row for each second of virtual time."""
        return pd.read_csv(self.path / "metrics.csv").set_index("time_s")

    @cached_property
    def plan(self):
        """The faults as they were executed, line by line."""
        return (self.path / "plan.txt").read_text().splitlines()

    @cached_property
    def header(self):
        with open(self.path / "history.jsonl") as f:
            return json.loads(f.readline())

    @cached_property
    def events(self):
        """Every event after the header, in order, as dictionaries (model/history says what the keys mean)."""
        with open(self.path / "history.jsonl") as f:
            next(f)
            return [json.loads(line) for line in f]

    @cached_property
    def faults(self):
        """Faults as (from, until, what), in seconds and the plan's words."""
        began, spans = {}, []
        for e in self.events:
            if e["k"] == "fault" and e.get("on"):
                began[e["op"]] = e["t"]
            elif e["k"] == "fault":
                spans.append((began[e["op"]] / S, e["t"] / S, e["why"]))
        return sorted(spans)

    @cached_property
    def operations(self):
        """A row for each operation: who asked what and when, its outcome, and when that was known.

        An operation without a completion is unknown, like one that completed with `info`: nobody can say whether it took effect.
        """
        ends = {e["op"]: e for e in self.events if e["k"] in ("ok", "fail", "info")}
        names = {"ok": "ok", "fail": "failed", "info": "unknown"}
        rows = []
        for e in self.events:
            if e["k"] == "invoke":
                end = ends.get(e["op"], {"k": "info"})
                rows.append(
                    (e["op"], e["t"] / S, e.get("c"), e["f"], e.get("stream"), e.get("v"), names[end["k"]], end.get("t", np.nan) / S, end.get("why") or end.get("err"))
                )
        return pd.DataFrame(rows, columns=["op", "asked_s", "client", "verb", "stream", "value", "outcome", "known_s", "why"]).set_index("op")

    def life(self, value):
        """Every event of one message, its publishes' completions included."""
        ops = {e["op"] for e in self.events if e.get("v") == value and e["k"] == "invoke"}
        return [e for e in self.events if e.get("v") == value or (e["k"] in ("ok", "fail", "info") and e.get("op") in ops)]


class Study:
    """Many cells of one question, as tables."""

    def __init__(self, name, root=None):
        self.path = _directory((root or RUNS) / name, "study")
        self.doc = json.loads((self.path / "study.json").read_text())

    def table(self, name):
        return pd.read_csv(self.path / f"{name}.csv")

    @property
    def checks(self):
        """What the study itself expected, and what it found."""
        return pd.DataFrame(self.doc["checks"])[["name", "holds", "expected", "found"]].set_index("name")

    def introduce(self):
        """Prints what was asked and how it is repeated."""
        d = self.doc
        print(d["question"])
        print(f"varied: {d['vary']}")
        print(f"{d['cells']} cells, {d['seeds_per_point']} seeds a point, {d['world_events']:,} events of the world: bin/{d['command']}")


# What an acknowledgement means is in the marker, whose design it is in the colour (Okabe and Ito's, which most eyes tell apart).
COLOURS = {"reference": "#0072b2", "nats": "#e69f00", "kafka": "#009e73", "redpanda": "#8e3c8a"}
SKY, VERMILION, GREY = "#56b4e9", "#d55e00", "#7f7f7f"
MARKERS = {
    "synced": dict(marker="o"),
    "replicated": dict(marker="o", markerfacecolor="white"),
    "memory": dict(marker="x"),
    "one-synced": dict(marker="s"),
}


def look(design, policy):
    """The colour and marker of a system in every figure."""
    return dict(color=COLOURS.get(design, GREY), markersize=6, markeredgewidth=1.5, linewidth=1.5, **MARKERS.get(policy, dict(marker="D")))


def style():
    """One look for all figures, and the same bytes for the same data."""
    mpl.rcdefaults()
    mpl.rcParams.update(
        {
            "figure.figsize": (8, 3.6), "figure.dpi": 100, "figure.constrained_layout.use": True,
            "font.family": "DejaVu Sans", "font.size": 10, "axes.titlesize": 11, "axes.titlelocation": "left",
            "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#e5e5e5", "grid.linewidth": 0.8,
            "axes.axisbelow": True, "legend.frameon": False, "legend.fontsize": 9, "svg.hashsalt": "brokerlab",
        }
    )
    from matplotlib_inline.config import InlineBackend
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    InlineBackend.instance().print_figure_kwargs = {"bbox_inches": "tight", "facecolor": "white"}
    set_matplotlib_formats("png", metadata={"Software": None})
    pd.set_option("display.width", 160, "display.max_colwidth", 110, "display.max_rows", 80)


def spread(frame, by, value):
    """Median, least and most of a column, over the seeds of each group. With a handful of seeds the whole range says more than an interval."""
    return frame.groupby(by, sort=True)[value].agg(["median", "min", "max"]).reset_index()


def bars(row):
    """A row of spread as error bars of matplotlib."""
    return [row["median"] - row["min"], row["max"] - row["median"]]


def shade_faults(ax, faults, label=True):
    """Marks when faults were on."""
    for i, (a, b, _) in enumerate(faults):
        ax.axvspan(a, max(b, a + 0.05), color=VERMILION, alpha=0.15, linewidth=0, label="a fault is on" if label and i == 0 else None)


def counts(values):
    """How often each value occurs, the most frequent first."""
    return pd.Series(dict(Counter(values).most_common()), dtype="int64")
