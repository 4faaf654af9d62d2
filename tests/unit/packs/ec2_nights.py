"""Nights of the instance rules."""

from tests.support.nights import Told

FIRING = (
    Told(
        "Ec2StatusCheckFailed",
        "three failed minutes warn, five page; two good ones do not end it",
        "0x5 1x5 0x2 1 0x3",
        "8: P3, 10: P2, 16: OK",
    ),
    Told(
        "Ec2StatusCheckFailed",
        "the group replaces the instance that failed: its alert ends with it",
        "0x5 1x6 _x10",
        "8: P3, 10: P2, 18: OK",
    ),
    Told(
        "Ec2DiskLow",
        "one datapoint below 10 warns, one below 5 pages, 12 keeps it, above 12 ends it",
        "40x2 10 9.9 7 5 4.9 11 12 12.1",
        "4: P3, 7: P2, 10: OK",
    ),
    Told("Ec2DiskLow", "a disk that fills within five minutes pages at once", "40x3 1 60", "4: P2, 5: OK"),
    Told("Ec2DiskLow", "the agent is silent for half an hour on the full disk", "40x3 3 _x6 3 60", "4: P2, 12: OK"),
    Told("Ec2DiskLow", "the instance is terminated with its full disk", "40x3 8 _x14", "4: P3, 16: OK"),
)

ORDINARY = (
    Told("Ec2StatusCheckFailed", "a reboot fails two checks", "0x5 1 1 0x5"),
    Told("Ec2StatusCheckFailed", "a reboot with a gap", "0x5 1 _ 1 0x5"),
    Told("Ec2StatusCheckFailed", "an instance comes, works, goes", "_x3 0x20 _x10"),
    Told("Ec2StatusCheckFailed", "a failed check, then terminated", "0x5 1 _x10"),
    Told("Ec2DiskLow", "exactly 10 per cent left", "11 10 10 11"),
    Told("Ec2DiskLow", "a deploy unpacks beside the old release", "24 23 14 13 22 24"),
    Told("Ec2DiskLow", "an instance comes and goes, and its agent skips", "60 _ 58 _x3 57 _x15"),
)
