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
# # 4. Collectors and tails
#
# **The question:** a garbage collector stops the program now and then. What does that do to the slowest answers, and when does a formula say it?
#
# **Reads:** `out/notebooks/pause-tail` (tables `server.csv`, `brokers.csv`) and `out/notebooks/collectors` (tables `points.csv`, `events.csv`, and the comparison with measurements in `study.json`).
#
# **Made by:** `bin/brokerlab run pause-tail --size small --out out/notebooks` and `bin/brokerlab run collectors --size small --out out/notebooks`.
#
# We go from the simple to the real: one server that is stopped at random; three replicas, each stopped at times of its own; and then brokers under models of Go's, G1's and ZGC's collectors.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from rundirs import COLOURS, GREY, MS, SKY, US, VERMILION, S, Study, look, style

style()
tails, collectors = Study("pause-tail"), Study("collectors")
tails.introduce()
print()
collectors.introduce()

# %% [markdown]
# ## One pause
#
# A server is busy a share $\rho$ of its time and is stopped for $G$. Who comes right after the stop waits for all of it; who comes later waits less, but behind those who came before. When the server goes on, it works off the queue, and gains on it at
# the rate $1-\rho$. So the delay, seen by whoever arrives, is a triangle: it jumps to $G$ and falls with slope $1-\rho$, **beyond the end of the pause**.

# %%
fig, ax = plt.subplots(figsize=(8, 2.8))
G = 20
ax.axvspan(0, G, color=VERMILION, alpha=0.15, linewidth=0, label="stopped")
for rho, colour in ((0.3, SKY), (0.5, COLOURS["reference"]), (0.8, COLOURS["redpanda"])):
    end = G / (1 - rho)
    ax.plot([-10, 0, 0, end, 110], [0, 0, G, 0, 0], color=colour, label=f"ρ = {rho}: over after {end:.0f} ms")
ax.set(xlabel="arrival, ms since the pause began", ylabel="delay, ms", title="A pause of 20 ms, as arrivals feel it (the formula, nothing measured)", xlim=(-10, 110))
ax.legend(loc="upper right")
plt.show()

# %% [markdown]
# Let pauses come at a rate $\gamma$, seldom enough that they do not meet. Then the share of arrivals that are delayed by more than $d$ is the width of the triangle at height $d$, times $\gamma$:
#
# $$P(\text{delay} > d) = \frac{\gamma\,(G-d)}{1-\rho}, \qquad\text{so the quantile is}\qquad d_p = G - \frac{(1-p)(1-\rho)}{\gamma}.$$
#
# A quantile $p$ feels pauses at all only if $\gamma G/(1-\rho) > 1-p$. Remember that: it settles most arguments about collectors.
#
# The study measures it: one server, services of 0.1 ms, Poisson arrivals and pauses. We take $\gamma$ as it was drawn, because of rare pauses there are few.

# %%
server = tails.table("server").groupby(["pause_ns", "every_ns", "load_permille"]).agg(arrivals=("arrivals", "sum"), pauses=("pauses", "sum"), p99=("p99_ns", "median"), p999=("p99.9_ns", "median")).reset_index()
SERVICE = 100_000  # ns
server["rho"] = server.load_permille / 1000
server["every"] = server.arrivals * SERVICE / server.rho / server.pauses
server["busy"] = server.pause_ns / server.every / (1 - server.rho)
points = pd.concat(
    [server.assign(p=p, measured=server[column], formula=server.pause_ns - (1 - p) * (1 - server.rho) * server.every) for p, column in ((0.99, "p99"), (0.999, "p999"))]
)
points = points[(points.pause_ns >= 5 * MS) & (points.formula > 0.2 * points.pause_ns)].copy()  # where pauses rule the quantile
points["ratio"] = points.measured / points.formula
SELDOM = 0.05

fig, axes = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True)
for ax, (p, rows) in zip(axes, points.groupby("p")):
    ax.axvspan(0.001, SELDOM, color=GREY, alpha=0.15, linewidth=0, label=f"seldom: below {100 * SELDOM:g} %")
    ax.axhline(1, color=GREY, linestyle="--", linewidth=1)
    for (rho, some), marker, colour in zip(rows.groupby("rho"), "os^", (SKY, COLOURS["reference"], COLOURS["redpanda"])):
        ax.plot(some.busy, some.ratio, marker, color=colour, label=f"ρ = {rho}")
    ax.set(xscale="log", yscale="log", xlabel="share of time spent on pauses, γG/(1-ρ)", title=f"{100 * p:g} % of arrivals", xlim=(0.002, 1.2))
    ax.set_xticks([0.01, 0.1, 1], ["1 %", "10 %", "100 %"])
    ax.set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
    ax.minorticks_off()
