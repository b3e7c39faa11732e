"""The inbox: whatever the order in which executions meet, every file is taken in, and by as few runs as can be."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framesift.contracts import BeginInput, BeginOutput, StartInput, UploadedObject
from framesift.pipeline.begin import begin_run
from framesift.pipeline.branch import RunRequest
from framesift.pipeline.upload.inbox import INBOX, announce, claim_inbox, hand_over
from framesift.settings import Settings
from framesift.table import Records, Table
from framesift.table.inboxes import Inboxes

NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
ASKED = RunRequest(["parts"], ["parts"], "parts.inbox", "parts", goal="catalog", batch=INBOX)


def written(name: str, version: str = "v1") -> UploadedObject:
    return UploadedObject(key=f"uploads/parts/{name}", etag=f"e-{version}", version_id=version)


class Memory(Table):
    """A table in memory, of the three calls that inboxes make; `test_the_memory_is_like_the_table` compares them.

    Each call waits for its turn, so that a test decides in which order the calls of several executions happen.
    """

    rows: dict[tuple[str, str], dict[str, Any]]
    wait: Callable[[], None]

    def __init__(self) -> None:
        super().__init__("memory")
        self.__dict__ |= {"rows": {}, "wait": lambda: None}

    def get(self, pk: str, sk: str) -> dict[str, Any] | None:
        self.wait()
        found = self.rows.get((pk, sk))
        return dict(found) if found else None

    def put(self, pk: str, sk: str, record: Any, condition: str = "", **values: Any) -> bool:
        self.wait()
        assert not condition, "inboxes put without conditions"
        self.rows[pk, sk] = {key: value for key, value in record.items() if value is not None}
        return True

    def update(self, pk: str, sk: str, change: str, condition: str = "", **values: Any) -> dict[str, Any] | None:
        self.wait()
        row = self.rows.get((pk, sk), {})
        holds = {
            "": True,
            "holder = :mine": row.get("holder") == values.get("mine"),
        }.get(condition)
        if condition.startswith("(attribute_not_exists(holder)"):
            is_free = "holder" not in row or row["holder"] == values["former"]
            holds = is_free and ("taken" not in row or row.get("arrivals", 0) > row["taken"])
        elif condition.startswith("batch_id"):
            holds = row.get("batch_id") == values["batch"] and row.get("taken", -1) < values["arrivals"]
        assert holds is not None, condition
        if not holds:
            return None
        new = dict(row)
        if change.startswith("ADD"):
            new["arrivals"] = new.get("arrivals", 0) + values["one"]
        for assignment in change.removeprefix("SET ").split(", ") if change.startswith("SET") else []:
            name, _, value = assignment.partition(" = ")
            new[name] = values[value[1:]] if value.startswith(":") else new[value]
        self.rows[pk, sk] = new
        return dict(new)


@dataclass
class World:
    """Executions that take in one inbox, each a thread that a test lets go on call by call.

    Attributes:
        lying: Files that are in the inbox.
        taken: Files that a run has taken in.
        runs: How many runs have listed the inbox.
        started: Names of executions that were started.
    """

    inboxes: Inboxes
    lying: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    runs: int = 0
    running: set[str] = field(default_factory=set)
    started: set[str] = field(default_factory=set)
    waiting: list[Callable[[], None]] = field(default_factory=list)

    def start(self, start: StartInput, name: str) -> str:
        """What `Workflow.start` does: one execution for a name."""
        if name not in self.started:
            self.started.add(name)
            self.waiting.append(lambda: self.execute(f"arn:{name}", None))
        return name

    def drop(self, name: str, copies: int) -> None:
        """Put a file into the inbox; its event comes some times."""
        self.lying.add(name)
        for copy in range(copies):
            self.waiting.append(lambda copy=copy: self.execute(f"arn:{name}-{copy}", name))

    def execute(self, arn: str, arrived: str | None) -> None:
        """An execution from Begin to Finish; its steps are the product's own."""
        self.running.add(arn)
        records: Any = type("Records", (), {"inboxes": self.inboxes})()
        if arrived:
            announce("parts", arrived, written(arrived), self.inboxes)
        claimed = claim_inbox(ASKED, arn, "2026-11-20", NOON, records, self.running.__contains__)
        if claimed.skip is None:
            arrivals = self.inboxes.get("parts").arrivals
            listed = set(self.lying)
            self.runs += 1
            self.inboxes.take("parts", claimed.batch, arrivals)
            self.taken |= listed
            self.lying -= listed
            hand_over("parts", arn, records, self)  # type: ignore[arg-type]
        self.running.discard(arn)


