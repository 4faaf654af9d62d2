"""What the commands print, apart from how; one module a command, loaded only by it: a start is felt at 3 a.m."""
