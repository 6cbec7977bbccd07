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
# # 2. Loss and the sync interval
#
# **The question:** an acknowledged message is gone. How much is lost when power fails, and what decides it?
#
# **Reads:** `out/notebooks/durability-frontier`, table `losses.csv`.
#
# **Made by:** `bin/brokerlab run durability-frontier --size small --seeds 1-6 --out out/notebooks` (a minute or two; `--size full` takes thirty seeds, and more intervals).
#
# Replication is not durability. An acknowledgement may mean that a quorum has the message *on its disks*, or only *in its memory*: the page cache, which is
# written out when somebody calls `fsync` or when the kernel finds the time. A crash of the process does no harm to a page cache. A power failure empties it, and a rack has one power supply.
#
# What designs do by default: Kafka never syncs before it acknowledges, and leaves it to the kernel; nats-server syncs every two minutes; Redpanda syncs before it acknowledges. Each
# can be told otherwise.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from rundirs import GREY, VERMILION, Study, bars, look, spread, style

style()
study = Study("durability-frontier")
study.introduce()
losses = study.table("losses")
assert losses.read_back.all(), "every run could be read back to its end, so that what is missing is known to be lost"
losses.head(3)

# %% [markdown]
# Each row is one run: 8 producers publish 100 messages a second to one stream of three replicas; after 60 to 75 s (the seed says when) power fails on one, two or all three nodes at
# once, the leader always among them; it comes back, and everything is read to the end. Nothing unsynced survives. All systems get **the same tape**: same seed, same arrivals, same
# moment of darkness.
#
# `lost` counts messages that were acknowledged and are gone. `lost_ms` is the same as seconds of traffic.
#
# ## The whole picture

# %%
PLACES = {0: "before\nack", 100: "100 ms", 1000: "1 s", 10_000: "10 s", 30_000: "30 s", 120_000: "2 min", -1: "never\n(kernel)"}
LINES = {
    "reference": "reference", "Redpanda acks=all": "Redpanda-style", "NATS": "NATS's decisions", "NATS, sync always": "NATS's, sync always",
    "Kafka acks=all, ELR on": "Kafka-style, acks=all", "Kafka acks=1, ELR on": "Kafka-style, acks=1", "Kafka acks=0, ELR on": "Kafka-style, acks=0",
}
order = [p for p in PLACES if (losses.sync_interval_ms == p).any()]  # the full size has them all
fig, axes = plt.subplots(1, 3, figsize=(11, 4.2), sharey=True)
for down, ax in enumerate(axes, 1):
    for k, (system, name) in enumerate(LINES.items()):
        for policy, rows in losses[(losses.system == system) & (losses.nodes_down == down)].groupby("policy", sort=False):
            by = spread(rows, "sync_interval_ms", "lost_ms")
            by["place"] = by.sync_interval_ms.map(order.index)
            by = by.sort_values("place")
            err = np.array([bars(r) for _, r in by.iterrows()]).T / 1000
            at = by.place + (k - 3) * 0.07
            join = "-" if len(by) > 1 else ""
            ax.errorbar(at, by["median"] / 1000, err, linestyle=join, capsize=2, label=f"{name} ({policy})", **look(rows.design.iloc[0], policy))
    ax.set_yscale("symlog", linthresh=0.1, linscale=0.5)
    ax.set(title=["the leader loses power", "the leader and a follower do", "all three do"][down - 1], xticks=range(len(order)), ylim=(-0.02, 150), xlabel="synced")
    ax.set_xticklabels([PLACES[p] for p in order], fontsize=8)