class Turns:
    """Lets threads run one call at a time, in an order that is drawn."""

    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.at: int | None = None
        self.parked: set[int] = set()
        self.ended: set[int] = set()
        self.failed: list[BaseException] = []
        self.mine = threading.local()

    def wait(self) -> None:
        me = getattr(self.mine, "number", None)
        if me is None:
            return
        with self.condition:
            self.parked.add(me)
            self.condition.notify_all()
            self.condition.wait_for(lambda: self.at == me)
            self.at = None
            self.parked.discard(me)

    def spawn(self, number: int, work: Callable[[], None]) -> None:
        def run() -> None:
            self.mine.number = number
            try:
                self.wait()
                work()
            except BaseException as error:  # noqa: BLE001 - raised again by `let`
                self.failed.append(error)
            with self.condition:
                self.ended.add(number)
                self.condition.notify_all()

        threading.Thread(target=run, daemon=True).start()
        with self.condition:
            self.condition.wait_for(lambda: number in self.parked)

    def let(self, number: int) -> None:
        """Let a thread make its next call, and wait until it waits again."""
        with self.condition:
            self.parked.discard(number)
            self.at = number
            self.condition.notify_all()
            self.condition.wait_for(lambda: number in self.parked or number in self.ended)
        if self.failed:
            raise self.failed[0]


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(files=st.integers(1, 4), copies=st.integers(1, 3), draw=st.data())
def test_no_file_waits_for_ever_whatever_the_order(files: int, copies: int, draw: st.DataObject) -> None:
    memory, turns = Memory(), Turns()
    memory.__dict__["wait"] = turns.wait
    world = World(Inboxes(memory))
    undropped, alive, number = files, [], 0
    while undropped or world.waiting or alive:
        moves = [*alive, *(["spawn"] if world.waiting else []), *(["drop"] if undropped else [])]
        move = draw.draw(st.sampled_from(moves))
        if move == "drop":
            undropped -= 1
            world.drop(f"{undropped}.jpg", copies)
        elif move == "spawn":
            number += 1
            turns.spawn(number, world.waiting.pop(draw.draw(st.integers(0, len(world.waiting) - 1))))
            alive.append(number)
        else:
            # Several calls at a stretch: losing a wake-up takes one execution that stands still while another goes by.
            for _ in range(draw.draw(st.integers(1, 8))):
                if move not in turns.ended:
                    turns.let(move)
            alive = [each for each in alive if each not in turns.ended]
    assert not world.lying
    assert len(world.taken) == files
    inbox = world.inboxes.get("parts")
    assert (inbox.holder, inbox.has_arrivals) == ("", False)


@pytest.mark.parametrize("arrivals", [2, 50])
def test_arrivals_during_a_run_lead_to_exactly_one_more(arrivals: int) -> None:
    world = World(Inboxes(Memory()))
    holder = claim(world, "arn:first", "0.jpg")
    for number in range(1, arrivals + 1):
        name = f"{number}.jpg"
        world.lying.add(name)
        assert claim(world, f"arn:{number}", name).skip
    world.inboxes.take("parts", holder.batch, 1)
    world.running.clear()
    hand_over("parts", "arn:first", records_of(world), world)  # type: ignore[arg-type]
    hand_over("parts", "arn:first", records_of(world), world)  # type: ignore[arg-type]
    assert len(world.started) == 1
    world.waiting.pop()()
    assert (world.runs, world.lying, world.waiting) == (1, set(), [])


