"""The tables of docs/configuration.md."""

import dataclasses
import re

from support.server import REPOSITORY

ROW = re.compile(r"^\| `(?P<name>MF_\w+)` \| (?P<type>[^|]*?) ?\|(?: (?P<default>[^|]*?))? ?\|", re.M)


@dataclasses.dataclass(frozen=True)
class Variable:
    name: str
    type: str
    default: str

    @property
    def is_constant(self) -> bool:
        """Whether the default is a value, and not words that tell where it comes from."""
        return self.type != "secret" and re.fullmatch(r"[^ ]*", self.default) is not None and "MF_" not in self.default


def documented(*without: str) -> dict[str, Variable]:
    """All rows by name; of the sections that are named none."""
    text = (REPOSITORY / "docs/configuration.md").read_text()
    sections = re.split(r"^(?=## )", text, flags=re.M)
    kept = (each for each in sections if each.removeprefix("## ").splitlines()[0] not in without)
    rows = (match for each in kept for match in ROW.finditer(each))
    return {row["name"]: Variable(row["name"], row["type"], (row["default"] or "").replace("`", "")) for row in rows}
