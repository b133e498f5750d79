"""Where the scenarios play: a service, a calm visitor, and what the service is like meanwhile."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Final

import trustme

from benchmarks.report import percentile

from ..waiting import until
from .processes import Called, Subject, Visitor
from .service import Options

#: How long everything may take until it is as before, in seconds, when nobody disturbs any more.
_BACK_WITHIN: Final = 30.0
#: How much more memory may be used then, in MiB: what is small lies between what was large. What is
#: lost at each connection is found by those scenarios that do the same again.
_MEMORY: Final = 32.0
_NO_TRACES: Final = ("Traceback", " ERROR ", "CRITICAL", "Exception", "never retrieved")


@dataclass(frozen=True, slots=True)
class Settings:
    """How much is done, and how long it takes.

    Args:
        loop: on which event loop the service runs.
        timeout: its ``header_timeout``, ``idle_timeout`` and ``body_timeout``, in seconds.
        tolerance: how much later a connection may be closed than that, in seconds.
        quiet: how long the visitor is alone, before anything happens, in seconds.
        rate: how many calls the visitor makes in a second.
        rounds: how often is done what is measured.
        slow: how many slow connections there are.
        streams: how many streams are made up.
        idle: how many idle connections are open at once.
        storm: how many connect and go.
        few: how many connections there are of what takes more of one.
        megabytes: how much one of those sends who send without end, in MiB.
        ratio: how many times longer good calls may take beside slow connections (p99).
        kibibytes: how much memory an idle connection may take, in KiB.
    """

    loop: str = "asyncio"
    timeout: float = 10.0
    tolerance: float = 2.0
    quiet: float = 10.0
    rate: float = 200.0
    rounds: int = 3
    slow: int = 2_000
    streams: int = 20_000
    idle: int = 10_000
    storm: int = 20_000
    few: int = 100
    megabytes: int = 32
    ratio: float = 2.0
    kibibytes: float = 8.0

    def options(self) -> Options:
        """What the service under test is like."""
        return Options(self.loop, self.timeout, self.timeout, self.timeout)


#: As in the tests: quick, and little; nothing that hangs on the speed of the machine.
SHORT: Final = Settings(
    timeout=1.0,
    tolerance=10.0,
    quiet=0.2,
    rate=50.0,
    rounds=1,
    slow=200,
    streams=200,
    idle=500,
    storm=500,
    few=10,
    megabytes=2,
    ratio=float("inf"),
    kibibytes=64.0,
)


@dataclass(slots=True)
class Result:
    """What was found in one scenario.

    Args:
        scenario: how it is called.

    Attributes:
        loop: the event loop that the service said it runs on.
        done: how many connections or streams there were.
        alone: what the visitor's calls took before, in each round, in seconds: the p99.
        during: what they took while it happened.
        calls: how many calls the visitor made.
        memory: what the service had in memory: before, at most, and afterwards, in MiB.
        notes: what was found out besides, in words.
        problems: what may not be, in words.
    """

    scenario: str
    loop: str = "-"
    done: int = 0
    alone: list[float] = field(default_factory=list)
    during: list[float] = field(default_factory=list)
    calls: int = 0
    memory: tuple[float, float, float] = (0.0, 0.0, 0.0)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """How much longer the visitor's calls took while it happened: the median of the rounds."""
        return median(d / a for a, d in zip(self.alone, self.during, strict=True))


