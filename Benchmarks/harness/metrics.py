"""The two counters that prove that every message was checked."""

import dataclasses
import re

CHECKS = "fluxgate_access_checks_total"
PUBLISHED = "fluxgate_messages_published_total"
SAMPLE = re.compile(r'([A-Za-z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?\s+(\S+)')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclasses.dataclass
class Counters:
    checks: int
    published: dict  # by protocol

    def __add__(self, other):
        names = self.published | other.published
        published = {name: self.published.get(name, 0) + other.published.get(name, 0) for name in names}
        return Counters(self.checks + other.checks, published)

    def since(self, earlier):
        protocols = {name: count - earlier.published.get(name, 0) for name, count in self.published.items()}
        return Counters(self.checks - earlier.checks, protocols)


NONE = Counters(0, {})


def counters(text):
    """Reads Prometheus' text format; a counter that has not counted yet may be missing."""
    checks, published = 0, {}
    for line in text.splitlines():
        match = SAMPLE.match(line)
        if not match or match[1] not in (CHECKS, PUBLISHED):
            continue
        if match[1] == CHECKS:
            checks += int(float(match[3]))
        else:
            protocol = dict(LABEL.findall(match[2] or "")).get("protocol", "")
            published[protocol] = published.get(protocol, 0) + int(float(match[3]))
    return Counters(checks, published)


def account(before, after, subscriptions):
    """What was checked and what was published between two readings, and whether the two agree.

    A subscription is checked too; whether a server counts these under the same name is its own affair, so both
    sums are right. Any other sum means messages that nobody checked, or checks for messages that nobody sent.
    """
    delta = after.since(before)
    messages = sum(delta.published.values())
    agree = delta.checks in (messages, messages + subscriptions) and (messages > 0 or not subscriptions)
    return {
        "access_checks": delta.checks,
        "messages_accepted": messages,
        "messages_by_protocol": delta.published,
        "subscriptions": subscriptions,
        "agree": agree,
    }


def added(account, other):
    """Two accounts as one; they agree if both do."""
    ours, theirs = account["messages_by_protocol"], other["messages_by_protocol"]
    sums = {name: account[name] + other[name] for name in ("access_checks", "messages_accepted", "subscriptions")}
    protocols = {name: ours.get(name, 0) + theirs.get(name, 0) for name in ours | theirs}
    return sums | {"messages_by_protocol": protocols, "agree": account["agree"] and other["agree"]}
