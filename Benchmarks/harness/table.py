"""The figures as a person reads them."""

import statistics

HEADINGS = ("work", "measure", "fluxgate", "best peer", "", "ratio", "needed")


def render(report):
    lines = [*heading(report), "", *grid([HEADINGS, *(cells(row) for row in report["rows"])]), ""]
    notes = [*others(report), *losses(report), *handshakes(report), *failures(report), checks(report), verdict(report)]
    return "\n".join([*lines, *notes])


def heading(report):
    machine, settings = report["machine"], report["settings"]
    return [
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"load average before the run {machine['load_average_at_start']}",
        f"turns for each server: {settings['pairs']}, of {settings['seconds']:g} s; the load program shares the machine; "
        "median (least – most)",
        "fluxgate: default configuration, key authentication, access checks and limits on, durability memory",
        "mosquitto: password and ACL file, the better of its two Nagle settings; "
        "nginx: static 202, the better number of workers",
        "no TLS, but for mutual TLS: ECDSA P-256, AES-128-GCM, X25519; fluxgate compares certificate and key, "
        "mosquitto takes the CN for the user",
        "of bytes and times less is better",
    ]


def cells(row):
    if not row.peer:
        return row.work, row.measure.name, spread(row.ours), "", "", "", needed(row)
    low, high = min(row.pair_ratios), max(row.pair_ratios)
    ratio = f"{row.ratio:.2f} ({low:.2f} – {high:.2f})"
    return row.work, row.measure.name, spread(row.ours), spread(row.peer), row.peer_name, ratio, needed(row)


def needed(row):
    measure = row.measure
    sign = "≤" if measure.less_is_better else "≥"
    wanted = [f"{sign} {measure.needed:g} ×"] if measure.needed is not None else []
    wanted += [f"{sign} {measure.bound:,g}"] if measure.bound is not None else []
    return f"{' and '.join(wanted)} {'reached' if row.reached else 'MISSED'}" if wanted else ""


def spread(values):
    return f"{statistics.median(values):,.0f} ({min(values):,.0f} – {max(values):,.0f})"


def grid(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def others(report):
    for row in report["rows"]:
        for name, values in row.others.items():
            yield f"{row.work}, {row.measure.name}: {name} {spread(values)}"


def losses(report):
    for work, turns in report["turns"].items():
        lost = {name: total(runs, "lost") for name, runs in turns.items()}
        if any(lost.values()):
            yield f"{work}: messages lost: " + ", ".join(f"{name} {count:,}" for name, count in lost.items())


def handshakes(report):
    for work, turns in report["turns"].items():
        [first, *_] = [turn.detail for runs in turns.values() for turn in runs]
        if "tls" not in first:
            continue
        counts = {name: (total(runs, "resumed"), total(runs, "connections")) for name, runs in turns.items()}
        yield f"{work}: {first['tls']}, sessions resumed: " + "; ".join(
            f"{name} {resumed:,} of {connections:,}" for name, (resumed, connections) in counts.items()
        )


def total(runs, key):
    return sum(turn.detail.get(key, 0) for turn in runs)


def failures(report):
    return (f"FAILED: {failure}" for failure in report["failures"])


def checks(report):
    access = report["access"]
    protocols = ", ".join(f"{name} {count:,}" for name, count in sorted(access["messages_by_protocol"].items()))
    verb = "agree" if access["agree"] else "DISAGREE"
    return (
        f"access checks {access['access_checks']:,}, messages accepted {access['messages_accepted']:,} ({protocols}), "
        f"subscriptions {access['subscriptions']:,}: they {verb}"
    )


def verdict(report):
    missed = [f"{row.work}, {row.measure.name}" for row in report["rows"] if not row.reached]
    return "missed: " + "; ".join(missed) if missed else "every ratio is reached"