axes[0].set_ylabel("measured / formula")
axes[0].legend(loc="upper left")
plt.show()

seldom, often = points[points.busy <= SELDOM], points[points.busy > 0.2]
assert ((seldom.measured - seldom.formula).abs() < 0.2 * seldom.formula + MS).all(), "where pauses are seldom the formula is right, to a fifth and the waits of a queue (1 ms)"
assert (often.ratio > 1.2).mean() > 0.5 and often.ratio.max() > 5, "where pauses meet it says far too little"
print(f"{len(seldom)} quantiles with pauses up to {SELDOM:.0%} of the time: off by a factor of {np.exp(np.log(seldom.ratio).abs().max()):.2f} at worst")
print(f"{len(often)} quantiles beyond 20 %: up to {often.ratio.max():.0f} times what the formula says")

# %% [markdown]
# So the formula has a domain, and one can know it beforehand: as long as the server spends a few percent on working off pauses, it is right; when pauses meet, a queue builds on a queue, and no formula without memory can say how long it grows. `d_p` never exceeds $G$; the truth does.
#
# ## Three replicas: who waits for whom
#
# Now every node of a cluster is stopped, for 20 ms once a second on average, at times of its own. An acknowledgement is late if one of the nodes that it *waits for* is stopped. If it waits for $k$ nodes, the share of publishes that are more than half a pause late is
#
# $$k\,\gamma\,\frac{G/2}{1-\rho}.$$
#
# Count $k$: Redpanda's client talks to the leader, and of two followers the faster one is enough, so **1**. NATS's client is connected to any of three nodes, which hands the publish to the leader: **1 + 2/3**. Kafka's leader waits for *every* in-sync replica: **3**.

# %%
brokers = tails.table("brokers")
K = {"redpanda": 1, "reference": 1 + 2 / 3, "kafka": 3}
brokers["k"] = brokers.design.map(K)
brokers["late_share"] = brokers.late / brokers.ok
brokers["formula"] = brokers.k * brokers.pause_ns / 2 / brokers.every_ns / (1 - brokers.busy_permille / 1000)
fig, ax = plt.subplots(figsize=(6.5, 3.4))
ks = np.array([0, 3.3])
ax.plot(ks, 100 * ks * 0.01 / (1 - brokers.busy_permille.mean() / 1000), color=GREY, linestyle="--", label="k γ (G/2) / (1-ρ)")
for row in brokers.drop_duplicates("system").itertuples():
    rows = brokers[brokers.system == row.system]
    ax.plot(rows.k, 100 * rows.late_share, linestyle="", label=row.system, **look(row.design, "replicated" if row.design == "kafka" else "synced"))
ax.set(xlabel="nodes that an acknowledgement waits for, k", ylabel="late by more than 10 ms, %", xlim=(0, 3.4), ylim=(0, None))
ax.legend(loc="upper left")
plt.show()
off = brokers.late_share / brokers.formula
assert off.between(0.7, 1.3).all(), "the share of late publishes is within 30 % of the formula"
brokers.set_index("system")[["k", "late_share", "formula", "p99_ns", "p99.9_ns"]].assign(p99_ms=lambda t: t.p99_ns / MS, p999_ms=lambda t: t["p99.9_ns"] / MS).drop(columns=["p99_ns", "p99.9_ns"]).round(4)

# %% [markdown]
# A quorum hides *one* stopped follower, and nothing hides the leader. Waiting for all in-sync replicas triples the exposure, whatever language any of them is written in.
#
# ## Real collectors, one load
#
# The study `collectors` gives each system one load (20 000 publishes of 1 KiB a second) on hardware with so many cores, and changes the collector alone. One seed, one second, the node that leads:

