"""The crash matrix: the real daemon, killed or paused at every step, against every vendor and every fault.

    python -m tests.support.crash_matrix --runs 1000 --seed 1

Each run is drawn from a seed: some sites fail and recover, one vendor misbehaves, and the process dies at chosen steps
and is started again until everybody was told everything. Then the vendors' books are compared with what was owed.
"""
