"""The kinds of probes: one module each, with what a rule writes and what is then done."""