class Stage:
    """A service, and a visitor who calls it all the time.

    Args:
        result: where to put down what is found.
        settings: how long everything takes.
        tls: whether the service has a certificate.
        options: what the service is like, where it is not as the settings say.

    Attributes:
        subject: the service, while it is played.
    """

    subject: Subject
    _visitor: Visitor

    def __init__(
        self,
        result: Result,
        settings: Settings,
        *,
        tls: bool = False,
        options: Options | None = None,
    ) -> None:
        self.result = result
        self.settings = settings
        self._tls = tls
        self._options = options or settings.options()
        self._files = 0
        self._tasks = 0

    @property
    def port(self) -> int:
        """Where the service is."""
        return self.subject.port

    @contextmanager
    def played(self) -> Iterator[None]:
        """Service and visitor run within the block; afterwards all has to be as it was before.

        Raises:
            TimeoutError: something took too long.
        """
        with ExitStack() as stack:
            authority, options = "", self._options
            if self._tls:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                authority, options = _with_certificate(folder, options)
            self.subject = stack.enter_context(Subject(options, authority))
            self.subject.wait_until_it_serves()
            self.result.loop = self.subject.loop
            self._visitor = Visitor(self.port, self.settings.rate, authority)
            stack.enter_context(self._visitor)
            try:
                self._visitor.wait_for_answers()
                self._look()
                yield
                self._visitor.wait_for_answers()
                self._look_again()
            except Exception as error:
                error.add_note(f"The service said:\n{self.subject.end_of_log()}")
                raise
            self._visitor.end()
            self._account()
            status = self.subject.stop()
            if status:
                self.problem(f"the service has ended with status {status}")
            log = self.subject.log()
            if any(trace in log for trace in _NO_TRACES):
                self.problem(f"the service has logged:\n{self.subject.end_of_log()}")

    @contextmanager
    def measured(self) -> Iterator[None]:
        """What the visitor's calls take within the block, and what they took just before it."""
        begun = time.monotonic()
        time.sleep(self.settings.quiet)
        self._visitor.wait_for_answers()
        middle = time.monotonic()
        yield
        self._visitor.wait_for_answers()
        self.result.alone.append(_p99(self._visitor.between(begun, middle)))
        self.result.during.append(_p99(self._visitor.between(middle)))

    def files_return(self) -> None:
        """Waits until the service has no more files open than before."""
        self._returns(self.subject.files, self._files, "files open")

    def problem(self, what: str) -> None:
        """Notes that something is not as it has to be."""
        self.result.problems.append(what)

    def _look(self) -> None:
        # While a new connection replaces the visitor's old one, there are two of them.
        self._files = self.subject.files() + 1
        self._tasks = self.subject.tasks() + 1
        self.subject.tidy()
        self.subject.forget_peak()
        memory = self.subject.memory()
        self.result.memory = (memory, memory, memory)

    def _look_again(self) -> None:
        subject = self.subject
        if not subject.runs():
            self.problem(f"the service has ended:\n{subject.end_of_log()}")
            return
        self.files_return()
        self._returns(subject.tasks, self._tasks, "tasks")
        before, peak = self.result.memory[0], subject.peak_memory()
        subject.tidy()
        after = subject.memory()
        self.result.memory = (before, peak, after)
        if after > before + _MEMORY:
            self.problem(f"{after - before:.0f} MiB more are in memory, when all was over")

    def _returns(self, count: Callable[[], int], most: int, of_what: str) -> None:
        within = _BACK_WITHIN + self._options.body_timeout
        try:
            until(lambda: count() <= most, what=f"there are {most} {of_what}", within=within)
        except TimeoutError:
            self.problem(f"the service has {count()} {of_what}, {within:g} s after all was over")

    def _account(self) -> None:
        calls = self._visitor.calls
        self.result.calls = len(calls)
        wrong = [call for call in calls if call.wrong]
        if wrong:
            self.problem(f"{len(wrong)} good calls were not answered, as {wrong[0].wrong}")


def _p99(calls: list[Called]) -> float:
    return percentile((call.took for call in calls), 99)


def _with_certificate(folder: Path, options: Options) -> tuple[str, Options]:
    """Writes a certificate and its authority; gives the file of this, and options with that."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    ca, cert, key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
    authority.cert_pem.write_to_path(ca)
    cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    return str(ca), replace(options, certfile=str(cert), keyfile=str(key))