axes[0].set_ylabel("acknowledged traffic that is lost, s")
axes[0].set_yticks([0, 0.1, 1, 10, 100], ["0", "0.1", "1", "10", "100"])
fig.legend(*axes[2].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()

# %% [markdown]
# (Marks are medians over the seeds, bars the whole range. The shape says what an acknowledgement means: disc, synced on a quorum; ring, in a quorum's memory; cross, in one node's memory or not even
# that; square, synced on one node. `acks=0` acknowledges nothing, and for it *sent* counts as acknowledged.)
#
# Three things to see:
#
# 1. **Left column of each panel:** whoever syncs before it acknowledges loses nothing, whatever its design.
# 2. **Rising line, right panel:** whoever syncs at intervals loses in proportion to the interval, NATS's decisions and Kafka's alike.
# 3. **One node's power** takes nothing from anybody who waits for a second node. Replication covers for one; it was never meant to cover for the rack.

# %%
synced = losses[(losses.policy == "synced") & (losses.sync_interval_ms == 0)]
assert synced.lost.sum() == 0, "whoever syncs on a quorum before it acknowledges loses nothing"
alone = losses[(losses.nodes_down == 1) & (losses.policy == "replicated")]
assert alone.lost.sum() == 0, "one node's power takes nothing that a second node has"
print(f"synced before acknowledged: {synced.lost.sum()} of {synced.acked.sum():,} lost, in {len(synced)} runs of {synced.system.nunique()} systems")
defaults = losses[((losses.system == "NATS") & (losses.sync_interval_ms == 120_000)) | ((losses.system == "Kafka acks=all, ELR on") & (losses.sync_interval_ms == -1))]
both = spread(defaults[defaults.nodes_down == 3], "system", "lost_ms").set_index("system") / 1000
print("\nlost with the defaults when all three lose power, in seconds of traffic:")
print(both.rename(columns={"median": "median", "min": "least", "max": "most"}).round(1).to_string())
assert both["median"].between(30, 40).all(), "both defaults lose about as much: what the kernel has not yet written by itself"

# %% [markdown]
# The two defaults lose **the same**, some 35 s of everything, and for the same reason: nobody but the kernel has written anything. Linux writes back what has been dirty for 30 s, and looks every 5 s
# (`dirty_expire_centisecs`, `dirty_writeback_centisecs`); that is in the model's page cache, and it caps the loss long before two minutes are over.
#
# ## How much, by theory
#
# Let a log be synced every $I$. A power failure that comes without regard to the syncs falls at a uniform moment between two of them, so one log has lost a uniform part of $I$: on average
# $I/2$. With three replicas that sync at times of their own, which log survives? If it were always the *newest*, the loss would be the least of three uniforms, $I/4$ on average. If any of the three may win, it is $I/2$.
#
# Raft lets a node win only if its log is at least as new as those of a majority: the newest or the second newest of three, never the oldest. The second newest of three uniforms is
# $I/2$ on average. So the mean must lie between $I/4$ and $I/2$. Kafka-style replicas take over what their leader has: any of the three, $I/2$.
#
# (A refinement: nats-server draws its first sync from the second half of the interval, and so does the broker here. Three phases that share half a circle are closer than three that are free: the newest has then lost $5I/16$ on average, and the second newest still $I/2$. The
# band gets narrower; the rule stays.)

# %%
periodic = losses[(losses.nodes_down == 3) & losses.sync_interval_ms.between(100, 30_000) & losses.system.isin(["NATS", "Kafka acks=all, ELR on"])].copy()
periodic["part"] = periodic.lost_ms / periodic.sync_interval_ms
periodic["name"] = periodic.system.map(LINES)

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8))
x = np.array([periodic.sync_interval_ms.min() / 2, periodic.sync_interval_ms.max() * 2])
left.fill_between(x / 1000, x / 4000, x / 2000, color=GREY, alpha=0.25, label="I/4 to I/2")
left.plot(x / 1000, x / 1000, color=GREY, linestyle=":", label="I, the most there can be")
for system, rows in periodic.groupby("system"):
    left.plot(rows.sync_interval_ms / 1000 * (0.94 if system == "NATS" else 1.06), rows.lost_ms / 1000, linestyle="", label=LINES[system], **look(rows.design.iloc[0], rows.policy.iloc[0]))
left.set(xscale="log", yscale="log", xlabel="sync interval I, s", ylabel="lost, s of traffic", title="All three lose power: each run")
left.set_xticks(sorted(periodic.sync_interval_ms.unique() / 1000), [f"{i / 1000:g}" for i in sorted(periodic.sync_interval_ms.unique())])
left.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
left.minorticks_off()
left.legend(loc="upper left")
u = np.linspace(0, 1, 101)
right.plot(u, u, color=GREY, linestyle="--", label="uniform (mean 1/2)")
right.plot(u, 1 - (1 - u) ** 3, color=VERMILION, linestyle="--", label="newest of three (mean 1/4)")
for system, rows in periodic.groupby("system"):
    right.ecdf(rows.part, label=LINES[system], color=look(rows.design.iloc[0], "")["color"])
right.set(xlabel="lost, as a part of the interval", ylabel="share of runs", title="Is it uniform?", xlim=(0, 1.02))
right.legend(loc="lower right")
plt.show()

mean = periodic.groupby("name").part.agg(["count", "mean", "std"])
mean["standard error"] = mean["std"] / np.sqrt(mean["count"])
mean.round(3)