# %%
events = collectors.table("events")
CASES = ["Go, GOGC 100", "Go, GOGC 400", "Go, limit 34 MiB", "G1, 256 MiB", "ZGC, 256 MiB"]
HUES = dict(zip(CASES + ["none"], [COLOURS["reference"], SKY, VERMILION, COLOURS["nats"], COLOURS["kafka"], GREY]))
ours = events[events.system == "reference"]
fig, axes = plt.subplots(len(CASES), 2, figsize=(10, 8), sharex=True)
for (pauses_ax, heap_ax), gc in zip(axes, CASES):
    e = ours[ours.collector == gc]
    pauses, marks, heap = (e[e.kind == kind] for kind in ("pause", "mark", "heap"))
    for i, m in enumerate(marks.itertuples()):
        wide = max(m.nanos / S, 0.003)  # seconds: what is shorter would be too thin to be seen
        pauses_ax.axvspan(m.at_ns / S, m.at_ns / S + wide, color=SKY, alpha=0.6, linewidth=0, label="marks beside the program" if i == 0 else None)
    pauses_ax.vlines(pauses.at_ns / S, 0.005, pauses.nanos / MS, color=VERMILION, linewidth=1.2, label="stopped")
    pauses_ax.set(yscale="log", ylim=(0.005, 10), title=gc, ylabel="pause, ms")
    pauses_ax.set_yticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
    pauses_ax.minorticks_off()
    heap_ax.plot(heap.at_ns / S, heap.heap_bytes / 2**20, color=HUES[gc])
    heap_ax.set(ylabel="heap, MiB", ylim=(0, None))
axes[0][0].legend(loc="upper right", ncols=2)
axes[-1][0].set_xlabel("virtual time, s")
axes[-1][1].set_xlabel("virtual time, s")
plt.show()

# %% [markdown]
# Five ways to spend the same garbage. Go stops twice for some 20 µs in each cycle and marks beside the program; a higher GOGC makes cycles rarer and the heap larger; a memory limit close to what lives makes them frantic. G1 stops for milliseconds, seldom, and collects within the stop. ZGC stops for 0.1 ms and
# marks for long.
#
# Hold them to the condition from above: a quantile $p$ can feel pauses only if the program is stopped for more than about $1-p$ of the time.

# %%
points = collectors.table("points")
eight = points[(points.system == "reference") & (points.cores == 8)].set_index("collector")
window = 1.0 if collectors.doc["size"] == "small" else 2.0  # seconds that are measured
stopped = ours[ours.kind == "pause"].groupby("collector").nanos.agg(pauses="count", longest_us=lambda v: v.max() / US, stopped=lambda v: v.sum() / S / window).loc[CASES]
stopped["feels it from"] = [f"p = {1 - s:.3%}" for s in stopped.stopped]
assert (stopped.stopped < 0.01).all(), "on eight cores no collector stops the program for a hundredth of the time, so that none can rule the 99th percentile"
stopped["stopped"] = stopped.stopped.map("{:.3%}".format)
stopped

# %% [markdown]
# On eight cores none of them can move the 99th percentile, and at 99.9 % only those with long stops could. Now the latencies:

# %%
QUANTILES = [("p50_ns", 0.5), ("p90_ns", 0.9), ("p99_ns", 0.99), ("p99.9_ns", 0.999), ("p99.99_ns", 0.9999)]
nines = [-np.log10(1 - q) for _, q in QUANTILES]
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), sharey=True)
for gc in CASES + ["none"]:
    rows = eight.loc[[gc]]
    left.plot(nines, [rows[c].median() / MS for c, _ in QUANTILES], "o-", color=HUES[gc], markersize=4, label=gc if gc != "none" else "no collector")
for cores, colour in ((1, VERMILION), (2, COLOURS["nats"]), (4, COLOURS["kafka"]), (8, COLOURS["reference"])):
    rows = points[(points.system == "reference") & (points.collector == "Go, GOGC 100") & (points.cores == cores)]
    right.plot(nines, [rows[c].median() / MS for c, _ in QUANTILES], "o-", color=colour, markersize=4, label=f"{cores} core{'s' * (cores > 1)}")
for ax in (left, right):
    ax.set(yscale="log", xlabel="share of publishes that took no longer")
    ax.set_xticks(nines, ["50 %", "90 %", "99 %", "99.9 %", "99.99 %"], fontsize=8)
    ax.set_yticks([0.3, 1, 3, 10], ["0.3", "1", "3", "10"])
    ax.minorticks_off()
    ax.legend(loc="upper left")
left.set(title="reference, 8 cores", ylabel="latency, ms")
right.set(title="Go at GOGC 100, by cores")
plt.show()

go = points[(points.system == "reference") & (points.collector == "Go, GOGC 100")].groupby("cores")[["p90_ns", "p99_ns"]].median() / MS
none = eight.loc[["none"], ["p90_ns", "p99_ns"]].median() / MS
print(f"90th percentile: {none['p90_ns']:.2f} ms without a collector; with Go's {', '.join(f'{v:.2f} ms on {c}' for c, v in go.p90_ns.items())} cores")
assert go.p90_ns[8] < 1.1 * none["p90_ns"], "on eight cores Go's collector does not show at 90 %"
assert go.p90_ns[[1, 2]].min() > 1.25 * go.p90_ns[8], "on one or two it does: marking takes the core that would have answered"

