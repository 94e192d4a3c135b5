"""Reads the times that learning management systems write: any usual form, and never by guess.

A date that could be two days (05.11.2026), a zone that could be several (CST), a month that is another one in another
language: each is refused with the reason, because a wrong time is a wrong mark.
"""

import datetime
import functools
import re
import unicodedata
import zoneinfo

from autograder.classroom.course_folder import GradeError

UTC = datetime.UTC
# Abbreviations that mean one offset wherever they are used, in hours.
ZONES = {"Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2}
ZONES |= {"EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "KST": 9, "NZST": 12, "NZDT": 13, "AEST": 10, "AEDT": 11}
LANGUAGES = "en de fr es it pt nl sv nb da fi pl cs sk sl hr sr uk ru bg ro hu el tr he ar fa hi id ms vi ca eu et lv lt is"
YEARS = range(1990, 2101)
MORNING = r"a\.? ?m\b\.?|上午|午前|오전"
EVENING = r"p\.? ?m\b\.?|下午|午後|오후"
CLOCK = re.compile(
    rf"(?P<before>{MORNING}|{EVENING})?\s*"
    r"(?<!\d)(?:(?P<hour>\d\d?)\s?(?:[:._h-]|Uhr)\s?(?P<minute>\d\d)(?:[:._m-](?P<second>\d\d)s?(?:[.,]\d+)?)?"
    r"|(?P<joined>\d{3,6})|(?P<alone>\d\d?)(?=\s?(?:[ap]\.? ?m\b|h\b|Uhr)))(?!\d)h?"
    rf"\s*(?P<after>{MORNING}|{EVENING})?",
    re.IGNORECASE,
)
YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})\s?[-_./]\s?(\d\d?)\s?[-_./]\s?(\d\d?)(?!\d)")
YEAR_LAST = re.compile(r"(?<!\d)(\d\d?)\s?([-_./])\s?(\d\d?)\s?[-_./]\s?(\d{4})(?!\d)")
COMPACT = re.compile(r"(?<!\d)((?:19|20)\d\d)(\d\d)(\d\d)(?:[T_ -]?(\d{4}|\d{6}))?(?!\d)")
SHORT_YEAR = re.compile(r"(?<!\d)\d\d?[-_./]\d\d?[-_./]\d\d(?!\d)")
WORD = r"([^\W\d_]{3,}|[^\W\d_]{2}(?=\.))"
DAY_MONTH = re.compile(
    rf"(?<!\d)(\d\d?)(?:st|nd|rd|th|er|º|\.)?[\s_-]*(?:de |of )?{WORD}\.?,?[\s_-]*(?:de |del )?(\d{{4}})(?!\d)"
)
MONTH_DAY = re.compile(rf"{WORD}\.?[\s_-]*(\d\d?)(?:st|nd|rd|th)?,?[\s_-]+(\d{{4}})(?!\d)")
YEAR_MONTH = re.compile(rf"(?<!\d)(\d{{4}})[\s_-]{WORD}\.?[\s_-](\d\d?)(?!\d)")
OFFSET = re.compile(r"(?:UTC|GMT|UT)?\s*([+\u2212-])(\d\d?)(?::?(\d\d))?")


class DoubtfulTime(GradeError):
    """A text that is no time, or that could be several. Says what to do."""


