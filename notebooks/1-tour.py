# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1. A tour of the world
#
# **The question:** what is in a run, and how do you get from "a guarantee holds" to the very events that say so?
#
# **Reads:** `out/notebooks/quickstart/0x1`, one run of the experiment `quickstart` with seed 1.
#
# **Made by:** `bin/brokerlab run quickstart --out out/notebooks` (a second or two); `make notebooks` does it for you.
#
# brokerlab runs a replicated broker in a simulated world of networks, disks, processes and clocks, lets all of these fail, writes down what every
# client asked and was told, and judges that record. Nothing in the world is left to chance: the seed decides every draw, so
# that this notebook, executed anywhere, shows the same bytes. All times are virtual: nobody waited for them.

# %%
import json

import matplotlib.pyplot as plt
import pandas as pd

from rundirs import COLOURS, GREY, SKY, VERMILION, S, US, Run, counts, shade_faults, style

style()
run = Run("quickstart", seed=1)
sorted(p.name for p in run.path.iterdir() if p.suffix not in (".svg", ".png"))

# %% [markdown]
# Six files matter. `manifest.json` says what was asked for, `plan.txt` which faults struck, `history.jsonl` everything that happened in
# one order, `metrics.csv` one row for each second, `verdict.json` what the judges say, and `report.html` is all of it for a browser
# (`losses.csv` counts what became of unstored messages). We take them in turn.
#
# ## What was asked for
#
# Three nodes, three streams of three replicas each, and ten groups of clients.

# %%
m = run.manifest
print(m["question"])
pd.DataFrame(
    [(c["name"], c["count"], ", ".join(k for k in ("work", "send", "subscribe", "request", "serve") if k in c) or "publish, read", ", ".join(c.get("streams", [c["work"]["stream"]] if "work" in c else [])), c.get("publish_per_second", "")) for c in m["load"]["clients"]],
    columns=["group", "clients", "does", "stream", "publishes a second"],
).set_index("group")

# %% [markdown]
# `shop` publishes orders and `ship` works on them through a pull consumer; `quote` keeps the newest prices by key; `planner` and `doer` share a
# work queue. The rest is core messaging, of which nothing is stored: sensors, screens, a queue group, and a service that moves from node to node.
#
# ## What was done to it
#
# The plan names *roles*, because what matters is that the leader was struck and not that it was node 1. The node that
# had the role at that time stands in parentheses, so that the same plan can be read back and executed again.

# %%
print("\n".join(run.plan))
assert len(run.faults) == 8 and run.faults[-1][2].endswith("heal"), "seven faults, and then everything is healed"

# %% [markdown]
# One of each: a crash (the page cache survives), a power failure (what was not synced may be gone, and the last write may be torn), a
# partition, a cut in one direction, a pause, a slow disk, and a power failure of all three nodes together.
#
# ## The history
#
# One JSON object a line. A client's operation has an `invoke` and at most one completion: `ok`, `fail` (it certainly had no effect) or `info`
# (nobody knows). Everything else is something that was *seen*: a delivery, a fault, or an observation of a node (`event`). The index `i` is the order
# of the world: judges go by it and not by the clock.

# %%
print(f"{len(run.events):,} events")
for e in run.events[150:156] + run.events[1322:1332]:
    print(json.dumps({k: v for k, v in e.items() if k not in ("h", "ts", "g")}))

# %% [markdown]
# ### Three outcomes, never two
#
# A publish that gets no answer in time may have been stored, or may not, or may still be. Calling that a failure would be a lie that hides duplicates;
# calling it a success would hide losses.

# %%
ops = run.operations
table = ops.groupby(["verb", "outcome"]).size().unstack(fill_value=0)[["ok", "failed", "unknown"]]
table["all"] = table.sum(axis=1)
table.sort_values("all", ascending=False).loc[lambda t: t["all"] >= 100]

# %% [markdown]
# (Most acks are unknown by choice: a worker that asks for no confirmation gets none.)
#
# What became of the publishes of unknown outcome? The run ends with a *drain*: after healing, every stream is read from its first
# message to its last. So for once we can look at what the client could not know.

