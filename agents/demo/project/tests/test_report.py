import unittest
from datetime import date

from worklog.entries import Entry
from worklog.report import breaks, by_day, by_project, is_workday, overtime, shorten, table

MONDAY, FRIDAY, SATURDAY = date(2024, 3, 4), date(2024, 3, 8), date(2024, 3, 9)


class Sums(unittest.TestCase):
    def test_by_project(self):
        entries = [Entry(MONDAY, 0, 60, "a"), Entry(MONDAY, 60, 90, "b"), Entry(FRIDAY, 0, 15, "a")]
        self.assertEqual(by_project(entries), {"a": 75, "b": 30})

    def test_by_day_counts_overlaps_once(self):
        entries = [Entry(MONDAY, 0, 60, "a"), Entry(MONDAY, 30, 90, "b")]
        self.assertEqual(by_day(entries), {MONDAY: 90})

    def test_workdays(self):
        self.assertTrue(is_workday(FRIDAY))
        self.assertFalse(is_workday(SATURDAY))

    def test_overtime_on_a_workday(self):
        self.assertEqual(overtime([Entry(MONDAY, 480, 1020, "a")]), 60)
        self.assertEqual(overtime([Entry(MONDAY, 480, 600, "a")]), 0)

    def test_overtime_on_a_weekend(self):
        self.assertEqual(overtime([Entry(SATURDAY, 600, 720, "a")]), 120)

    def test_breaks(self):
        entries = [Entry(MONDAY, 540, 720, "a"), Entry(MONDAY, 780, 1020, "b")]
        self.assertEqual(breaks(entries, MONDAY), [(720, 780)])
        self.assertEqual(breaks(entries, FRIDAY), [])


class Table(unittest.TestCase):
    def test_shorten(self):
        self.assertEqual(shorten("navigation", 10), "navigation")
        self.assertEqual(shorten("navigation", 6), "navig…")

    def test_most_time_first(self):
        lines = table({"support": 90, "website": 345}).splitlines()
        self.assertEqual(lines, ["website        5h 45m   79 %", "support        1h 30m   21 %"])

    def test_nothing(self):
        self.assertEqual(table({}), "")


if __name__ == "__main__":
    unittest.main()
