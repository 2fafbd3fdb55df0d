"""Turns of ours and the peers, and what follows from them."""

import dataclasses
import statistics

from .work import Turn


@dataclasses.dataclass
class Measure:
    """A figure of a turn that is compared, how many times the peer's it has to be, and what it has to be by itself.

    None: that is only reported. With `less_is_better` both are the most that it may be.
    """

    name: str
    field: str  # of Turn
    needed: float | None = None
    less_is_better: bool = False
    bound: float | None = None

    def best(self, values):
        """The name of the peer whose median is the hardest to reach."""
        choose = min if self.less_is_better else max
        return choose(values, key=lambda name: statistics.median(values[name]))

    def is_reached(self, value, needed):
        return needed is None or (value <= needed if self.less_is_better else value >= needed)


@dataclasses.dataclass
class Row:
    """One line of the table."""

    work: str
    measure: Measure
    ours: list
    peer_name: str
    peer: list  # empty if there is none
    others: dict  # the peers that did worse

    @property
    def ratio(self):
        return statistics.median(self.ours) / statistics.median(self.peer) if self.peer else None

    @property
    def pair_ratios(self):
        return [ours / peer for ours, peer in zip(self.ours, self.peer)]

    @property
    def reached(self):
        bounded = self.measure.is_reached(statistics.median(self.ours), self.measure.bound)
        return bounded and (not self.peer or self.measure.is_reached(self.ratio, self.measure.needed))

    def as_json(self):
        figures = {"ratio": self.ratio, "pair_ratios": self.pair_ratios, "reached": self.reached}
        return dataclasses.asdict(self) | figures


@dataclasses.dataclass
class Comparison:
    """One work, driven against our server and the peers in turns."""

    name: str
    work: object
    ours: object
    peers: list
    measures: list

    @property
    def subscriptions(self):
        """How many our server is asked for in one turn."""
        return getattr(self.work, "subscriptions", 0)

    def run(self, pairs, tell):
        turns = {target.name: [] for target in (self.ours, *self.peers)}
        for number in range(pairs):
            for target in (self.ours, *self.peers):
                turn = self.work.drive(target)
                turns[target.name].append(turn)
                tell(progress(self.name, number, pairs, target, turn))
        return [self.row(measure, turns) for measure in self.measures], turns

    def row(self, measure, turns):
        values = {name: [getattr(turn, measure.field) for turn in runs] for name, runs in turns.items()}
        ours = values.pop(self.ours.name)
        if not values:
            return Row(self.name, measure, ours, "", [], {})
        best = measure.best(values)
        return Row(self.name, measure, ours, best, values.pop(best), values)


def progress(work, number, pairs, target, turn: Turn):
    return (
        f"{work}, {number + 1} of {pairs}, {target.name}: {turn.per_second:,.0f}/s, "
        f"{turn.per_cpu_second:,.0f} per CPU second, {100 * turn.server_cpu_share:.0f} % CPU"
        + (f", {turn.bytes_each:,.0f} bytes each" if turn.bytes_each is not None else "")
        + (f", 99 % within {turn.p99_us:,.0f} µs" if turn.p99_us is not None else "")
    )