def test_ten_copies_of_one_event_are_one_run() -> None:
    world = World(Inboxes(Memory()))
    world.drop("a.jpg", 10)
    for execute in world.waiting[:]:
        execute()
    assert (world.runs, world.taken, world.started) == (1, {"a.jpg"}, set())


def test_a_holder_that_is_gone_is_replaced_by_the_next_arrival() -> None:
    world = World(Inboxes(Memory()))
    claim(world, "arn:dead", "a.jpg")
    world.running.clear()
    assert claim(world, "arn:next", "b.jpg").skip is None


def test_a_run_that_failed_is_not_repeated_for_ever_but_taken_up_by_the_next_event() -> None:
    world = World(Inboxes(Memory()))
    claim(world, "arn:failed", "a.jpg")
    hand_over("parts", "arn:failed", records_of(world), world)  # type: ignore[arg-type]
    assert not world.started
    assert claim(world, "arn:again", "a.jpg").skip is None


def test_begin_retried_by_the_same_execution_goes_on_with_its_batch() -> None:
    world = World(Inboxes(Memory()))
    first, second = claim(world, "arn:1", "a.jpg"), claim(world, "arn:1", "a.jpg")
    assert (first.batch, first.skip) == (second.batch, None)


def test_ten_thousand_events_have_one_run_and_the_others_end_at_once(records: Records) -> None:
    def begin(name: str, arn: str) -> BeginOutput:
        start = {"source": "upload", "object": written(name).model_dump(by_alias=True)}
        request = BeginInput(start=start, execution_arn=arn, started_at=NOON)
        return begin_run(request, Settings(), records, lambda _: True)

    begun = [begin(f"{number}.jpg", f"arn:{number}") for number in range(30)]
    assert [each.decision for each in begun] == ["run"] + ["skip"] * 29
    (work,) = begun[0].work
    assert (begun[0].goal, work.scope, begun[0].run.subject) == ("catalog", "parts", f"parts.{work.batch}")  # type: ignore[union-attr]
    assert records.inboxes.get("parts").arrivals == 30
    assert [each.batch for each in records.runs.newest("upload")] == [work.batch]  # type: ignore[union-attr]


def test_the_memory_is_like_the_table(records: Records) -> None:
    seen = []
    for inboxes in (records.inboxes, Inboxes(Memory())):
        log: list[object] = [inboxes.get("parts"), inboxes.announce("parts")]
        log.append(inboxes.is_known("parts", "a.jpg", written("a.jpg")))
        inboxes.remember("parts", "a.jpg", written("a.jpg"))
        log.append(inboxes.is_known("parts", "a.jpg", written("a.jpg")))
        log.append(inboxes.is_known("parts", "a.jpg", written("a.jpg", "v2")))
        before = inboxes.get("parts")
        log.append(inboxes.claim("parts", before, "arn:1", "b1", "2026-11-20"))
        log.append(inboxes.claim("parts", before, "arn:2", "b2", "2026-11-20"))
        inboxes.take("parts", "b2", 1)
        log.append(inboxes.get("parts"))
        inboxes.take("parts", "b1", 1)
        inboxes.take("parts", "b1", 0)
        log.append(inboxes.release("parts", "arn:2"))
        log.append(inboxes.release("parts", "arn:1"))
        log.append(inboxes.claim("parts", inboxes.get("parts"), "arn:3", "b3", "2026-11-20"))
        log.append(inboxes.announce("parts"))
        log.append(inboxes.of_execution("arn:1"))
        seen.append(log)
    assert seen[0] == seen[1]


def claim(world: World, arn: str, name: str) -> RunRequest:
    """Begin for the event of a file."""
    world.lying.add(name)
    world.running.add(arn)
    announce("parts", name, written(name), world.inboxes)
    return claim_inbox(ASKED, arn, "2026-11-20", NOON, records_of(world), world.running.__contains__)


def records_of(world: World) -> Any:
    return type("Records", (), {"inboxes": world.inboxes})()