# %%
for name, row in mean.iterrows():
    assert 0.25 - 2 * row["standard error"] < row["mean"] < 0.5 + 2 * row["standard error"], f"{name}: the mean loss is between I/4 and I/2, give or take two standard errors"
slack = 1000  # milliseconds: messages under way, and the rate of arrivals is a mean
assert (periodic.lost_ms <= periodic.sync_interval_ms + slack).all(), "nothing older than an interval is lost"
print(f"most that was lost, as a part of the interval: {periodic.part[periodic.sync_interval_ms >= 1000].max():.2f} (of intervals of 1 s and more)")

# %% [markdown]
# The figure is a rule that one can use: **expect to lose a quarter to half of the sync interval, and be ready to lose all of it.** At 10 000 publishes a second and a sync every two minutes that
# would be hundreds of thousands of acknowledged messages, if the kernel did not step in after half a minute.
#
# A handful of seeds cannot place the mean within that band, as the standard errors say, and points of one seed are not quite independent: its power fails at the same moment at every interval.
#
# ## Two of three: how can a blank log win?
#
# In the middle panel the third node never lost power. It has everything. Still NATS's decisions lose, in most seeds.

# %%
two = losses[(losses.nodes_down == 2) & losses.sync_interval_ms.ne(0) & losses.policy.eq("replicated")].copy()
two["any"] = two.lost > 0
table = two.groupby(["system", "sync_interval_ms"]).agg(seeds=("seed", "nunique"), lost_any=("any", "sum"), most_s=("lost_ms", lambda v: v.max() / 1000)).reset_index()
table["sync_interval_ms"] = table.sync_interval_ms.map(PLACES).str.replace("\n", " ")
raft_like = two[two.system == "NATS"]
isr = two[two.system.str.startswith("Kafka")]
assert not raft_like["any"].all(), "but not always: it is a race"
assert raft_like["any"].any(), "a majority of logs that lost their tails outvotes the one that has everything"
assert not isr["any"].any(), "a Kafka-style controller hands the partition to a replica that it knows to be in sync"
table.rename(columns={"sync_interval_ms": "synced", "lost_any": "seeds that lost any", "most_s": "most, s"}).set_index(["system", "synced"])

# %% [markdown]
# Two nodes come back, neither remembers, and *two is a majority*: each finds the other's log as new as its own, so one can be elected before the third, which has everything, stands for
# election. When that one then follows, its log is cut to the leader's. Raft assumes that what was once written stays written; that assumption is what a sync buys. The result is a race, won in some seeds and lost in others. A majority protocol with unsynced logs loses
# when a *majority* loses power, not only when all do.
#
# The Kafka-style log does not vote by majority. Its controller remembers who was in sync, and waits for, or picks, such a replica: the one that kept power. This costs elsewhere: see the next notebook.
#
# ## In between: sync, but on one node; or acknowledge nothing

# %%
rest = losses[losses.system.isin(["Kafka acks=1, ELR on", "Kafka acks=0, ELR on"])]
view = rest.groupby(["system", "settings", "nodes_down"]).lost_ms.median().div(1000).unstack().round(2)
view.columns = [f"{n} down, s" for n in view.columns]
view

# %% [markdown]
# `acks=1` with a flush of each message, synced on the leader alone, survives power; it does not survive the loss of that disk, which this tape does not have. `acks=0` also loses what was on its way to a leader that was not there:
# sent, never stored, and nobody was told.
#
# ## What the study itself had expected

# %%
assert study.checks.holds.all(), "the study's own checks hold"
study.checks[["holds", "found"]]

# %% [markdown]
# ## What this does not say
#
# * With $k$ of $n$ *runs* losing nothing the chance of a loss may still be $3/n$; messages of one run stand or fall together, and their large number proves nothing. That a synced design loses nothing here rests on the
#   mechanism (the acknowledgement is a consequence of the sync), which the planted bug `bug-ack-before-sync` shows the judges would catch.
# * Power failures of this tape keep *nothing* unsynced. Real ones keep some, in any order: the experiments `power-loss` and `quickstart` do that.
# * NATS's decisions are those of nats-server, taken by this project's broker; the Kafka- and Redpanda-style logs are baselines on their protocols. None is the product's code.
# * A sync that lies (a disk with a volatile cache that answers early) is worse than none, and is not in this tape.
#
# **Next:** [3. Churn and availability](3-churn-and-availability.ipynb): what the same designs do when leaders fail, again and again.