# %% [markdown]
# The tails on the left cross each other, and *no* collector has the worst. That is not a benefit of collecting: the disk has a sync of some ten milliseconds now and then, two hundred publishes wait for each, and in one second of one seed a run meets one or it does not. Another seed has
# it under another collector. **Differences among these lines above 99 % are chance here**; `--size full` takes thirty seeds.
#
# The right panel is another matter. With one or two cores the collector's threads compete with the broker's, and Go's stops wait for threads that have no core; that shows from 90 % on, in every seed. The ceiling, if there is one, is in the cores.
#
# ## What it costs
#
# Let the program allocate $A$ bytes a second; $c$ is the processor time to mark a byte, $g$ GOGC/100 and $P$ the cores. A cycle marks what lives, $L$ bytes, for $cL$, and lasts until $gL$ more are allocated: $L$ drops out, and the share of the cores is $f = cA/(gP)$. What is allocated *while* marking counts as marked, which
# puts the next cycle off: $f/(1+fg/u)$, with $u$ = 1/4, the share of the cores that mark. If this is right, $c = fgP/A$ must come out the same, whatever GOGC and the number of cores.

# %%
goes = points[(points.system == "reference") & points.collector.str.match(r"Go, GOGC")].copy()
goes["g"] = goes.collector.str.extract(r"(\d+)").astype(int)[0] / 100
goes["share"] = goes.collector_ppm_of_cores / 1e6
goes["plain"] = goes.share * goes.g * goes.cores / goes.allocated_per_s_bytes * S
goes["c"] = goes.plain / (1 - goes.share * goes.g / 0.25)
cost = goes.groupby(["g", "cores"])[["share", "marks", "heap_max_bytes", "plain", "c"]].median()
middle = cost.c.median()
assert (cost.c / middle).between(0.85, 1.15).all(), "one cost of marking explains every setting"
assert (cost.plain / middle).min() < 0.85, "the plain formula does not: with one core, marking puts the next cycle off"
print(f"a byte costs {middle:.2f} ns to mark")
cost.assign(heap_MiB=cost.heap_max_bytes / 2**20, share=cost.share.map("{:.2%}".format)).drop(columns="heap_max_bytes").rename(columns={"plain": "c by fgP/A, ns", "c": "c, corrected, ns"}).round(3)

# %% [markdown]
# What lives drops out: by this formula a broker that keeps ten times as much pays no more processor time, only more heap. Twice the GOGC is half the cost. That is the whole trade.
#
# ## How good are the models?
#
# Collectors here are models: constants and rules, not programs. The study holds them beside measurements on real brokers, and this is where to look before believing a lane above.

# %%
text = next(t for t in collectors.doc["text_tables"] if "measured" in t["head"])
compared = pd.DataFrame(text["rows"], columns=text["head"]).set_index(["case", "figure"])
ratio = compared["model/measured"].astype(float)
cpu = ratio[ratio.index.get_level_values("figure").str.startswith("processor time")]
assert cpu.between(0.5, 2).all(), "processor time is within a factor of two of what was measured"
assert ratio.max() > 2 or ratio.min() < 0.5, "not everything is: say so"
print(f"processor time: {cpu.min():.2f} to {cpu.max():.2f} of what was measured; everything else: {ratio.min():.2f} to {ratio.max():.2f}")
compared

# %% [markdown]
# Processor time is right within a factor of two; medians of pauses and lengths of marks are off by up to six. So: trust *shares of the processor* and orders of magnitude, not single pauses.
#
# ## What the studies themselves had expected

# %%
checks = pd.concat([tails.checks, collectors.checks])
assert checks.holds.all(), "the studies' own checks hold"
checks[["holds", "found"]].assign(found=checks.found.str.slice(0, 105))

# %% [markdown]
# ## What this does not say
#
# * Small size: one seed and one second for collectors. Shapes and shares of the processor are safe; tails above 99 % are not.
# * All designs are costed as Go programs of this project; the collector is what changes. A JVM's code may be faster or slower than that, which these studies leave out on purpose.
# * With one or two cores more than the number changes: threads then contend as was measured on a machine of two (Go's longest stop is 4 ms there), and that is a constant of the hardware profile.
# * The formula for pauses wants them Poisson and seldom. Collectors are periodic, which is kinder: periodic pauses never meet.
# * Heaps here are small. What lives drops out of the *processor's* cost, not out of the time to mark: a cycle over gigabytes is long, and what it delays is not modelled beyond the assists.
#
# That is the tour. Back to [the reading order](README.md), or make a run of your own: `bin/brokerlab list`.
