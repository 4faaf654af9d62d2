"""A process that imported the daemon and forks: each child is `watchtower run` on a fast clock, a second earlier.

Orders come as lines of JSON on standard input; what becomes of the children goes out the same way. When the input
ends, every child that is left is killed.
"""

from __future__ import annotations

import ctypes
import gc
import os
import select
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

import aiobotocore.session
import orjson
import uvloop
from botocore.loaders import Loader

from tests.support.crash_matrix.clock import SPEED, SharedClock
from tests.support.crash_matrix.deaths import Death, arm
from watchtower import config as configuration
from watchtower.engine.settings import EngineSettings
from watchtower.logs import configure_logs
from watchtower.service import Service, run_until_signalled

#: Real seconds that a vendor may take: a run cannot wait ten for one that hangs.
REQUEST_TIMEOUT = 0.7
#: Clock seconds, four times as many real ones as a request may take: a process that waits for a busy machine must not
#: be taken for one that stood still, again and again. Short, as a pause must outlast it.
LEASE = 3.0 * SPEED
SETTINGS = EngineSettings(
    unit_lease=LEASE,
    channel_lease=LEASE,
    poll_timeout=LEASE / SPEED / 2,
    request_timeout=REQUEST_TIMEOUT,
    retry_first=1.0,
    rejected_retry=20.0,
    rest_first=10.0,
    rest_most=20.0,
    rest_urgent=10.0,
    gathers_for=10.0,
)


def live(order: dict[str, Any]) -> None:
    """What the installed command does, on this matrix's clock."""
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(order["env"])
    arm(Death(**order["death"]) if order["death"] else None)
    path = Path(order["config"])
    loaded = configuration.load(path)
    configure_logs()
    clock = SharedClock(**order["clock"])
    uvloop.run(run_until_signalled(Service(path, loaded, clock=clock, settings=SETTINGS, pace=SPEED)))


_PARENT_DEATH_SIGNAL = 1


def _die_with(parent: int) -> None:
    """Whatever ends the zygote ends this process: nobody else knows of it."""
    ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _child(order: dict[str, Any], parent: int) -> NoReturn:
    _die_with(parent)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 1
    try:
        live(order)
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, it belongs into this child's log
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _tell(**what: Any) -> None:
    os.write(1, orjson.dumps(what) + b"\n")


def _reap(children: dict[int, int]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
        if pid == 0:
            return
        if os.WIFSTOPPED(status):
            _tell(life=children[pid], event="stopped", code=0)
        else:
            _tell(life=children.pop(pid), event="ended", code=os.waitstatus_to_exitcode(status))


def _warm() -> None:
    """What every child would read again: the models of the SDK."""
    loader = Loader()
    aiobotocore.session.get_session()
    loader.load_service_model("sns", "service-2")


def main() -> None:
    """Fork as ordered until the input ends."""
    _warm()
    gc.collect()
    gc.freeze()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    os.set_blocking(reader, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    children: dict[int, int] = {}
    zygote = os.getpid()
    _tell(event="ready")
    unread = b""
    while True:
        ready, _, _ = select.select([0, reader], [], [])
        if reader in ready:
            os.read(reader, 4096)
            _reap(children)
        if 0 in ready:
            more = os.read(0, 65536)
            if not more:
                break
            *lines, unread = (unread + more).split(b"\n")
            for line in lines:
                order = orjson.loads(line)
                pid = os.fork()
                if pid == 0:
                    _child(order, zygote)
                children[pid] = order["life"]
                _tell(life=order["life"], event="began", pid=pid)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
