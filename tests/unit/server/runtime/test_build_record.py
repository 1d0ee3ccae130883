from batchwright_server.config.plan import Plan, Strategy, Streams
from batchwright_server.core.tensors import BatchRange, InputShapes
from batchwright_server.runtime.build_record import BuildRecord, SizeAttempt

RELOAD, DYNAMIC, FIXED = (
    Plan.of(strategy) for strategy in (Strategy.RELOAD, Strategy.DYNAMIC, Strategy.FIXED)
)


class Store:
    """Keeps results as a disk does: beyond the record that wrote them."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def save(self, key: str, results: bytes) -> None:
        self.kept[key] = results


def serve(store: Store, plan: Plan) -> BuildRecord:
    record = BuildRecord(store, "m")
    record.begin(plan)
    record.end(plan, fits=True)
    return record


def die(store: Store, plan: Plan, *, tight: bool) -> None:
    record = BuildRecord(store, "m")
    record.begin(plan)
    if tight:
        record.note_tight()


def test_after_a_death_for_want_of_memory_the_last_that_fitted_serves() -> None:
    """The next process starts with it; for the plan that fitted itself nothing changes."""
    store = Store()
    serve(store, RELOAD)
    die(store, DYNAMIC, tight=True)

    record = BuildRecord(store, "m")
    assert record.fallback(DYNAMIC) == RELOAD
    assert record.fallback(RELOAD) is None
    assert BuildRecord(store, "m").last_fitted(DYNAMIC) == RELOAD


def test_any_other_death_counts_for_nothing_the_first_time() -> None:
    """A server that is killed while it switches takes up the switch again; killed twice, it does not."""
    store = Store()
    serve(store, RELOAD)
    die(store, DYNAMIC, tight=False)
    assert BuildRecord(store, "m").fallback(DYNAMIC) is None
    serve(store, RELOAD)

    die(store, DYNAMIC, tight=False)

    assert BuildRecord(store, "m").fallback(DYNAMIC) == RELOAD


def test_what_serves_and_what_failed_are_no_deaths() -> None:
    """A death afterwards says nothing of the plan, and one that could not be compiled keeps the last."""
    store = Store()
    serve(store, RELOAD)
    record = BuildRecord(store, "m")
    record.begin(DYNAMIC)
    record.note_tight()
    record.end(DYNAMIC, fits=False)

    assert BuildRecord(store, "m").fallback(DYNAMIC) is None
    die(store, DYNAMIC, tight=True)
    assert BuildRecord(store, "m").fallback(DYNAMIC) == RELOAD


def test_a_fixed_size_is_never_replaced() -> None:
    """Clients of a fixed size are promised that other sizes are refused."""
    store = Store()
    serve(store, FIXED)
    die(store, DYNAMIC, tight=True)

    assert BuildRecord(store, "m").fallback(DYNAMIC) is None


SHAPES = SizeAttempt.of(InputShapes((("x", (1, 3)), ("z", (2,)))), Streams.ONE, 100)
LARGE = SizeAttempt.of(BatchRange.only(64), Streams.OPTIMUM, 100)


def die_compiling(store: Store, attempt: SizeAttempt, *, tight: bool) -> None:
    record = BuildRecord(store, "m")
    record.begin_size(attempt)
    if tight:
        record.note_tight()


def test_sizes_that_killed_are_told_from_then_on() -> None:
    """With their streams and the limit they had; one that was compiled after all is told no more."""
    store = Store()
    serve(store, RELOAD)
    die_compiling(store, SHAPES, tight=True)
    die_compiling(store, LARGE, tight=True)
    record = BuildRecord(store, "m")

    assert record.killers == (SHAPES, LARGE)
    assert [killer.size for killer in record.killers] == [
        InputShapes((("x", (1, 3)), ("z", (2,)))),
        BatchRange.only(64),
    ]
    assert record.fallback(RELOAD) is None
    record.begin_size(SHAPES)
    record.end_size(fits=True)
    assert BuildRecord(store, "m").killers == (LARGE,)


def test_any_other_death_is_no_size_s_fault_the_first_time() -> None:
    """Nor is one after it was compiled, or refused; killed at it twice, whatever else fitted, it is."""
    store = Store()
    record = BuildRecord(store, "m")
    for fits in (True, False):
        record.begin_size(LARGE)
        record.note_tight()
        record.end_size(fits=fits)
    assert BuildRecord(store, "m").killers == ()
    die_compiling(store, LARGE, tight=False)
    assert BuildRecord(store, "m").killers == ()

    record = BuildRecord(store, "m")
    record.begin_size(SHAPES)
    record.end_size(fits=True)
    serve(store, RELOAD)

    die_compiling(store, LARGE, tight=False)

    assert BuildRecord(store, "m").killers == (LARGE,)


def test_what_was_built_at_last_died_of_nothing() -> None:
    """A coincidence is forgotten once the same plan and the same size were had."""
    store = Store()
    serve(store, RELOAD)
    die(store, DYNAMIC, tight=False)
    die_compiling(store, LARGE, tight=False)
    serve(store, DYNAMIC)
    record = BuildRecord(store, "m")
    record.begin_size(LARGE)
    record.end_size(fits=True)

    die(store, DYNAMIC, tight=False)
    die_compiling(store, LARGE, tight=False)

    record = BuildRecord(store, "m")
    assert record.fallback(DYNAMIC) is None
    assert record.killers == ()


def test_what_another_release_wrote_is_forgotten() -> None:
    """An unknown record is no record."""
    store = Store()
    store.kept["m"] = b'{"building": 7}'

    assert BuildRecord(store, "m").fallback(DYNAMIC) is None


def test_buckets_of_sizes_that_killed_give_way_to_those_that_fitted() -> None:
    """The sizes are what takes the memory: the strategy alone would be the one that had served."""
    store = Store()
    few, many = (Plan.of(Strategy.BUCKETS).with_sizes(sizes) for sizes in ((1, 4), (3, 7, 64)))
    serve(store, few)
    die(store, many, tight=True)

    record = BuildRecord(store, "m")

    assert record.fallback(many) == few
    assert record.fallback(few) is None