# %%
published = ops[(ops.verb == "publish") & (ops.stream == "ORDERS")]
unknown = published[published.outcome == "unknown"]
drained = {e["v"] for e in run.events if e["k"] == "ok" and e.get("final") and "v" in e}
acknowledged = set(published[published.outcome == "ok"].value)
stored_s = {}  # when each order was first stored anywhere
for e in run.events:
    if e["k"] == "event" and e["f"] == "stored" and "v" in e:
        stored_s.setdefault(e["v"], e["t"] / S)


def fate(attempt):
    if attempt.value not in drained:
        return "not stored"
    tries = published[(published.value == attempt.value) & (published.asked_s > attempt.asked_s)].asked_s
    return "stored by a later try" if len(tries) and stored_s[attempt.value] > tries.min() else "stored, and nobody was told"


fates = counts(fate(attempt) for attempt in unknown.itertuples())
print(f"{len(unknown)} publishes to ORDERS, of {len(published)}, have an unknown outcome:")
print(fates.to_string())
assert fates["not stored"] > 0 and fates["stored, and nobody was told"] > 0, "unknown means both: some are in the stream, some are not"
assert acknowledged <= drained, "each acknowledged order is found by the drain"


# %% [markdown]
# That is the first thing to take home: of what went unanswered some is there and some is not, and *acknowledged* is a subset of *there*.
#
# ### The life of one message
#
# Follow one order that nothing bad happened to, in microseconds from its publish.

# %%
def life(value):
    events = run.life(value)
    start = events[0]["t"]
    rows = []
    for e in events:
        who = f"n{e['n']}" if "n" in e and e["k"] == "event" else e.get("c", "")
        what = e["f"] if e["k"] == "event" else f"{e['k']} {e['f']}"
        rows.append((e["i"], (e["t"] - start) / US, who, what, e.get("seq", ""), e.get("idx", ""), e.get("why") or e.get("err") or ""))
    return pd.DataFrame(rows, columns=["i", "us", "who", "what", "seq", "raft index", "why"]).set_index("i")


def drawn(value, title, until_us):
    rows = life(value)
    rows = rows[rows.us <= until_us]
    lanes = ["client", "n1", "n2", "n3"]
    looks = {"stored": ("o", COLOURS["reference"], "stored (applied)"), "acked": ("^", COLOURS["kafka"], "leader acknowledges"), "dropped": ("x", VERMILION, "dropped"),
             "deliver consume": ("D", COLOURS["redpanda"], "delivered to a worker"), "invoke publish": (">", "black", "publish"),
             "ok publish": ("*", COLOURS["kafka"], "client knows: ok"), "info publish": ("X", VERMILION, "client gives up: unknown")}
    fig, ax = plt.subplots(figsize=(8, 2.4))
    for what, (marker, colour, label) in looks.items():
        at = rows[rows.what == what]
        ax.plot(at.us / 1000, [lanes.index(w) if w in lanes else 0 for w in at.who], marker, color=colour, markersize=9 if marker in "*X" else 7, label=label, linestyle="")
    ax.set(yticks=range(4), yticklabels=lanes, ylim=(3.5, -0.6), xlabel="milliseconds since the publish", title=title)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), handles=[h for h in ax.get_lines() if len(h.get_xdata())])
    plt.show()


quiet = published[(published.outcome == "ok") & (published.known_s < run.faults[0][0])].iloc[20].value
drawn(quiet, f"{quiet}, before any fault", 3000)
life(quiet)

# %% [markdown]
# Read it from the top. The leader stores the order and acknowledges it in the same step, *before* the followers have stored it. That is no
# mistake: what a quorum has by then is the entry in its **synced log**, and that is what survives; storing it is applying the log, and may come later. When a node
# boots again its log is replayed: that is the meaning of the later rows, seconds after the publish, in which a node stores the same sequence
# number at the same Raft index once more. The last row is the drain.

# %%
rows = life(quiet)
first = rows[rows.what == "stored"].iloc[0]
acked_us = rows[rows.what == "acked"].us.iloc[0]
known_us = rows[rows.what == "ok publish"].us.iloc[0]
assert first.us <= acked_us <= known_us, "stored, acknowledged, known: in this order"
assert rows[rows.what == "stored"].seq.nunique() == 1, "one message has one sequence number, on every node and after every boot"
print(f"the client knew after {known_us / 1000:.2f} ms")