def find_timezone(name):
    """A zone by its name in the IANA database.

    Raises:
        GradeError: if there is none.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise GradeError(
            f"there is no time zone {name!r}: write it as Europe/Berlin, America/New_York or UTC"
        ) from None


class TimeReader:
    """Reads times that were all written by the same system.

    Args:
        timezone: where that system stands, for times without a zone; `tzinfo`. Without it they are taken for UTC, and
            `read` says so.
        day_first: whether 05.11.2026 is the fifth of November; `None` if nobody has said.
    """

    def __init__(self, timezone=None, day_first=None):
        self.timezone, self.day_first, self.shown_by = timezone, day_first, ""
        self.assumed = False  # whether a time without a zone was met

    def learn(self, texts):
        """See which comes first, day or month, from dates that can only be read one way.

        Where both are seen, nothing is learned.
        """
        seen = {}
        for text in texts:
            found = YEAR_LAST.search(_plain(text))
            if found and max(first := int(found[1]), second := int(found[3])) > 12 >= min(first, second):
                seen.setdefault(first > 12, found[0])
        if self.day_first is None and len(seen) == 1:
            ((self.day_first, self.shown_by),) = seen.items()

    def read(self, text):
        """`(time in UTC, whether its zone is known)`; the time is a naive `datetime`, to the second.

        Raises:
            DoubtfulTime: if the text is no time, or could be several.
        """
        plain = _plain(text)
        if re.fullmatch(r"1\d{9}(\d{3})?", plain):  # seconds, or thousandths, since 1970
            return datetime.datetime.fromtimestamp(int(plain[:10]), UTC).replace(tzinfo=None), True
        try:
            day, rest = self._day(plain)
            clock, rest = _clock(rest)
            local = datetime.datetime.combine(day, clock)
            zone = _zone(rest, local, self.timezone)
            known = zone is not None
            self.assumed = self.assumed or zone is self.timezone
            # An hour that a clock shows twice counts as the earlier one.
            return (local.replace(tzinfo=zone or UTC)).astimezone(UTC).replace(tzinfo=None), known
        except (ValueError, OverflowError) as error:
            if isinstance(error, _Unclear):
                raise DoubtfulTime(f"{text.strip()[:40]} {error}") from None
            raise DoubtfulTime(f"{text.strip()[:40]} is no date") from None

    def _day(self, text):
        if found := COMPACT.search(text):
            year, month, day, clock = found.groups()
            return _date(year, month, day), f"{clock or ''} {_without(found)}"
        if found := YEAR_FIRST.search(text):
            return _date(*found.groups()), _without(found)
        if found := YEAR_LAST.search(text):
            first, second = int(found[1]), int(found[3])
            if self.day_first is None and first != second and max(first, second) <= 12:
                raise _Unclear("could be two days: say --day-first or --month-first")
            day_first = first > 12 if self.day_first is None else self.day_first
            day, month = (first, second) if day_first else (second, first)
            return _date(found[4], month, day), _without(found)
        for pattern, order in ((DAY_MONTH, (3, 2, 1)), (YEAR_MONTH, (1, 2, 3)), (MONTH_DAY, (3, 1, 2))):
            for found in pattern.finditer(text):
                year, month, day = (found[number] for number in order)
                if number := _month(month):
                    return _date(year, number, day), _without(found)
        if SHORT_YEAR.search(text):
            raise _Unclear("has a year of two digits: which number is it?")
        raise ValueError


class _Unclear(ValueError):
    """Why a text could mean several times."""


def _plain(text):
    text = unicodedata.normalize("NFKC", text).replace("\u200e", "").replace("\u200f", "")
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"(\d+)\s*[年년]\s*(\d+)\s*[月월]\s*(\d+)\s*[日일号]", r"\1-\2-\3 ", text)
    text = re.sub(
        r"(\d+)\s*[時时点시]\s*(\d+)\s*[分분](?:\s*(\d+)\s*[秒초])?",
        lambda m: ":".join(filter(None, m.groups())),
        text,
    )
    # as C's `ctime` writes: Mon Nov 23 15:04:05 2026
    text = re.sub(r"([A-Za-z]{3} \d\d?) (\d\d:\d\d:\d\d)( [A-Z]{1,5})? (\d{4})$", r"\1 \4 \2\3", text)
    return re.sub(r"\d+", lambda digits: str(int(digits[0])).zfill(len(digits[0])), text)  # of any script


def _date(year, month, day):
    if int(year) not in YEARS:
        raise ValueError
    return datetime.date(int(year), int(month), int(day))


def _without(found):
    """What is left around a match: the words before it go behind, so that a clock is met first."""
    before, after = found.string[: found.start()], found.string[found.end() :]
    before = re.sub(r"[^\W\d_]{4,}\.?|\b[^\W\d_]+[.,]", " ", before)  # weekdays
    return f"{after} {before}".strip(" ,;_")


def _clock(rest):
    rest = re.sub(r"^[T_-]\s*(?=\d)", "", rest)
    found = CLOCK.search(rest)
    if not found:
        if re.search(r"\d", rest.split("+")[0]):
            raise ValueError
        return datetime.time(), rest
    if joined := found["joined"]:
        joined = joined.zfill(len(joined) + len(joined) % 2)
        hour, minute, second = (*re.findall("..", joined), "0")[:3]
    else:
        hour, minute, second = found["hour"] or found["alone"], found["minute"] or 0, found["second"] or 0
    hour, half = int(hour), found["before"] or found["after"]
    if half:
        evening = bool(re.match(EVENING, half, re.IGNORECASE))
        if hour > (23 if evening else 12) or (evening and hour == 0):
            raise ValueError
        hour = hour % 12 + 12 if evening else hour % 12
    left = f"{rest[found.end() :]} {rest[: found.start()]}"
    return datetime.time(hour, int(minute), int(second)), left


def _zone(rest, local, timezone):
    """The zone that the rest of a text names, `timezone` if it names none."""
    rest = re.sub(
        r"\b(at|um|à|alle|kl|klo|Uhr|o'clock|hrs?|h|Uhrzeit|a las)\b\.?", " ", rest, flags=re.IGNORECASE
    )
    rest = rest.strip(" ,;()[]_.")
    if not rest:
        return timezone
    if found := OFFSET.fullmatch(rest):
        shift = datetime.timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        if shift > datetime.timedelta(hours=14) or int(found[3] or 0) > 59:
            raise ValueError
        return datetime.timezone(shift if found[1] == "+" else -shift)
    if re.fullmatch(r"[A-Za-z]+/[A-Za-z_/+-]+", rest):
        try:
            return zoneinfo.ZoneInfo(rest)
        except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
            raise _Unclear(f"has a zone that is not known: {rest}") from None
    # +0100 (CET): the number says it all
    if found := re.fullmatch(rf"({OFFSET.pattern})\s*\(?[A-Za-z ]+", rest):
        return _zone(found[1], local, timezone)
    if re.fullmatch(r"[A-Za-z]{1,5}", rest):
        if timezone is not None:
            for fold in (0, 1):
                if local.replace(tzinfo=timezone, fold=fold).tzname() == rest:
                    return datetime.timezone(local.replace(tzinfo=timezone, fold=fold).utcoffset())
        if rest.upper() in ZONES:
            return datetime.timezone(datetime.timedelta(hours=ZONES[rest.upper()]))
        if rest.isupper():
            raise _Unclear(f"has the zone {rest}, which could be several: say which with --timezone")
    if re.search(r"\d", rest):
        raise ValueError
    if re.search(r"[A-Z]{3,}", rest):
        raise _Unclear(f"has a zone that is not known: {rest[:20]}")
    return timezone


def _month(word):
    """Number of a month by its name, whole or cut short, in many languages; 0 if it is none.

    Raises:
        _Unclear: if it is another month in another language (listopad).
    """
    word = word.casefold().strip(".")
    numbers = _english_months().get(word) or _months().get(word, frozenset())
    if len(numbers) > 1:
        raise _Unclear(f"names a month that differs between languages: {word}")
    return next(iter(numbers), 0)


@functools.cache
def _english_months():
    return _names_of("en")


@functools.cache
def _months():
    found = {}
    for language in LANGUAGES.split():
        for name, numbers in _names_of(language).items():
            found[name] = found.get(name, frozenset()) | numbers
    return found


def _names_of(language):
    from babel import Locale

    found = {}
    for context in Locale.parse(language).months.values():
        for width in ("wide", "abbreviated"):
            for number, name in context.get(width, {}).items():
                if not re.search(r"\d", name):
                    found[name.casefold().strip(".")] = frozenset([number])
    if language == "en":
        found["sept"] = frozenset([9])
    return found
