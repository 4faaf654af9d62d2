"""Nights of the database rules. GiB are written out, as CloudWatch sends bytes."""

from tests.support.nights import Told

GIB = 1024**3


def gib(text: str) -> str:
    """The same night with its figures given in GiB: ``8.5x3 _`` in bytes."""
    words = (word.partition("x") for word in text.split())
    return " ".join((n if n == "_" else str(int(float(n) * GIB))) + x + times for n, x, times in words)


FIRING = (
    Told(
        "RdsCpuHigh",
        "two quarters above 80 warn, two above 95 page, 75 keeps it, two below end it",
        "40x2 80 80.1 82 95 95.1 97 78 75 74 74",
        "5: P3, 8: P2, 12: OK",
    ),
    Told(
        "RdsCpuHigh",
        "one cool quarter between hot ones does not end it",
        "40x2 85x3 60 85x2 60x2",
        "4: P3, 10: OK",
    ),
    Told(
        "RdsCpuHigh",
        "a database that publishes nothing any more keeps its alert until it is well again",
        "40x2 90x2 _x8 50x2",
        "4: P3, 8: no data, 13: P3, 14: OK",
    ),
    Told(
        "RdsConnectionsHigh",
        "a quarter of an hour above 800, and 750 is not yet well",
        "300x2 800 801 850 900 750x3 700 690 690",
        "6: P3, 12: OK",
    ),
    Told(
        "RdsStorageLow",
        "warns after ten minutes below 5 GiB, pages at once below 2, and 6 is not enough to end it",
        gib("20x2 5 4.9 4.8 2 1.9 5.5x2 6 6.1 6.1"),
        "5: P3, 7: P2, 12: OK",
    ),
    Told(
        "RdsStorageLow", "a volume that fills within five minutes pages at once", gib("20x3 1.5 30x2"), "4: P2, 6: OK"
    ),
    Told(
        "AuroraLocalStorageLow",
        "warns below 3 GiB, pages below 1, and 4 is not enough to end it",
        gib("28x2 3 2.9 2.5 1 0.9 0.8 3.5 4 4.1 4.1"),
        "5: P3, 8: P2, 12: OK",
    ),
    Told(
        "AuroraReplicaLag",
        "five minutes above 2 s warn, five above 10 s page, 1 s keeps it",
        "20x4 2000 2500x5 10000 12000x5 1500x3 1000 900x3",
        "10: P3, 16: P2, 23: OK",
    ),
    Told("AuroraReplicaLag", "the lagging reader becomes the writer", "20x5 2500x5 _x8", "10: P3, 17: OK"),
    Told(
        "RdsReplicaLag",
        "five minutes above six warn, five above twenty page, 330 s keeps it",
        "1x4 360 400x5 1200 1300x5 340x3 330 320x3",
        "10: P3, 16: P2, 23: OK",
    ),
    Told(
        "RdsReplicationStopped",
        "stopped for five minutes warns, for twenty pages; two good minutes do not end it",
        "0x5 -1x20 900x2 -1 0x3",
        "10: P3, 25: P2, 31: OK",
    ),
    Told("RdsReplicationStopped", "the replica is promoted", "0x5 -1x6 _x24", "10: P3, 33: OK"),
    Told(
        "RdsConnectionsBlockScaling",
        "connections near the limit with little CPU warn, and 850 is not yet well",
        "300x2 900 901 950 980 850x2 800 790 0",
        "6: P3, 11: OK",
    ),
    Told(
        "ReaderImbalance",
        "the published pair of readers is told after ten minutes, and five even ones end it",
        "0.1x5 0.7x10 0.72x5 0.5x3 0.4x5",
        "15: P3, 28: OK",
    ),
    Told(
        "ReaderImbalance",
        "after a failover nobody knows until the readers have settled",
        "0.9x10 _x18 0.1x5",
        "10: P3, 27: no data, 29: P3, 33: OK",
    ),
    Told(
        "ReaderIdle",
        "a reader that nobody uses for twenty-five of thirty minutes",
        "0.2x5 0.95x25 0.85x2 0.7x5",
        "30: P4, 37: OK",
    ),
    Told("RdsTopology", "a small failover target for a quarter of an hour", "0x2 2x4 0x2", "5: P4, 8: OK"),
)

ORDINARY = (
    Told("RdsCpuHigh", "the batch at two makes one quarter hot", "35 40 99 45 38 42"),
    Told("RdsCpuHigh", "busy, but not above 80", "80x8"),
    Told("RdsCpuHigh", "a hot quarter beside a missing one", "40 40 _ 92 41 40"),
    Told("RdsCpuHigh", "stopped for the night", "40x2 _x8 40x2"),
    Told("RdsConnectionsHigh", "old and new pools for ten minutes of a deploy", "450 460 880 900 470 450"),
    Told("RdsConnectionsHigh", "a deploy, and a datapoint is missing", "450x3 880 _ 900 470 450"),
    Told("RdsConnectionsHigh", "at its usual peak", "800x6"),
    Told("RdsStorageLow", "a small volume half used", gib("8x6")),
    Told("RdsStorageLow", "a sort that takes space for five minutes", gib("20 19 4 19 20 20")),
    Told("RdsStorageLow", "missing datapoints on a good volume", gib("20x2 _x3 20 _x6 20")),
    Told("AuroraLocalStorageLow", "a medium instance, idle", gib("5.1x6")),
    Told("AuroraLocalStorageLow", "a large temporary table for five minutes", gib("28x3 0.6 27x3")),
    Told("AuroraReplicaLag", "tens of milliseconds, a spike, gaps", "18x5 _ 22 4000 19 _x2 21 25 _ 30"),
    Told("AuroraReplicaLag", "four minutes of a bulk load", "20x5 15000x4 40x5"),
    Told("AuroraReplicaLag", "the reader restarts while it lags", "20x5 5000x3 _x3 20x5"),
    Told("RdsReplicaLag", "PostgreSQL without writes: up to five minutes, over and over", "30 90 150 210 270 300 " * 4),
    Told("RdsReplicaLag", "a long statement is replayed for four minutes", "1x5 500 600 700 800 2x5"),
    Told("RdsReplicaLag", "replication that has stopped is another rule's", "0x5 -1x10"),
    Told("RdsReplicationStopped", "the replica restarts for its maintenance", "0x5 -1x4 300 0x5"),
    Told("RdsReplicationStopped", "missing datapoints while it lags", "60x3 _x9 60x3"),
    Told("RdsConnectionsBlockScaling", "many connections that work for their CPU", "700x2 0x4 950x2 0x2"),
    Told(
        "ReaderImbalance",
        "a pool that opens its connections in bursts is uneven for nine minutes",
        "0.1x5 1.4x9 0.1x12",
    ),
    Told("ReaderImbalance", "one reader, then two that share", "_x20 0.2x10"),
    Told("ReaderIdle", "a reader that is found by the pools within twenty minutes", "1x20 0.6x5 0.1x10"),
    Told("RdsTopology", "members are exchanged for larger ones, one after the other", "0x2 1x2 0x4"),
)