# %% [markdown]
# Now an order that was published into the partition, to a leader that had been cut off from the others and did not know it yet.

# %%
_, _, cut = run.faults[2]
into = unknown[(unknown.asked_s > run.faults[2][0]) & (unknown.asked_s < run.faults[2][1])]
again = next(v for v in into.value if v in acknowledged)
print(cut)
drawn(again, f"{again}, published into the partition", 6e6)
life(again)

# %% [markdown]
# The client heard nothing for five seconds and called the outcome *unknown*. Then it tried again **under the same deduplication id**, and this try was
# stored, once. Had the first one been stored after all, the second would have been answered as a duplicate of it. The row `dropped` is the old leader's node letting go
# of what it still held for somebody else, once it knew.
#
# ## A minute of metrics
#
# One row a second of `metrics.csv`. Faults are shaded; what is acknowledged is compared with what was offered.

# %%
metrics = run.metrics
busy = metrics.loc[3:74]
fig, (top, low) = plt.subplots(2, 1, figsize=(9, 5), sharex=True, height_ratios=[3, 2])
shade_faults(top, run.faults[:-1])
top.step(busy.index, busy.publish_offered_per_s, where="post", color=GREY, label="offered")
top.step(busy.index, busy.publish_acked_per_s, where="post", color=COLOURS["reference"], label="acknowledged")
top.step(busy.index, busy.publish_unknown_per_s, where="post", color=VERMILION, label="unknown")
top.set(ylabel="publishes a second", title="Publishes: offered by when they were due, the others by when they were answered", ylim=(0, None))
top.legend(loc="upper left", ncols=4, bbox_to_anchor=(0, 1.0))
top.set_ylim(0, 1.25 * busy.filter(regex="publish_(offered|acked|unknown)").to_numpy().max())
shade_faults(low, run.faults[:-1], label=False)
low.plot(busy.index, busy.publish_latency_p50_us / 1000, ".", color=SKY, label="median")
low.plot(busy.index, busy.publish_latency_max_us / 1000, ".", color=COLOURS["reference"], label="slowest")
low.set(yscale="log", ylabel="latency, ms", xlabel="virtual time, s", title="Latency of the acknowledged ones, by when they were asked")
low.legend(loc="upper right", ncols=2)
plt.show()

# %% [markdown]
# The median hardly notices: an acknowledged publish takes a bit over a millisecond, which is a sync on two disks and a way there and back. Only the slow disk of the leader
# lifts it. What faults do is in the slowest and in the missing ones. A publish of unknown outcome is counted when its client gives up, five seconds late.
#
# Whose faults hurt? Draw who leads the stream of orders.

# %%
leads = [(e["t"] / S, e["n"]) for e in run.events if e["k"] == "event" and e["f"] == "leader" and e.get("stream") == "ORDERS"]
down, spans = {}, []
for e in run.events:
    if e["k"] == "event" and e["f"] == "down":
        down[e["n"]] = e["t"] / S
    elif e["k"] == "event" and e["f"] == "up" and e["n"] in down:
        spans.append((e["n"], down.pop(e["n"]), e["t"] / S))

fig, ax = plt.subplots(figsize=(9, 2.2))
shade_faults(ax, run.faults[:-1])
for i, (t, n) in enumerate(leads):
    until = leads[i + 1][0] if i + 1 < len(leads) else 74
    ax.plot([t, until], [n, n], color=COLOURS["reference"], linewidth=7, solid_capstyle="butt", label="elected last" if i == 0 else None)
for i, (n, a, b) in enumerate(spans):
    ax.plot([a, b], [n, n], color="black", linewidth=3, solid_capstyle="butt", label="down" if i == 0 else None)
ax.set(yticks=[1, 2, 3], yticklabels=["n1", "n2", "n3"], ylim=(3.5, 0.5), xlabel="virtual time, s", title="Who leads the stream of orders")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

