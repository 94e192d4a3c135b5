"""Times in any usual form, in many languages, and none by guess."""

import datetime
import zoneinfo

import pytest

from autograder.classroom.lms.times import DoubtfulTime, TimeReader

RIGHT = datetime.datetime(2026, 11, 23, 15, 4)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23 15:04", "2026-11-23T15:04:00", "2026-11-23-15-04-00", "2026-11-23_15-04-00", "2026/11/23 15.04",
        "20261123150400", "202611231504", "20261123T150400", "2026-11-23 1504", "2026-11-23 150400",
        "2026-11-23 3:04 PM", "2026-11-23 304 PM", "2026-11-23 3.04 p.m.", "2026-11-23 03:04:00 pm", "2026-11-23 15:04 PM",
        "Nov 23, 2026 304 PM", "November 23rd, 2026, 3:04 PM", "23 Nov 2026 15:04", "23-Nov-2026 15:04", "Mon Nov 23 15:04:00 2026",
        "11/23/2026 3:04 PM", "23.11.2026 15:04", "23/11/2026 15h04", "23. November 2026, 15.04 Uhr",
        "Montag, 23. November 2026, 15:04", "lundi 23 novembre 2026, 15:04", "lunes, 23 de noviembre de 2026, 15:04",
        "lunedì, 23 novembre 2026, 15:04", "понедельник, 23 ноября 2026, 15:04", "måndag, 23 november 2026, 15:04",
        "2026年11月23日 15:04", "2026年11月23日 下午3:04", "2026년 11월 23일 오후 3:04", "٢٠٢٦-١١-٢٣ ١٥:٠٤",
    ],
)  # fmt: skip
def test_forms_and_languages(text):
    assert TimeReader().read(text) == (RIGHT, False)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-11-23 15:04:00 UTC", 15), ("2026-11-23T15:04:00.123456Z", 15), ("2026-11-23 15:04:00.123456789 Z", 15),
        ("2026-11-23 15:04 +0100", 14), ("2026-11-23 15:04+01:00", 14), ("2026-11-23 15:04 GMT+1", 14),
        ("2026-11-23 15:04 UTC-08:00", 23), ("2026-11-23 15:04 CET", 14), ("2026-11-23 15:04 Europe/Berlin", 14),
        ("Mon, 23 Nov 2026 15:04:00 +0000", 15), ("1795446240", 15), ("1795446240000", 15),
    ],
)  # fmt: skip
def test_zones_and_offsets(text, hour):
    assert TimeReader(zoneinfo.ZoneInfo("Asia/Tokyo")).read(text) == (RIGHT.replace(hour=hour), True)


@pytest.mark.parametrize(
    ("text", "hour"), [("12:05 AM", 0), ("12:05 PM", 12), ("1205 AM", 0), ("11:05 PM", 23)]
)
def test_noon_and_midnight(text, hour):
    assert TimeReader().read(f"2026-11-23 {text}")[0] == datetime.datetime(2026, 11, 23, hour, 5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("05.11.2026 23:30", "could be two days"), ("5/11/2026", "could be two days"), ("23.11.26 10:00", "two digits"),
        ("2026-11-23 15:04 CST", "CST, which could be several"), ("23 listopada 2026, 10:15", "differs between languages"),
        ("yesterday, I think", "no date"), ("2026-13-77 08:30", "no date"), ("2026-11-23 25:04", "no date"),
        ("2026-11-23 13:04 AM", "no date"), ("2026-11-23 15:04 +2500", "no date"), ("0026-11-23 15:04", "no date"),
        ("2026-02-30 10:00", "no date"), ("", "no date"),
    ],
)  # fmt: skip
def test_what_is_no_time_or_could_be_several_is_refused(text, words):
    with pytest.raises(DoubtfulTime, match=words):
        TimeReader().read(text)


def test_a_zone_explains_its_own_abbreviation_and_its_summer():
    chicago = TimeReader(zoneinfo.ZoneInfo("America/Chicago"))
    assert (
        chicago.read("2026-11-23 15:04 CST")[0]
        == chicago.read("2026-11-23 15:04")[0]
        == RIGHT.replace(hour=21)
    )
    assert chicago.read("2026-07-23 15:04")[0] == datetime.datetime(2026, 7, 23, 20, 4)


def test_an_hour_that_a_clock_shows_twice_counts_as_the_earlier_one():
    berlin = TimeReader(zoneinfo.ZoneInfo("Europe/Berlin"))
    assert berlin.read("2026-10-25 02:30")[0] == datetime.datetime(2026, 10, 25, 0, 30)


def test_dates_that_contradict_each_other_teach_nothing():
    reader = TimeReader()
    reader.learn(["28.10.2026", "10.28.2026", "05.11.2026"])
    with pytest.raises(DoubtfulTime, match="could be two days"):
        reader.read("05.11.2026")
    told = TimeReader(day_first=False)
    told.learn(["28.10.2026"])
    assert told.read("05.11.2026")[0] == datetime.datetime(2026, 5, 11)
