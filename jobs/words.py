"""The words of a language: texts from a catalogue, dates and numbers as its readers write them.

English stands in the code, other languages in `locale/<language>.po`, which any editor of catalogues opens; a text that a
catalogue lacks is a mistake that a test finds, and is told in English rather than not at all.
"""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

from detection.errors import BadInput

SOURCE: Final = "en"
"""Language of the texts in the code."""
FOLDER: Final = "locale"


def _(text: str) -> str:
    """Marks a text for the catalogues; it is put into words where the reader is known."""
    return text


@dataclass(frozen=True)
class Words:
    """A language."""

    language: str
    """BCP 47, e.g. `es`."""
    zone: str = "America/Lima"
    """Time zone of its readers."""

    def __post_init__(self) -> None:
        if self.language not in languages():
            raise BadInput(f"language {self.language!r}: there is no catalogue; choose {', '.join(languages())}")

    def say(self, text: str, **values: object) -> str:
        """The text in this language, with its values put in."""
        return self._said(text).format(**values)

    def count(self, one: str, many: str, number: int) -> str:
        """As `say`, of a number of things: `{n}` stands for it."""
        if self.language == SOURCE:
            return (one if number == 1 else many).format(n=self.number(number))
        message = catalogue(self.language).get(one)
        found = message.string if message is not None else ()
        both = tuple(found) if isinstance(found, (list, tuple)) and len(found) > 1 and all(found) else (one, many)
        return both[0 if number == 1 else 1].format(n=self.number(number))

    def own(self, text: str) -> str:
        """A text of somebody else's, in this language where the catalogue happens to have it; nothing is put in."""
        return self._said(text)

    def _said(self, text: str) -> str:
        if self.language == SOURCE:
            return text
        message = catalogue(self.language).get(text)
        found = message.string if message is not None else ""
        return found if isinstance(found, str) and found else text

    def day(self, day: date) -> str:
        """`18 nov 2024`, as the language writes it."""
        return format_date(day, "d MMM y", locale=self.language).replace(".", "")

    def month(self, day: date) -> str:
        """`nov 2024`."""
        return format_date(day, "MMM y", locale=self.language).replace(".", "")

    def moment(self, at: datetime) -> str:
        """Day and hour in the readers' zone."""
        return format_datetime(at, "d MMM y, HH:mm", tzinfo=ZoneInfo(self.zone), locale=self.language).replace(".", "")

    def number(self, value: float, digits: int = 0) -> str:
        """With so many digits after the point, or the comma."""
        return format_decimal(
            round(value, digits), format=f"#,##0.{'0' * digits}" if digits else "#,##0", locale=self.numbers
        )

    def share(self, value: float) -> str:
        """0..1 as a percentage."""
        return format_percent(value, format="#,##0 %", locale=self.numbers)

    @property
    def numbers(self) -> str:
        """Whose numbers: Peru writes 3.2, not 3,2."""
        return "es_PE" if self.language == "es" else self.language


@cache
def catalogue(language: str) -> Catalog:
    """The texts of a language other than `SOURCE`."""
    with (files("jobs") / FOLDER / f"{language}.po").open("rb") as opened:
        return read_po(opened, locale=language)


@cache
def languages() -> tuple[str, ...]:
    """Those there are, English among them."""
    found = (one.name for one in (files("jobs") / FOLDER).iterdir())
    return tuple(sorted({SOURCE, *(name.removesuffix(".po") for name in found if name.endswith(".po"))}))
