"""Nights of the load balancer rules; values are what their expressions give."""

from tests.support.nights import Told

FIRING = (
    Told(
        "AlbErrors",
        "three of five minutes above 5 % page, two of three above 20 % wake, 4 % keeps it",
        "0.2x4 5 6 0.5 7 8 20 25 21 4.5x5 4 3.9x5",
        "9: P2, 12: P1, 23: OK",
    ),
    Told("AlbErrors", "an outage wakes in its second minute", "0.2x5 100x4 0.1x6", "7: P1, 14: OK"),
    Told("AlbErrors", "nobody asks any more", "0.2x5 60x3 _x9", "7: P1, 15: OK"),
    Told(
        "AlbNoHealthyHosts",
        "two of three minutes without a healthy target wake; two good minutes do not end it",
        "4x5 0 4 0 1x2 0 1x3",
        "8: P1, 14: OK",
    ),
    Told("AlbNoHealthyHosts", "the last users give up", "4x5 0x4 _x6", "7: P1, 14: OK"),
    Told(
        "AlbUnhealthyHosts",
        "one target of two hundred that fails for five minutes is a chore until three minutes are clean",
        "0x5 0.5x5 0 0 0.5 0x3",
        "10: P3, 16: OK",
    ),
    Told(
        "ElbSurgeQueue",
        "three of five minutes above 100 warn, above 800 page, 50 keeps it",
        "0x4 100 150 20 300 101 800 900 801 1024 60x5 50 49x5",
        "9: P3, 13: P2, 24: OK",
    ),
    Told(
        "ElbSpillover",
        "two of three minutes with a rejected request page, above 100 wake, four clean minutes do not end it",
        "0x5 1 0 3 100 200 101 0x4 1 0x5",
        "8: P2, 11: P1, 21: OK",
    ),
)

ORDINARY = (
    Told("AlbErrors", "noise, and a steady four per cent", "0.3 1.2 0 4 4 4 4 3.9 4 0.1"),
    Told("AlbErrors", "a deploy's two bad minutes", "0.3x5 35 12 0.4x8"),
    Told("AlbErrors", "a quiet night: too few requests to judge", "0.3x3 _x20 0.3 _x4 9 _x8"),
    Told("AlbNoHealthyHosts", "the only target is replaced within a minute", "1x5 0 1x5"),
    Told("AlbNoHealthyHosts", "seldom asked, always healthy", "2 _x4 2 _x9 2 _"),
    Told("AlbUnhealthyHosts", "a deploy: new targets take four minutes to pass", "0x5 50x4 0x5"),
    Told("AlbUnhealthyHosts", "a check times out now and then", "0x4 25 0x3 25 0x6"),
    Told("AlbUnhealthyHosts", "a group that was emptied", "0x3 _x10"),
    Told("ElbSurgeQueue", "a burst of two minutes", "0x5 1024 700 0x6"),
    Told("ElbSurgeQueue", "never more than a hundred", "100 80 100 0 100 100"),
    Told("ElbSpillover", "one minute rejects", "0x5 40 0x6"),
    Told("ElbSpillover", "no instance registered: no value", "0x3 _x10 0x3"),
)