oks = published[published.outcome == "ok"].known_s.sort_values().to_numpy()
gaps = pd.DataFrame({"from_s": oks[:-1], "gap_s": oks[1:] - oks[:-1]}).nlargest(5, "gap_s").sort_values("from_s")
gaps["fault that was on"] = [next((w for a, b, w in run.faults if f - 0.2 <= b and a <= f + g), "") for f, g in zip(gaps.from_s, gaps.gap_s)]
print(f"{len(leads)} elections of ORDERS, the first of them to begin with. The longest times without an acknowledged order:")
gaps.round(2).set_index("from_s")

# %%
assert (leads[0][0] < 3) and all(any(a <= t <= b + 3 for a, b, _ in run.faults) for t, _ in leads[1:]), "nobody is elected without a fault"
assert gaps.gap_s.max() < 4, "the group is without a leader for seconds, never longer"

# %% [markdown]
# The crash, the partition and the pause of the leader each cost an election, and the time that a follower waits before it stands for one. The slow disk cost none: a leader that
# syncs late still sends its heartbeats. Nor did the cut, though one follower heard nothing from the leader for two seconds: before it campaigns it asks the others whether they would vote (*pre-vote*), and
# they, who hear the leader, say no. The power failure of a follower went unnoticed: two of three are a quorum.
#
# ## The verdict
#
# Every guarantee gets one of four verdicts: it **holds**, is **violated**, was **not exercised** (nothing in the run could have broken it), or is **unknown**. "Holds" with nothing
# checked would be cheap, so judges say how much they looked at.

# %%
v = run.verdicts
print(v.verdict.value_counts().to_string())
v.sort_values("checked", ascending=False)[["verdict", "checked", "anomalies", "sentence"]].head(12)

# %%
assert m["verdict"] == "holds" and set(v.verdict) <= {"holds", "not exercised"}, "the reference broker keeps what it promises"
assert v.loc["no-acked-loss", "checked"] > 3000 and v.loc["no-acked-loss", "anomalies"] == 0, "no acknowledged message is lost"
v[v.verdict == "not exercised"][["sentence"]]

# %% [markdown]
# Core messaging promises less, at most once, and there each miss must have a *cause*: what was on its way to a process that crashed, through a route that broke, and so on. A
# miss without a cause would be a violation.

# %%
losses = pd.read_csv(run.path / "losses.csv")
losses["share"] = (losses.share_per_million / 1e4).map("{:.2f} %".format)
assert v.loc["core-no-unexplained-miss", "verdict"] == "holds", "every miss has a cause"
losses.set_index(["of", "cause"])[["count", "share"]]

# %% [markdown]
# ## Again, and closer
#
# The manifest ends with a hash over *every* event of the world, also those that no history records: each frame, timer and disk operation. Whoever repeats the
# run, on whatever machine, gets the same hash, or has found a defect.

# %%
print(f"{m['totals']['world_events']:,} events of the world, {m['totals']['operations']:,} operations, trace {m['trace']}")
assert len(m["trace"]) == 32 and m["verdict"] == "holds"

# %% [markdown]
# From here, three commands:
#
# * `bin/brokerlab replay out/notebooks/quickstart/0x1` runs it again and compares the hash (exit status 3 if it differs);
# * `bin/brokerlab why out/notebooks/quickstart/0x1` explains what was violated, with the events that prove it (here: nothing was; try `bin/brokerlab run power-loss --profile nats`, then `why`);
# * `bin/brokerlab check out/notebooks/quickstart/0x1/history.jsonl` judges a history by itself. It sees no simulator, so a history recorded from a real cluster is judged by the same code.
#
# ## What this does not say
#
# * One seed is one story. That a guarantee held in it is no proof; it held in this one. `--seeds 1-1000` tells more stories, and the notebooks that follow use several.
# * The world is a model. Its disks lose what was not synced and tear the last write, its networks reorder and cut: what it leaves out (ARCHITECTURE.md says what) no run can show.
# * Costs in this run are those of disks and networks only; cores and collectors come in at notebook 4.
#
# **Next:** [2. Loss and the sync interval](2-loss-and-sync.ipynb): what happens when an acknowledgement does *not* wait for the disk.
